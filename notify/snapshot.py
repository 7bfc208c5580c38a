"""What was true of a change and its bill when it became news: kept word for word for the digest."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from notify.facts import Facts, facts_of
from tracker.changes import ACTION, HEARINGS, STAGE, VERSION, VERSION_TEXT, VOTE
from tracker.models import (
    Bill,
    BillText,
    Change,
    Evidence,
    Hearing,
    TopicVerdict,
    Verdict,
    Version,
)
from tracker.textdiff import Segment, Span, TooLong, passages, word_diff

T = TypeVar("T")

LONGEST_TITLE = 300
LONGEST_SUMMARY = 400
LONGEST_NOTE = 200
SENTENCE_REACH = 160
MOST_PASSAGES = 4
LONGEST_RUN = 400
"""Characters of one run of a redline; its middle is left out."""
LONGEST_PASSAGE = 1200
MOST_RUNS = 30
STILL_AHEAD = dt.timedelta(days=1)
"""A hearing of "yesterday" in UTC may be today's in Hawaii."""


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class HearingNote(Frozen):
    date: dt.date
    time_text: str
    location: str
    committee: str


class Quote(Frozen):
    """The sentence that made a bill relevant, split around the words that matched."""

    before: str
    match: str
    after: str


class RedlineRun(Frozen):
    kind: str
    text: str


class Snapshot(Frozen):
    """``stage`` is the bill's, ``reached`` the one this change brought it to (or empty);
    ``words`` are those of the history's line or the motion that the change is about, if any.
    """

    change_id: int
    kind: str
    summary: str
    words: str
    occurred_on: dt.date | None
    reached: str
    bill_id: int
    jurisdiction: str
    identifier: str
    title: str
    chamber: str | None
    stage: str
    stage_on: dt.date | None
    source_url: str
    relevant: bool = True
    """Whether the bill was judged to be; of news from before this was kept, nobody knows."""
    topics: tuple[str, ...]
    stance: str | None
    quote: Quote | None
    hearings: tuple[HearingNote, ...]
    hearing: HearingNote | None = None
    """The one this change set, moved (``hearing_was`` is from where) or cancelled."""
    hearing_was: HearingNote | None = None
    redline: tuple[tuple[RedlineRun, ...], ...] | None = None
    """Passages near the evidence that the new version changed; ``None`` where not compared."""


@dataclass(frozen=True, slots=True)
class Described:
    facts: Facts
    snapshot: Snapshot


def describe(session: Session, change_ids: Sequence[int], today: dt.date) -> list[Described]:
    """Facts and snapshots of changes, in the order of their ids; a handful of queries in all."""
    changes = session.scalars(
        select(Change).where(Change.id.in_(change_ids)).order_by(Change.id)
    ).all()
    bill_ids = {change.bill_id for change in changes}
    bills = {b.id: b for b in session.scalars(select(Bill).where(Bill.id.in_(bill_ids)))}
    told = select(Verdict.bill_id, Verdict.stance).where(Verdict.bill_id.in_(bill_ids))
    stances = {row.bill_id: row.stance for row in session.execute(told)}
    topics = _by_bill(
        session.scalars(
            select(TopicVerdict)
            .where(TopicVerdict.bill_id.in_(bill_ids))
            .order_by(TopicVerdict.score.desc(), TopicVerdict.topic)
        )
    )
    evidence = _by_bill(
        session.scalars(
            select(Evidence).where(Evidence.bill_id.in_(bill_ids)).order_by(Evidence.id)
        )
    )
    hearings = _by_bill(session.scalars(_hearings(bill_ids)))
    facts = {one.change_id: one for one in facts_of(session, change_ids)}
    slugs = {id: tuple(row.topic for row in topics[id]) for id in bill_ids}
    quotes = {
        id: _quote(session, bills[id], evidence[id], slugs[id], stances.get(id)) for id in bill_ids
    }
    described = []
    for change in changes:
        bill = bills[change.bill_id]
        about = slugs[bill.id]
        redline = None
        if change.kind in (VERSION, VERSION_TEXT):
            redline = _redline(session, change, evidence[bill.id])
        snapshot = Snapshot(
            change_id=change.id,
            kind=change.kind,
            summary=short(change.summary, LONGEST_SUMMARY),
            words=short(said_words(change), LONGEST_SUMMARY),
            occurred_on=change.occurred_on,
            reached=change.stage,
            bill_id=bill.id,
            jurisdiction=bill.jurisdiction,
            identifier=bill.identifier_key,
            title=short(bill.title, LONGEST_TITLE),
            chamber=bill.chamber,
            stage=bill.stage,
            stage_on=bill.stage_on,
            source_url=next((str(s["url"]) for s in bill.sources if s.get("url")), ""),
            relevant=facts[change.id].relevant,
            topics=about,
            stance=stances.get(bill.id),
            quote=quotes[bill.id],
            hearings=_ahead(hearings[bill.id], today),
            hearing=_named_hearing(change, change.after or change.before),
            hearing_was=_named_hearing(change, change.after and change.before),
            redline=redline,
        )
        described.append(Described(facts[change.id], snapshot))
    return described


