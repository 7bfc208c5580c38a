"""Feeds and calendars hold what was asked for, and stay readable whatever a legislature printed."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar
from lxml import etree
from sqlalchemy import Engine, insert

from notify.feeds import atom, calendar
from notify.filters import Filter
from notify.recent import PAGE, recent_changes
from tests.notify.stories import add_bill, add_change
from tracker.db import reading, writing
from tracker.models import Bill, Change, Hearing

NOW = dt.datetime(2026, 3, 3, 12, 0, tzinfo=dt.UTC)
printed = st.text(max_size=60)


def bill(title: str, url: str = "https://legislature.example/1") -> Bill:
    return Bill(id=1, jurisdiction="md", identifier_key="HB 1", title=title, changed_at=NOW,
                sources=[{"url": url, "note": ""}])  # fmt: skip


@given(summary=printed, title=printed, url=printed)
def test_any_words_make_a_feed(summary: str, title: str, url: str) -> None:
    change = Change(id=7, kind="action", summary=summary, detected_at=NOW, occurred_on=None)
    news = [(change, bill(title, url))]
    body = atom(title, 3, "https://x.example/f.atom", "https://x.example", news)
    root = etree.fromstring(body)
    assert len(root) == 7
    assert body == atom(title, 3, "https://x.example/f.atom", "https://x.example", news)


@pytest.mark.parametrize(
    ("kind", "dated"),
    [("action", "Dated Mar 9, 2026 by the legislature."), ("hearing_set", None)],
)
def test_an_entry_says_when_unless_its_words_do(kind: str, dated: str | None) -> None:
    on = dt.date(2026, 3, 9)
    change = Change(id=7, kind=kind, summary="Words", detected_at=NOW, occurred_on=on)
    body = atom("", 3, "https://x.example/f", "https://x.example", [(change, bill("Detainers"))])
    (content,) = etree.fromstring(body).xpath("//*[local-name() = 'content']/text()")
    assert content.split("\n\n") == ["Words", "Detainers", *filter(None, [dated])]


@given(committee=printed, where=printed, time_text=printed, title=printed)
def test_any_words_make_a_calendar(committee: str, where: str, time_text: str, title: str) -> None:
    hearing = Hearing(id=5, committee=committee, date=NOW.date(), time_text=time_text,
                      location=where, description=title, cancelled=False)  # fmt: skip
    body = calendar(title, "https://x.example", [(hearing, bill(title))])
    (event,) = Calendar.from_ical(body).walk("VEVENT")
    assert event["uid"] == "hearing-5@x.example"
    assert all(len(line) <= 75 for line in body.split(b"\r\n"))
    assert body == calendar(title, "https://x.example", [(hearing, bill(title))])


@pytest.mark.parametrize(
    "chosen",
    [
        Filter(topics=["287g"]),
        Filter(stances=["limits"]),
        Filter(keywords=["agreements"]),
        Filter(sponsors=["rivera"]),
    ],
)
def test_a_feed_finds_what_moved_before_a_flood_of_other_news(
    engine: Engine, chosen: Filter
) -> None:
    """A thousand changes in one night, say after a crawl was held."""
    wanted = add_change(engine, add_bill(engine, sponsors=["Rivera"]))
    flood = add_bill(engine, "md", "HB 2", title="Jails", topics=["holds"], stance="expands")
    usual = {"bill_id": flood, "kind": "action", "status": "released", "stage": "", "summary": "x"}
    with writing(engine) as connection:
        connection.execute(
            insert(Change),
            [
                {**usual, "key": f"{n}", "detected_at": NOW, "released_at": NOW}
                for n in range(2 * PAGE)
            ],
        )
    with reading(engine) as session:
        assert [change.id for change, _ in recent_changes(session, chosen)] == [wanted]
