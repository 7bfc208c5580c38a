"""The same news as a feed (Atom, RFC 4287) and hearings as a calendar (iCalendar, RFC 5545).

Both are functions of stored rows alone: the same rows give the same bytes, so that a reader's
conditional request is answered with 304 until something moves.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from icalendar import Calendar, Event
from lxml import etree
from lxml.builder import ElementMaker

from notify.hearing_times import starts_at
from tracker.models import Bill, Change, Hearing
from tracker.states import jurisdiction

ATOM = "http://www.w3.org/2005/Atom"
EPOCH = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_E = ElementMaker(namespace=ATOM, nsmap={None: ATOM})


def atom(title: str, self_url: str, public_url: str, news: Sequence[tuple[Change, Bill]]) -> bytes:
    """``news`` newest first; each entry keeps its id for good, wherever the pages move."""
    newest = max((change.released_at or change.detected_at for change, _ in news), default=EPOCH)
    feed = _E.feed(
        _E.id(self_url),
        _E.title(_clean(title)),
        _E.updated(newest.isoformat()),
        _E.author(_E.name("billtracker")),
        _E.link(rel="self", type="application/atom+xml", href=self_url),
        _E.link(rel="alternate", type="text/html", href=public_url),
        *(_entry(change, bill, public_url) for change, bill in news),
    )
    return etree.tostring(feed, xml_declaration=True, encoding="utf-8", pretty_print=True)


def _entry(change: Change, bill: Bill, public_url: str) -> etree._Element:
    published = (change.released_at or change.detected_at).isoformat()
    lines = [change.summary, bill.title]
    if change.occurred_on:
        lines.append(f"Dated {change.occurred_on.isoformat()} by the legislature.")
    entry = _E.entry(
        _E.id(f"tag:{urlsplit(public_url).hostname},2026:change:{change.id}"),
        _E.title(_clean(f"{bill_name(bill)}: {change.summary}")),
        _E.published(published),
        _E.updated(published),
        _E.link(rel="alternate", type="text/html", href=bill_url(bill, public_url)),
        _E.category(term=change.kind),
        _E.content(_clean("\n\n".join(line for line in lines if line)), type="text"),
    )
    for source in bill.sources[:1]:
        entry.append(_E.link(rel="via", href=_clean(str(source.get("url", "")))))
    return entry


def calendar(title: str, public_url: str, hearings: Iterable[tuple[Hearing, Bill]]) -> bytes:
    """A cancelled or withdrawn hearing stays in it as cancelled, so that calendars strike it."""
    made = Calendar()
    made.add("prodid", "-//billtracker//hearings//EN")
    made.add("version", "2.0")
    made.add("x-wr-calname", _clean(title))
    made.add("refresh-interval", dt.timedelta(hours=1), parameters={"VALUE": "DURATION"})
    for hearing, bill in hearings:
        if hearing.date is not None:
            made.add_component(_event(hearing, hearing.date, bill, public_url))
    return made.to_ical()


def _event(hearing: Hearing, date: dt.date, bill: Bill, public_url: str) -> Event:
    event = Event()
    event.add("uid", f"hearing-{hearing.id}@{urlsplit(public_url).hostname}")
    event.add("dtstamp", bill.changed_at)
    starts = starts_at(date, hearing.time_text, jurisdiction(bill.jurisdiction).timezone)
    event.add("dtstart", date if starts is None else starts.astimezone(dt.UTC))
    gone = hearing.cancelled or hearing.removed_at is not None
    event.add("status", "CANCELLED" if gone else "CONFIRMED")
    committee = hearing.committee or "hearing"
    event.add("summary", _clean(f"{'Cancelled: ' if gone else ''}{bill_name(bill)}, {committee}"))
    said = [
        bill.title,
        f"Time as printed: {hearing.time_text}" if hearing.time_text else "",
        hearing.description,
        *(str(source.get("url", "")) for source in bill.sources[:1]),
    ]
    event.add("description", _clean("\n".join(line for line in said if line)))
    if hearing.location:
        event.add("location", _clean(hearing.location))
    event.add("url", bill_url(bill, public_url))
    event.add("transp", "TRANSPARENT")
    return event


def _clean(text: str) -> str:
    """Without what XML 1.0 cannot hold, and what calendars choke on."""
    return "".join(c for c in text if c in "\n\t" or (c >= " " and c not in "\x7f\ufffe\uffff"))
