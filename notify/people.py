"""Readers and what they asked for, written down; pages, commands and imports all come here."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select, update
from sqlalchemy.orm import Session

from notify.addresses import address_key, checked_address
from notify.dissolve import cancel, dissolve_untried
from notify.facts import facts_of
from notify.filters import Filter, filter_hash, stored
from notify.match import ChangeIndex
from notify.schedule import (
    FREQUENCIES,
    Frequency,
    checked_frequency,
    checked_timezone,
    in_words,
    next_due,
    time_in_words,
)
from notify.suppression import is_suppressed
from notify.tokens import random_token
from tracker.models import Digest, News, Notice, Outbox, SignUp, Subscriber, Subscription


class NotPossible(ValueError):
    """The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One subscription as asked for; ``weekday`` (Monday = 0) counts for weekly ones."""

    filter: Filter = field(default_factory=Filter)
    frequency: Frequency = "daily"
    weekday: int = 0
    quiet_note: bool = False

    @classmethod
    def of(cls, row: Any) -> Wish:
        """As a Subscription, a SignUp or a row of them holds it."""
        chosen = Filter.model_validate(row.filter)
        return cls(chosen, checked_frequency(row.frequency), row.weekday, row.quiet_note)

    def often(self, clock: DeliveryTime) -> str:
        """``every Monday at 7:30 am Chicago time``."""
        said = in_words(self.frequency, self.weekday, clock.in_words)
        return f"{said}, and a note each week that nothing moved" if self.quiet_note else said


@dataclass(frozen=True, slots=True)
class DeliveryTime:
    """When a reader's digests leave."""

    timezone: str = "America/New_York"
    hour: int = 7
    minute: int = 0

    def __post_init__(self) -> None:
        checked_timezone(self.timezone)
        if not (0 <= self.hour < 24 and 0 <= self.minute < 60):
            raise ValueError(f"no time of day {self.hour}:{self.minute:02}")

    @classmethod
    def of(cls, row: Any) -> DeliveryTime:
        """As a Subscriber, a SignUp or a row of them holds it."""
        return cls(row.timezone, row.hour, row.minute)

    @property
    def in_words(self) -> str:
        """``at 7:30 am New York time``."""
        place = self.timezone.rpartition("/")[2].replace("_", " ")
        return f"at {time_in_words(dt.time(self.hour, self.minute))} {place} time"

    @classmethod
    def typed(cls, timezone: str, time: str) -> DeliveryTime:
        """As people write it: ``7``, ``7:30``; empty for the usual."""
        usual = cls()
        found = re.fullmatch(r"(\d{1,2})(?::(\d{2}))?", time or f"{usual.hour}", re.ASCII)
        if found is None:
            raise ValueError(f"no time of day {time[:20]!r}; write it like 7 or 7:30")
        return cls(timezone or usual.timezone, int(found[1]), int(found[2] or 0))


def find_subscriber(connection: Connection, address: str) -> int | None:
    """By address in any spelling. Raises ``BadAddress``."""
    key = address_key(checked_address(address))
    return connection.execute(
        select(Subscriber.id).where(Subscriber.address_key == key)
    ).scalar_one_or_none()


def add_subscriber(
    connection: Connection,
    address: str,
    now: dt.datetime,
    *,
    evidence: str,
    confirmed_at: dt.datetime | None,
    clock: DeliveryTime | None = None,
) -> int:
    """A new reader's id; ``confirmed_at`` and ``evidence`` say when and how they asked, if known.

    Raises ``BadAddress``, or :class:`NotPossible` for one known already or suppressed.
    """
    address = checked_address(address)
    key = address_key(address)
    if is_suppressed(connection, key):
        raise NotPossible(f"{address} is on the suppression list; we must not mail it")
    if find_subscriber(connection, address) is not None:
        raise NotPossible(f"{address} is known already")
    clock = clock or DeliveryTime()
    made = connection.execute(
        insert(Subscriber)
        .values(
            address=address,
            address_key=key,
            token=random_token(),
            timezone=clock.timezone,
            hour=clock.hour,
            minute=clock.minute,
            created_at=now,
            confirmed_at=confirmed_at,
            evidence=evidence,
        )
        .returning(Subscriber.id)
    )
    return made.scalar_one()


