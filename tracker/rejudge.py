"""Stored bills judged anew when the topic rules have changed, and what that moves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, Row, select, update

from tracker.classify import Judgement
from tracker.classify.book import Book
from tracker.classify.force import book_in_force
from tracker.db import writing
from tracker.judging import Words, newest_decisions, read_words, write_verdicts
from tracker.models import Bill, TopicVerdict, Verdict

BILLS_PER_TRANSACTION = 200

BillRow = Row[int, str, str, str]
"""id, jurisdiction, identifier_key, title"""


@dataclass(frozen=True, slots=True)
class Moved:
    """A bill whose verdict differs; ``before`` is ``None`` if it was never judged."""

    bill_id: int
    jurisdiction: str
    identifier: str
    title: str
    before: Side | None
    now: Side

    @property
    def how(self) -> str:
        """in, out, topics, stance or level (off topic either way)."""
        was = self.before is not None and self.before.relevant
        if self.now.relevant != was:
            return "in" if self.now.relevant else "out"
        if self.before is not None and was and self.before.topics != self.now.topics:
            return "topics"
        return "stance" if was else "level"


@dataclass(frozen=True, slots=True)
class Side:
    """What the rules say; ``topics``: slug → stance."""

    level: str
    stance: str | None
    topics: tuple[tuple[str, str | None], ...]

    @property
    def relevant(self) -> bool:
        return self.level == "relevant"


@dataclass(frozen=True, slots=True)
class Disagreement:
    """The rules say otherwise than a person decided; the person's decision stands."""

    bill_id: int
    jurisdiction: str
    identifier: str
    title: str
    decided_by: str
    decided: str
    rules_say: str


@dataclass
class Report:
    bills: int = 0
    moved: list[Moved] = field(default_factory=list)
    disagreements: list[Disagreement] = field(default_factory=list)

    def of(self, how: str) -> list[Moved]:
        return [one for one in self.moved if one.how == how]


def rejudge(
    engine: Engine,
    now: dt.datetime,
    *,
    book: Book | None = None,
    jurisdiction: str | None = None,
    since: dt.date | None = None,
    stale_only: bool = False,
    dry_run: bool = False,
) -> Report:
    """Judge stored bills anew and write what differs, unless ``dry_run``.

    ``book``: rules to try (with ``dry_run``) instead of those in force. ``since``: only bills
    that moved on that day or later. ``stale_only``: only bills that these rules never judged.
    Safe to stop anywhere: the next call goes on.
    """
    if book is not None and not dry_run:
        raise ValueError("rules that are not in force can only be tried: give dry_run")
    book = book or book_in_force()
    report = Report()
    for some in _batches(engine, jurisdiction, since, book.hash if stale_only else None):
        ids = [bill.id for bill in some]
        with engine.connect() as connection:
            stored = _stored(connection, ids)
            judged = [(words, words.judged(book)) for words in read_words(connection, ids)]
            _report(report, connection, some, stored, judged)
        if not dry_run:
            with writing(engine) as connection:
                _write(connection, stored, judged, now, book.hash)
    return report


def _batches(
    engine: Engine, jurisdiction: str | None, since: dt.date | None, stale: str | None
) -> Iterator[Sequence[BillRow]]:
    last = 0
    query = select(Bill.id, Bill.jurisdiction, Bill.identifier_key, Bill.title)
    if jurisdiction:
        query = query.where(Bill.jurisdiction == jurisdiction)
    if since:
        query = query.where(Bill.latest_action_on >= since)
    if stale:
        query = query.outerjoin(Verdict, Verdict.bill_id == Bill.id)
        query = query.where(Verdict.rules_hash.is_(None) | (Verdict.rules_hash != stale))
    while True:
        with engine.connect() as connection:
            page = query.where(Bill.id > last).order_by(Bill.id).limit(BILLS_PER_TRANSACTION)
            some = connection.execute(page).all()
        if not some:
            return
        yield some
        last = some[-1].id


def _stored(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[Side, float]]:
    """Bill → what is stored of its verdict, and the score."""
    topics: dict[int, list[tuple[str, str | None]]] = {bill_id: [] for bill_id in ids}
    query = select(TopicVerdict.bill_id, TopicVerdict.topic, TopicVerdict.stance)
    for row in connection.execute(query.where(TopicVerdict.bill_id.in_(ids))):
        topics[row.bill_id].append((row.topic, row.stance))
    verdicts = select(Verdict.bill_id, Verdict.level, Verdict.stance, Verdict.score)
    return {
        row.bill_id: (
            Side(row.level, row.stance, tuple(sorted(topics[row.bill_id]))),
            row.score,
        )
        for row in connection.execute(verdicts.where(Verdict.bill_id.in_(ids)))
    }


def _side(found: Judgement) -> Side:
    topics: list[tuple[str, str | None]] = [(one.topic, one.stance) for one in found.topics]
    return Side(found.level, found.stance, tuple(sorted(topics)))


def _report(
    report: Report,
    connection: Connection,
    bills: Sequence[BillRow],
    stored: dict[int, tuple[Side, float]],
    judged: Sequence[tuple[Words, Judgement]],
) -> None:
    verdicts = {words.bill_id: _side(found) for words, found in judged}
    decisions = newest_decisions(connection, [bill.id for bill in bills])
    for bill in bills:
        now = verdicts[bill.id]
        before = stored[bill.id][0] if bill.id in stored else None
        named = (bill.id, bill.jurisdiction, bill.identifier_key, bill.title)
        if (decision := decisions.get(bill.id)) is not None:
            if (told := _otherwise(decision, now)) is not None:
                report.disagreements.append(Disagreement(*named, decision.decided_by, *told))
        elif before != now and not (before is None and now.level == "off"):
            report.moved.append(Moved(*named, before, now))
    report.bills += len(bills)


def _otherwise(decision: Any, now: Side) -> tuple[str, str] | None:
    """What was decided and what the rules say, where they differ; what was left to them cannot."""
    if decision.relevant != now.relevant:
        return "relevant" if decision.relevant else "not relevant", now.level
    if not decision.relevant:
        return None
    decided, said = [], []
    if decision.topics and set(decision.topics) != {topic for topic, _ in now.topics}:
        decided += sorted(decision.topics)
        said += [topic for topic, _ in now.topics]
    if decision.stance and decision.stance != now.stance:
        decided.append(decision.stance)
        said.append(now.stance or "no stance")
    return (", ".join(decided), ", ".join(said)) if decided else None


def _write(
    connection: Connection,
    stored: dict[int, tuple[Side, float]],
    judged: Sequence[tuple[Words, Judgement]],
    now: dt.datetime,
    rules_hash: str,
) -> None:
    """Bills that say nothing to the old rules nor the new keep their row, under the new hash."""
    same, differ = [], []
    for words, found in judged:
        nothing = (Side("off", None, ()), 0.0)
        if stored.get(words.bill_id) == nothing == (_side(found), found.score):
            same.append(words.bill_id)
        else:
            differ.append((words, found))
    write_verdicts(connection, differ, now)
    if same:
        connection.execute(
            update(Verdict).where(Verdict.bill_id.in_(same)).values(rules_hash=rules_hash)
        )
