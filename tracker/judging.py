"""The rules' verdicts on stored bills, and the decisions of people, which always win.

Of a verdict, ``relevant``, ``stance`` and the topics are what counts: a person's where there is
a decision. ``level``, ``score`` and the evidence stay the rules' own, so that both can be seen.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Subquery, delete, func, insert, select

from tracker.bill_rows import BILL, LISTS, TEXT, Row, insert_rows, model_table
from tracker.classify import Judgement, classify, rules_hash
from tracker.classify.book import Book
from tracker.items import BillItem, TextMark
from tracker.models import Decision, Evidence, TopicVerdict, Verdict
from tracker.normalise import cleaned
from tracker.topics import TOPICS

Said = tuple[str, str, list[str]]
_NOTHING: Said = ("", "", [])

WORTH_A_PAGE = ("relevant", "uncertain")
BILLS_PER_READ = 200

_VERDICT, _TOPIC, _EVIDENCE = map(model_table, (Verdict, TopicVerdict, Evidence))


@dataclass(frozen=True, slots=True)
class Words:
    """What the rules read of a stored bill; ``sha256`` names its newest text, where it has one."""

    bill_id: int
    title: str
    abstract: str
    subjects: list[str]
    text: str
    sha256: str | None
    marks: tuple[TextMark, ...] | None

    def judged(self, book: Book | None = None) -> Judgement:
        return classify(self.title, self.abstract, self.text, self.subjects, self.marks, book=book)


def judge(connection: Connection, bill_ids: Sequence[int], now: dt.datetime) -> None:
    """Store the verdict of the rules in force on these bills' words as they are now."""
    for start in range(0, len(bill_ids), BILLS_PER_READ):
        some = read_words(connection, bill_ids[start : start + BILLS_PER_READ])
        write_verdicts(connection, [(words, words.judged()) for words in some], now)


def read_words(connection: Connection, bill_ids: Sequence[int]) -> Iterator[Words]:
    """The words of these bills, in no order; a couple of hundred bills in memory at a time."""
    for start in range(0, len(bill_ids), BILLS_PER_READ):
        some = bill_ids[start : start + BILLS_PER_READ]
        texts = _texts(connection, some)
        query = select(BILL.c.id, BILL.c.title, BILL.c.abstract, BILL.c.subjects)
        for row in connection.execute(query.where(BILL.c.id.in_(some))).all():
            text = texts.get(row.id)
            marks = None
            if text is not None and text.marks is not None:
                marks = tuple(TextMark.model_validate(mark) for mark in text.marks)
            yield Words(
                bill_id=row.id,
                title=row.title,
                abstract=row.abstract,
                subjects=row.subjects,
                text=text.text if text is not None else "",
                sha256=text.sha256 if text is not None else None,
                marks=marks,
            )


def newest_texts(bill_ids: Sequence[int] | None = None) -> Subquery:
    """(bill_id, text_sha256) of each bill's newest version that has a text; of these bills, or of
    all.

    A later version may be known without one.
    """
    versions = LISTS["versions"]
    rank = (
        func.row_number()
        .over(partition_by=versions.c.bill_id, order_by=versions.c.position.desc())
        .label("rank")
    )
    having = select(versions.c.bill_id, versions.c.text_sha256, rank).where(
        versions.c.removed_at.is_(None), versions.c.text_sha256.is_not(None)
    )
    if bill_ids is not None:
        having = having.where(versions.c.bill_id.in_(bill_ids))
    ranked = having.subquery()
    return select(ranked.c.bill_id, ranked.c.text_sha256).where(ranked.c.rank == 1).subquery()


def _texts(connection: Connection, bill_ids: Sequence[int]) -> dict[int, Row]:
    newest = newest_texts(bill_ids)
    query = select(newest.c.bill_id, TEXT.c.sha256, TEXT.c.text, TEXT.c.marks).join(
        TEXT, TEXT.c.sha256 == newest.c.text_sha256
    )
    return {row.bill_id: row for row in connection.execute(query)}


