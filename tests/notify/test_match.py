"""Who gets which change: over real tables, and filters against the plain definition."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select, update

from notify.facts import Facts
from notify.filters import STANCES, Filter
from notify.kinds import KINDS
from notify.match import ChangeIndex, Planned, plan, why_not
from notify.people import Wish, change_subscription, leave
from tests.notify.stories import EARLIER, NOW, add_bill, add_change, add_reader, judge
from tracker.db import reading, writing
from tracker.models import Change, News, Outbox, Subscription, Verdict
from tracker.stages import STAGES
from tracker.topics import CHOICES


def outbox(engine: Engine) -> list[tuple[int, int, str]]:
    with reading(engine) as session:
        rows = session.execute(
            select(Outbox.subscriber_id, Outbox.change_id, Outbox.status).order_by(
                Outbox.subscriber_id, Outbox.change_id
            )
        )
        return [(row[0], row[1], row[2]) for row in rows]


def test_a_released_change_reaches_those_who_asked_and_once(engine: Engine) -> None:
    maryland = add_bill(engine, "md")
    virginia = add_bill(engine, "va", "SB 10", topics=("detainer-holds",), stance="expands")
    everyone = add_reader(engine, "all@example.org")
    marylander = add_reader(engine, "md@example.org", Wish(Filter(states="md")))
    detainers = add_reader(engine, "d@example.org", Wish(Filter(topics="detainers")))
    first, second = add_change(engine, maryland), add_change(engine, virginia)
    assert plan(engine, NOW) == Planned(2, 4)
    assert outbox(engine) == [
        (everyone, first, "waiting"),
        (everyone, second, "waiting"),
        (marylander, first, "waiting"),
        (detainers, second, "waiting"),
    ]
    assert plan(engine, NOW) == Planned(0, 0)


@pytest.mark.parametrize("status", ["held", "baseline", "discarded", "retracted"])
def test_what_is_not_released_never_gets_out(engine: Engine, status: str) -> None:
    add_change(engine, add_bill(engine), status=status)
    add_reader(engine)
    assert plan(engine, NOW) == Planned(0, 0)


def test_a_run_released_late_is_not_passed_over(engine: Engine) -> None:
    """Its changes have lower numbers than what went out meanwhile."""
    bill, reader = add_bill(engine), add_reader(engine)
    held = add_change(engine, bill, status="held")
    released = add_change(engine, bill, "vote", "Vote: 99-38")
    assert plan(engine, NOW).changes == 1
    with writing(engine) as connection:
        connection.execute(
            update(Change).where(Change.id == held).values(status="released", released_at=NOW)
        )
    assert plan(engine, NOW + dt.timedelta(hours=1)).changes == 1
    assert outbox(engine) == [(reader, held, "waiting"), (reader, released, "waiting")]


def test_only_relevant_bills_unless_followed_by_name(engine: Engine) -> None:
    bill = add_bill(engine, "md", "HB 7", relevant=False, topics=(), stance=None)
    add_reader(engine, "all@example.org")
    follower = add_reader(engine, "f@example.org", Wish(Filter(bills="md:2026:HB 7")))
    change = add_change(engine, bill)
    assert plan(engine, NOW) == Planned(1, 1)
    assert outbox(engine) == [(follower, change, "waiting")]


def test_a_bill_judged_relevant_later_brings_its_recent_news(engine: Engine) -> None:
    bill = add_bill(engine, relevant=False)
    reader = add_reader(engine)
    change = add_change(engine, bill)
    assert plan(engine, NOW) == Planned(0, 0)
    with writing(engine) as connection:
        connection.execute(update(Verdict).values(relevant=True))
    plan(engine, NOW + dt.timedelta(days=3))
    assert outbox(engine) == [(reader, change, "waiting")]


@pytest.mark.parametrize(
    ("was", "wish"),
    [
        ({"relevant": False, "topics": (), "stance": None}, Filter()),
        ({"topics": ("jail-screening",)}, Filter(topics=["287g"])),
        ({"stance": "neutral"}, Filter(stances=["limits"])),
    ],
    ids=["relevant", "topic", "stance"],
)
def test_news_already_matched_reaches_those_who_care_for_how_its_bill_is_judged_now(
    engine: Engine, was: dict[str, Any], wish: Filter
) -> None:
    """That one reader follows the bill by name takes it from nobody else."""
    bill = add_bill(engine, "md", "HB 7", **was)
    follower = add_reader(engine, "f@example.org", Wish(Filter(bills=["md:2026:HB 7"])))
    reader = add_reader(engine, "all@example.org", Wish(wish))
    add_reader(engine, "later@example.org", Wish(wish), since=NOW)
    gone = add_reader(engine, "gone@example.org", Wish(wish))
    change = add_change(engine, bill)
    assert plan(engine, NOW) == Planned(1, 1)
    with writing(engine) as connection:
        leave(connection, gone)
        judge(connection, bill, relevant=True, topics=["287g"], stance="limits")
    assert plan(engine, NOW + dt.timedelta(days=3)) == Planned(1, 1)
    assert plan(engine, NOW + dt.timedelta(days=3)) == Planned(0, 0)
    assert outbox(engine) == [(follower, change, "waiting"), (reader, change, "waiting")]
    with reading(engine) as session:
        assert session.get_one(News, change).snapshot["topics"] == ["287g"]


def test_a_wider_filter_does_not_bring_back_old_news_when_a_bill_is_judged_anew(
    engine: Engine,
) -> None:
    bill = add_bill(engine, "md", stance="neutral")
    reader = add_reader(engine, "va@example.org", Wish(Filter(states=["va"])))
    add_change(engine, bill)
    plan(engine, NOW)
    with writing(engine) as connection:
        (only,) = connection.scalars(select(Subscription.id))
        change_subscription(connection, reader, only, Wish(), NOW)
        judge(connection, bill, relevant=True, topics=["287g"], stance="limits")
    assert plan(engine, NOW + dt.timedelta(days=3)) == Planned(1, 0)


def test_news_from_before_the_subscription_is_not_sent(engine: Engine) -> None:
    add_change(engine, add_bill(engine), released_at=EARLIER - dt.timedelta(hours=1))
    add_reader(engine)
    assert plan(engine, NOW) == Planned(1, 0)


def test_those_who_left_or_paused_get_nothing(engine: Engine) -> None:
    gone, paused = add_reader(engine, "gone@example.org"), add_reader(engine, "p@example.org")
    with writing(engine) as connection:
        leave(connection, gone)
        connection.execute(
            update(Subscription).where(Subscription.subscriber_id == paused).values(active=False)
        )
    add_change(engine, add_bill(engine))
    assert plan(engine, NOW).rows == 0


def test_the_most_frequent_of_two_subscriptions_delivers(engine: Engine) -> None:
    monthly, daily = Wish(Filter(), "monthly"), Wish(Filter(states="md"), "daily")
    add_reader(engine, "ann@example.org", monthly, daily)
    add_change(engine, add_bill(engine))
    assert plan(engine, NOW).rows == 1
    with reading(engine) as session:
        frequency = session.scalar(
            select(Subscription.frequency).join(Outbox, Outbox.subscription_id == Subscription.id)
        )
    assert frequency == "daily"


def test_two_planners_at_once_make_each_row_once(engine: Engine) -> None:
    bill = add_bill(engine)
    for number in range(40):
        add_change(engine, bill, summary=f"Action {number}")
    for number in range(20):
        add_reader(engine, f"reader{number}@example.org")
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: plan(engine, NOW), range(2)))
    assert sum(planned.rows for planned in both) == len(outbox(engine)) == 800
    assert sum(planned.changes for planned in both) == 40


def test_the_snapshot_keeps_what_was_true(engine: Engine) -> None:
    bill, _ = add_bill(engine, stage="passed-first-chamber"), add_reader(engine)
    change = add_change(engine, bill)
    plan(engine, NOW)
    with writing(engine) as connection:
        connection.execute(update(Change).values(summary="something else"))
    with reading(engine) as session:
        kept = session.get_one(News, change).snapshot
    assert kept["summary"] == "Third Reading Passed (99-38)"
    assert (kept["identifier"], kept["stage"]) == ("HB 1222", "passed-first-chamber")


WORDS = ("ice", "287(g) agreements", "rivera", "public safety", "o'neill")
SESSION = ("md:2026:HB 1", "va:2026:SB 2")


def some(values: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), max_size=2)


filters = st.builds(
    Filter,
    states=some(("md", "va", "us")),
    topics=some(CHOICES),
    stances=some(STANCES),
    stages=some(tuple(stage.slug for stage in STAGES[:4])),
    kinds=some(tuple(KINDS)[:4]),
    keywords=some(WORDS),
    bills=some(SESSION),
    sponsors=some(WORDS),
    committees=some(WORDS),
)
texts = st.lists(st.sampled_from((*WORDS, "justice", "police")), max_size=3).map(" ".join)
facts = st.builds(
    Facts,
    change_id=st.integers(1, 99),
    released_at=st.just(NOW),
    state=st.sampled_from(("md", "va", "us")),
    bill=st.sampled_from((*SESSION, "us:119:HR 3")),
    relevant=st.booleans(),
    topics=st.frozensets(st.sampled_from(CHOICES), max_size=3),
    stances=st.frozensets(st.sampled_from(STANCES), max_size=2),
    stage=st.sampled_from(("", *(stage.slug for stage in STAGES[:4]))),
    kind=st.sampled_from(tuple(KINDS)[:4]),
    words=texts,
    sponsors=texts,
    committees=texts,
)


@settings(max_examples=300, deadline=None)
@given(chosen=filters, changes=st.lists(facts, max_size=12))
def test_the_index_finds_what_the_plain_definition_allows(
    chosen: Filter, changes: list[Facts]
) -> None:
    expected = [fact for fact in changes if not why_not(chosen, fact)]
    assert ChangeIndex(changes).matching(chosen) == expected


def test_phrases_match_whole_words() -> None:
    justice, ice = (
        Facts(
            change_id=1,
            released_at=NOW,
            state="md",
            bill="md:2026:HB 1",
            relevant=True,
            topics=frozenset(),
            stances=frozenset(),
            stage="",
            kind="action",
            words=words,
            sponsors="",
            committees="",
        )
        for words in ("the office of justice", "agreements with ice, and others")
    )
    wanted = Filter(keywords="ICE")
    assert ChangeIndex([justice, ice]).matching(wanted) == [ice]
    assert "none of: ice" in why_not(wanted, justice)
