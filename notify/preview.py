"""The message a reader would get, made as a pass would make it and then undone."""

from __future__ import annotations

import datetime as dt
from email.utils import parseaddr

from sqlalchemy import Connection, Engine, Select, delete, func, select

from notify.compose import rendered_by
from notify.dissolve import dissolve_stale
from notify.match import plan_for
from notify.message import Letter
from notify.render import Rendered
from notify.wanted import collect, content_of
from tracker.models import Change, Digest, Edition, Outbox, Subscriber, Subscription
from tracker.settings import Settings

NOT_SENT = "not-sent"
"""Stands where a digest made in earnest has a token nobody can guess."""


def next_turn(connection: Connection, subscriber_id: int, now: dt.datetime) -> dt.datetime:
    """When a pass serves them next: now, or at the first hour that one of theirs is due."""
    if connection.scalar(_in_queue(subscriber_id, now)) is not None:
        return now
    due = connection.scalar(
        select(func.min(Subscription.next_due_at)).where(
            Subscription.subscriber_id == subscriber_id, Subscription.active
        )
    )
    return now if due is None else max(due, now)


def preview(
    engine: Engine, settings: Settings, subscriber_id: int, as_of: dt.datetime
) -> Letter | None:
    """What they get next: the digest in the queue, or the one that would be made at that time;
    ``None`` when there would be none.

    Nothing of it is kept: the transaction in which it is made is rolled back.
    """
    with engine.connect().execution_options(write=True) as connection:
        transaction = connection.begin()
        try:
            plan_for(connection, subscriber_id, as_of)
            dissolve_stale(connection, as_of)
            if (digest := connection.scalar(_in_queue(subscriber_id, as_of))) is not None:
                return _queued(connection, settings, subscriber_id, digest)
            _forget_later(connection, subscriber_id, as_of)
            for wanted in collect(connection, (subscriber_id, subscriber_id), as_of):
                if wanted.says_something:
                    rendered = rendered_by(settings, content_of(connection, wanted))
                    return _letter(connection, settings, subscriber_id, rendered, as_of)
            return None
        finally:
            transaction.rollback()


def _in_queue(subscriber_id: int, as_of: dt.datetime) -> Select[int]:
    """Made before and not sent yet."""
    return (
        select(Digest.id)
        .where(
            Digest.subscriber_id == subscriber_id,
            Digest.status.in_(("queued", "claimed")),
            Digest.created_at <= as_of,
        )
        .order_by(Digest.id)
        .limit(1)
    )


def _forget_later(connection: Connection, subscriber_id: int, as_of: dt.datetime) -> None:
    """Of a time that is past: what was released since was not known then."""
    released = select(Change.id).where(Change.released_at > as_of)
    connection.execute(
        delete(Outbox).where(
            Outbox.subscriber_id == subscriber_id,
            Outbox.status == "waiting",
            Outbox.change_id.in_(released),
        )
    )


def _queued(connection: Connection, settings: Settings, subscriber_id: int, digest: int) -> Letter:
    made = connection.execute(
        select(Edition.subject, Edition.text, Edition.html, Edition.page, Digest.created_at)
        .join(Digest, Digest.edition_id == Edition.id)
        .where(Digest.id == digest)
    ).one()
    return _letter(connection, settings, subscriber_id, Rendered(*made[:-1]), made.created_at)


def _letter(
    connection: Connection,
    settings: Settings,
    subscriber_id: int,
    rendered: Rendered,
    created_at: dt.datetime,
) -> Letter:
    reader = connection.execute(
        select(Subscriber.address, Subscriber.token).where(Subscriber.id == subscriber_id)
    ).one()
    domain = parseaddr(settings.mail_from)[1].rpartition("@")[2]
    return Letter(
        digest_id=0,
        subscriber_id=subscriber_id,
        address=reader.address,
        reader_token=reader.token,
        digest_token=NOT_SENT,
        message_id=f"<{NOT_SENT}@{domain}>",
        created_at=created_at,
        first_attempt_at=None,
        attempts=0,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
    )
