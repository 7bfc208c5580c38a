"""When digests leave: every zone, every day from 2024 to 2030, both changes of the clocks."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from notify.schedule import checked_frequency, checked_timezone, next_due, timezones

UTC = dt.UTC


def dues(
    frequency: str, hour: int, minute: int, zone: str, start: dt.datetime, days: float
) -> list[dt.datetime]:
    """All due moments after ``start`` and up to so many days later, as time passes."""
    found, after = [], start
    while (due := next_due(frequency, 2, hour, minute, zone, after)) <= start + dt.timedelta(days):
        found.append(due)
        after = due
    return found


@pytest.mark.parametrize(
    ("zone", "around", "expected"),
    [
        # 2:30 does not exist on the spring day: an hour later by the new clock, once.
        ("America/New_York", dt.date(2026, 3, 8), "2026-03-08 03:30 EDT"),
        ("Europe/Berlin", dt.date(2026, 3, 29), "2026-03-29 03:30 CEST"),
        # It comes twice on the autumn day: the first one counts.
        ("America/New_York", dt.date(2026, 11, 1), "2026-11-01 02:30 EST"),
        ("America/Chicago", dt.date(2026, 11, 1), "2026-11-01 02:30 CST"),
        ("Europe/Berlin", dt.date(2026, 10, 25), "2026-10-25 02:30 CEST"),
        ("America/Phoenix", dt.date(2026, 3, 8), "2026-03-08 02:30 MST"),
    ],
)
def test_half_past_two_on_the_days_the_clocks_change(
    zone: str, around: dt.date, expected: str
) -> None:
    start = dt.datetime.combine(around, dt.time(0, 0), ZoneInfo(zone)).astimezone(UTC)
    found = dues("daily", 2, 30, zone, start, 1)
    assert [f"{due.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M %Z}" for due in found] == [expected]


def test_an_hour_that_comes_twice_counts_the_first_time() -> None:
    start = dt.datetime(2026, 11, 1, 4, 0, tzinfo=UTC)  # midnight in New York
    assert dues("daily", 1, 30, "America/New_York", start, 1) == [
        dt.datetime(2026, 11, 1, 5, 30, tzinfo=UTC)  # 1:30 EDT; 1:30 EST would be 6:30
    ]


def test_weekly_and_monthly_keep_their_day() -> None:
    tuesday = dt.datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
    assert next_due("weekly", 2, 7, 0, "America/New_York", tuesday) == dt.datetime(
        2026, 3, 4, 12, 0, tzinfo=UTC
    )
    assert next_due("weekly", 1, 7, 0, "America/New_York", tuesday) == dt.datetime(
        2026, 3, 10, 11, 0, tzinfo=UTC  # an hour earlier in UTC: summer time began on the 8th
    )  # fmt: skip
    assert next_due("monthly", 0, 23, 59, "Pacific/Kiritimati", tuesday) == dt.datetime(
        2026, 4, 1, 9, 59, tzinfo=UTC
    )


def test_immediate_is_due_now() -> None:
    now = dt.datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
    assert next_due("immediate", 0, 7, 0, "America/New_York", now) == now


NO_ZONES = ["", "Mars/Olympus", "../etc/passwd", "america/new_york", "localtime", "Factory", "\0"]


@pytest.mark.parametrize("name", NO_ZONES)
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        checked_timezone(name)


def test_what_is_no_frequency_is_refused() -> None:
    with pytest.raises(ValueError, match="known: immediate, daily, weekly, monthly"):
        checked_frequency("hourly")


moments = st.datetimes(dt.datetime(2024, 1, 1), dt.datetime(2030, 12, 20), timezones=st.just(UTC))


def exists(wall: dt.datetime, zone: ZoneInfo) -> bool:
    """Whether a clock on the wall ever shows this."""
    return wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == wall


def day_meant(shown: dt.datetime, at: dt.time) -> dt.date:
    """Whose digest this is: clocks that skip its time may skip midnight with it."""
    return shown.date() if shown.time() >= at else shown.date() - dt.timedelta(days=1)


NUUK = dt.datetime(2024, 3, 26, 1, 0, tzinfo=UTC)
"""Days before the clocks of Nuuk go from 11 in the evening to midnight."""


@settings(max_examples=400, deadline=None)
@example(zone=ZoneInfo("America/Nuuk"), start=NUUK, hour=23, minute=0)
@given(
    zone=st.sampled_from(sorted(timezones())).map(ZoneInfo),
    start=moments,
    hour=st.integers(0, 23),
    minute=st.integers(0, 59),
)
def test_each_local_day_has_its_digest_once_at_its_time(
    zone: ZoneInfo, start: dt.datetime, hour: int, minute: int
) -> None:
    days = []
    for due in dues("daily", hour, minute, zone.key, start, 5):
        shown = due.astimezone(zone).replace(tzinfo=None)
        at = dt.time(hour, minute)
        wished = dt.datetime.combine(day_meant(shown, at), at)
        assert shown == wished or (shown > wished and not exists(wished, zone))
        assert due > start
        days.append(wished.date())
    today = start.astimezone(zone).date()
    assert days[0] in (today, today + dt.timedelta(days=1))
    assert days == [days[0] + dt.timedelta(days=n) for n in range(len(days))]
    assert len(days) >= 4


@settings(max_examples=150, deadline=None)
@example(zone="America/Nuuk", start=NUUK, weekday=5, hour=23)
@given(
    zone=st.sampled_from(sorted(timezones())),
    start=moments,
    weekday=st.integers(0, 6),
    hour=st.integers(0, 23),
)
def test_weekly_falls_on_its_day_within_a_week(
    zone: str, start: dt.datetime, weekday: int, hour: int
) -> None:
    due = next_due("weekly", weekday, hour, 0, zone, start)
    assert start < due <= start + dt.timedelta(days=7, hours=3)
    shown = due.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert day_meant(shown, dt.time(hour)).weekday() == weekday
