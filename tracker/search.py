"""Bills by words and filters: FTS5 on SQLite, tsvector on PostgreSQL, behind one function.

What a reader types is never an error: all words are required, ``"quoted words"`` stand together,
``-word`` excludes, ``word*`` is a beginning, ``OR`` (in capitals) joins alternatives; anything
else counts as space.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Integer,
    Select,
    column,
    func,
    literal_column,
    select,
    table,
    text,
)
from sqlalchemy.orm import Session

from tracker.db import writing
from tracker.models import Bill, TopicVerdict, Verdict

BILLS_PER_TRANSACTION = 500
LONGEST_QUERY = 500
MOST_TERMS = 32
LONGEST_WORD = 60

LEVELS = ("relevant", "uncertain", "adjacent", "all")
SORTS = ("moved", "match", "score", "added", "state")

# Around a matched word; control characters, which no title or text that we store contains.
MATCH_START, MATCH_END = "\x02", "\x03"

_SQLITE_INDEX = table("bill_search", column("rowid", Integer), column("bill_search"))
_POSTGRESQL_INDEX = table("bill_search", column("bill_id", Integer), column("words"))
_CONFIG: ColumnElement[Any] = literal_column("'bill_search'::regconfig")


@dataclass(frozen=True, slots=True)
class BillFilter:
    """Empty means no restriction. ``moved_since`` compares with the bill's latest action."""

    words: str = ""
    states: tuple[str, ...] = ()
    session: str = ""
    topics: tuple[str, ...] = ()
    stance: str = ""
    stage: str = ""
    level: str = "relevant"
    """One of LEVELS."""
    moved_since: dt.date | None = None


@dataclass(frozen=True, slots=True)
class FoundBill:
    """``title`` and ``excerpt`` have matched words between MATCH_START and MATCH_END."""

    bill: Bill
    verdict: Verdict | None
    topics: tuple[TopicVerdict, ...]
    title: str
    excerpt: str = ""


@dataclass(frozen=True, slots=True)
class BillPage:
    bills: tuple[FoundBill, ...]
    total: int
    by_state: dict[str, int] = field(default_factory=dict)
    """Jurisdiction → bills under the same filter, were no state chosen."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that stand side by side; ``prefix``: the last is only how the word begins."""

    words: tuple[str, ...]
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class WordQuery:
    """What was typed, in the engine's own spelling; empty = nothing asked."""

    wanted: str = ""
    unwanted: str = ""


def search(
    session: Session, where: BillFilter, sort: str = "moved", limit: int = 50, offset: int = 0
) -> BillPage:
    """One page of the bills that match, in the order of ``sort``, and how many there are."""
    words = _word_query(session, where.words)
    by_state = _count_by_state(session, replace(where, states=()), words)
    total = sum(
        count for code, count in by_state.items() if not where.states or code in where.states
    )
    ids = session.scalars(_matching(session, where, sort, words).limit(limit).offset(offset)).all()
    return BillPage(found_bills(session, ids, words), total, by_state)


def all_ids(session: Session, where: BillFilter, sort: str = "moved") -> Sequence[int]:
    """Ids of every bill that matches, in the order of ``sort``; for exports."""
    return session.scalars(_matching(session, where, sort, _word_query(session, where.words))).all()


def found_bills(
    session: Session, ids: Sequence[int], words: WordQuery | None = None
) -> tuple[FoundBill, ...]:
    """Bills with verdict, topics and, given words, marks and excerpts; in the order of ``ids``."""
    bills = {bill.id: bill for bill in session.scalars(select(Bill).where(Bill.id.in_(ids)))}
    verdicts = {
        row.bill_id: row for row in session.scalars(select(Verdict).where(Verdict.bill_id.in_(ids)))
    }
    topics: dict[int, list[TopicVerdict]] = {}
    strongest_first = (
        select(TopicVerdict)
        .where(TopicVerdict.bill_id.in_(ids))
        .order_by(TopicVerdict.score.desc(), TopicVerdict.topic)
    )
    for row in session.scalars(strongest_first):
        topics.setdefault(row.bill_id, []).append(row)
    marked = _marked(session, ids, words.wanted) if words and words.wanted else {}
    found = []
    for bill_id in ids:
        title, excerpt = marked.get(bill_id, (bills[bill_id].title, ""))
        found.append(
            FoundBill(
                bill=bills[bill_id],
                verdict=verdicts.get(bill_id),
                topics=tuple(topics.get(bill_id, ())),
                title=title,
                excerpt=excerpt,
            )
        )
    return tuple(found)


def index_pending(engine: Engine) -> int:
    """Bring the index in step with the bills written since; returns how many.

    A few hundred bills a transaction, so that other writers are never kept waiting for long. Safe
    to stop anywhere: what was not reached stays noted.
    """
    total = 0
    while True:
        with writing(engine) as connection:
            done = _index_some(connection)
        total += done
        if done < BILLS_PER_TRANSACTION:
            return total


