"""Readers whom an edit of the rules would have reached."""

from __future__ import annotations

from sqlalchemy import Engine

from notify.filters import Filter
from notify.people import Wish
from notify.reach import readers_reached
from tests.notify.stories import NOW, add_bill, add_change, add_reader
from tracker.rejudge import Moved, Side

OFF = Side("off", None, ())
EXPANDS = Side("relevant", "expands", (("287g", "expands"),))
LIMITS = Side("relevant", "limits", (("287g", "limits"),))
TWO_TOPICS = Side("relevant", "limits", (("287g", "limits"), ("data-brokers", "limits")))


def test_readers_are_counted_who_hear_only_by_the_new_verdict(engine: Engine) -> None:
    bill = add_bill(engine)
    add_change(engine, bill)
    add_reader(engine, "all@example.org")
    add_reader(engine, "limits@example.org", Wish(Filter(stances="limits")))
    add_reader(engine, "both@example.org", Wish(Filter(topics="287g,data-brokers")))
    add_reader(engine, "brokers@example.org", Wish(Filter(topics="data-brokers")))
    add_reader(engine, "virginia@example.org", Wish(Filter(states="va")))

    def reached(before: Side | None, now: Side) -> int:
        return readers_reached(engine, [Moved(bill, "md", "HB 1", "An Act", before, now)], NOW)

    assert reached(None, EXPANDS) == reached(OFF, EXPANDS) == 2
    assert reached(EXPANDS, LIMITS) == 1
    assert reached(LIMITS, TWO_TOPICS) == 1
    assert reached(LIMITS, EXPANDS) == reached(TWO_TOPICS, OFF) == 0
