"""Outbox rows whose reader is due → one digest a reader, from editions rendered once.

Making a digest is one transaction: the digest, its claim on the rows and the next due moment
stand or fall together, so that a repeated or killed pass makes none twice.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from email.utils import parseaddr
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    Connection,
    Engine,
    Select,
    and_,
    bindparam,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.orm import aliased

from notify.filters import Filter, stored
from notify.match import in_batches, planning_alone
from notify.render import Rendered, render, templates_hash
from notify.schedule import QUIET_NOTE_EVERY, next_due
from notify.snapshot import Snapshot
from notify.story import Content, Correction
from notify.tokens import random_token
from tracker.changes import ACTION_CORRECTED
from tracker.db import reading, writing
from tracker.models import Change, Digest, Edition, News, Outbox, Subscriber, Subscription
from tracker.settings import Settings

READERS = 1000
"""Readers in one transaction."""
CORRECTIONS_FOR = dt.timedelta(days=60)


@dataclass(slots=True)
class Wanted:
    """What one reader's digest is to hold: change ids, (told, said now) pairs, filters.

    ``dropped`` are rows that have nothing to say any more.
    """

    reader: int
    today: dt.date
    filters: set[str] = field(default_factory=set)
    changes: list[int] = field(default_factory=list)
    corrections: list[tuple[int, int | None]] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    quiet_since: dt.date | None = None

    @property
    def says_something(self) -> bool:
        return bool(self.changes or self.corrections or self.quiet_since)

    def key(self, settings: Settings) -> str:
        """Equal for readers whose digests are word for word the same."""
        parts = (
            *(templates_hash(), settings.public_url, settings.mail_from, settings.mail_footer),
            *(self.today.isoformat(), str(self.quiet_since)),
            *(sorted(self.filters), sorted(self.changes), sorted(self.corrections, key=str)),
        )
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def compose(
    engine: Engine, settings: Settings, now: dt.datetime, regardless: bool = False
) -> list[int]:
    """Make the digests that are due, or of every reader for whom something waits.

    Gives the ids of the digests made.
    """
    dissolve_stale(engine, now)
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
    query = select(Subscription.subscriber_id).distinct().where(*_in_turn(now, regardless))
    return list(connection.scalars(query.order_by(Subscription.subscriber_id)))


def _in_turn(now: dt.datetime, regardless: bool) -> list[Any]:
    return (
        [Subscription.active]
        if regardless
        else [
            Subscription.active,
            Subscription.next_due_at <= now,
        ]
    )


def collect(
    connection: Connection, readers: Sequence[int], now: dt.datetime, regardless: bool = False
) -> list[Wanted]:
    """What waits for these readers by the subscriptions whose turn it is, in reader order."""
    wanted: dict[int, Wanted] = {}
    hushed: defaultdict[int, set[int | None]] = defaultdict(set)
    for row in connection.execute(_turns(readers, now, regardless)):
        today = now.astimezone(ZoneInfo(row.timezone)).date()
        one = wanted.setdefault(row.id, Wanted(row.id, today))
        one.filters.add(row.filter_hash)
        if row.quiet_note and now - (row.last_digest_at or row.active_since) >= QUIET_NOTE_EVERY:
            one.quiet_since = (row.last_digest_at or row.active_since).date()
    for row in connection.execute(_waiting(readers, now, regardless)):
        one = wanted[row.subscriber_id]
        if row.taken_back_at is None:
            one.changes.append(row.change_id)
        elif row.kind == ACTION_CORRECTED:
            one.changes.append(row.told_now or row.change_id)
        else:
            one.dropped.append(row.change_id)
            hushed[row.subscriber_id].add(row.taken_back_by)
    for row in connection.execute(_sent_but_taken_back(readers, now)):
        if row.subscriber_id in wanted:
            wanted[row.subscriber_id].corrections.append((row.change_id, row.taken_back_by))
            hushed[row.subscriber_id].add(row.taken_back_by)
    for one in wanted.values():
        told = hushed[one.reader]
        one.dropped += [change for change in one.changes if change in told]
        one.changes = sorted({change for change in one.changes if change not in told})
        if one.changes or one.corrections:
            one.quiet_since = None
    return list(wanted.values())


def _turns(readers: Sequence[int], now: dt.datetime, regardless: bool) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Subscriber.id,
            Subscriber.timezone,
            Subscriber.last_digest_at,
            Subscription.filter_hash,
            Subscription.quiet_note,
            Subscription.active_since,
        )
        .join(Subscription, Subscription.subscriber_id == Subscriber.id)
        .where(
            Subscriber.id.in_(readers),
            Subscriber.status == "active",
            *_in_turn(now, regardless),
        )
        .order_by(Subscriber.id)
    )


def _waiting(
    readers: Sequence[int], now: dt.datetime, regardless: bool
) -> Select[*tuple[Any, ...]]:
    said, news_now = aliased(Change), aliased(News)
    return (
        select(
            Outbox.subscriber_id,
            Outbox.change_id,
            News.taken_back_at,
            News.taken_back_by,
            news_now.change_id.label("told_now"),
            said.kind,
        )
        .join(News, News.change_id == Outbox.change_id)
        .join(said, said.id == News.taken_back_by, isouter=True)
        .join(news_now, news_now.change_id == News.taken_back_by, isouter=True)
        .join(Subscription, Subscription.id == Outbox.subscription_id)
        .join(Subscriber, Subscriber.id == Outbox.subscriber_id)
        .where(
            Outbox.subscriber_id.in_(readers),
            Outbox.status == "waiting",
            Subscriber.status == "active",
            *_in_turn(now, regardless),
        )
    )


def _sent_but_taken_back(readers: Sequence[int], now: dt.datetime) -> Select[*tuple[Any, ...]]:
    return (
        select(Outbox.subscriber_id, Outbox.change_id, News.taken_back_by)
        .join(News, News.change_id == Outbox.change_id)
        .where(
            News.taken_back_at >= now - CORRECTIONS_FOR,
            Outbox.subscriber_id.in_(readers),
            Outbox.status == "sent",
            Outbox.corrected_in.is_(None),
        )
    )


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


def content_of(connection: Connection, one: Wanted) -> Content:
    """The snapshots and filters behind a reader's wanted digest."""
    ids = {*one.changes, *(id for pair in one.corrections for id in pair if id is not None)}
    rows = connection.execute(select(News.change_id, News.snapshot).where(News.change_id.in_(ids)))
    snapshots = {row.change_id: Snapshot.model_validate(row.snapshot) for row in rows}
    filters = connection.scalars(
        select(Subscription.filter)
        .where(Subscription.filter_hash.in_(one.filters))
        .where(Subscription.subscriber_id == one.reader)
    )
    chosen = {json.dumps(raw): Filter.model_validate(raw) for raw in filters}
    return Content(
        today=one.today,
        filters=tuple(sorted(chosen.values(), key=lambda f: json.dumps(stored(f)))),
        news=tuple(snapshots[id] for id in one.changes if id in snapshots),
        corrections=tuple(
            Correction(snapshots[told], snapshots.get(said) if said is not None else None)
            for told, said in one.corrections
        ),
        quiet_since=one.quiet_since,
    )