# The newest version that has a text. (A later one may be known without.)
_NEWEST_TEXT = """(SELECT bill_text.text FROM version
    JOIN bill_text ON bill_text.sha256 = version.text_sha256
    WHERE version.bill_id = bill.id AND version.removed_at IS NULL
    ORDER BY version.position DESC LIMIT 1)"""

# Taken before the bill is read: whoever writes to it from then on notes it anew.
_TAKE = {
    "sqlite": """DELETE FROM bill_search_todo WHERE bill_id IN
        (SELECT bill_id FROM bill_search_todo ORDER BY bill_id LIMIT :most) RETURNING bill_id""",
    "postgresql": """DELETE FROM bill_search_todo WHERE bill_id IN
        (SELECT bill_id FROM bill_search_todo ORDER BY bill_id LIMIT :most
        FOR UPDATE SKIP LOCKED) RETURNING bill_id""",
}

_REINDEX = {
    "sqlite": (
        "DELETE FROM bill_search WHERE rowid IN ({some})",
        f"""INSERT INTO bill_search (rowid, identifier, title, abstract, subjects, text)
        SELECT id, identifier_key, title, abstract,
            (SELECT group_concat(value, ' · ') FROM json_each(bill.subjects)), {_NEWEST_TEXT}
        FROM bill WHERE id IN ({{some}})""",
    ),
    "postgresql": (
        f"""INSERT INTO bill_search (bill_id, words)
        SELECT id, bill_search_vector(identifier_key || ' ' || title,
            concat_ws(' ', abstract, subjects::text), coalesce({_NEWEST_TEXT}, ''))
        FROM bill WHERE id IN ({{some}})
        ON CONFLICT (bill_id) DO UPDATE SET words = excluded.words""",
    ),
}


def _index_some(connection: Connection) -> int:
    dialect = connection.dialect.name
    pending = connection.execute(text(_TAKE[dialect]), {"most": BILLS_PER_TRANSACTION}).all()
    some = ",".join(str(bill_id) for (bill_id,) in pending)
    for statement in _REINDEX[dialect] if some else ():
        connection.exec_driver_sql(statement.format(some=some))
    return len(pending)


def parse_words(typed: str) -> tuple[list[list[Phrase]], list[Phrase]]:
    """(required, excluded); each required entry is a list of alternatives."""
    typed = unicodedata.normalize("NFD", typed[:LONGEST_QUERY])
    typed = "".join(char for char in typed if not unicodedata.combining(char))
    required: list[list[Phrase]] = []
    excluded: list[Phrase] = []
    joined = False
    for minus, quoted, bare in re.findall(r'(-?)(?:"([^"]*)"?|([^\s"]+))', typed):
        if bare == "OR":
            joined = bool(required)
            continue
        phrase = _phrase(quoted or bare)
        if not phrase.words:
            continue
        if minus:
            excluded.append(phrase)
        elif joined:
            required[-1] += _spellings(phrase)
        else:
            required.append(_spellings(phrase))
        joined = False
    return required[:MOST_TERMS], excluded[:MOST_TERMS]


def _phrase(typed: str) -> Phrase:
    words = (word[:LONGEST_WORD].lower() for word in re.findall(r"[^\W_]+", typed))
    return Phrase(tuple(words), prefix=typed.endswith("*"))


def _spellings(phrase: Phrase) -> list[Phrase]:
    """``hb0413`` is also written HB 413, and ``287g`` 287(g)."""
    if len(phrase.words) > 1 or phrase.prefix:
        return [phrase]
    parts = re.findall(r"\d+|\D+", phrase.words[0])
    if len(parts) == 1:
        return [phrase]
    return [phrase, Phrase(tuple(part.lstrip("0") or "0" for part in parts))]


def _word_query(session: Session, typed: str) -> WordQuery:
    required, excluded = parse_words(typed)
    sqlite = _is_sqlite(session)
    spell, both, either = (_fts5, " AND ", " OR ") if sqlite else (_tsquery, " & ", " | ")
    return WordQuery(
        wanted=both.join(f"({either.join(map(spell, phrases))})" for phrases in required),
        unwanted=either.join(map(spell, excluded)),
    )


def _fts5(phrase: Phrase) -> str:
    return f'"{" ".join(phrase.words)}"' + ("*" if phrase.prefix else "")


def _tsquery(phrase: Phrase) -> str:
    quoted = " <-> ".join(f"'{word}'" for word in phrase.words)
    return f"({quoted}{':*' if phrase.prefix else ''})"


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def _holds(session: Session, expression: str) -> tuple[ColumnElement[int], ColumnElement[bool]]:
    """The index's bill id, and the condition that its row matches the expression."""
    if _is_sqlite(session):
        return _SQLITE_INDEX.c.rowid, _SQLITE_INDEX.c.bill_search.op("MATCH")(expression)
    query = func.to_tsquery(_CONFIG, expression)
    return _POSTGRESQL_INDEX.c.bill_id, _POSTGRESQL_INDEX.c.words.op("@@")(query)


