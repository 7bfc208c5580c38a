"""Hearings as a page states them now beside those stored: set, moved and cancelled."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from tracker import changes
from tracker.bill_rows import Row
from tracker.changes import Draft, draft, iso
from tracker.compare import Moment, RowDiff, compare_rows, folded
from tracker.hearing_times import day_and_time
from tracker.items import HearingItem


def compare_hearings(old: Sequence[Row], stated: Sequence[HearingItem], moment: Moment) -> RowDiff:
    """By the meeting's number, else committee and day; else the committee's hearing has moved.

    A hearing leaves the page once it was held, so only one still to come is cancelled by its
    absence. What the page says of days gone by is kept and no news; on a bill's first page only a
    hearing with a date to come is.
    """

    def told(kind: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> Draft:
        return _told_hearing(kind, before, after, moment.today)

    def to_come(date: dt.date | None) -> bool:
        return date is None or date > moment.today

    def is_over(date: dt.date | None) -> bool:
        return date is not None and date < moment.today

    def added(row: dict[str, Any]) -> Draft | None:
        unsure = moment.first_page and row["date"] is None
        if row["cancelled"] or unsure or is_over(row["date"]):
            return None
        return told(changes.HEARING_SET, None, row)

    def edited(before: Row, row: dict[str, Any]) -> Draft | None:
        was = before._asdict()
        if (row["cancelled"] and before.cancelled) or (
            is_over(before.date) and is_over(row["date"])
        ):
            return None
        if row["cancelled"]:
            return told(changes.HEARING_CANCELLED, was, None)
        if before.cancelled or (before.date is None and row["date"]):
            return added(row)
        return told(changes.HEARING_MOVED, was, row) if _has_moved(was, row) else None

    def removed(row: Row) -> Draft | None:
        if row.cancelled or row.date is None:
            return None
        return told(changes.HEARING_CANCELLED, row._asdict(), None)

    keys = (
        lambda row: (row["committee"].casefold(), row["date"], folded(row["time_text"])),
        lambda row: (row["committee"].casefold(), row["date"]),
        lambda row: row["committee"].casefold() if to_come(row["date"]) else None,
    )
    held = {row.id for row in old if not to_come(row.date)}
    return compare_rows(
        old, _rows(stated), keys, moment, added, edited, removed, stays=lambda row: row.id in held
    )


def _rows(stated: Sequence[HearingItem]) -> list[dict[str, Any]]:
    return [
        {
            "committee": hearing.committee,
            "date": hearing.date,
            "date_text": hearing.date_text,
            "time_text": hearing.time_text,
            "location": hearing.location,
            "description": hearing.description,
            "chamber": hearing.chamber,
            "cancelled": hearing.cancelled,
            "source_id": hearing.source_id,
        }
        for hearing in stated
    ]


def _has_moved(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Something a person goes by is another; what was not known before has not moved."""
    if before["date"] and after["date"] and before["date"] != after["date"]:
        return True
    return any(
        before[name] and after[name] and folded(before[name]) != folded(after[name])
        for name in ("time_text", "location")
    )


def _told_hearing(
    kind: str, before: dict[str, Any] | None, after: dict[str, Any] | None, today: dt.date
) -> Draft:
    def facts(row: dict[str, Any]) -> dict[str, Any]:
        named = {"committee": row["committee"], "date": iso(row["date"])}
        return {**named, "time": row["time_text"], "location": row["location"]}

    def said(row: dict[str, Any]) -> str:
        if row["date"]:
            when = day_and_time(row["date"], row["time_text"], today)
        else:
            when = f"{row['date_text'] or 'date to come'} {row['time_text']}".strip()
        return ", ".join(filter(None, (when, row["location"])))

    shown = after or before or {}
    words = {
        changes.HEARING_SET: "Hearing",
        changes.HEARING_MOVED: "Hearing moved",
        changes.HEARING_CANCELLED: "Hearing cancelled",
    }
    summary = f"{words[kind]}: {shown['committee']}, {said(shown)}"
    if before and after:
        summary += f" (was {said(before)})"
    old, new = before and facts(before), after and facts(after)
    # A hearing may move back and forth; only within one day is that one and the same news.
    return draft(kind, summary, old, new, today, on=shown["date"], before=old, after=new)
