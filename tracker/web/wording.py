"""How the tracker's slugs read to people."""

from __future__ import annotations

import datetime as dt

from tracker.changes import HEARINGS
from tracker.models import Bill, Change
from tracker.stages import stage
from tracker.states import jurisdictions

STANCES = {
    "limits": "Limits cooperation",
    "expands": "Expands cooperation",
    "mixed": "Cuts both ways",
    "neutral": "Neutral",
}

LEVELS = {
    "relevant": "On topic",
    "uncertain": "Uncertain",
    "adjacent": "Adjacent: immigration, off topic",
    "all": "Every bill",
}

SORTS = {
    "moved": "Moved last",
    "match": "Best match",
    "score": "Surest first",
    "added": "Newest to us",
    "state": "By state",
}

CHANGE_STATUSES = {
    "held": "held until its crawl is found sound",
    "released": "released",
    "baseline": "where we started, not news",
    "discarded": "discarded",
    "retracted": "taken back",
}

HEALTH = {"ok": "Fine", "held": "Held", "broken": "Broken", "waiting": "Waiting"}

RUN_STATUSES = {
    "running": "under way",
    "sound": "sound, its changes are released",
    "quarantined": "held: unlike what this source should give; a person decides",
    "released": "was held, released by a person",
    "discarded": "was held, discarded by a person",
    "superseded": "was held; the next crawl took its place",
    "failed": "failed, nothing usable arrived",
    "interrupted": "ended before it was done",
    "skipped": "not tried",
}


def state_name(code: str) -> str:
    known = jurisdictions().get(code)
    return known.name if known else code.upper()


def chamber_name(state: str, chamber: str | None) -> str:
    """``lower`` in Maryland is the House of Delegates; empty where no chamber is named."""
    known = jurisdictions().get(state)
    named = {
        "lower": known.lower if known else "House",
        "upper": known.upper if known else "Senate",
        "unicameral": known.upper if known else "Legislature",
        "executive": "President" if state == "us" else "Governor",
        "joint": "Joint",
        "legislature": "Legislature",
    }
    return named.get(chamber or "") or ""


def stage_label(slug: str, state: str = "") -> str:
    if not slug:
        return "No action read yet"
    try:
        label = stage(slug).label
    except KeyError:
        return slug.replace("-", " ").capitalize()
    return label.replace("governor", "President") if state == "us" else label


def stage_sentence(bill: Bill) -> str:
    """Where a bill stands, with the names of its chambers."""
    first, second = _chambers(bill)
    if bill.stage == "introduced" and first:
        return f"Introduced in the {first}"
    if bill.stage == "passed-first-chamber" and first and second:
        return f"Passed the {first}, crossed over to the {second}"
    if bill.stage == "passed-second-chamber" and first and second:
        return f"Passed the {first} and the {second}"
    return stage_label(bill.stage, bill.jurisdiction)


def _chambers(bill: Bill) -> tuple[str, str]:
    """Where the bill began and where it goes next; the second is empty with one chamber."""
    other = {"lower": "upper", "upper": "lower"}.get(bill.chamber or "")
    return chamber_name(bill.jurisdiction, bill.chamber), chamber_name(bill.jurisdiction, other)


def dated(change: Change) -> dt.date | None:
    """The date to show beside a change's words; those of a hearing have it in them."""
    return None if change.kind in HEARINGS else change.occurred_on


def day(date: dt.date | None) -> str:
    return f"{date:%b} {date.day}, {date.year}" if date else ""


def weekday(date: dt.date, today: dt.date | None = None) -> str:
    """``Wednesday, April 8``, with the year where it is another one."""
    other_year = date.year != (today or dt.date.today()).year
    return f"{date:%A}, {date:%B} {date.day}" + (f", {date.year}" if other_year else "")


def moment(at: dt.datetime | None) -> str:
    return f"{day(at.date())}, {at:%H:%M} UTC" if at else ""


def count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def source_name(code: str) -> str:
    """``md`` is Maryland, ``legiscan-mi`` Michigan by legiscan."""
    known = jurisdictions()
    if code in known:
        return known[code].name
    aggregator, _, state = code.rpartition("-")
    return f"{state_name(state)}, by {aggregator}" if state in known and aggregator else code


def size(number: int) -> str:
    return f"{number / 1e6:,.1f} MB" if number >= 100_000 else f"{number / 1e3:,.1f} kB"


def span(length: dt.timedelta) -> str:
    """``3 days``, ``5 hours``: the largest unit is enough to judge by."""
    seconds = int(length.total_seconds())
    for unit, worth in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= worth:
            return count(seconds // worth, unit)
    return count(max(0, seconds), "second")