def come_back(connection: Connection, subscriber_id: int, evidence: str, now: dt.datetime) -> bool:
    """One who left is mailed again: what is released from now on is their news."""
    _hold(connection, subscriber_id)
    back = connection.execute(
        update(Subscriber)
        .where(Subscriber.id == subscriber_id, Subscriber.status == "left")
        .values(status="active", confirmed_at=now, evidence=evidence)
    )
    if not back.rowcount:
        return False
    theirs = Subscription.subscriber_id == subscriber_id
    connection.execute(update(Subscription).where(theirs).values(active_since=now))
    _set_due(connection, now, theirs)
    return True


def leave(connection: Connection, subscriber_id: int) -> None:
    """Unsubscribe from everything; what waits for them is dropped."""
    _hold(connection, subscriber_id)
    connection.execute(
        update(Subscriber)
        .where(Subscriber.id == subscriber_id, Subscriber.status == "active")
        .values(status="left")
    )
    connection.execute(
        update(Outbox)
        .where(Outbox.subscriber_id == subscriber_id, Outbox.status == "waiting")
        .values(status="dropped")
    )


def forget(connection: Connection, subscriber_id: int) -> None:
    """Delete all we know of a reader; a suppression of the address stays."""
    _hold(connection, subscriber_id)
    key = connection.scalar(select(Subscriber.address_key).where(Subscriber.id == subscriber_id))
    connection.execute(delete(Notice).where(Notice.address_key == key))
    connection.execute(delete(SignUp).where(SignUp.address_key == key))
    connection.execute(delete(Outbox).where(Outbox.subscriber_id == subscriber_id))
    connection.execute(delete(Subscriber).where(Subscriber.id == subscriber_id))


def add_subscription(
    connection: Connection, subscriber_id: int, wish: Wish, now: dt.datetime
) -> int:
    """Its id; one that says the same is not made twice."""
    if (known := find_subscription(connection, subscriber_id, wish)) is not None:
        return known
    made = connection.execute(
        insert(Subscription)
        .values(
            subscriber_id=subscriber_id,
            token=random_token(),
            active_since=now,
            next_due_at=now,
            **_columns(wish),
        )
        .returning(Subscription.id)
    )
    subscription_id: int = made.scalar_one()
    _set_due(connection, now, Subscription.id == subscription_id)
    return subscription_id


def find_subscription(connection: Connection, subscriber_id: int, wish: Wish) -> int | None:
    """Theirs that says the same."""
    return connection.execute(
        select(Subscription.id).where(
            Subscription.subscriber_id == subscriber_id,
            Subscription.filter_hash == filter_hash(wish.filter),
            Subscription.frequency == wish.frequency,
            Subscription.weekday == wish.weekday,
            Subscription.quiet_note == wish.quiet_note,
        )
    ).scalar()


def change_subscription(
    connection: Connection, subscriber_id: int, subscription_id: int, wish: Wish, now: dt.datetime
) -> bool:
    """What waits and is not wanted any more is dropped. False when it is not theirs."""
    _hold(connection, subscriber_id)
    dissolve_untried(connection, subscriber_id, now)
    theirs = _theirs(subscriber_id, subscription_id)
    known = connection.execute(select(Subscription).where(*theirs)).first()
    if known is None:
        return False
    values = _columns(wish)
    if set(wish.filter.bills) - set(Wish.of(known).filter.bills):
        values["active_since"] = max(known.active_since, _matched_until(connection, now))
    connection.execute(update(Subscription).where(*theirs).values(**values))
    if (known.frequency, known.weekday) != (wish.frequency, wish.weekday):
        _set_due(connection, now, *theirs)
    _deal_out(connection, subscriber_id)
    return True


def _matched_until(connection: Connection, now: dt.datetime) -> dt.datetime:
    """What was released later may be news for a subscription yet; for a bill that it follows only
    now, what came before is history.
    """
    newest = select(News.planned_at).order_by(News.change_id.desc()).limit(1)
    return connection.scalar(newest) or now


def remove_subscription(
    connection: Connection, subscriber_id: int, subscription_id: int, now: dt.datetime
) -> bool:
    """End one; what waits through it alone is dropped. False when it is not theirs."""
    _hold(connection, subscriber_id)
    dissolve_untried(connection, subscriber_id, now)
    ended = connection.execute(delete(Subscription).where(*_theirs(subscriber_id, subscription_id)))
    if ended.rowcount:
        _deal_out(connection, subscriber_id)
    return bool(ended.rowcount)