def _filtered(
    session: Session, query: Select[*tuple[Any, ...]], where: BillFilter, words: WordQuery
) -> Select[*tuple[Any, ...]]:
    """``query`` selects from Bill; Verdict is joined here, and the index where words are wanted."""
    query = query.outerjoin(Verdict, Verdict.bill_id == Bill.id)
    if words.wanted:
        bill_id, matches = _holds(session, words.wanted)
        query = query.join(bill_id.table, bill_id == Bill.id).where(matches)
    if words.unwanted:
        bill_id, matches = _holds(session, words.unwanted)
        query = query.where(Bill.id.not_in(select(bill_id).where(matches)))
    if where.level == "relevant":
        query = query.where(Verdict.relevant)
    elif where.level != "all":
        query = query.where(Verdict.level == where.level, ~Verdict.relevant)
    if where.states:
        query = query.where(Bill.jurisdiction.in_(where.states))
    if where.session:
        query = query.where(Bill.session == where.session)
    if where.stage:
        query = query.where(Bill.stage == where.stage)
    if where.moved_since:
        query = query.where(Bill.latest_action_on >= where.moved_since)
    if where.topics:
        on_topic = select(TopicVerdict.bill_id).where(TopicVerdict.topic.in_(where.topics))
        if where.stance:
            on_topic = on_topic.where(TopicVerdict.stance == where.stance)
        query = query.where(Bill.id.in_(on_topic))
    elif where.stance:
        query = query.where(Verdict.stance == where.stance)
    return query


def _matching(
    session: Session, where: BillFilter, sort: str, words: WordQuery
) -> Select[*tuple[Any, ...]]:
    query = _filtered(session, select(Bill.id), where, words)
    moved = (Bill.latest_action_on.desc().nulls_last(), Bill.id.desc())
    if sort == "match" and words.wanted:
        return query.order_by(_rank(session, words.wanted), *moved)
    if sort == "score":
        return query.order_by(Verdict.score.desc().nulls_last(), *moved)
    if sort == "added":
        return query.order_by(Bill.id.desc())
    if sort == "state":
        return query.order_by(Bill.jurisdiction, Bill.session.desc(), Bill.id)
    return query.order_by(*moved)


def _rank(session: Session, wanted: str) -> ColumnElement[float]:
    """Smallest first: a word in the title says more than one in the text."""
    if _is_sqlite(session):
        return literal_column("bm25(bill_search, 10.0, 8.0, 3.0, 3.0, 1.0)")
    rank = func.ts_rank_cd(_POSTGRESQL_INDEX.c.words, func.to_tsquery(_CONFIG, wanted), 1)
    return -rank


def _count_by_state(session: Session, where: BillFilter, words: WordQuery) -> dict[str, int]:
    query = select(Bill.jurisdiction, func.count()).select_from(Bill).group_by(Bill.jurisdiction)
    return dict(session.execute(_filtered(session, query, where, words)).all())


_EXCERPTS = {
    "sqlite": """SELECT rowid, highlight(bill_search, 1, :open, :close),
            snippet(bill_search, 2, :open, :close, '…', 32),
            snippet(bill_search, 4, :open, :close, '…', 32)
        FROM bill_search WHERE bill_search MATCH :wanted AND rowid IN ({some})""",
    "postgresql": f"""SELECT id,
            ts_headline('bill_search', title, query, :whole),
            ts_headline('bill_search', abstract, query, :part),
            ts_headline('bill_search', left({_NEWEST_TEXT}, 200000), query, :part)
        FROM bill, to_tsquery('bill_search', :wanted) AS query WHERE id IN ({{some}})""",
}


def _marked(session: Session, ids: Sequence[int], wanted: str) -> dict[int, tuple[str, str]]:
    """Bill id → (title, excerpt of abstract or text where a word stands)."""
    if not ids:
        return {}
    if _is_sqlite(session):
        statement, given = _EXCERPTS["sqlite"], {"open": MATCH_START, "close": MATCH_END}
    else:
        marks = f"StartSel={MATCH_START}, StopSel={MATCH_END}"
        statement = _EXCERPTS["postgresql"]
        given = {
            "whole": f"{marks}, HighlightAll=true",
            "part": f"{marks}, MaxFragments=1, MaxWords=32, MinWords=16",
        }
    rows = session.execute(
        text(statement.format(some=",".join(map(str, ids)))), {"wanted": wanted, **given}
    )
    marked = {}
    for bill_id, title, *fragments in rows:
        holding = [part for part in fragments if part and MATCH_START in part]
        marked[bill_id] = (title, holding[0] if holding else "")
    return marked
