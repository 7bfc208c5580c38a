"""Digests out of what waits: whose turn it is, once each, and rendered once for equal readers."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, func, select, update

from notify.compose import compose
from notify.filters import Filter
from notify.match import plan
from notify.people import DeliveryTime, Wish, leave, remove_subscription
from notify.schedule import Frequency
from tests.notify.relay import settings_for
from tests.notify.stories import NOW, add_bill, add_change, add_hearing, add_reader
from tracker.db import reading, writing
from tracker.models import Digest, Edition, Outbox, Subscriber, Subscription

DAY = dt.timedelta(days=1)
HOUR = dt.timedelta(hours=1)
CHICAGO = DeliveryTime("America/Chicago", 7, 0)


def pass_at(engine: Engine, now: dt.datetime, regardless: bool = False, held: bool = False) -> int:
    """How many digests it makes; they leave at once, unless they are held."""
    plan(engine, now)
    made = compose(engine, settings_for(), now, regardless)
    if not held:
        with writing(engine) as connection:
            connection.execute(update(Digest).values(status="sent"))
    return len(made)


def subjects(engine: Engine) -> list[str]:
    with reading(engine) as session:
        query = select(Edition.subject).join(Digest, Digest.edition_id == Edition.id)
        return list(session.scalars(query.order_by(Digest.id)))


def test_each_is_served_at_their_hour_and_once(engine: Engine) -> None:
    add_reader(engine, "east@example.org")
    add_reader(engine, "central@example.org", clock=CHICAGO)
    add_reader(engine, "weekly@example.org", Wish(Filter(), "weekly", weekday=3))
    add_reader(engine, "now@example.org", Wish(Filter(), "immediate"))
    pass_at(engine, NOW - 2 * HOUR)
    add_change(engine, add_bill(engine), released_at=NOW - 2 * HOUR)
    made = [(h, pass_at(engine, NOW + h * HOUR)) for h in range(-1, 5 * 24)]
    at_once, east, central, thursday = (-1, 1), (0, 1), (1, 1), (48, 1)
    assert [one for one in made if one[1]] == [at_once, east, central, thursday]


def test_all_that_waits_when_asked_for(engine: Engine) -> None:
    add_reader(engine, "weekly@example.org", Wish(Filter(), "weekly", weekday=3))
    add_change(engine, add_bill(engine))
    assert pass_at(engine, NOW) == 0
    assert pass_at(engine, NOW, regardless=True) == 1
    assert pass_at(engine, NOW + 2 * DAY) == 0


def test_readers_with_equal_news_share_what_was_rendered(engine: Engine) -> None:
    for number in range(8):
        add_reader(engine, f"md{number}@example.org", Wish(Filter(states="md")))
        add_reader(engine, f"all{number}@example.org", Wish(Filter()))
    add_reader(engine, "va@example.org", Wish(Filter(states="va")))
    add_change(engine, add_bill(engine))
    assert pass_at(engine, NOW) == 16
    with reading(engine) as session:
        assert session.scalar(select(func.count()).select_from(Edition)) == 2
        assert len(set(session.scalars(select(Digest.token)))) == 16
        assert len(set(session.scalars(select(Digest.message_id)))) == 16


def test_one_digest_holds_what_several_subscriptions_found(engine: Engine) -> None:
    add_reader(engine, "a@example.org", Wish(Filter(states="md")), Wish(Filter(topics="287g")))
    add_change(engine, add_bill(engine, "md", "HB 1", topics=("jail-screening",)))
    add_change(engine, add_bill(engine, "va", "SB 2"))
    assert pass_at(engine, NOW) == 1
    assert subjects(engine)[0].endswith("1 more in Virginia")


@pytest.mark.parametrize("late", [0, 9], ids=["on time", "a pass some minutes late"])
def test_a_quiet_note_comes_every_week(engine: Engine, late: int) -> None:
    add_reader(engine, "q@example.org", Wish(Filter(), "weekly", 1, quiet_note=True), since=NOW)
    add_reader(engine, "silent@example.org", Wish(Filter(), "weekly", 1), since=NOW)
    made = [
        pass_at(engine, NOW + dt.timedelta(weeks=week, minutes=late if week == 1 else 0))
        for week in range(1, 5)
    ]
    assert made == [1, 1, 1, 1]
    assert subjects(engine)[0] == "Nothing moved since Mar 3"


@pytest.mark.parametrize(
    ("frequency", "news", "notes"),
    [
        ("monthly", False, ["10 07", "17 07", "24 07"]),
        ("monthly", True, []),
        ("immediate", False, ["10 07", "17 07", "24 07"]),
    ],
)
def test_a_quiet_note_keeps_the_readers_hour_however_often_news_may_come(
    engine: Engine, frequency: Frequency, news: bool, notes: list[str]
) -> None:
    """It is not said while something waits for the first of the month."""
    wish = Wish(Filter(), frequency, quiet_note=True)
    add_reader(engine, "q@example.org", wish, since=NOW - 3 * HOUR, clock=CHICAGO)
    if news:
        add_change(engine, add_bill(engine), released_at=NOW)
    passes = [NOW + day * DAY + h * HOUR for day in (6, 7, 8, 14, 21) for h in (-7, -1, 0, 9)]
    made = [
        f"{now.astimezone(ZoneInfo('America/Chicago')):%d %H}"
        for now in passes
        if pass_at(engine, now)
    ]
    assert made == notes


def test_news_is_better_than_a_quiet_note(engine: Engine) -> None:
    add_reader(engine, "q@example.org", Wish(Filter(), "weekly", 1, quiet_note=True), since=NOW)
    bill = add_bill(engine)
    add_change(engine, bill, released_at=NOW + 6 * DAY)
    assert pass_at(engine, NOW + 7 * DAY) == 1
    assert subjects(engine)[0].startswith("MD HB 1222")


def test_two_composers_at_once_make_each_digest_once(engine: Engine) -> None:
    for number in range(40):
        add_reader(engine, f"reader{number}@example.org")
    add_change(engine, add_bill(engine))
    plan(engine, NOW)
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(lambda _: compose(engine, settings_for(), NOW), range(3)))
    assert sum(map(len, made)) == 40
    with reading(engine) as session:
        assert len(set(session.scalars(select(Digest.subscriber_id)))) == 40


def test_who_leaves_meanwhile_waits_for_nothing_and_blocks_nobody(engine: Engine) -> None:
    """Leaving, ending a subscription and composing take their locks in one order."""
    readers = [add_reader(engine, f"reader{number}@example.org") for number in range(60)]
    for number in range(20):
        add_change(engine, add_bill(engine, "md", f"HB {number}"))
    plan(engine, NOW)
    with reading(engine) as session:
        own = {one.subscriber_id: one.id for one in session.scalars(select(Subscription))}

    def go(reader: int) -> None:
        with writing(engine) as connection:
            if reader % 2:
                leave(connection, reader)
            else:
                remove_subscription(connection, reader, own[reader], NOW)

    with ThreadPoolExecutor(5) as pool:
        made = pool.submit(compose, engine, settings_for(), NOW)
        list(pool.map(go, readers[::-1]))
        assert len(made.result()) <= 60
    with reading(engine) as session:
        waiting = select(func.count()).select_from(Outbox).where(Outbox.status == "waiting")
        assert session.scalar(waiting) == 0


@pytest.mark.parametrize(
    ("zone", "hours", "made_anew"),
    [("America/New_York", 16, 0), ("America/New_York", 17, 1), ("Pacific/Honolulu", 21, 0)],
)
def test_a_digest_held_in_the_queue_is_made_anew_when_its_day_is_over(
    engine: Engine, zone: str, hours: int, made_anew: int
) -> None:
    """It is seven in the morning in New York, two in Hawaii."""
    add_reader(engine, clock=DeliveryTime(zone, 0, 0))
    bill = add_bill(engine)
    add_hearing(engine, bill, NOW.date() + DAY)
    add_change(engine, bill, "hearing_set", "Hearing set")
    assert pass_at(engine, NOW, held=True) == 1
    assert pass_at(engine, NOW + hours * HOUR, held=True) == made_anew
    assert ["tomorrow" in subject for subject in subjects(engine)] == [not made_anew]


def test_a_quiet_note_held_in_the_queue_is_made_anew_too(engine: Engine) -> None:
    add_reader(engine, "q@example.org", Wish(Filter(), "weekly", 1, quiet_note=True), since=NOW)
    assert pass_at(engine, NOW + 7 * DAY, held=True) == 1
    assert pass_at(engine, NOW + 9 * DAY) == 1
    assert subjects(engine) == ["Nothing moved since Mar 3"]


def test_the_first_digest_waits_for_the_first_hour(engine: Engine) -> None:
    """Who subscribes at noon to a daily digest at seven hears the next morning."""
    add_reader(engine, since=NOW + DAY / 4)
    add_change(engine, add_bill(engine), released_at=NOW + DAY / 3)
    assert pass_at(engine, NOW + DAY / 2) == 0
    assert pass_at(engine, NOW + DAY) == 1
    with reading(engine) as session:
        assert session.scalars(select(Subscriber.last_digest_at)).all() == [NOW + DAY]
