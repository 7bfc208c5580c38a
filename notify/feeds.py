"""The same news as a feed (Atom, RFC 4287) and hearings as a calendar (iCalendar, RFC 5545).

Both are functions of stored rows: the same rows give the same bytes, so that a reader's
conditional request is answered with 304 until something moves.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from icalendar import Calendar, Event, vText
from lxml import etree

from notify.links import bill_link
from tracker.hearing_times import starts_at
from tracker.models import Bill, Change, Hearing
from tracker.states import jurisdiction
from tracker.web import wording

ATOM = "http://www.w3.org/2005/Atom"
EPOCH = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def atom(
    title: str,
    subscription_id: int,
    self_url: str,
    public_url: str,
    news: Sequence[tuple[Change, Bill]],
) -> bytes:
    """``news`` newest first. Ids stay as long as the pages keep their host."""
    feed = etree.Element(_name("feed"), nsmap={None: ATOM})  # type: ignore[dict-item]
    tag = f"tag:{urlsplit(public_url).hostname},2026"
    _add(feed, "id", f"{tag}:subscription:{subscription_id}")
    _add(feed, "title", title)
    _add(feed, "updated", max((_told_at(one) for one, _ in news), default=EPOCH).isoformat())
    _add(_add(feed, "author"), "name", "billtracker")
    _add(feed, "link", rel="self", type="application/atom+xml", href=self_url)
    _add(feed, "link", rel="alternate", type="text/html", href=public_url)
    for change, bill in news:
        _entry(feed, tag, change, bill, public_url)
    made: bytes = etree.tostring(feed, xml_declaration=True, encoding="utf-8", pretty_print=True)
    return made


def _entry(feed: etree._Element, tag: str, change: Change, bill: Bill, public_url: str) -> None:
    entry = _add(feed, "entry")
    _add(entry, "id", f"{tag}:change:{change.id}")
    _add(entry, "title", f"{_bill_name(bill)}: {change.summary}")
    _add(entry, "published", _told_at(change).isoformat())
    _add(entry, "updated", _told_at(change).isoformat())
    _add(entry, "link", rel="alternate", type="text/html", href=bill_link(public_url, bill.id))
    for source in bill.sources[:1]:
        _add(entry, "link", rel="via", href=str(source.get("url", "")))
    _add(entry, "category", term=change.kind)
    lines = [change.summary, bill.title]
    if dated := wording.dated(change):
        lines.append(f"Dated {wording.day(dated)} by the legislature.")
    _add(entry, "content", "\n\n".join(line for line in lines if line), type="text")


def _add(parent: etree._Element, name: str, text: str = "", **attributes: str) -> etree._Element:
    clean = {key: _clean(value) for key, value in attributes.items()}
    element = etree.SubElement(parent, _name(name), clean)
    element.text = _clean(text) or None
    return element


def _name(local: str) -> str:
    return f"{{{ATOM}}}{local}"


def _told_at(change: Change) -> dt.datetime:
    return change.released_at or change.detected_at


def _bill_name(bill: Bill) -> str:
    return f"{bill.jurisdiction.upper()} {bill.identifier_key}"


def calendar(title: str, public_url: str, hearings: Iterable[tuple[Hearing, Bill]]) -> bytes:
    """A cancelled or withdrawn hearing stays in it as cancelled, so that calendars strike it."""
    made = Calendar()
    made.add("prodid", "-//billtracker//hearings//EN")
    made.add("version", "2.0")
    made.add("x-wr-calname", vText(_clean(title)))
    made.add("refresh-interval", dt.timedelta(hours=1), parameters={"VALUE": "DURATION"})
    for hearing, bill in hearings:
        if hearing.date is not None:
            made.add_component(_event(hearing, hearing.date, bill, public_url))
    body: bytes = made.to_ical()
    return body


def _event(hearing: Hearing, date: dt.date, bill: Bill, public_url: str) -> Event:
    event = Event()
    event.add("uid", f"hearing-{hearing.id}@{urlsplit(public_url).hostname}")
    event.add("dtstamp", bill.changed_at)
    starts = starts_at(date, hearing.time_text, jurisdiction(bill.jurisdiction).timezone)
    event.add("dtstart", date if starts is None else starts.astimezone(dt.UTC))
    gone = hearing.cancelled or hearing.removed_at is not None
    event.add("status", "CANCELLED" if gone else "CONFIRMED")
    event.add(
        "summary",
        _clean(
            f"{'Cancelled: ' if gone else ''}{_bill_name(bill)}, {hearing.committee or 'hearing'}"
        ),
    )
    said = [
        bill.title,
        f"Time as printed: {hearing.time_text}" if hearing.time_text else "",
        hearing.description,
        *(str(source.get("url", "")) for source in bill.sources[:1]),
    ]
    event.add("description", _clean("\n".join(line for line in said if line)))
    if hearing.location:
        event.add("location", _clean(hearing.location))
    event.add("url", bill_link(public_url, bill.id))
    event.add("transp", "TRANSPARENT")
    return event


def _clean(text: str) -> str:
    """Without what XML 1.0 cannot hold, and what calendars choke on."""
    return "".join(c for c in text if c in "\n\t" or (c >= " " and c not in "\x7f\ufffe\uffff"))
