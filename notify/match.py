"""Released changes × subscriptions → outbox rows.

Readers with equal filters are one: a filter is evaluated once per batch of changes, as a few
AND/OR operations on bit sets, and its readers' rows are inserted by the database itself.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    exists,
    func,
    insert,
    literal,
    select,
    text,
    tuple_,
)
from sqlalchemy.orm import Session

from notify.facts import Facts, stances_of
from notify.filters import Filter
from notify.kinds import kind_label
from notify.schedule import FREQUENCIES
from notify.snapshot import Described, Snapshot, describe
from notify.taken_back import take_back
from tracker.db import insert_or, reading, writing
from tracker.models import (
    Bill,
    Change,
    News,
    Outbox,
    Subscriber,
    Subscription,
    TopicVerdict,
    UTCDateTime,
    Verdict,
)
from tracker.stages import stage
from tracker.states import jurisdiction
from tracker.topics import topic_label

T = TypeVar("T")

BATCH = 500
KEPT_FOR = dt.timedelta(days=30)
"""A bill found relevant late brings its news of this long; older changes are history."""
PLANNING_LOCK = 0x6E6F7465


@dataclass(frozen=True, slots=True)
class Planned:
    changes: int
    rows: int


class ChangeIndex:
    """For every value that filters can name, the set of changes that have it, as bits of an int."""

    def __init__(self, facts: Sequence[Facts]) -> None:
        self._facts = facts
        self._all = (1 << len(facts)) - 1
        self._relevant = 0
        self._sets: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._phrases: dict[tuple[str, str], int] = {}
        for position, fact in enumerate(facts):
            bit = 1 << position
            self._relevant |= bit if fact.relevant else 0
            for dimension, value in _values(fact):
                self._sets[dimension, value] |= bit

    def matching(self, chosen: Filter) -> list[Facts]:
        """In order; the same as asking :func:`why_not` of each change."""
        found = self._all if chosen.bills else self._relevant
        for dimension, wanted in (
            ("bill", chosen.bills),
            ("state", chosen.states),
            ("topic", chosen.wanted_topics),
            ("stance", chosen.stances),
            ("stage", chosen.stages),
            ("kind", chosen.kinds),
        ):
            if wanted:
                found &= self._any(self._sets.get((dimension, value), 0) for value in wanted)
        for field, phrases in _phrases(chosen):
            if phrases and found:
                found &= self._any(self._with_phrase(field, phrase) for phrase in phrases)
        return [self._facts[position] for position in _positions(found)]

    @staticmethod
    def _any(sets: Iterable[int]) -> int:
        union = 0
        for one in sets:
            union |= one
        return union

    def _with_phrase(self, field: str, phrase: str) -> int:
        """Each phrase is looked for once, however many filters name it."""
        known = self._phrases.get((field, phrase))
        if known is None:
            finds = _finder(phrase)
            known = sum(
                1 << position
                for position, fact in enumerate(self._facts)
                if finds(getattr(fact, field))
            )
            self._phrases[field, phrase] = known
        return known


def in_batches(values: Sequence[T], size: int = BATCH) -> Iterator[Sequence[T]]:
    return (values[start : start + size] for start in range(0, len(values), size))


def _values(fact: Facts) -> Iterator[tuple[str, str]]:
    yield from (("state", fact.state), ("bill", fact.bill), ("kind", fact.kind))
    yield from (("topic", topic) for topic in fact.topics)
    yield from (("stance", stance) for stance in fact.stances)
    if fact.stage:
        yield "stage", fact.stage


def _phrases(chosen: Filter) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return (
        ("words", chosen.keywords),
        ("sponsors", chosen.sponsors),
        ("committees", chosen.committees),
    )


def _positions(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def _finder(phrase: str) -> Callable[[str], object]:
    words = r"\s+".join(re.escape(word) for word in phrase.split())
    return re.compile(rf"(?<!\w){words}(?!\w)").search


def why_not(chosen: Filter, fact: Facts) -> str:
    """The first reason, for people, why a filter leaves a change out; empty if it does not."""
    if not fact.relevant and not chosen.bills:
        return "the bill is not judged relevant, and the filter does not name it"
    if chosen.bills and fact.bill not in chosen.bills:
        return f"the filter follows other bills than {fact.bill}"
    if chosen.states and fact.state not in chosen.states:
        return f"{jurisdiction(fact.state).name} is not among its states"
    if chosen.topics and not fact.topics & chosen.wanted_topics:
        about = ", ".join(topic_label(topic) for topic in sorted(fact.topics)) or "no topic"
        return f"the bill is about {about}"
    if chosen.stances and not fact.stances.intersection(chosen.stances):
        return f"the bill's stance is {', '.join(sorted(fact.stances)) or 'not known'}"
    if chosen.stages and fact.stage not in chosen.stages:
        reached = stage(fact.stage).label if fact.stage else "no stage"
        return f"the change reached {reached}"
    if chosen.kinds and fact.kind not in chosen.kinds:
        return f"it is of the kind {kind_label(fact.kind)}"
    for field, phrases in _phrases(chosen):
        if phrases and not any(_finder(phrase)(getattr(fact, field)) for phrase in phrases):
            return f"its {field} have none of: {', '.join(phrases)}"
    return ""


def plan(engine: Engine, now: dt.datetime) -> Planned:
    """Make outbox rows of everything released that has not been planned yet, or whose bill has
    been judged otherwise since.

    Safe to repeat, to kill and to run twice at once: a change and its rows are written together.
    """
    with reading(engine) as session:
        filters = distinct_filters(session)
        to_match = _to_match(session, filters, now)
    changes = rows = 0
    for batch in to_match:
        with reading(engine) as session:
            matched = _matching(session, filters, batch, now)
        with writing(engine) as connection:
            planning_alone(connection)
            done = _write(connection, matched, now)
        changes += done.changes
        rows += done.rows
    with writing(engine) as connection:
        planning_alone(connection)
        take_back(connection, now, since=now - KEPT_FOR)
    return Planned(changes, rows)


def plan_for(connection: Connection, subscriber_id: int, now: dt.datetime) -> None:
    """The same for one reader, in one transaction: to see what it would lead to, and roll back."""
    planning_alone(connection)
    with Session(connection) as session:
        filters = distinct_filters(session, subscriber_id)
        for batch in _to_match(session, filters, now):
            _write(connection, _matching(session, filters, batch, now), now)
    take_back(connection, now, since=now - KEPT_FOR)


@dataclass(frozen=True, slots=True)
class _Batch:
    """``again``: they are news already, of bills that are judged otherwise now."""

    changes: Sequence[int]
    again: bool


@dataclass(frozen=True, slots=True)
class _Matched:
    """``pairs``: filters (by hash) and the changes for them."""

    described: list[Described]
    pairs: list[tuple[str, Facts]]
    again: bool


def _to_match(session: Session, filters: Mapping[str, Filter], now: dt.datetime) -> list[_Batch]:
    first = in_batches(unplanned(session, filters.values(), now))
    again = in_batches(judged_anew(session, now))
    return [*(_Batch(some, False) for some in first), *(_Batch(some, True) for some in again)]


def _matching(
    session: Session, filters: Mapping[str, Filter], batch: _Batch, now: dt.datetime
) -> _Matched:
    """Who matched before has it already, or did without it for a reason that still holds."""
    described = describe(session, batch.changes, now.date())
    facts = [one.facts for one in described]
    index, before = ChangeIndex(facts), ChangeIndex(_as_judged_then(session, facts, batch))
    pairs = []
    for key, chosen in filters.items():
        had = {fact.change_id for fact in before.matching(chosen)}
        found = index.matching(chosen)
        pairs += [(key, fact) for fact in found if fact.change_id not in had]
    return _Matched(described, pairs, batch.again)


def _as_judged_then(session: Session, facts: Iterable[Facts], batch: _Batch) -> list[Facts]:
    if not batch.again:
        return []
    news = select(News.change_id, News.snapshot).where(News.change_id.in_(batch.changes))
    then = {row.change_id: Snapshot.model_validate(row.snapshot) for row in session.execute(news)}
    return [
        replace(
            fact,
            relevant=then[fact.change_id].relevant,
            topics=frozenset(then[fact.change_id].topics),
            stances=stances_of(then[fact.change_id].stance),
        )
        for fact in facts
    ]


def _write(connection: Connection, matched: _Matched, now: dt.datetime) -> Planned:
    fresh = _record(connection, matched, now)
    rows = _fill_outbox(connection, [pair for pair in matched.pairs if pair[1].change_id in fresh])
    return Planned(len(fresh), rows)


def planning_alone(connection: Connection) -> None:
    """Wait for any other planner; SQLite's write transactions are alone anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": PLANNING_LOCK})


