"""Addresses we must not mail any more, and why."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Connection, delete, insert, select, update

from tracker.models import Subscriber, Suppression

REASONS = ("hard bounce", "soft bounces", "complaint", "operator")
SOFT_BOUNCES = 5
SOFT_WINDOW = dt.timedelta(days=30)
"""So many soft bounces, none further apart than that, end in suppression."""


def suppress(
    connection: Connection, address_key: str, reason: str, detail: str, now: dt.datetime
) -> None:
    """Mail the address no more; saying so twice keeps the first reason."""
    known = select(Suppression.address_key).where(Suppression.address_key == address_key)
    if connection.execute(known).first() is None:
        connection.execute(
            insert(Suppression).values(
                address_key=address_key, reason=reason, detail=detail, suppressed_at=now
            )
        )
    connection.execute(
        update(Subscriber).where(Subscriber.address_key == address_key).values(status="suppressed")
    )


def is_suppressed(connection: Connection, address_key: str) -> bool:
    known = select(Suppression.address_key).where(Suppression.address_key == address_key)
    return connection.execute(known).first() is not None


def lift(connection: Connection, address_key: str) -> bool:
    """Let the address be mailed again; its reader counts as one who left. False if it was free."""
    lifted = connection.execute(
        delete(Suppression).where(Suppression.address_key == address_key)
    ).rowcount
    connection.execute(
        update(Subscriber)
        .where(Subscriber.address_key == address_key, Subscriber.status == "suppressed")
        .values(status="left", soft_bounces=0, soft_bounced_at=None)
    )
    return bool(lifted)


def soft_bounce(connection: Connection, subscriber_id: int, detail: str, now: dt.datetime) -> bool:
    """Count one; True when it was the one too many and the address is now suppressed."""
    row = connection.execute(
        select(Subscriber.address_key, Subscriber.soft_bounces, Subscriber.soft_bounced_at).where(
            Subscriber.id == subscriber_id
        )
    ).one()
    recent = row.soft_bounced_at is not None and now - row.soft_bounced_at < SOFT_WINDOW
    count = row.soft_bounces + 1 if recent else 1
    connection.execute(
        update(Subscriber)
        .where(Subscriber.id == subscriber_id)
        .values(soft_bounces=count, soft_bounced_at=now)
    )
    if count >= SOFT_BOUNCES:
        suppress(connection, row.address_key, "soft bounces", detail, now)
    return count >= SOFT_BOUNCES
