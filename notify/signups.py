"""Double opt-in: what was asked for on a page waits until the owner of the address confirms it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from notify import people
from notify.addresses import address_key, checked_address
from notify.filters import stored
from notify.people import DeliveryTime, NotPossible, Wish
from notify.suppression import is_suppressed
from notify.tokens import BadToken, signed, unsigned
from tracker.models import SignUp, Subscriber, Subscription

CONFIRM_WITHIN = dt.timedelta(days=3)
KEPT = dt.timedelta(days=7)
"""Unconfirmed or confirmed, the row is deleted after this."""
PURPOSE = "confirm"


@dataclass(frozen=True, slots=True)
class Asked:
    """A sign-up as its mail's link shows it."""

    id: int
    address: str
    wish: Wish
    clock: DeliveryTime
    used: bool


def ask(
    connection: Connection, address: str, wish: Wish, clock: DeliveryTime, now: dt.datetime
) -> int:
    """Note what is asked; the id. Nobody looks whether the address is known. Raises BadAddress."""
    address = checked_address(address)
    made = connection.execute(
        insert(SignUp)
        .values(
            address=address,
            address_key=address_key(address),
            filter=stored(wish.filter),
            frequency=wish.frequency,
            weekday=wish.weekday,
            quiet_note=wish.quiet_note,
            timezone=clock.timezone,
            hour=clock.hour,
            minute=clock.minute,
            asked_at=now,
        )
        .returning(SignUp.id)
    )
    return made.scalar_one()


def confirm_token(secret: str, sign_up_id: int) -> str:
    """Expires :data:`CONFIRM_WITHIN` after it was made, which is when its mail leaves."""
    return signed(secret, PURPOSE, str(sign_up_id))


def asked_by(connection: Connection, secret: str, token: str) -> Asked:
    """Raises :class:`~notify.tokens.BadToken` for one that is forged, old or forgotten."""
    sign_up_id = int(unsigned(secret, PURPOSE, token, int(CONFIRM_WITHIN.total_seconds())))
    row = connection.execute(select(SignUp).where(SignUp.id == sign_up_id)).first()
    if row is None:
        raise BadToken("what this link was for has been deleted; subscribe again if you wish")
    return Asked(row.id, row.address, Wish.of(row), DeliveryTime.of(row), row.used_at is not None)


def confirm(connection: Connection, asked: Asked, now: dt.datetime) -> str:
    """The reader's token: they get what was asked for, beside what they have.

    One who had left starts anew. Raises :class:`NotPossible` when used before, or suppressed.
    """
    used = connection.execute(
        update(SignUp)
        .where(SignUp.id == asked.id, SignUp.used_at.is_(None))
        .values(used_at=now)
        .returning(SignUp.asked_at)
    ).first()
    if used is None:
        raise NotPossible("this link has done its work already")
    if is_suppressed(connection, address_key(asked.address)):
        raise NotPossible(
            f"{asked.address} is on our list of addresses not to mail; write to us to lift that"
        )
    evidence = f"asked on the page {used.asked_at:%Y-%m-%d %H:%M} UTC, confirmed from the mail"
    reader = people.find_subscriber(connection, asked.address)
    if reader is None:
        reader = people.add_subscriber(
            connection, asked.address, now, evidence=evidence, confirmed_at=now, clock=asked.clock
        )
    elif people.come_back(connection, reader, evidence, now):
        connection.execute(delete(Subscription).where(Subscription.subscriber_id == reader))
        people.set_clock(connection, reader, asked.clock, now)
    people.add_subscription(connection, reader, asked.wish, now)
    return connection.scalars(select(Subscriber.token).where(Subscriber.id == reader)).one()


def forget_old(connection: Connection, now: dt.datetime) -> None:
    connection.execute(delete(SignUp).where(SignUp.asked_at <= now - KEPT))
