"""Hearings set, moved and cancelled, as readers would say it. Today is Monday, 2 March 2026."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.tracker.crawls import changes, crawl, everything, light, page
from tracker.items import BillItem, HearingItem


def hearing(
    date: str | None = "03-09", time_text: str = "1:00 p.m.", location: str = "", **stated: Any
) -> HearingItem:
    on = dt.date.fromisoformat(f"2026-{date}") if date else None
    named = {"committee": "Judiciary", **stated}
    return HearingItem(date=on, time_text=time_text, location=location, **named)


def heard(*hearings: HearingItem) -> BillItem:
    return page(hearings=hearings)


def news(engine: Engine, *pages: BillItem, begin: float = 0) -> list[list[str]]:
    """Summaries that each print of the page brought, a day apart from 2 March on."""
    found = []
    for day, stated in enumerate(pages):
        run = crawl(engine, stated, day=begin + day)
        found.append([c.summary for c in changes(engine, run=run.id)])
    return found


def test_set_moved_and_cancelled(engine: Engine) -> None:
    assert news(
        engine,
        heard(),
        heard(hearing()),
        heard(hearing(time_text="1:00 PM")),
        heard(hearing("03-10", time_text="9:00 a.m.", location="Room 101")),
        heard(),
    )[1:] == [
        ["Hearing: Judiciary, Mon Mar 9, 1:00 p.m."],
        [],
        ["Hearing moved: Judiciary, Tue Mar 10, 9:00 a.m., Room 101 (was Mon Mar 9, 1:00 PM)"],
        ["Hearing cancelled: Judiciary, Tue Mar 10, 9:00 a.m., Room 101"],
    ]
    moved = changes(engine, "hearing_moved")[0]
    assert moved.before == {
        "committee": "Judiciary", "date": "2026-03-09", "time": "1:00 PM", "location": "",
    }  # fmt: skip
    assert str(moved.occurred_on) == "2026-03-10"


def test_one_that_was_held_leaves_the_page_and_is_not_cancelled(engine: Engine) -> None:
    assert news(engine, heard(hearing("03-03")), heard(hearing("03-03")), heard(), heard())[1:] == [
        [],
        [],
        [],
    ]
    assert everything(engine)["hearings"][0]["removed_at"] is None


def test_the_day_is_that_of_the_legislature(engine: Engine) -> None:
    """8 p.m. in Annapolis on the day before is the next day already in Greenwich."""
    crawl(engine, heard(hearing("03-03")))
    run = crawl(engine, heard(), day=8 / 24)
    assert [c.kind for c in changes(engine, run=run.id)] == ["hearing_cancelled"]


def test_marked_as_cancelled_and_set_again(engine: Engine) -> None:
    assert news(
        engine,
        heard(hearing()),
        heard(hearing(cancelled=True)),
        heard(hearing(cancelled=True)),
        heard(hearing()),
    )[1:] == [
        ["Hearing cancelled: Judiciary, Mon Mar 9, 1:00 p.m."],
        [],
        ["Hearing: Judiciary, Mon Mar 9, 1:00 p.m."],
    ]


def test_a_second_hearing_of_the_same_committee_is_another(engine: Engine) -> None:
    later = hearing("03-16", time_text="2:00 p.m.")
    assert news(engine, heard(hearing()), heard(hearing(), later))[1] == [
        "Hearing: Judiciary, Mon Mar 16, 2:00 p.m."
    ]


def test_a_numbered_meeting_may_change_everything_else(engine: Engine) -> None:
    moved = hearing("03-20", committee="Judiciary Committee", source_id="m7")
    assert news(engine, heard(hearing(source_id="m7")), heard(moved))[1] == [
        "Hearing moved: Judiciary Committee, Fri Mar 20, 1:00 p.m. (was Mon Mar 9, 1:00 p.m.)"
    ]


def test_a_date_that_arrives_is_a_hearing_set(engine: Engine) -> None:
    waits = hearing(None, time_text="", date_text="TBA")
    assert news(engine, heard(), heard(waits), heard(hearing(time_text="")), begin=0)[1:] == [
        ["Hearing: Judiciary, TBA"],
        ["Hearing: Judiciary, Mon Mar 9"],
    ]


def test_one_without_date_that_goes_is_not_called_cancelled(engine: Engine) -> None:
    assert news(engine, heard(hearing(None, time_text="", date_text="TBA")), heard())[1] == []


def test_what_is_over_is_kept_and_no_news(engine: Engine) -> None:
    over, corrected = hearing("02-20", location="Room 1"), hearing("02-20", location="Room 2")
    assert news(engine, heard(), heard(over), heard(corrected), heard(hearing("02-21")))[1:] == [
        [],
        [],
        [],
    ]
    assert everything(engine)["hearings"][0]["location"] == "Room 2"


@pytest.mark.parametrize(("date", "told"), [("03-09", 1), ("03-03", 1), ("03-02", 0), (None, 0)])
def test_on_a_bills_first_page_only_a_hearing_to_come_is_news(
    engine: Engine, date: str | None, told: int
) -> None:
    crawl(engine, light())
    run = crawl(engine, heard(hearing(date)), day=1)
    assert len(changes(engine, "hearing_set", run=run.id)) == told


def test_back_and_forth_is_told_each_time_but_once_a_day(engine: Engine) -> None:
    crawl(engine, heard(hearing("03-09")))
    for hour, date in enumerate(("03-10", "03-09", "03-10", "03-09"), 1):
        crawl(engine, heard(hearing(date)), day=hour / 24)
    assert len(changes(engine, "hearing_moved")) == 2
    crawl(engine, heard(hearing("03-10")), day=1)
    assert len(changes(engine, "hearing_moved")) == 3
