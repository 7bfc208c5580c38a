"""Readers and what they asked for, written down; pages, commands and imports all come here."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, insert, select, update

from notify.addresses import address_key, checked_address
from notify.filters import Filter, filter_hash, stored
from notify.schedule import FREQUENCIES, Frequency, checked_timezone, next_due
from notify.suppression import is_suppressed
from notify.tokens import random_token
from tracker.models import Outbox, Subscriber, Subscription


class NotPossible(ValueError):
    """The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One subscription as asked for; ``weekday`` (Monday = 0) counts for weekly ones."""

    filter: Filter = field(default_factory=Filter)
    frequency: Frequency = "daily"
    weekday: int = 0
    quiet_note: bool = False


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
    def typed(cls, timezone: str, time: str) -> DeliveryTime:
        """As people write it: ``7``, ``7:30``; empty for the usual."""
        usual = cls()
        hour, _, minute = (time or f"{usual.hour}").partition(":")
        if not (hour.isascii() and hour.isdigit() and (minute or "0").isdigit()):
            raise ValueError(f"no time of day {time[:20]!r}; write it like 7 or 7:30")
        return cls(timezone or usual.timezone, int(hour), int(minute or 0))


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
    evidence: str = "",
    confirmed: bool = False,
    clock: DeliveryTime | None = None,
) -> int:
    """A new reader's id; pending unless ``confirmed``.

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
            status="active" if confirmed else "pending",
            token=random_token(),
            timezone=clock.timezone,
            hour=clock.hour,
            minute=clock.minute,
            created_at=now,
            confirmed_at=now if confirmed else None,
            evidence=evidence,
        )
        .returning(Subscriber.id)
    )
    return made.scalar_one()


def activate(connection: Connection, subscriber_id: int, evidence: str, now: dt.datetime) -> None:
    """They confirmed (or came back): from now on what is released is their news."""
    connection.execute(
        update(Subscriber)
        .where(Subscriber.id == subscriber_id)
        .values(status="active", confirmed_at=now, evidence=evidence)
    )
    connection.execute(
        update(Subscription)
        .where(Subscription.subscriber_id == subscriber_id)
        .values(active_since=now)
    )
    reschedule(connection, subscriber_id, now)


def leave(connection: Connection, subscriber_id: int) -> None:
    """Unsubscribe from everything; what waits for them is dropped."""
    connection.execute(
        update(Subscriber).where(Subscriber.id == subscriber_id).values(status="left")
    )
    connection.execute(
        update(Outbox)
        .where(Outbox.subscriber_id == subscriber_id, Outbox.status == "waiting")
        .values(status="dropped")
    )


def add_subscription(
    connection: Connection, subscriber_id: int, wish: Wish, now: dt.datetime
) -> int:
    if wish.frequency not in FREQUENCIES or not 0 <= wish.weekday < 7:
        raise ValueError(f"no such frequency: {wish.frequency!r} on day {wish.weekday}")
    made = connection.execute(
        insert(Subscription)
        .values(
            subscriber_id=subscriber_id,
            token=random_token(),
            filter=stored(wish.filter),
            filter_hash=filter_hash(wish.filter),
            frequency=wish.frequency,
            weekday=wish.weekday,
            quiet_note=wish.quiet_note,
            active_since=now,
            next_due_at=now,
        )
        .returning(Subscription.id)
    )
    subscription_id: int = made.scalar_one()
    reschedule(connection, subscriber_id, now)
    return subscription_id


def remove_subscription(connection: Connection, subscriber_id: int, subscription_id: int) -> bool:
    """End one; what waits through it is dropped. False when it is not theirs."""
    theirs = (
        Subscription.id == subscription_id,
        Subscription.subscriber_id == subscriber_id,
    )
    if connection.execute(select(Subscription.id).where(*theirs)).first() is None:
        return False
    connection.execute(
        update(Outbox)
        .where(
            Outbox.subscriber_id == subscriber_id,
            Outbox.subscription_id == subscription_id,
            Outbox.status == "waiting",
        )
        .values(status="dropped")
    )
    connection.execute(delete(Subscription).where(*theirs))
    return True


def forget(connection: Connection, subscriber_id: int) -> None:
    """Delete all we know of a reader; a suppression of the address stays."""
    connection.execute(delete(Outbox).where(Outbox.subscriber_id == subscriber_id))
    connection.execute(delete(Subscriber).where(Subscriber.id == subscriber_id))


def change_subscription(
    connection: Connection, subscription_id: int, wish: Wish, now: dt.datetime
) -> None:
    """What waits already, by the old filter, still leaves."""
    subscriber_id = connection.execute(
        update(Subscription)
        .where(Subscription.id == subscription_id)
        .values(
            filter=stored(wish.filter),
            filter_hash=filter_hash(wish.filter),
            frequency=wish.frequency,
            weekday=wish.weekday,
            quiet_note=wish.quiet_note,
        )
        .returning(Subscription.subscriber_id)
    ).scalar_one()
    reschedule(connection, subscriber_id, now)


def set_clock(
    connection: Connection, subscriber_id: int, clock: DeliveryTime, now: dt.datetime
) -> None:
    connection.execute(
        update(Subscriber)
        .where(Subscriber.id == subscriber_id)
        .values(timezone=clock.timezone, hour=clock.hour, minute=clock.minute)
    )
    reschedule(connection, subscriber_id, now)


def reschedule(connection: Connection, subscriber_id: int, now: dt.datetime) -> None:
    """Set when each subscription is due next, after a change of preferences."""
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
        .where(Subscription.subscriber_id == subscriber_id)
    ).all()
    for row in rows:
        due = next_due(row.frequency, row.weekday, row.hour, row.minute, row.timezone, now)
        connection.execute(
            update(Subscription).where(Subscription.id == row.id).values(next_due_at=due)
        )
