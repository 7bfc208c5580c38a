"""Outbox rows whose reader is due → one digest a reader, from editions rendered once.

Making a digest is one transaction: the digest, its claim on the rows and the next due moment
stand or fall together, so that a repeated or killed pass makes none twice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from email.utils import parseaddr

from sqlalchemy import Connection, Engine, bindparam, insert, select, update

from notify.dissolve import dissolve_stale
from notify.match import in_batches, planning_alone
from notify.render import Rendered, render
from notify.schedule import next_due
from notify.story import Content
from notify.tokens import random_token
from notify.wanted import Readers, Wanted, collect, content_of, in_turn, long_silent
from tracker.db import insert_or, reading, writing
from tracker.models import Digest, Edition, Outbox, Subscriber, Subscription
from tracker.settings import Settings

READERS = 5000
"""Readers in one transaction."""


def compose(
    engine: Engine, settings: Settings, now: dt.datetime, regardless: bool = False
) -> list[int]:
    """Make the digests that are due, or of every reader for whom something waits.

    Gives the ids of the digests made.
    """
    with writing(engine) as connection:
        planning_alone(connection)
        dissolve_stale(connection, now)
    with reading(engine) as session:
        readers = due_readers(session.connection(), now, regardless)
    made: list[int] = []
    editions: dict[str, int] = {}
    for batch in in_batches(readers, READERS):
        for last_try in (False, False, True):
            with writing(engine) as connection:
                planning_alone(connection)
                some = (batch[0], batch[-1])
                _hold_preferences(connection, some)
                wanted = collect(connection, some, now, regardless)
                missing = _missing(connection, settings, wanted, editions)
                if last_try or not missing:
                    made += _make(connection, settings, wanted, editions, now, regardless)
                    _drop(connection, (one for one in wanted if not one.says_something))
                    _move_on(connection, some, now)
                    break
            _render(engine, settings, missing, now)
    return made


def due_readers(connection: Connection, now: dt.datetime, regardless: bool) -> list[int]:
    served = select(Subscription.subscriber_id).where(in_turn(now, regardless))
    quiet = select(Subscriber.id).join(Subscription, Subscription.subscriber_id == Subscriber.id)
    return sorted(connection.scalars(served.union(quiet.where(long_silent(now)))))


def _missing(
    connection: Connection,
    settings: Settings,
    wanted: Iterable[Wanted],
    editions: dict[str, int],
) -> dict[str, Wanted]:
    """One reader for each edition that is yet to be rendered; those that are known are noted."""
    needed = {one.key(settings): one for one in wanted if one.says_something}
    for keys in in_batches([key for key in needed if key not in editions]):
        query = select(Edition.key, Edition.id).where(Edition.key.in_(keys))
        editions |= {row.key: row.id for row in connection.execute(query)}
    return {key: one for key, one in needed.items() if key not in editions}


def _render(
    engine: Engine, settings: Settings, wanted: dict[str, Wanted], now: dt.datetime
) -> None:
    """Outside any write transaction, since it takes long; another pass may have done it too."""
    with reading(engine) as session:
        contents = {key: content_of(session.connection(), one) for key, one in wanted.items()}
    rows = []
    for key, content in contents.items():
        made = rendered_by(settings, content)
        words = {"subject": made.subject, "text": made.text, "html": made.html, "page": made.page}
        rows.append({"key": key, "created_at": now, **words})
    with writing(engine) as connection:
        connection.execute(insert_or(connection, Edition).on_conflict_do_nothing(), rows)


def rendered_by(settings: Settings, content: Content) -> Rendered:
    name = parseaddr(settings.mail_from)[0] or "billtracker"
    return render(content, settings.public_url, name, settings.mail_footer)


def _hold_preferences(connection: Connection, readers: Readers) -> None:
    """Nobody leaves or changes a subscription between our reading and our claiming its rows.

    In one order, so that of two at once neither waits for the other for ever.
    """
    for query in (
        select(Subscriber.id).where(Subscriber.id.between(*readers)).order_by(Subscriber.id),
        select(Subscription.id)
        .where(Subscription.subscriber_id.between(*readers))
        .order_by(Subscription.id),
    ):
        connection.execute(query.with_for_update())


def _make(
    connection: Connection,
    settings: Settings,
    wanted: Sequence[Wanted],
    editions: dict[str, int],
    now: dt.datetime,
    regardless: bool,
) -> list[int]:
    """Digests for those whose edition is there; whose news moves all the time waits."""
    domain = parseaddr(settings.mail_from)[1].rpartition("@")[2]
    keys = {one.reader: one.key(settings) for one in wanted if one.says_something}
    ready = [one for one in wanted if keys.get(one.reader) in editions]
    if not ready:
        return []
    rows = [
        {
            "subscriber_id": one.reader,
            "edition_id": editions[keys[one.reader]],
            "token": random_token(),
            "message_id": f"<{random_token()}@{domain}>",
            "created_at": now,
            "next_attempt_at": now,
        }
        for one in ready
    ]
    made = connection.execute(insert(Digest).returning(Digest.id, Digest.subscriber_id), rows).all()
    digests = {row.subscriber_id: row.id for row in made}
    _drop(connection, ready)
    _claim(connection, digests, now, regardless)
    _note_corrections(connection, ready, digests)
    return list(digests.values())


def _claim(
    connection: Connection, digests: dict[int, int], now: dt.datetime, regardless: bool
) -> None:
    """Put what waits for these readers, by the subscriptions in turn, into their new digests."""
    readers = (min(digests), max(digests))
    ids = (min(digests.values()), max(digests.values()))
    in_time = select(Subscription.id).where(
        Subscription.subscriber_id.between(*readers), in_turn(now, regardless)
    )
    connection.execute(
        update(Outbox)
        .where(
            Outbox.subscriber_id.between(*readers),
            Outbox.status == "waiting",
            Outbox.subscription_id.in_(in_time),
            Digest.id.between(*ids),
            Digest.subscriber_id == Outbox.subscriber_id,
        )
        .values(status="claimed", digest_id=Digest.id)
    )
    made = select(Digest.subscriber_id).where(Digest.id.between(*ids))
    connection.execute(update(Subscriber).where(Subscriber.id.in_(made)).values(last_digest_at=now))


def _note_corrections(
    connection: Connection, ready: Iterable[Wanted], digests: dict[int, int]
) -> None:
    rows = [
        {"reader": one.reader, "change": told, "digest": digests[one.reader]}
        for one in ready
        for told in (*one.replaced, *(told for told, _ in one.corrections))
    ]
    if rows:
        connection.execute(
            update(Outbox)
            .where(
                Outbox.subscriber_id == bindparam("reader"),
                Outbox.change_id == bindparam("change"),
            )
            .values(corrected_in=bindparam("digest")),
            rows,
        )


def _drop(connection: Connection, wanted: Iterable[Wanted]) -> None:
    rows = [{"reader": one.reader, "change": change} for one in wanted for change in one.dropped]
    if rows:
        connection.execute(
            update(Outbox)
            .where(
                Outbox.subscriber_id == bindparam("reader"),
                Outbox.change_id == bindparam("change"),
                Outbox.status == "waiting",
            )
            .values(status="dropped"),
            rows,
        )


def _move_on(connection: Connection, readers: Readers, now: dt.datetime) -> None:
    """Set the next due moment of those whose turn it was; equal clocks are reckoned once."""
    clock = (
        *(Subscription.frequency, Subscription.weekday),
        *(Subscriber.hour, Subscriber.minute, Subscriber.timezone),
    )
    served = (
        Subscriber.id == Subscription.subscriber_id,
        Subscription.subscriber_id.between(*readers),
        Subscription.next_due_at <= now,
        Subscription.frequency != "immediate",
    )
    for row in connection.execute(select(*clock).distinct().where(*served)).all():
        due = next_due(row.frequency, row.weekday, row.hour, row.minute, row.timezone, now)
        alike = (column == value for column, value in zip(clock, row, strict=True))
        connection.execute(update(Subscription).where(*served, *alike).values(next_due_at=due))
