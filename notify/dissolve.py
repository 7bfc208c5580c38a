"""Digests undone before they left: what was in them waits again, and is due at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select, update

from notify.ledger import mark_rows
from notify.match import in_batches
from tracker.models import Digest, News, Outbox, Subscriber, Subscription


def dissolve_stale(connection: Connection, now: dt.datetime) -> None:
    """Those that hold news taken back meanwhile, or speak of a day that is over."""
    taken_back = (
        select(Digest.id)
        .join(
            Outbox,
            and_(Outbox.subscriber_id == Digest.subscriber_id, Outbox.digest_id == Digest.id),
        )
        .join(News, News.change_id == Outbox.change_id)
        .where(Digest.status == "queued", News.taken_back_at > Digest.created_at)
    )
    _dissolve(connection, now, Digest.id.in_(taken_back))
    waiting = select(Digest.subscriber_id).where(Digest.status == "queued", *_untried())
    zones = select(Subscriber.timezone).distinct().where(Subscriber.id.in_(waiting))
    for zone in connection.scalars(zones).all():
        there = select(Subscriber.id).where(Subscriber.timezone == zone)
        over = Digest.created_at < _midnight(now, zone)
        _dissolve(connection, now, Digest.subscriber_id.in_(there), over, *_untried())


def _midnight(now: dt.datetime, zone: str) -> dt.datetime:
    """When today began there."""
    here = ZoneInfo(zone)
    return dt.datetime.combine(now.astimezone(here), dt.time(), here)


def dissolve_untried(connection: Connection, subscriber_id: int, now: dt.datetime) -> None:
    """Those of a reader who is about to want something else."""
    _dissolve(connection, now, Digest.subscriber_id == subscriber_id, *_untried())


def cancel(connection: Connection, subscriber_id: int, digests: Collection[int]) -> None:
    """Those in the queue of which their reader wants nothing any more, offered before or not."""
    gone = connection.scalars(
        update(Digest)
        .where(Digest.id.in_(digests), Digest.status == "queued")
        .values(status="cancelled", said="the reader wants nothing of it any more")
        .returning(Digest.id)
    ).all()
    for digest_id in gone:
        mark_rows(connection, digest_id, subscriber_id, "dropped")


def _untried() -> tuple[ColumnElement[bool], ...]:
    """Offered to no server yet, nor sent once more by a person: the others keep their Message-ID,
    by which a second copy is known.
    """
    return Digest.attempts == 0, Digest.said == ""


def _dissolve(connection: Connection, now: dt.datetime, *which: ColumnElement[bool]) -> None:
    queued = (Digest.status == "queued", *which)
    # Readers before their digests, in the order of notify.compose, so that none waits for ever.
    readers = Subscriber.id.in_(select(Digest.subscriber_id).where(*queued))
    connection.execute(
        select(Subscriber.id).where(readers).order_by(Subscriber.id).with_for_update()
    )
    gone = connection.execute(
        update(Digest)
        .where(*queued)
        .values(status="dissolved")
        .returning(Digest.id, Digest.subscriber_id)
    ).all()
    for some in in_batches(gone):
        _let_go(connection, [row.id for row in some], [row.subscriber_id for row in some], now)


def _let_go(
    connection: Connection, digests: Sequence[int], readers: Sequence[int], now: dt.datetime
) -> None:
    theirs = Outbox.subscriber_id.in_(readers)
    claimed, corrected = Outbox.digest_id.in_(digests), Outbox.corrected_in.in_(digests)
    held = select(Outbox.subscription_id).where(theirs, or_(claimed, corrected))
    connection.execute(
        update(Subscription).where(Subscription.id.in_(held)).values(next_due_at=now)
    )
    connection.execute(
        update(Outbox).where(theirs, claimed).values(status="waiting", digest_id=None)
    )
    connection.execute(update(Outbox).where(theirs, corrected).values(corrected_in=None))
    connection.execute(delete(Digest).where(Digest.id.in_(digests)))
    heard = (
        select(func.max(Digest.created_at))
        .where(Digest.subscriber_id == Subscriber.id)
        .scalar_subquery()
    )
    connection.execute(
        update(Subscriber).where(Subscriber.id.in_(readers)).values(last_digest_at=heard)
    )