def write_verdicts(
    connection: Connection, judged: Sequence[tuple[Words, Judgement]], now: dt.datetime
) -> None:
    """Replace what is stored of these bills' verdicts; decisions of people stay on top of them."""
    ids = [words.bill_id for words, _ in judged]
    if not ids:
        return
    for table in (_EVIDENCE, _TOPIC, _VERDICT):
        connection.execute(delete(table).where(table.c.bill_id.in_(ids)))
    decisions = newest_decisions(connection, ids)
    verdicts, topics, evidence = [], [], []
    for words, found in judged:
        decision = decisions.get(words.bill_id)
        verdicts.append(_verdict_row(words, found, decision, now))
        topics += _topic_rows(words, found, decision)
        evidence += _evidence_rows(words, found)
    insert_rows(connection, _VERDICT, verdicts)
    insert_rows(connection, _TOPIC, topics)
    insert_rows(connection, _EVIDENCE, evidence)


def _verdict_row(
    words: Words, found: Judgement, decision: Row | None, now: dt.datetime
) -> dict[str, Any]:
    return {
        "bill_id": words.bill_id,
        "level": found.level,
        "relevant": found.relevant if decision is None else decision.relevant,
        "stance": (decision and decision.stance) or found.stance,
        "score": found.score,
        "rules_hash": rules_hash(),
        "judged_at": now,
    }


def _topic_rows(words: Words, found: Judgement, decision: Row | None) -> list[dict[str, Any]]:
    bill = {"bill_id": words.bill_id}
    if decision is not None and decision.topics:
        stance = decision.stance or found.stance
        return [
            {**bill, "topic": topic, "stance": stance, "score": 1.0} for topic in decision.topics
        ]
    return [
        {**bill, "topic": one.topic, "stance": one.stance, "score": one.score}
        for one in found.topics
    ]


def _evidence_rows(words: Words, found: Judgement) -> list[dict[str, Any]]:
    return [
        {
            "bill_id": words.bill_id,
            "rule": one.rule,
            "topic": one.topic,
            "stance": one.stance,
            "told": one.told,
            "field": one.field,
            "text_sha256": words.sha256 if one.field == "text" else None,
            "start": one.start,
            "end": one.end,
            "quote": one.quote,
        }
        for one in found.evidence
    ]


def decide(
    connection: Connection,
    bill_id: int,
    *,
    relevant: bool,
    topics: Sequence[str] = (),
    stance: str | None = None,
    note: str = "",
    by: str,
    now: dt.datetime,
) -> None:
    """Store a person's decision and put it on top of the verdict.

    Without ``topics`` or ``stance`` those of the rules stand. Raises ``ValueError`` for a topic
    that there is not.
    """
    if unknown := [topic for topic in topics if topic not in TOPICS]:
        raise ValueError(f"no topic {unknown[0]!r}; known: {', '.join(TOPICS)}")
    connection.execute(
        insert(Decision).values(
            bill_id=bill_id,
            relevant=relevant,
            topics=list(topics),
            stance=stance,
            note=note,
            decided_by=by,
            decided_at=now,
        )
    )
    judge(connection, [bill_id], now)


def newest_decision(connection: Connection, bill_id: int) -> Row | None:
    """The decision that counts: relevant, topics, stance, note, decided_by, decided_at."""
    return newest_decisions(connection, [bill_id]).get(bill_id)


def newest_decisions(connection: Connection, bill_ids: Sequence[int]) -> dict[int, Row]:
    query = select(Decision.__table__).where(Decision.bill_id.in_(bill_ids))
    rows = connection.execute(query.order_by(Decision.decided_at, Decision.id))
    return {row.bill_id: row for row in rows}


def worth_its_page(connection: Connection, light: BillItem, known: Row | None) -> bool:
    """By a person's decision, else the verdict on what is stored, else the listing's words."""
    if known is not None and (decided := newest_decision(connection, known.id)) is not None:
        return bool(decided.relevant)
    said, _ = cleaned(light)
    stored: Said = (known.title, known.abstract, known.subjects) if known is not None else _NOTHING
    words: Said = (
        stored[0] if said.title is None else said.title,
        stored[1] if said.abstract is None else said.abstract,
        stored[2] if said.subjects is None else list(said.subjects),
    )
    if known is not None and words == stored:
        verdict = connection.execute(
            select(Verdict.level, Verdict.rules_hash).where(Verdict.bill_id == known.id)
        ).first()
        if verdict is not None and verdict.rules_hash == rules_hash():
            return verdict.level in WORTH_A_PAGE
    title, abstract, subjects = words
    return classify(title, abstract, subjects=subjects).level in WORTH_A_PAGE
