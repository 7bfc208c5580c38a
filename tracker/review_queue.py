"""Bills a person should look at: companions of relevant ones, and where rules and people differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from tracker.judging import newest_decisions
from tracker.models import Bill, Decision, Likeness, RelatedBill, Verdict

COMPANION_SHARE = 0.6
"""Share of common words from which bills are taken for one bill in two places."""


@dataclass(frozen=True, slots=True)
class ToReview:
    """``other`` is the bill on topic that this one is like, where there is one; ``comparable``
    when we have the texts of both.
    """

    bill: Bill
    why: str
    other: Bill | None = None
    comparable: bool = False


def review_queue(session: Session, most: int = 200) -> list[ToReview]:
    """What waits for a person, disagreements first; a bill once, and none already decided."""
    seen: set[int] = set()
    found = []
    for one in (*_disagreements(session), *_alike(session), *_companions(session)):
        if one.bill.id not in seen:
            seen.add(one.bill.id)
            found.append(one)
    return found[:most]


def _disagreements(session: Session) -> Iterator[ToReview]:
    ids = session.scalars(select(Decision.bill_id).distinct().order_by(Decision.bill_id)).all()
    decisions = newest_decisions(session.connection(), list(ids))
    query = select(Bill, Verdict.level).join(Verdict, Verdict.bill_id == Bill.id)
    for bill, level in session.execute(query.where(Bill.id.in_(decisions)).order_by(Bill.id)):
        decision = decisions[bill.id]
        if decision.relevant != (level == "relevant"):
            said = "on topic" if decision.relevant else "not on topic"
            yield ToReview(bill, f"{decision.decided_by} decided {said}, the rules say {level}")


def _alike(session: Session) -> Iterator[ToReview]:
    """Bills off topic whose words are nearly those of one on topic."""
    bill, other, verdict, its = _pair()
    query = (
        select(bill, other, Likeness.share)
        .select_from(Likeness)
        .join(bill, or_(bill.id == Likeness.bill_id, bill.id == Likeness.other_id))
        .join(other, other.id == Likeness.bill_id + Likeness.other_id - bill.id)
        .join(verdict, verdict.bill_id == bill.id)
        .join(its, its.bill_id == other.id)
        .where(_undecided(bill), ~verdict.relevant, its.relevant, Likeness.share >= COMPANION_SHARE)
        .order_by(Likeness.share.desc(), bill.id)
    )
    for this, twin, share in session.execute(query):
        yield ToReview(this, f"{share:.0%} of its words are those of", twin, comparable=True)


def _companions(session: Session) -> Iterator[ToReview]:
    """Bills off topic that their source calls the companion of one on topic."""
    bill, other, verdict, its = _pair()
    query = (
        select(bill, other)
        .select_from(RelatedBill)
        .join(other, other.id == RelatedBill.bill_id)
        .join(
            bill,
            and_(
                bill.source == other.source,
                bill.session == func.coalesce(func.nullif(RelatedBill.session, ""), other.session),
                bill.identifier_key == RelatedBill.identifier_key,
            ),
        )
        .join(verdict, verdict.bill_id == bill.id)
        .join(its, its.bill_id == other.id)
        .where(
            RelatedBill.relation == "companion",
            RelatedBill.removed_at.is_(None),
            _undecided(bill),
            ~verdict.relevant,
            its.relevant,
        )
        .order_by(bill.id)
    )
    for this, companion in session.execute(query):
        yield ToReview(this, "its source calls it a companion of", companion)


def _pair() -> tuple[type[Bill], type[Bill], type[Verdict], type[Verdict]]:
    return aliased(Bill), aliased(Bill), aliased(Verdict), aliased(Verdict)


def _undecided(bill: type[Bill]) -> ColumnElement[bool]:
    return bill.id.not_in(select(Decision.bill_id))
