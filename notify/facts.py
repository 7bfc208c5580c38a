"""What filters can ask of a change, or of a bill as it stands."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.filters import bill_key
from tracker.models import Bill, Change, Hearing, Sponsorship, TopicVerdict, Verdict

T = TypeVar("T", Hearing, Sponsorship, TopicVerdict)


@dataclass(frozen=True, slots=True)
class Facts:
    """Texts are case-folded."""

    change_id: int
    released_at: dt.datetime
    state: str
    bill: str
    relevant: bool
    topics: frozenset[str]
    stances: frozenset[str]
    stage: str
    kind: str
    words: str
    sponsors: str
    committees: str


def facts_of(session: Session, change_ids: Sequence[int]) -> list[Facts]:
    """In the order of the ids; a handful of queries in all."""
    query = select(Change).where(Change.id.in_(change_ids)).order_by(Change.id)
    changes = session.scalars(query).all()
    bills = facts_of_bills(session, {change.bill_id for change in changes})
    return [facts_of_change(bills[change.bill_id], change) for change in changes]


def facts_of_change(bill: Facts, change: Change) -> Facts:
    said = change.summary.casefold()
    return replace(
        bill,
        change_id=change.id,
        released_at=change.released_at or change.detected_at,
        stage=change.stage,
        kind=change.kind,
        words=f"{bill.words}\n{said}",
        committees=f"{bill.committees}\n{said}",
    )


def facts_of_bills(session: Session, bill_ids: Iterable[int]) -> dict[int, Facts]:
    """Facts without a change: no kind, no stage reached, ``change_id`` 0."""
    ids = list(bill_ids)
    verdicts = {
        row.bill_id: row for row in session.scalars(select(Verdict).where(Verdict.bill_id.in_(ids)))
    }
    topics = _by_bill(session.scalars(select(TopicVerdict).where(TopicVerdict.bill_id.in_(ids))))
    sponsors = _by_bill(
        session.scalars(
            select(Sponsorship)
            .where(Sponsorship.bill_id.in_(ids), Sponsorship.removed_at.is_(None))
            .order_by(Sponsorship.position)
        )
    )
    hearings = _by_bill(
        session.scalars(
            select(Hearing)
            .where(Hearing.bill_id.in_(ids), Hearing.removed_at.is_(None))
            .order_by(Hearing.date, Hearing.id)
        )
    )
    found = {}
    for bill in session.scalars(select(Bill).where(Bill.id.in_(ids))):
        verdict = verdicts.get(bill.id)
        committees = [*(row.committee for row in hearings[bill.id]), bill.latest_action_text]
        said = [bill.identifier_key, bill.title, bill.abstract, *bill.subjects]
        found[bill.id] = Facts(
            change_id=0,
            released_at=bill.changed_at,
            state=bill.jurisdiction,
            bill=bill_key(bill),
            relevant=bool(verdict and verdict.relevant),
            topics=frozenset(row.topic for row in topics[bill.id]),
            stances=stances_of(verdict.stance if verdict else None),
            stage="",
            kind="",
            words="\n".join(said).casefold(),
            sponsors="\n".join(row.name for row in sponsors[bill.id]).casefold(),
            committees="\n".join(committees).casefold(),
        )
    return found


def stances_of(stance: str | None) -> frozenset[str]:
    """A bill that cuts both ways is news for who watches either."""
    if not stance:
        return frozenset()
    both = ("expands", "limits") if stance == "mixed" else ()
    return frozenset((stance, *both))


def _by_bill(rows: Iterable[T]) -> defaultdict[int, list[T]]:
    grouped: defaultdict[int, list[T]] = defaultdict(list)
    for row in rows:
        grouped[row.bill_id].append(row)
    return grouped
