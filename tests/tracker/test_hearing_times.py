from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.hearing_times import day_and_time, starts_at

DAY = dt.date(2026, 3, 4)


@pytest.mark.parametrize(
    ("printed", "clock"),
    [
        ("1:00 p.m.", "13:00"),
        ("1 PM", "13:00"),
        ("01:00PM", "13:00"),
        ("12:00 p.m.", "12:00"),
        ("12:15 a.m.", "00:15"),
        ("8:30 a.m. or upon adjournment", "08:30"),
        ("10 am - 12 pm", "10:00"),
        ("Noon", "12:00"),
        ("13:30", "13:30"),
        ("09:00:00", "09:00"),
        ("1:00 p. m.", "13:00"),
    ],
)
def test_printed_times(printed: str, clock: str) -> None:
    found = starts_at(DAY, printed, "America/New_York")
    assert found is not None
    assert found.strftime("%Y-%m-%d %H:%M %Z") == f"2026-03-04 {clock} EST"


@pytest.mark.parametrize(
    "printed",
    [
        "",
        "TBD",
        "Upon adjournment",
        "1:30",
        "30 minutes after session",
        "25:00",
        "13 p.m.",
        "8:75 am",
    ],
)
def test_no_time_is_made_up(printed: str) -> None:
    assert starts_at(DAY, printed, "America/New_York") is None


@pytest.mark.parametrize(
    ("date", "printed", "said"),
    [
        (DAY, "13:00", "Wed Mar 4, 1:00 p.m."),
        (DAY, "09:30:00", "Wed Mar 4, 9:30 a.m."),
        (DAY, "12:05", "Wed Mar 4, 12:05 p.m."),
        (DAY, "8:00 AM", "Wed Mar 4, 8:00 AM"),
        (DAY, "13:00 or upon adjournment", "Wed Mar 4, 13:00 or upon adjournment"),
        (dt.date(2027, 1, 12), "", "Tue Jan 12, 2027"),
    ],
)
def test_a_moment_as_people_say_it(date: dt.date, printed: str, said: str) -> None:
    assert day_and_time(date, printed, DAY) == said


@given(st.text(max_size=30))
def test_any_words_are_read(printed: str) -> None:
    starts_at(DAY, printed, "America/Denver")
