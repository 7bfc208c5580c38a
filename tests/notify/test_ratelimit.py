from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, func, select

from notify.ratelimit import Limit, visitor, within
from tracker.db import reading, writing
from tracker.models import RateCount

NOW = dt.datetime(2026, 3, 3, 12, 0, tzinfo=dt.UTC)
THREE = Limit("address", 3, dt.timedelta(hours=1))


def ask(engine: Engine, key: str = "ann@example.org", at: dt.datetime = NOW) -> bool:
    with writing(engine) as connection:
        return within(connection, THREE, key, "secret", at)


def test_so_often_and_no_more_until_the_hour_is_over(engine: Engine) -> None:
    assert [ask(engine) for _ in range(5)] == [True, True, True, False, False]
    assert ask(engine, "bob@example.org")
    assert not ask(engine, at=NOW + dt.timedelta(minutes=59))
    assert ask(engine, at=NOW + dt.timedelta(minutes=60))


def test_many_at_once_are_all_counted(engine: Engine) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _: ask(engine), range(20))) == 3


def test_the_table_tells_nobody_who_asked_and_does_not_grow(engine: Engine) -> None:
    ask(engine)
    with reading(engine) as session:
        assert "ann" not in session.scalars(select(RateCount.key_hash)).one()
    ask(engine, "bob@example.org", NOW + dt.timedelta(hours=2))
    with reading(engine) as session:
        assert session.scalar(select(func.count()).select_from(RateCount)) == 1


@pytest.mark.parametrize(
    ("host", "known_as"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("testclient", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_one_visitor_per_household(host: str | None, known_as: str) -> None:
    assert visitor(host) == known_as