def distinct_filters(session: Session, subscriber_id: int | None = None) -> dict[str, Filter]:
    """Filters of active subscriptions, or those of one reader, by hash."""
    one_each = (
        select(func.min(Subscription.id))
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .where(Subscription.active, Subscriber.status == "active")
        .group_by(Subscription.filter_hash)
    )
    if subscriber_id is not None:
        one_each = one_each.where(Subscriber.id == subscriber_id)
    rows = session.execute(
        select(Subscription.filter_hash, Subscription.filter).where(Subscription.id.in_(one_each))
    )
    return {row.filter_hash: Filter.model_validate(row.filter) for row in rows}


def unplanned(session: Session, filters: Iterable[Filter], now: dt.datetime) -> list[int]:
    """Released changes of relevant or followed bills that are no news yet."""
    fresh = _released(now).where(~exists().where(News.change_id == Change.id))
    relevant = session.scalars(
        fresh.join(Verdict, Verdict.bill_id == Change.bill_id).where(Verdict.relevant)
    )
    found: set[int] = set(relevant)
    followed = sorted({tuple(key.split(":", 2)) for chosen in filters for key in chosen.bills})
    columns = tuple_(Bill.jurisdiction, Bill.session, Bill.identifier_key)
    for some in in_batches(followed):
        found |= set(
            session.scalars(fresh.join(Bill, Bill.id == Change.bill_id).where(columns.in_(some)))
        )
    return sorted(found)


