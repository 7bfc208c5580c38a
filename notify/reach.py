"""How many readers a change of the rules would have reached."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Engine, func, select

from notify.match import KEPT_FOR, ChangeIndex, distinct_filters
from notify.snapshot import describe
from tracker.db import reading
from tracker.models import Change, Subscriber, Subscription
from tracker.rejudge import Side


def readers_reached(engine: Engine, verdicts: Mapping[int, Side], now: dt.datetime) -> int:
    """Readers whose filters fit what these bills (by id) did of late, were they judged so."""
    with reading(engine) as session:
        recent = session.scalars(
            select(Change.id).where(
                Change.bill_id.in_(verdicts),
                Change.status == "released",
                Change.released_at >= now - KEPT_FOR,
            )
        ).all()
        as_judged = []
        for one in describe(session, recent, now.date()):
            side = verdicts[one.snapshot.bill_id]
            stances = (side.stance, *(stance for _, stance in side.topics))
            as_judged.append(
                replace(
                    one.facts,
                    relevant=side.relevant,
                    topics=frozenset(topic for topic, _ in side.topics),
                    stances=frozenset(stance for stance in stances if stance),
                )
            )
        index = ChangeIndex(as_judged)
        fitting = [
            key for key, chosen in distinct_filters(session).items() if index.matching(chosen)
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
