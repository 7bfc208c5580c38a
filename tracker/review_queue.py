"""Bills a person should look at: companions of relevant ones, and where rules and people differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from tracker.bill_rows import Row
from tracker.judging import newest_decisions
from tracker.models import Bill, Decision, Evidence, Likeness, RelatedBill, Verdict

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
    topics, stances = _words_found(session, ids)
    for bill, level in session.execute(query.where(Bill.id.in_(decisions)).order_by(Bill.id)):
        decision = decisions[bill.id]
        differs = ""
        if decision.relevant != (level == "relevant"):
            said = "on topic" if decision.relevant else "not on topic"
            differs = f"decided {said}, the rules say {level}"
        elif decision.relevant:
            differs = _unlike_the_words(decision, topics[bill.id], stances[bill.id])
        if differs:
            yield ToReview(bill, f"{decision.decided_by} {differs}")


def _words_found(
    session: Session, bill_ids: Sequence[int]
) -> tuple[dict[int, set[str]], dict[int, set[str]]]:
    """Topics and stances of the evidence: the rules' own, where a decision stands on a verdict."""
    topics: dict[int, set[str]] = defaultdict(set)
    stances: dict[int, set[str]] = defaultdict(set)
    query = select(Evidence.bill_id, Evidence.topic, Evidence.stance).distinct()
    for bill_id, topic, stance in session.execute(query.where(Evidence.bill_id.in_(bill_ids))):
        topics[bill_id].add(topic)
        stances[bill_id].add(stance or "neutral")
    return topics, stances


def _unlike_the_words(decision: Row, topics: set[str], stances: set[str]) -> str:
    """Which part of a decision no words found speak for; a replay tells all that differs."""
    if not topics.issuperset(decision.topics):
        decided, found = (", ".join(sorted(some)) for some in (decision.topics, topics))
        return f"decided {decided}, the rules found words of {found}"
    mixed = {"mixed"} if stances >= {"expands", "limits"} else set()
    if decision.stance and decision.stance not in stances | mixed | {"neutral"}:
        found = " and ".join(sorted(stances))
        return f"decided {decision.stance}, what the rules found says {found}"
    return ""


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
