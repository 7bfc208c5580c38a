"""What changing one's mind does to news that waits: nothing is lost, nothing unwanted leaves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, inspect, select

from notify import people, signups
from notify.addresses import BadAddress
from notify.compose import compose
from notify.deliver import run_digests
from notify.filters import Filter
from notify.match import plan
from notify.people import DeliveryTime, NotPossible, Wish
from notify.send import send
from notify.suppression import suppress
from tests.notify.relay import Inbox, at, relay, settings_for
from tests.notify.stories import NOW, add_bill, add_change, add_reader
from tracker.db import reading, writing
from tracker.models import Base, Digest, Outbox, Subscriber, Subscription, Suppression

LATER = NOW + dt.timedelta(hours=1)
ALL_AT_ONCE = Wish(Filter(), "immediate")
MARYLAND_WEEKLY = Wish(Filter(states="md"), "weekly", 2)


def waiting(engine: Engine) -> list[tuple[int | None, str, str]]:
    """(subscription, its state, what became of it) of each outbox row, by change."""
    with reading(engine) as session:
        rows = session.execute(
            select(Outbox.subscription_id, Outbox.change_id, Outbox.status).order_by(
                Outbox.change_id
            )
        )
        return [(row[0], row[1], row[2]) for row in rows]


def subscriptions(engine: Engine) -> list[Subscription]:
    with reading(engine) as session:
        return list(session.scalars(select(Subscription).order_by(Subscription.id)))


@pytest.fixture
def two_wishes(engine: Engine) -> tuple[Engine, int, int, int]:
    """A reader with two subscriptions; news of Maryland and Virginia waits by the first."""
    reader = add_reader(engine, "ann@example.org", ALL_AT_ONCE, MARYLAND_WEEKLY)
    add_change(engine, add_bill(engine, "md"))
    add_change(engine, add_bill(engine, "va"))
    plan(engine, NOW)
    all_at_once, maryland = (one.id for one in subscriptions(engine))
    assert waiting(engine) == [(all_at_once, 1, "waiting"), (all_at_once, 2, "waiting")]
    return engine, reader, all_at_once, maryland


def test_ending_one_leaves_the_news_to_the_other(two_wishes) -> None:
    engine, reader, all_at_once, maryland = two_wishes
    with writing(engine) as connection:
        assert people.remove_subscription(connection, reader, all_at_once, LATER)
    assert waiting(engine) == [(maryland, 1, "waiting"), (None, 2, "dropped")]


def test_pausing_one_leaves_the_news_to_the_other(two_wishes) -> None:
    engine, reader, all_at_once, maryland = two_wishes
    with writing(engine) as connection:
        assert people.set_mailing(connection, reader, all_at_once, False, LATER)
        assert not people.set_mailing(connection, reader, all_at_once, False, LATER)
    assert waiting(engine) == [(maryland, 1, "waiting"), (all_at_once, 2, "dropped")]
    with writing(engine) as connection:
        assert people.set_mailing(connection, reader, all_at_once, True, LATER)
    assert waiting(engine)[0] == (maryland, 1, "waiting"), "older than the resumption"


def test_narrowing_one_drops_what_is_not_wanted_any_more(two_wishes) -> None:
    engine, reader, all_at_once, maryland = two_wishes
    virginia = Wish(Filter(states="va"), "daily")
    with writing(engine) as connection:
        assert people.change_subscription(connection, reader, all_at_once, virginia, LATER)
    assert waiting(engine) == [(maryland, 1, "waiting"), (all_at_once, 2, "waiting")]
    with writing(engine) as connection:
        never = Wish(Filter(keywords=["something else"]), "daily")
        assert people.change_subscription(connection, reader, all_at_once, never, LATER)
    assert waiting(engine) == [(maryland, 1, "waiting"), (all_at_once, 2, "dropped")]


def end(engine: Engine, reader: int, one: int) -> None:
    with writing(engine) as connection:
        people.remove_subscription(connection, reader, one, LATER)


def pause(engine: Engine, reader: int, one: int) -> None:
    with writing(engine) as connection:
        people.set_mailing(connection, reader, one, False, LATER)


def follow_another(engine: Engine, reader: int, one: int) -> None:
    with writing(engine) as connection:
        other = Wish(Filter(bills=["ct:2026:SB 9"]))
        people.change_subscription(connection, reader, one, other, LATER)


@contextmanager
def in_the_queue(engine: Engine, offered: bool) -> Iterator[tuple[Inbox, Callable[[], None]]]:
    """A digest that waits to be sent, refused for now if ``offered``; what lets the others go."""
    with relay(at("mail", "451 4.3.0 later", times=int(offered))) as inbox:
        settings = settings_for(inbox)
        plan(engine, NOW)
        compose(engine, settings, NOW)
        if offered:
            send(engine, settings, clock=lambda: NOW)

        def run() -> None:
            for hours in (1, 24, 48):
                moment = NOW + dt.timedelta(hours=hours)
                run_digests(engine, settings, clock=lambda moment=moment: moment)

        yield inbox, run


@pytest.mark.parametrize("offered", [False, True])
@pytest.mark.parametrize("change", [end, pause, follow_another])
def test_a_digest_in_the_queue_that_is_not_wanted_any_more_never_leaves(
    engine: Engine, change: Callable[[Engine, int, int], None], offered: bool
) -> None:
    reader = add_reader(engine)
    add_change(engine, add_bill(engine))
    with in_the_queue(engine, offered) as (inbox, run):
        change(engine, reader, subscriptions(engine)[0].id)
        run()
    assert inbox.kept == []
    assert [status for *_, status in waiting(engine)] == ["dropped"]


@pytest.mark.parametrize("offered", [False, True])
def test_of_a_digest_in_the_queue_what_is_still_wanted_leaves_once(
    engine: Engine, offered: bool
) -> None:
    """Once it was offered it is kept as it is, with its Message-ID."""
    reader = add_reader(engine, "ann@example.org", ALL_AT_ONCE, Wish(Filter(states="md")))
    add_change(engine, add_bill(engine, "md"))
    add_change(engine, add_bill(engine, "va", "SB 2"))
    with in_the_queue(engine, offered) as (inbox, run):
        with reading(engine) as session:
            before = session.scalars(select(Digest.message_id)).one()
        end(engine, reader, subscriptions(engine)[0].id)
        run()
    assert len(inbox.kept) == 1
    text = inbox.message().get_body(("plain",)).get_content()
    assert "MD HB 1222" in text
    assert ("SB 2" in text) == offered
    assert (inbox.message_ids == [before]) == offered


def test_nobody_changes_what_is_another_readers(two_wishes) -> None:
    engine, _, all_at_once, _ = two_wishes
    stranger = add_reader(engine, "bob@example.org")
    before = subscriptions(engine)[0].__dict__
    with writing(engine) as connection:
        assert not people.remove_subscription(connection, stranger, all_at_once, LATER)
        assert not people.change_subscription(connection, stranger, all_at_once, Wish(), LATER)
        assert not people.set_mailing(connection, stranger, all_at_once, False, LATER)
    after = subscriptions(engine)[0].__dict__
    assert [before[name] for name in ("filter", "active", "frequency")] == [
        after[name] for name in ("filter", "active", "frequency")
    ]
    assert [status for *_, status in waiting(engine)] == ["waiting", "waiting"]


def test_the_same_wish_twice_is_one_subscription(engine: Engine) -> None:
    reader = add_reader(engine, "ann@example.org", Wish(Filter(topics="detainers")))
    with writing(engine) as connection:
        for topics in (
            ["DETAINERS"],
            ["detainer-holds", "notification-transfer", "jail-screening"],
        ):
            people.add_subscription(connection, reader, Wish(Filter(topics=topics)), LATER)
    assert len(subscriptions(engine)) == 1


def test_who_leaves_and_comes_back_hears_what_is_new_then(two_wishes) -> None:
    engine, reader, *_ = two_wishes
    with writing(engine) as connection:
        people.leave(connection, reader)
    assert {status for *_, status in waiting(engine)} == {"dropped"}
    with writing(engine) as connection:
        assert people.come_back(connection, reader, "asked again", LATER)
        assert not people.come_back(connection, reader, "asked again", LATER), "is back already"
    assert {one.active_since for one in subscriptions(engine)} == {LATER}
    with reading(engine) as session:
        back = session.get_one(Subscriber, reader)
    assert (back.status, back.evidence, back.confirmed_at) == ("active", "asked again", LATER)


def test_a_new_time_of_day_sets_when_each_is_due(two_wishes) -> None:
    engine, reader, *_ = two_wishes
    with writing(engine) as connection:
        people.set_clock(connection, reader, DeliveryTime("Pacific/Honolulu", 18, 30), NOW)
    at_once, weekly = subscriptions(engine)
    assert at_once.next_due_at <= NOW
    assert weekly.next_due_at == dt.datetime(2026, 3, 5, 4, 30, tzinfo=dt.UTC)  # Wednesday 18:30


def add_another(engine: Engine, reader: int, one: int) -> None:
    with writing(engine) as connection:
        people.add_subscription(connection, reader, Wish(Filter(states="va")), LATER)


def leave_later(engine: Engine, reader: int, one: int) -> None:
    with writing(engine) as connection:
        people.set_clock(connection, reader, DeliveryTime("Pacific/Honolulu", 18, 30), LATER)


def narrow(engine: Engine, reader: int, one: int) -> None:
    with writing(engine) as connection:
        maryland = Wish(Filter(states="md"), "monthly")
        people.change_subscription(connection, reader, one, maryland, LATER)


@pytest.mark.parametrize("change", [add_another, leave_later, narrow])
def test_what_is_due_already_is_mailed_whatever_the_reader_changes_before_the_next_pass(
    engine: Engine, change: Callable[[Engine, int, int], None]
) -> None:
    """A month's news, two days late."""
    wish, since = Wish(Filter(), "monthly"), NOW - dt.timedelta(days=9)
    reader = add_reader(engine, "ann@example.org", wish, since=since)
    add_change(engine, add_bill(engine))
    change(engine, reader, subscriptions(engine)[0].id)
    plan(engine, LATER)
    assert len(compose(engine, settings_for(), LATER)) == 1