def _hold_preferences(connection: Connection, readers: Sequence[int]) -> None:
    """Nobody changes a subscription between our reading and our claiming its rows."""
    query = select(Subscription.id).where(Subscription.subscriber_id.in_(readers))
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
                    Subscription.subscriber_id.in_(readers), *_in_turn(now, regardless)
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
        for told, _ in one.corrections
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


def dissolve_stale(engine: Engine, now: dt.datetime) -> int:
    """Undo digests not handed to any server yet that hold news taken back meanwhile.

    What still stands in them waits again, and is due at once.
    """
    with writing(engine) as connection:
        planning_alone(connection)
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
        if not gone:
            return 0
        ids, readers = [row.id for row in gone], [row.subscriber_id for row in gone]
        theirs = Outbox.subscriber_id.in_(readers)
        due_again = select(Outbox.subscription_id).where(theirs, Outbox.digest_id.in_(ids))
        connection.execute(
            update(Subscription).where(Subscription.id.in_(due_again)).values(next_due_at=now)
        )
        connection.execute(
            update(Outbox)
            .where(theirs, Outbox.digest_id.in_(ids))
            .values(status="waiting", digest_id=None)
        )
        connection.execute(
            update(Outbox).where(theirs, Outbox.corrected_in.in_(ids)).values(corrected_in=None)
        )
        connection.execute(delete(Digest).where(Digest.id.in_(ids)))
    return len(gone)
