"""Outbox rows whose reader is due → one digest a reader, from editions rendered once.

Making a digest is one transaction: the digest, its claim on the rows and the next due moment
stand or fall together, so that a repeated or killed pass makes none twice.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from email.utils import parseaddr

from sqlalchemy import Connection, Engine, and_, bindparam, delete, insert, select, update

from notify.match import in_batches, planning_alone
from notify.render import Rendered, render
from notify.schedule import next_due
from notify.story import Content
from notify.tokens import random_token
from notify.wanted import Wanted, collect, content_of, in_turn
from tracker.db import reading, writing
from tracker.models import Digest, Edition, News, Outbox, Subscriber, Subscription
from tracker.settings import Settings

READERS = 1000
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
    made = []
    with reading(engine) as session:
        readers = due_readers(session.connection(), now, regardless)
    for some in in_batches(readers, READERS):
        with reading(engine) as session:
            wanted = collect(session.connection(), some, now, regardless)
        editions = _editions(engine, settings, wanted, now)
        with writing(engine) as connection:
            planning_alone(connection)
            _hold_preferences(connection, some)
            wanted = collect(connection, some, now, regardless)
            made += _make(connection, settings, wanted, editions, now, regardless)
            _drop(connection, (one for one in wanted if not one.says_something))
            _move_on(connection, some, now)
    return made


def due_readers(connection: Connection, now: dt.datetime, regardless: bool) -> list[int]:
    query = select(Subscription.subscriber_id).distinct().where(in_turn(now, regardless))
    return list(connection.scalars(query.order_by(Subscription.subscriber_id)))


def _editions(
    engine: Engine, settings: Settings, wanted: Iterable[Wanted], now: dt.datetime
) -> dict[str, int]:
    """Edition ids by key; what is not there yet is rendered, outside any write transaction."""
    needed = {one.key(settings): one for one in wanted if one.says_something}
    with reading(engine) as session:
        known = _known_editions(session.connection(), list(needed))
        contents = {
            key: content_of(session.connection(), one)
            for key, one in needed.items()
            if key not in known
        }
    rendered = {key: rendered_by(settings, content) for key, content in contents.items()}
    if not rendered:
        return known
    with writing(engine) as connection:
        planning_alone(connection)
        known |= _known_editions(connection, list(rendered))
        rows = [
            {
                "key": key,
                "subject": one.subject,
                "text": one.text,
                "html": one.html,
                "page": one.page,
                "created_at": now,
            }
            for key, one in rendered.items()
            if key not in known
        ]
        if rows:
            connection.execute(insert(Edition), rows)
        return known | _known_editions(connection, list(rendered))


def _known_editions(connection: Connection, keys: Sequence[str]) -> dict[str, int]:
    query = select(Edition.key, Edition.id).where(Edition.key.in_(keys))
    return {row.key: row.id for row in connection.execute(query)}


def rendered_by(settings: Settings, content: Content) -> Rendered:
    name = parseaddr(settings.mail_from)[0] or "billtracker"
    return render(content, settings.public_url, name, settings.mail_footer)


def _hold_preferences(connection: Connection, readers: Sequence[int]) -> None:
    """Nobody leaves or changes a subscription between our reading and our claiming its rows.

    In one order, so that of two at once neither waits for the other for ever.
    """
    for query in (
        select(Subscriber.id).where(Subscriber.id.in_(readers)).order_by(Subscriber.id),
        select(Subscription.id)
        .where(Subscription.subscriber_id.in_(readers))
        .order_by(Subscription.id),
    ):
        connection.execute(query.with_for_update())


def _make(
    connection: Connection,
    settings: Settings,
    wanted: Iterable[Wanted],
    editions: dict[str, int],
    now: dt.datetime,
    regardless: bool,
) -> list[int]:
    """Digests for those whose edition is there; what moved while it was rendered waits."""
    domain = parseaddr(settings.mail_from)[1].rpartition("@")[2]
    ready = [one for one in wanted if one.says_something and one.key(settings) in editions]
    if not ready:
        return []
    rows = [
        {
            "subscriber_id": one.reader,
            "edition_id": editions[one.key(settings)],
            "token": random_token(),
            "message_id": f"<{random_token()}@{domain}>",
            "created_at": now,
            "next_attempt_at": now,
        }
        for one in ready
    ]
    made = connection.execute(insert(Digest).returning(Digest.id, Digest.subscriber_id), rows).all()
    ids = [row.id for row in made]
    readers = [row.subscriber_id for row in made]
    _drop(connection, ready)
    connection.execute(
        update(Outbox)
        .where(
            Outbox.subscriber_id.in_(readers),
            Outbox.status == "waiting",
            Outbox.subscription_id.in_(
                select(Subscription.id).where(
                    Subscription.subscriber_id.in_(readers), in_turn(now, regardless)
                )
            ),
            Digest.id.in_(ids),
            Digest.subscriber_id == Outbox.subscriber_id,
        )
        .values(status="claimed", digest_id=Digest.id)
    )
    connection.execute(
        update(Subscriber).where(Subscriber.id.in_(readers)).values(last_digest_at=now)
    )
    _note_corrections(connection, ready, {row.subscriber_id: row.id for row in made})
    return ids


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


def _move_on(connection: Connection, readers: Sequence[int], now: dt.datetime) -> None:
    """Set the next due moment of those whose turn it was; equal clocks are reckoned once."""
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
        .where(
            Subscription.subscriber_id.in_(readers),
            Subscription.next_due_at <= now,
            Subscription.frequency != "immediate",
        )
    )
    alike: defaultdict[tuple[str, int, int, int, str], list[int]] = defaultdict(list)
    for row in rows:
        alike[row.frequency, row.weekday, row.hour, row.minute, row.timezone].append(row.id)
    for clock, ids in alike.items():
        connection.execute(
            update(Subscription)
            .where(Subscription.id.in_(ids))
            .values(next_due_at=next_due(*clock, now))
        )


def dissolve_stale(connection: Connection, now: dt.datetime) -> None:
    """Undo digests not handed to any server yet that hold news taken back meanwhile.

    What still stands in them waits again, and is due at once.
    """
    stale = (
        select(Digest.id)
        .join(
            Outbox,
            and_(Outbox.subscriber_id == Digest.subscriber_id, Outbox.digest_id == Digest.id),
        )
        .join(News, News.change_id == Outbox.change_id)
        .where(Digest.status == "queued", News.taken_back_at > Digest.created_at)
    )
    gone = connection.execute(
        update(Digest)
        .where(Digest.id.in_(stale), Digest.status == "queued")
        .values(status="dissolved")
        .returning(Digest.id, Digest.subscriber_id)
    ).all()
    for some in in_batches(gone):
        _let_go(connection, [row.id for row in some], [row.subscriber_id for row in some], now)


def _let_go(
    connection: Connection, digests: Sequence[int], readers: Sequence[int], now: dt.datetime
) -> None:
    theirs = Outbox.subscriber_id.in_(readers)
    claimed = (theirs, Outbox.digest_id.in_(digests))
    connection.execute(
        update(Subscription)
        .where(Subscription.id.in_(select(Outbox.subscription_id).where(*claimed)))
        .values(next_due_at=now)
    )
    connection.execute(update(Outbox).where(*claimed).values(status="waiting", digest_id=None))
    connection.execute(
        update(Outbox).where(theirs, Outbox.corrected_in.in_(digests)).values(corrected_in=None)
    )
    connection.execute(delete(Digest).where(Digest.id.in_(digests)))
