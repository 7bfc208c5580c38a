"""How many readers a change of the rules would have reached."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Engine, func, select

from notify.facts import Facts, facts_of
from notify.match import KEPT_FOR, ChangeIndex, distinct_filters
from tracker.db import reading
from tracker.models import Change, Subscriber, Subscription
from tracker.rejudge import Moved, Side

NEVER_JUDGED = Side("off", None, ())


def readers_reached(engine: Engine, moved: Iterable[Moved], now: dt.datetime) -> int:
    """Readers with filters that fit what these bills did of late only as they are judged now."""
    bills = {one.bill_id: one for one in moved}
    with reading(engine) as session:
        recent = {
            row.id: bills[row.bill_id]
            for row in session.execute(
                select(Change.id, Change.bill_id).where(
                    Change.bill_id.in_(bills),
                    Change.status == "released",
                    Change.released_at >= now - KEPT_FOR,
                )
            )
        }
        facts = facts_of(session, list(recent))
        before = ChangeIndex(
            [_judged(one, recent[one.change_id].before or NEVER_JUDGED) for one in facts]
        )
        after = ChangeIndex([_judged(one, recent[one.change_id].now) for one in facts])
        fitting = [
            key
            for key, chosen in distinct_filters(session).items()
            if not _changes(after.matching(chosen)) <= _changes(before.matching(chosen))
        ]
        readers = (
            select(func.count(Subscription.subscriber_id.distinct()))
            .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
            .where(
                Subscription.filter_hash.in_(fitting),
                Subscription.active,
                Subscriber.status == "active",
            )
        )
        return session.scalar(readers) or 0


def _changes(facts: Iterable[Facts]) -> set[int]:
    return {one.change_id for one in facts}


def _judged(facts: Facts, side: Side) -> Facts:
    stances = (side.stance, *(stance for _, stance in side.topics))
    return replace(
        facts,
        relevant=side.relevant,
        topics=frozenset(topic for topic, _ in side.topics),
        stances=frozenset(stance for stance in stances if stance),
    )