def set_mailing(
    connection: Connection, subscriber_id: int, subscription_id: int, on: bool, now: dt.datetime
) -> bool:
    """Pause a subscription's mail, or go on with what is released from now on.

    False when it is not theirs, or so already.
    """
    _hold(connection, subscriber_id)
    dissolve_untried(connection, subscriber_id, now)
    values = {"active": True, "active_since": now} if on else {"active": False}
    changed = connection.execute(
        update(Subscription)
        .where(*_theirs(subscriber_id, subscription_id), Subscription.active.is_(not on))
        .values(**values)
    )
    if changed.rowcount:
        if on:
            _set_due(connection, now, Subscription.id == subscription_id)
        _deal_out(connection, subscriber_id)
    return bool(changed.rowcount)


def set_clock(
    connection: Connection, subscriber_id: int, clock: DeliveryTime, now: dt.datetime
) -> None:
    """What is overdue stays so: the next pass sends it."""
    connection.execute(
        update(Subscriber)
        .where(Subscriber.id == subscriber_id)
        .values(timezone=clock.timezone, hour=clock.hour, minute=clock.minute)
    )
    theirs = Subscription.subscriber_id == subscriber_id
    _set_due(connection, now, theirs, Subscription.next_due_at > now)


def _set_due(connection: Connection, now: dt.datetime, *which: ColumnElement[bool]) -> None:
    """When these subscriptions are due next, by their reader's clock."""
    rows = connection.execute(
        select(
            Subscription.id,
            Subscription.frequency,
            Subscription.weekday,
            Subscriber.hour,
            Subscriber.minute,
            Subscriber.timezone,
        )
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .where(*which)
    ).all()
    for row in rows:
        due = next_due(row.frequency, row.weekday, row.hour, row.minute, row.timezone, now)
        connection.execute(
            update(Subscription).where(Subscription.id == row.id).values(next_due_at=due)
        )


def _hold(connection: Connection, subscriber_id: int) -> None:
    """Nobody makes their digest, and no second page changes them, until we commit."""
    connection.execute(
        select(Subscriber.id).where(Subscriber.id == subscriber_id).with_for_update()
    )


def _theirs(subscriber_id: int, subscription_id: int) -> tuple[Any, Any]:
    return Subscription.id == subscription_id, Subscription.subscriber_id == subscriber_id


def _columns(wish: Wish) -> dict[str, Any]:
    if wish.frequency not in FREQUENCIES or not 0 <= wish.weekday < 7:
        raise ValueError(f"no such frequency: {wish.frequency!r} on day {wish.weekday}")
    return {
        "filter": stored(wish.filter),
        "filter_hash": filter_hash(wish.filter),
        "frequency": wish.frequency,
        "weekday": wish.weekday,
        "quiet_note": wish.quiet_note,
    }


def _deal_out(connection: Connection, subscriber_id: int) -> None:
    """What has not left goes through the most frequent of their subscriptions that wants it, as in
    notify.match; what none wants any more is dropped, and with it a digest of nothing else.
    """
    here = Outbox.subscriber_id == subscriber_id
    waiting = (here, Outbox.status == "waiting")
    queued = select(Digest.id).where(
        Digest.subscriber_id == subscriber_id, Digest.status == "queued"
    )
    rows = connection.execute(
        select(Outbox.change_id, Outbox.subscription_id, Outbox.digest_id).where(
            here, or_(Outbox.status == "waiting", Outbox.digest_id.in_(queued))
        )
    ).all()
    left = {row.change_id for row in rows}
    had = {(row.change_id, row.subscription_id) for row in rows}
    with Session(connection) as session:
        index = ChangeIndex(facts_of(session, sorted(left)))
    active = connection.execute(
        select(Subscription).where(Subscription.subscriber_id == subscriber_id, Subscription.active)
    ).all()
    for one in sorted(active, key=lambda row: FREQUENCIES.index(row.frequency)):
        wanted = [
            fact.change_id
            for fact in index.matching(Filter.model_validate(one.filter))
            if fact.change_id in left
            and (fact.released_at > one.active_since or (fact.change_id, one.id) in had)
        ]
        connection.execute(
            update(Outbox)
            .where(*waiting, Outbox.change_id.in_(wanted))
            .values(subscription_id=one.id)
        )
        left -= set(wanted)
    connection.execute(
        update(Outbox).where(*waiting, Outbox.change_id.in_(left)).values(status="dropped")
    )
    kept = {row.digest_id for row in rows if row.change_id not in left}
    cancel(connection, subscriber_id, {row.digest_id for row in rows} - kept - {None})
