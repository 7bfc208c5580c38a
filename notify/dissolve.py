"""Digests undone before they left: what was in them waits again, and is due at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select, update

from notify.match import in_batches
from tracker.models import Digest, News, Outbox, Subscription


def dissolve_stale(connection: Connection, now: dt.datetime) -> None:
    """Those that hold news taken back meanwhile."""
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


def dissolve_untried(connection: Connection, subscriber_id: int, now: dt.datetime) -> None:
    """Those of a reader who is about to want something else."""
    _dissolve(connection, now, Digest.subscriber_id == subscriber_id, *untried())


def cancel(connection: Connection, subscriber_id: int, digests: Collection[int]) -> None:
    """Those in the queue of which their reader wants nothing any more, offered before or not."""
    theirs = Outbox.subscriber_id == subscriber_id
    gone = connection.scalars(
        update(Digest)
        .where(Digest.id.in_(digests), Digest.status == "queued")
        .values(status="cancelled", said="the reader wants nothing of it any more")
        .returning(Digest.id)
    ).all()
    connection.execute(
        update(Outbox).where(theirs, Outbox.digest_id.in_(gone)).values(status="dropped")
    )
    connection.execute(
        update(Outbox).where(theirs, Outbox.corrected_in.in_(gone)).values(corrected_in=None)
    )


def untried() -> tuple[ColumnElement[bool], ...]:
    """Offered to no server yet, nor sent once more by a person: the others keep their Message-ID,
    by which a second copy is known.
    """
    return Digest.attempts == 0, Digest.said == ""


def _dissolve(connection: Connection, now: dt.datetime, *which: ColumnElement[bool]) -> None:
    gone = connection.execute(
        update(Digest)
        .where(Digest.status == "queued", *which)
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