def test_who_follows_one_more_bill_hears_what_moves_from_now_on_and_loses_nothing(
    engine: Engine,
) -> None:
    known = add_bill(engine, "md", "HB 1", relevant=False)
    added = add_bill(engine, "md", "HB 2", relevant=False)
    reader = add_reader(engine, "ann@example.org", Wish(Filter(bills=["md:2026:HB 1"])))
    waits = add_change(engine, known)
    add_change(engine, added, released_at=NOW - dt.timedelta(minutes=59))
    plan(engine, NOW)
    released = NOW + dt.timedelta(minutes=30)
    not_matched_yet = add_change(engine, known, summary="Signed", released_at=released)
    with writing(engine) as connection:
        both = Wish(Filter(bills=["md:2026:HB 1", "md:2026:HB 2"]))
        (one,) = connection.scalars(select(Subscription.id))
        people.change_subscription(connection, reader, one, both, LATER)
    new = add_change(engine, added, summary="Passed", released_at=LATER + dt.timedelta(minutes=1))
    plan(engine, LATER + dt.timedelta(minutes=10))
    assert waiting(engine) == [(one, id, "waiting") for id in (waits, not_matched_yet, new)]


def test_forgetting_leaves_no_trace_but_the_suppression(two_wishes) -> None:
    engine, reader, *_ = two_wishes
    with writing(engine) as connection:
        signups.ask(connection, "Ann@example.org", Wish(), DeliveryTime(), NOW)
        suppress(connection, "ann@example.org", "complaint", "", NOW)
        people.forget(connection, reader)
    with reading(engine) as session:
        for table in Base.metadata.sorted_tables:
            if {"address", "address_key", "subscriber_id"} & set(table.columns.keys()):
                left = session.execute(select(table)).all()
                assert len(left) == (1 if table.name == Suppression.__tablename__ else 0), table
    assert inspect(engine).has_table("sign_up")