def said_words(change: Change) -> str:
    """The line of the history that a new action or a stage reached is about; a vote's motion."""
    after = change.after or {}
    named = {ACTION: "text", STAGE: "action", VOTE: "motion"}.get(change.kind, "")
    return str(after.get(named) or "")


def _by_bill(rows: Iterable[T]) -> defaultdict[int, list[T]]:
    grouped: defaultdict[int, list[T]] = defaultdict(list)
    for row in rows:
        grouped[row.bill_id].append(row)  # type: ignore[attr-defined]
    return grouped


def _hearings(bill_ids: Iterable[int]) -> Select[Hearing]:
    return (
        select(Hearing)
        .where(Hearing.bill_id.in_(bill_ids), Hearing.removed_at.is_(None))
        .order_by(Hearing.date, Hearing.id)
    )


def hearings_ahead(
    session: Session, bill_ids: Iterable[int], today: dt.date
) -> dict[int, tuple[HearingNote, ...]]:
    """As they stand now, by bill: nobody should travel to a hearing that was moved meanwhile."""
    rows = _by_bill(session.scalars(_hearings(bill_ids).where(Hearing.date >= today - STILL_AHEAD)))
    return {bill_id: _ahead(hearings, today) for bill_id, hearings in rows.items()}


def _ahead(hearings: Sequence[Hearing], today: dt.date) -> tuple[HearingNote, ...]:
    return tuple(
        _note(row.date, row.time_text, row.location, row.committee)
        for row in hearings
        if row.date and row.date >= today - STILL_AHEAD and not row.cancelled
    )


def _named_hearing(change: Change, named: dict[str, Any] | None) -> HearingNote | None:
    """``named``: as :mod:`tracker.changes` describes it."""
    if change.kind not in HEARINGS or not named or not named["date"]:
        return None
    return _note(
        dt.date.fromisoformat(named["date"]), named["time"], named["location"], named["committee"]
    )


def _note(date: dt.date, time_text: str, location: str, committee: str) -> HearingNote:
    return HearingNote(
        date=date,
        time_text=short(time_text, LONGEST_NOTE),
        location=short(location, LONGEST_NOTE),
        committee=short(committee, LONGEST_NOTE),
    )


