"""A bill, one version's text, and two versions beside each other."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, PlainTextResponse
from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from tracker.likeness import bills_like
from tracker.models import (
    Bill,
    Change,
    Decision,
    Evidence,
    RelatedBill,
    Run,
    TopicVerdict,
    Verdict,
    Version,
)
from tracker.stages import STAGES, stage
from tracker.textdiff import Segment, TooLong, passages, word_diff
from tracker.web.database import Database
from tracker.web.marked import Piece, excerpts, pieces, standing
from tracker.web.rendering import templates
from tracker.web.wording import stage_label

router = APIRouter()

LONGEST_SHOWN = 1_500_000
"""Characters of a text on one page; the rest is in the plain text beside it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One stop on a bill's way; ``on`` is when it got there, if it did and the source says."""

    label: str
    reached: bool
    current: bool
    on: dt.date | None


@dataclass(frozen=True, slots=True)
class Quote:
    """Words in one field that made rules fire, with what stands around them."""

    where: str
    url: str
    rules: tuple[str, ...]
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a bill is on a topic; ``guessed``: no sentence found says which way it cuts."""

    topic: str
    stance: str | None
    score: float | None
    quotes: tuple[Quote, ...]
    guessed: bool = False


@router.get("/bills/{bill_id:int}")
def bill_page(request: Request, bill_id: int, session: Database) -> HTMLResponse:
    bill = _bill(session, bill_id)
    evidence = _evidence(session, bill_id)
    versions = [version for version in bill.versions if version.removed_at is None]
    return templates.page(
        request,
        "bill.html",
        {
            "bill": bill,
            "verdict": session.get(Verdict, bill_id),
            "decision": _newest_decision(session, bill_id),
            "reasons": _reasons(session, bill, evidence, versions),
            "title": pieces(bill.title, _in_field(evidence, "title")),
            "abstract": pieces(bill.abstract, _in_field(evidence, "abstract")),
            "subjects": [
                pieces(subject, _in_field(evidence, f"subject:{number}"))
                for number, subject in enumerate(bill.subjects)
            ],
            "steps": _steps(bill),
            "companions": _companions(session, bill),
            "alike": bills_like(session, bill_id),
            "versions": versions,
            "comparable": [version for version in versions if version.text_sha256],
            "changes": session.scalars(
                select(Change).where(Change.bill_id == bill_id).order_by(Change.id.desc())
            ).all(),
            "run": session.get(Run, bill.last_seen_run_id) if bill.last_seen_run_id else None,
        },
    )


@router.get("/bills/{bill_id:int}/versions/{version_id:int}")
def version_page(
    request: Request, bill_id: int, version_id: int, session: Database
) -> HTMLResponse:
    bill = _bill(session, bill_id)
    version = _version(bill, version_id)
    text = version.body.text if version.body else ""
    found = [
        span
        for span in _in_field(_evidence(session, bill_id), "text")
        if span.text_sha256 == version.text_sha256 and span.end <= LONGEST_SHOWN
    ]
    marks = [
        mark
        for mark in (version.body.marks or [] if version.body else [])
        if mark["end"] <= LONGEST_SHOWN
    ]
    return templates.page(
        request,
        "version.html",
        {
            "bill": bill,
            "version": version,
            "pieces": pieces(text[:LONGEST_SHOWN], found, marks),
            "evidence": standing(text, found),
            "marks": marks,
            "cut": max(0, len(text) - LONGEST_SHOWN),
        },
    )


@router.get("/bills/{bill_id:int}/versions/{version_id:int}.txt")
def version_text(bill_id: int, version_id: int, session: Database) -> PlainTextResponse:
    version = _version(_bill(session, bill_id), version_id)
    if version.body is None:
        raise HTTPException(404, "We do not have the text of this version.")
    return PlainTextResponse(version.body.text)


@dataclass(frozen=True, slots=True)
class Side:
    """A text on one side of a comparison, and the page that has it whole."""

    name: str
    url: str
    text: str


@router.get("/bills/{bill_id:int}/compare")
def compare_page(
    request: Request, bill_id: int, session: Database, old: str = "", new: str = "", all: str = ""
) -> HTMLResponse:
    """``old`` and ``new`` are ids of versions; without them, the last two that have a text."""
    bill = _bill(session, bill_id)
    versions = _with_text(bill)
    if len(versions) < 2:
        raise HTTPException(404, "Fewer than two versions of this bill have a text to compare.")
    by_id = {str(version.id): version for version in versions}
    chosen = by_id.get(old, versions[-2]), by_id.get(new, versions[-1])
    sides = _side(bill, chosen[0]), _side(bill, chosen[1])
    choices = {"versions": versions, "old": chosen[0], "new": chosen[1]}
    return _compared(request, bill, sides, bool(all), choices)


@router.get("/bills/{bill_id:int}/beside/{other_id:int}")
def beside_page(
    request: Request, bill_id: int, other_id: int, session: Database, all: str = ""
) -> HTMLResponse:
    """The newest texts of two bills, e.g. of companions or of one model in two states."""
    bills = _bill(session, bill_id), _bill(session, other_id)
    sides = []
    for bill in bills:
        versions = _with_text(bill)
        if not versions:
            raise HTTPException(404, f"We have no text of {bill.identifier_key} to compare.")
        sides.append(_side(bill, versions[-1]))
    return _compared(request, bills[0], (sides[0], sides[1]), bool(all), {"other": bills[1]})


def _with_text(bill: Bill) -> list[Version]:
    return [one for one in bill.versions if one.text_sha256 and one.removed_at is None]


def _side(bill: Bill, version: Version) -> Side:
    name = f"{bill.jurisdiction.upper()} {bill.identifier_key}, {version.note or 'version'}"
    return Side(name, f"/bills/{bill.id}/versions/{version.id}", _text(version))


def _compared(
    request: Request, bill: Bill, sides: tuple[Side, Side], whole: bool, more: dict[str, Any]
) -> HTMLResponse:
    shown: list[list[Segment]] = []
    too_long = ""
    try:
        segments = word_diff(sides[0].text, sides[1].text)
        shown = [segments] if whole else passages(segments)
    except TooLong as error:
        too_long = str(error)
    context: dict[str, Any] = {
        "bill": bill,
        "other": None,
        "sides": sides,
        "passages": shown,
        "whole": whole,
        "too_long": too_long,
        **more,
    }
    return templates.page(request, "compare.html", context)


def _bill(session: Session, bill_id: int) -> Bill:
    bill = session.get(Bill, bill_id) if bill_id < 2**31 else None
    if bill is None:
        raise HTTPException(404, f"There is no bill number {bill_id} here.")
    return bill


def _version(bill: Bill, version_id: int) -> Version:
    for version in bill.versions:
        if version.id == version_id:
            return version
    raise HTTPException(404, f"{bill.identifier_key} has no version number {version_id}.")


def _text(version: Version) -> str:
    return version.body.text if version.body else ""


def _evidence(session: Session, bill_id: int) -> Sequence[Evidence]:
    query = select(Evidence).where(Evidence.bill_id == bill_id)
    return session.scalars(query.order_by(Evidence.field, Evidence.start, Evidence.id)).all()


def _in_field(evidence: Sequence[Evidence], field: str) -> list[Evidence]:
    return [span for span in evidence if span.field == field]


def _newest_decision(session: Session, bill_id: int) -> Decision | None:
    query = select(Decision).where(Decision.bill_id == bill_id)
    return session.scalars(query.order_by(Decision.decided_at.desc()).limit(1)).first()


def _steps(bill: Bill) -> list[Step]:
    """The usual way of a bill, with the dates of its own; an end replaces the last stop."""
    dates: dict[str, dt.date | None] = {}
    for action in bill.actions:
        if action.stage and action.retracted_at is None:
            dates.setdefault(action.stage, action.date)
    position = stage(bill.stage).position if bill.stage else -1
    way = [one for one in STAGES if 1 <= one.position <= 5]
    end = stage(bill.stage) if position == 6 else stage("became-law")
    # A bill that failed in committee never passed a chamber, though the end comes after both.
    stopped = end.slug in ("failed", "withdrawn") and position == 6
    steps = []
    for one in [*way, end]:
        current = one.slug == bill.stage
        reached = one.slug in dates or current or (not stopped and one.position <= position)
        on = dates.get(one.slug) or (bill.stage_on if current else None)
        label = stage_label(one.slug, bill.jurisdiction)
        steps.append(Step(label, reached, current, on))
    return steps


def _companions(session: Session, bill: Bill) -> list[tuple[RelatedBill, Bill | None]]:
    """Related bills with their own page, where we follow them."""
    related = [one for one in bill.related if one.removed_at is None]
    if not related:
        return []
    places = [(one.identifier_key, one.session or bill.session) for one in related]
    query = select(Bill).where(
        Bill.source == bill.source, tuple_(Bill.identifier_key, Bill.session).in_(places)
    )
    ours = {(one.identifier_key, one.session): one for one in session.scalars(query)}
    return [(one, ours.get(place)) for one, place in zip(related, places, strict=True)]


def _reasons(
    session: Session, bill: Bill, evidence: Sequence[Evidence], versions: Sequence[Version]
) -> list[Reason]:
    """Topics, surest first, each with its quotes; evidence of a topic not held comes last."""
    topics = session.scalars(
        select(TopicVerdict)
        .where(TopicVerdict.bill_id == bill.id)
        .order_by(TopicVerdict.score.desc(), TopicVerdict.topic)
    ).all()
    by_topic: defaultdict[str, list[Evidence]] = defaultdict(list)
    for span in evidence:
        by_topic[span.topic].append(span)
    reasons = []
    for topic in topics:
        spans = by_topic.pop(topic.topic, [])
        quotes = tuple(_quotes(bill, spans, versions))
        guessed = bool(spans) and all(span.told is False for span in spans)
        reasons.append(Reason(topic.topic, topic.stance, topic.score, quotes, guessed))
    return reasons + [
        Reason(slug, None, None, tuple(_quotes(bill, spans, versions)))
        for slug, spans in by_topic.items()
    ]


def _quotes(
    bill: Bill, evidence: Sequence[Evidence], versions: Sequence[Version]
) -> Iterator[Quote]:
    def place(span: Evidence) -> tuple[str, str]:
        return span.field, span.text_sha256 or ""

    for (field, sha256), group in groupby(sorted(evidence, key=place), key=place):
        spans = list(group)
        where, url, text = _field_text(bill, field, sha256, versions)
        for excerpt in excerpts(text, spans):
            inside = {span.id: span for piece in excerpt for span in piece.evidence}
            first = min(inside)
            rules = tuple(dict.fromkeys(span.rule for span in inside.values()))
            yield Quote(where, f"{url}#e{first}" if url else "", rules, tuple(excerpt))
        for span in spans:
            if span not in standing(text, spans):
                yield Quote(f"{where}, as it was", "", (span.rule,), (Piece(span.quote, (span,)),))


def _field_text(
    bill: Bill, field: str, sha256: str, versions: Sequence[Version]
) -> tuple[str, str, str]:
    """(name for people, address of the page with the whole text, the text)."""
    if field == "title":
        return "Title", "", bill.title
    if field == "abstract":
        return "Summary", "", bill.abstract
    if field.startswith("subject:"):
        number = int(field.partition(":")[2])
        subject = bill.subjects[number] if number < len(bill.subjects) else ""
        return "Subject", "", subject
    for version in reversed(versions):
        if version.text_sha256 == sha256:
            url = f"/bills/{bill.id}/versions/{version.id}"
            return f"Text, {version.note}", url, _text(version)
    return "Text of an earlier version", "", ""
