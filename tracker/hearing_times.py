"""When a hearing is, out of what a legislature prints beside its date; and how people say it."""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo

# 1:00 p.m. | 1 PM | 01:00PM | 8:30 a.m. or upon adjournment
_TWELVE = re.compile(r"(?<![\d:])(\d{1,2})(?:[:.](\d{2}))?\s*([ap])\.?\s?m\b", re.IGNORECASE)
# 13:30 | 09:00:00, but not 1:30, which may be either half of the day
_TWENTY_FOUR = re.compile(r"(?<![\d:])(0[7-9]|1\d|2[0-3]):([0-5]\d)(?::\d{2})?(?!\d)")
_NAMED = {"noon": 12, "12 noon": 12}


def starts_at(date: dt.date, time_text: str, timezone: str) -> dt.datetime | None:
    """The moment, aware; ``None`` where the words name no single time of day.

    "Upon adjournment", "TBD" and the like stay a matter of the whole day.
    """
    hour, minute = _NAMED.get(time_text.strip().lower(), -1), 0
    if found := _TWELVE.search(time_text):
        if 1 <= int(found[1]) <= 12:
            hour = int(found[1]) % 12 + (12 if found[3].lower() == "p" else 0)
            minute = int(found[2] or 0)
    elif found := _TWENTY_FOUR.search(time_text):
        hour, minute = int(found[1]), int(found[2])
    if hour < 0 or minute > 59:
        return None
    return dt.datetime.combine(date, dt.time(hour, minute), ZoneInfo(timezone))


def clock(time_text: str) -> str:
    """``1:00 p.m.`` for the ``13:00`` of a program; other words are the legislature's own."""
    if not (found := _TWENTY_FOUR.fullmatch(time_text.strip())):
        return time_text
    hour = int(found[1])
    return f"{(hour - 1) % 12 + 1}:{found[2]} {'a' if hour < 12 else 'p'}.m."


def day_and_time(date: dt.date, time_text: str, today: dt.date) -> str:
    """``Mon Mar 9, 1:00 p.m.``, with the year where it is another."""
    year = f", {date.year}" if date.year != today.year else ""
    return ", ".join(filter(None, (f"{date:%a %b} {date.day}{year}", clock(time_text))))