def short(text: str, longest: int) -> str:
    """Printable, cut between words if it can be."""
    text = printable(text)
    if len(text) <= longest:
        return text
    space = text.rfind(" ", longest // 2, longest)
    return text[: space if space > 0 else longest].rstrip(" ,;:-") + " …"


def printable(text: str) -> str:
    """One line without control characters or marks that turn the reading direction around."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())


def _quote(
    session: Session,
    bill: Bill,
    evidence: Sequence[Evidence],
    topics: Sequence[str],
    stance: str | None,
) -> Quote | None:
    """From the bill's text if it can be had (the title is in the digest anyway), about the surest
    of its topics, and where it goes the bill's way rather than defines its words.
    """
    fields = {"text": 0, "abstract": 1}
    sure = {topic: place for place, topic in enumerate(topics)}

    def rank(row: Evidence) -> tuple[int, int, bool, int]:
        topic = sure.get(row.topic, len(sure))
        return fields.get(row.field, 2), topic, row.stance != stance, row.start

    for row in sorted(evidence, key=rank):
        if row.field == "title":
            continue
        whole = _field(session, bill, row)
        if whole[row.start : row.end] == row.quote:
            return _sentence(whole, row.start, row.end)
    return None


def _field(session: Session, bill: Bill, row: Evidence) -> str:
    if row.field == "text":
        body = session.get(BillText, row.text_sha256) if row.text_sha256 else None
        return body.text if body else ""
    if row.field == "abstract":
        return bill.abstract
    _, _, index = row.field.partition(":")
    inside = index.isdigit() and int(index) < len(bill.subjects)
    return bill.subjects[int(index)] if inside else ""


# A full stop between lower case and a capital; "U.S.C.", "Sec." and "(2)" do not end a sentence.
_SENTENCE_END = re.compile(r"(?<=[a-z)\d][.;!?])\s+(?=[A-Z\"“(§])|\n\s*\n")


def _sentence(text: str, start: int, end: int) -> Quote:
    first, last = max(0, start - SENTENCE_REACH), min(len(text), end + SENTENCE_REACH)
    before, after = text[first:start], text[end:last]
    starts = [found.end() for found in _SENTENCE_END.finditer(before)]
    if starts:
        before = before[starts[-1] :]
    elif first:
        before = "… " + before[before.find(" ") + 1 :]
    stop = _SENTENCE_END.search(after)
    if stop:
        after = after[: stop.start()]
    elif last < len(text):
        after = after[: after.rfind(" ")] + " …"
    match = short(text[start:end], LONGEST_SUMMARY)
    return Quote(before=_keep_edges(before), match=match, after=_keep_edges(after))


def _keep_edges(text: str) -> str:
    """Printable, but with the one space that parts it from the match."""
    inner = printable(text)
    head = " " if text[:1].isspace() and inner else ""
    tail = " " if text[-1:].isspace() and inner else ""
    return f"{head}{inner}{tail}"


def _redline(
    session: Session, change: Change, evidence: Sequence[Evidence]
) -> tuple[tuple[RedlineRun, ...], ...] | None:
    """The change's version against the one with text before it."""
    new, old = _compared(session, change)
    if new is None or old is None:
        return None
    quotes = {row.quote for row in evidence if row.field == "text"}
    try:
        segments = word_diff(old.text, new.text)
    except TooLong:
        return None
    near = passages(segments, _places(old.text, quotes), _places(new.text, quotes))
    return tuple(_shown(passage) for passage in near[:MOST_PASSAGES])


def _shown(passage: Sequence[Segment]) -> tuple[RedlineRun, ...]:
    """Its beginning, where it is long: the bill's page has the whole comparison."""
    runs: list[RedlineRun] = []
    left = LONGEST_PASSAGE
    for segment in _struck_first(passage):
        text = _cut(segment.text)
        left -= len(text)
        if left < 0 or len(runs) == MOST_RUNS:
            runs.append(RedlineRun(kind="equal", text=" …"))
            break
        runs.append(RedlineRun(kind=segment.kind, text=text))
    return tuple(runs)


def _compared(session: Session, change: Change) -> tuple[BillText | None, BillText | None]:
    versions = session.scalars(
        select(Version)
        .where(Version.bill_id == change.bill_id, Version.text_sha256.is_not(None))
        .order_by(Version.position)
    ).all()
    sha256 = (change.after or {}).get("text_sha256")
    named = [version for version in versions if version.text_sha256 == sha256]
    if not named:
        return None, None
    new = named[0]
    if change.kind == VERSION_TEXT and (before := (change.before or {}).get("text_sha256")):
        return new.body, session.get(BillText, before)
    older = [v for v in versions if v.position < new.position and v.text_sha256 != sha256]
    return new.body, older[-1].body if older else None


def _places(text: str, quotes: Iterable[str]) -> list[Span]:
    return [found.span() for quote in quotes for found in re.finditer(re.escape(quote), text)]


def _struck_first(passage: Sequence[Segment]) -> list[Segment]:
    """What replaces comes after what it replaces, as in a bill."""
    ordered: list[Segment] = []
    for segment in passage:
        if segment.kind == "delete" and ordered and ordered[-1].kind == "insert":
            ordered.insert(-1, segment)
        else:
            ordered.append(segment)
    return ordered


def _cut(text: str) -> str:
    text = _keep_edges(text)
    if len(text) <= LONGEST_RUN:
        return text
    half = LONGEST_RUN // 2
    return f"{text[:half].rpartition(' ')[0]} […] {text[-half:].partition(' ')[2]}"