@pytest.mark.parametrize(
    ("zone", "time", "why"),
    [
        ("Mars/Olympus", "7", "no time zone"),
        ("../../etc/passwd", "7", "no time zone"),
        ("", "24", "no time of day"),
        ("", "7:60", "no time of day"),
        ("", "seven", "no time of day"),
        ("", "-1", "no time of day"),
        ("", "٧", "no time of day"),
        ("", "9" * 400, "no time of day"),
    ],
)
def test_a_time_that_is_none_is_refused(zone: str, time: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        DeliveryTime.typed(zone, time)


def test_a_time_as_people_type_it() -> None:
    assert DeliveryTime.typed("", "") == DeliveryTime("America/New_York", 7, 0)
    assert DeliveryTime.typed("America/Chicago", "07:30") == DeliveryTime("America/Chicago", 7, 30)
    assert DeliveryTime("America/Chicago", 0, 5).in_words == "at 12:05 am Chicago time"


def test_who_is_known_or_suppressed_is_not_added(engine: Engine) -> None:
    add_reader(engine, "ann@example.org")
    with writing(engine) as connection:
        suppress(connection, "bob@example.org", "complaint", "", NOW)
        for address, why in (("ANN@example.org", "known"), ("Bob@Example.Org", "suppression")):
            with pytest.raises(NotPossible, match=why):
                people.add_subscriber(connection, address, NOW, evidence="test", confirmed_at=NOW)
        with pytest.raises(BadAddress):
            people.add_subscriber(
                connection, "ann@example.org\nBcc: x@y.zz", NOW, evidence="test", confirmed_at=NOW
            )
