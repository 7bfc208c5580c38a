"""When a subscription's digest is due: once on each of its days, at its hour, in its zone."""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Literal, get_args
from zoneinfo import ZoneInfo, available_timezones

Frequency = Literal["immediate", "daily", "weekly", "monthly"]
FREQUENCIES: tuple[Frequency, ...] = get_args(Frequency)
"""The most frequent first."""
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
QUIET_NOTE_EVERY = dt.timedelta(days=7)


def next_due(
    frequency: str, weekday: int, hour: int, minute: int, timezone: str, after: dt.datetime
) -> dt.datetime:
    """The first due moment later than ``after``, in UTC; ``after`` itself when immediate.

    A time of day that the clocks skip in spring comes as much later as they skip; one that comes
    twice in autumn counts the first time only.
    """
    if frequency == "immediate":
        return after.astimezone(dt.UTC)
    zone = ZoneInfo(timezone)
    day = after.astimezone(zone).date()
    while True:
        if _is_its_day(frequency, weekday, day):
            due = dt.datetime.combine(day, dt.time(hour, minute), zone).astimezone(dt.UTC)
            if due > after:
                return due
        day += dt.timedelta(days=1)


def quiet_note_due(
    frequency: str, weekday: int, hour: int, minute: int, timezone: str, heard_at: dt.datetime
) -> dt.datetime:
    """When, a week after a reader last heard of us, it is time to say that nothing moved: on their
    weekday where they have one, and always at their hour.
    """
    zone = ZoneInfo(timezone)
    day = heard_at.astimezone(zone).date() + QUIET_NOTE_EVERY
    before = dt.datetime.combine(day, dt.time(), zone) - dt.timedelta(microseconds=1)
    each = "weekly" if frequency == "weekly" else "daily"
    return next_due(each, weekday, hour, minute, timezone, before)


def _is_its_day(frequency: str, weekday: int, day: dt.date) -> bool:
    match frequency:
        case "daily":
            return True
        case "weekly":
            return day.weekday() == weekday
        case "monthly":
            return day.day == 1
    raise ValueError(f"no frequency {frequency!r}; known: {', '.join(FREQUENCIES)}")


def checked_frequency(name: str) -> Frequency:
    for frequency in FREQUENCIES:
        if frequency == name:
            return frequency
    raise ValueError(f"no frequency {name[:60]!r}; known: {', '.join(FREQUENCIES)}")


def checked_timezone(name: str) -> str:
    """Raises ``ValueError`` for what is no IANA zone; ``ZoneInfo`` would open it as a file."""
    if name not in timezones():
        raise ValueError(f"no time zone {name[:60]!r}; write it like America/New_York")
    return name


@cache
def timezones() -> frozenset[str]:
    """IANA names; without those that mean something else on another machine."""
    return frozenset(available_timezones() - {"localtime", "Factory"})


def in_words(frequency: str, weekday: int, at: str) -> str:
    """``every Monday at 7:30``, for ``at`` "at 7:30"; what is immediate has no time."""
    match frequency:
        case "immediate":
            return "as soon as it is known"
        case "weekly":
            return f"every {WEEKDAYS[weekday]} {at}"
        case "monthly":
            return f"on the first of every month {at}"
    return f"every day {at}"


def time_in_words(time: dt.time) -> str:
    """``7:30 am``."""
    return f"{time.hour % 12 or 12}:{time.minute:02} {'am' if time.hour < 12 else 'pm'}"