def judged_anew(session: Session, now: dt.datetime) -> list[int]:
    """Standing news of bills that are judged otherwise than when it was matched."""
    then = News.snapshot
    standing = _released(now).join(News, News.change_id == Change.id)
    standing = standing.where(News.taken_back_at.is_(None))
    query = (
        standing.join(Verdict, Verdict.bill_id == Change.bill_id)
        .add_columns(Change.bill_id, Verdict.relevant, Verdict.stance)
        .add_columns(
            func.coalesce(then["relevant"].as_boolean(), Verdict.relevant).label("was_relevant"),
            then["stance"].as_string().label("had_stance"),
            then["topics"].label("had_topics"),
        )
        .order_by(Change.id)
    )
    topics: defaultdict[int, set[str]] = defaultdict(set)
    bills = standing.with_only_columns(Change.bill_id)
    for one in session.execute(
        select(TopicVerdict.bill_id, TopicVerdict.topic).where(TopicVerdict.bill_id.in_(bills))
    ):
        topics[one.bill_id].add(one.topic)
    return [
        row.id
        for row in session.execute(query)
        if (row.was_relevant, row.had_stance, set(row.had_topics))
        != (row.relevant, row.stance, topics[row.bill_id])
    ]


def _released(now: dt.datetime) -> Select[*tuple[Any, ...]]:
    return select(Change.id).where(
        Change.status == "released", Change.released_at.between(now - KEPT_FOR, now)
    )


def _record(connection: Connection, matched: _Matched, now: dt.datetime) -> frozenset[int]:
    """Write the snapshots of those that nobody planned, and nobody retracted, meanwhile."""
    ids = [one.facts.change_id for one in matched.described]
    known = exists().where(News.change_id == Change.id)
    standing = select(Change.id).where(
        Change.id.in_(ids), Change.status == "released", known if matched.again else ~known
    )
    fresh = frozenset(connection.scalars(standing))
    rows = [
        {
            "change_id": one.facts.change_id,
            "planned_at": now,
            "snapshot": one.snapshot.model_dump(mode="json"),
        }
        for one in matched.described
        if one.facts.change_id in fresh
    ]
    if rows:
        news = insert_or(connection, News)
        told_now = {"planned_at": news.excluded.planned_at, "snapshot": news.excluded.snapshot}
        connection.execute(
            news.on_conflict_do_update(index_elements=[News.change_id], set_=told_now), rows
        )
    return fresh


_matched = Table(
    "matched",
    MetaData(),
    Column("filter_hash", String),
    Column("change_id", Integer),
    Column("released_at", UTCDateTime),
    prefixes=["TEMPORARY"],
)


def _fill_outbox(connection: Connection, matched: Sequence[tuple[str, Facts]]) -> int:
    """Where several subscriptions of a reader match, the most frequent one delivers."""
    if not matched:
        return 0
    _matched.create(connection)
    connection.execute(
        insert(_matched),
        [
            {"filter_hash": key, "change_id": fact.change_id, "released_at": fact.released_at}
            for key, fact in matched
        ],
    )
    made = 0
    for frequency in FREQUENCIES:
        rows = (
            select(
                Subscription.subscriber_id,
                _matched.c.change_id,
                Subscription.id,
                literal("waiting"),
            )
            .join(Subscription, Subscription.filter_hash == _matched.c.filter_hash)
            .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
            .where(
                Subscription.frequency == frequency,
                Subscription.active,
                Subscriber.status == "active",
                _matched.c.released_at > Subscription.active_since,
            )
        )
        columns = ["subscriber_id", "change_id", "subscription_id", "status"]
        made += connection.execute(
            insert_or(connection, Outbox).from_select(columns, rows).on_conflict_do_nothing(),
            execution_options={"preserve_rowcount": True},
        ).rowcount
    _matched.drop(connection)
    return made
