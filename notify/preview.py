"""The message a reader would get, made as a pass would make it and then undone."""

from __future__ import annotations

import datetime as dt
from email.utils import parseaddr

from sqlalchemy import Connection, Engine, func, select

from notify.compose import rendered_by
from notify.dissolve import dissolve_stale
from notify.match import plan_for
from notify.message import Letter
from notify.wanted import Wanted, collect, content_of
from tracker.models import Subscriber, Subscription
from tracker.settings import Settings

NOT_SENT = "not-sent"
"""Stands where a digest made in earnest has a token nobody can guess."""


def next_turn(connection: Connection, subscriber_id: int, now: dt.datetime) -> dt.datetime:
    """When a pass serves them next: now, or at the first hour that one of theirs is due."""
    due = connection.scalar(
        select(func.min(Subscription.next_due_at)).where(
            Subscription.subscriber_id == subscriber_id, Subscription.active
        )
    )
    return now if due is None else max(due, now)


def preview(
    engine: Engine, settings: Settings, subscriber_id: int, as_of: dt.datetime
) -> Letter | None:
    """Their next digest, were it made at that time; ``None`` when there would be none.

    Nothing of it is kept: the transaction in which it is made is rolled back.
    """
    with engine.connect().execution_options(write=True) as connection:
        transaction = connection.begin()
        try:
            plan_for(connection, subscriber_id, as_of)
            dissolve_stale(connection, as_of)
            for wanted in collect(connection, (subscriber_id, subscriber_id), as_of):
                if wanted.says_something:
                    return _letter(connection, settings, wanted, as_of)
            return None
        finally:
            transaction.rollback()


def _letter(
    connection: Connection, settings: Settings, wanted: Wanted, as_of: dt.datetime
) -> Letter:
    rendered = rendered_by(settings, content_of(connection, wanted))
    reader = connection.execute(
        select(Subscriber.address, Subscriber.token).where(Subscriber.id == wanted.reader)
    ).one()
    domain = parseaddr(settings.mail_from)[1].rpartition("@")[2]
    return Letter(
        digest_id=0,
        subscriber_id=wanted.reader,
        address=reader.address,
        reader_token=reader.token,
        digest_token=NOT_SENT,
        message_id=f"<{NOT_SENT}@{domain}>",
        created_at=as_of,
        first_attempt_at=None,
        attempts=0,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
    )
