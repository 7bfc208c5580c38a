"""What counts as a change, and how one is put into a sentence of the source's own words.

A Change holds what was (``before``) and is (``after``) as plain JSON; dates in it are ISO strings
or null. ``occurred_on`` is the date the source gives, ``detected_at`` when we saw it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import Any

INTRODUCED = "introduced"
"""A bill seen for the first time; all that came with it is part of this and no change of its own.
after: title, latest_action, stage."""

ACTION = "action"
"""A new line in the bill's history. after: text, date, actor."""

ACTION_CORRECTED = "action_corrected"
"""The source edited the date or words of a line. before, after: text, date."""

ACTION_RETRACTED = "action_retracted"
"""The source took a line back. before: text, date."""

STAGE = "stage"
"""The bill came to another stage (``Change.stage``). before: stage; after: stage, and action, the
words of the line that brought it there, which is a change of its own too."""

TITLE = "title"
"""before, after: text."""

ABSTRACT = "abstract"
"""before, after: text."""

VERSION = "version"
"""A version of the bill was published. after: note, date, links, text_sha256 (null: no text)."""

VERSION_TEXT = "version_text"
"""The text of a version known before arrived, or is another now. before: text_sha256 (null: none);
after: note, text_sha256."""

SPONSOR_ADDED = "sponsor_added"
"""after: name, classification."""

SPONSOR_REMOVED = "sponsor_removed"
"""before: name, classification."""

VOTE = "vote"
"""A roll call. after: motion, date, chamber, passed, counts [{option, value}]."""

HEARING_SET = "hearing_set"
"""after: committee, date, time, location."""

HEARING_MOVED = "hearing_moved"
"""Another day, time or place. before, after: committee, date, time, location."""

HEARING_CANCELLED = "hearing_cancelled"
"""Marked as cancelled, or gone from the page before its day. before: as for hearing_set."""

HEARINGS = (HEARING_SET, HEARING_MOVED, HEARING_CANCELLED)

COMPANION = "companion"
"""A companion bill was linked. after: identifier, session."""

VANISHED = "vanished"
"""A complete and sound listing lacks the bill. before: title."""

REAPPEARED = "reappeared"
"""The bill is listed again. after: title."""

KINDS = (
    INTRODUCED, ACTION, ACTION_CORRECTED, ACTION_RETRACTED, STAGE, TITLE, ABSTRACT, VERSION,
    VERSION_TEXT, SPONSOR_ADDED, SPONSOR_REMOVED, VOTE, HEARING_SET, HEARING_MOVED,
    HEARING_CANCELLED, COMPANION, VANISHED, REAPPEARED,
)  # fmt: skip

LONGEST_SUMMARY = 400


@dataclass(slots=True)
class Draft:
    """A change not yet stored; on one bill the same ``key`` is never stored twice."""

    kind: str
    key: str
    summary: str
    occurred_on: dt.date | None
    stage: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def draft(
    kind: str,
    summary: str,
    *identity: object,
    on: dt.date | None = None,
    stage: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> Draft:
    """``identity`` tells this change from others of its kind on the bill.

    It is made of what the source says, so that a run repeated after a kill, or a listing that
    flaps between two states, tells each fact once. What may truly happen again (a bill vanishes
    twice, a hearing moves back) has the run or the day in it.
    """
    digest = hashlib.blake2s(repr(identity).encode(), digest_size=8).hexdigest()
    if len(summary) > LONGEST_SUMMARY:
        summary = summary[: LONGEST_SUMMARY - 1].rstrip() + "…"
    return Draft(kind, f"{kind}:{digest}", summary, on, stage, before, after)


def iso(date: dt.date | None) -> str | None:
    return date.isoformat() if date else None
