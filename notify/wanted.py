"""What waits for a reader: which news, corrections and hearings their next digest is to hold."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    and_,
    cast,
    exists,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Session, aliased

from notify.filters import Filter, stored
from notify.match import in_batches
from notify.render import templates_hash
from notify.schedule import QUIET_NOTE_EVERY, quiet_note_due
from notify.snapshot import LONGEST_SUMMARY, HearingNote, Snapshot, hearings_ahead, short
from notify.story import Content, Correction
from tracker.changes import ACTION_CORRECTED
from tracker.models import Change, News, Outbox, Subscriber, Subscription
from tracker.settings import Settings

Readers = tuple[int, int]
"""The first and the last id of a stretch of readers."""
CORRECTIONS_FOR = dt.timedelta(days=60)


@dataclass(slots=True)
class Wanted:
    """What one reader's digest is to hold: change ids, (told, said now) pairs, filters, and
    hearings ahead by bill.

    ``replaced`` are rows in whose place the correction is told, ``dropped`` those that have
    nothing to say any more.
    """

    reader: int
    today: dt.date
    filters: set[str] = field(default_factory=set)
    changes: list[int] = field(default_factory=list)
    corrections: list[tuple[int, int | None]] = field(default_factory=list)
    replaced: list[int] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    hearings: dict[int, tuple[HearingNote, ...]] = field(default_factory=dict)
    quiet_since: dt.date | None = None

    @property
    def says_something(self) -> bool:
        return bool(self.changes or self.corrections or self.quiet_since)

    def key(self, settings: Settings) -> str:
        """Equal for readers whose digests are word for word the same."""
        return _key(
            (settings.public_url, settings.mail_from, settings.mail_footer),
            (self.today, self.quiet_since),
            tuple(sorted(self.filters)),
            tuple(self.changes),
            tuple(sorted(self.corrections, key=str)),
            tuple(sorted(self.hearings.items())),
        )


@lru_cache(maxsize=10_000)
def _key(*parts: tuple[Any, ...]) -> str:
    return hashlib.sha256(f"{templates_hash()}{parts}".encode()).hexdigest()


def in_turn(now: dt.datetime, regardless: bool) -> ColumnElement[bool]:
    """Which subscriptions a pass serves."""
    due = true() if regardless else Subscription.next_due_at <= now
    return and_(Subscription.active, due)


def long_silent(now: dt.datetime) -> ColumnElement[bool]:
    """Which subscriptions may be due a note that nothing moved; a day early, as the day depends
    on the time zone.
    """
    heard_at = func.coalesce(Subscriber.last_digest_at, Subscription.active_since)
    return and_(
        Subscription.active,
        Subscription.quiet_note,
        Subscriber.status == "active",
        heard_at <= now - QUIET_NOTE_EVERY + dt.timedelta(days=1),
    )


def collect(
    connection: Connection, readers: Readers, now: dt.datetime, regardless: bool = False
) -> list[Wanted]:
    """What the digests of these readers are to hold, by the subscriptions whose turn it is."""
    wanted: dict[int, Wanted] = {}
    for row in connection.execute(_turns(readers, now, regardless)):
        if row.id not in wanted:
            wanted[row.id] = Wanted(row.id, _local(now, row.timezone))
        wanted[row.id].filters.add(row.filter_hash)
    quiet: dict[int, dt.date] = {}
    for row in connection.execute(_quiet(readers, now, regardless)):
        heard = row.last_digest_at or row.active_since
        clock = (row.frequency, row.weekday, row.hour, row.minute, row.timezone)
        if quiet_note_due(*clock, heard) <= now:
            one = wanted.setdefault(row.id, Wanted(row.id, _local(now, row.timezone)))
            one.filters.add(row.filter_hash)
            quiet.setdefault(row.id, _local(heard, row.timezone))
    for row in connection.execute(_standing(readers, now, regardless)):
        wanted[row.subscriber_id].changes = sorted(map(int, row.changes.split(",")))
    _add_taken_back(connection, wanted, readers, now, regardless)
    for reader, since in quiet.items():
        if not wanted[reader].says_something:
            wanted[reader].quiet_since = since
    found = [one for one in wanted.values() if one.says_something or one.dropped]
    _add_hearings(connection, found, now)
    return found


def _local(moment: dt.datetime, timezone: str) -> dt.date:
    return moment.astimezone(ZoneInfo(timezone)).date()


def _add_taken_back(
    connection: Connection,
    wanted: dict[int, Wanted],
    readers: Readers,
    now: dt.datetime,
    regardless: bool,
) -> None:
    """What was taken back is told as a correction, or not at all; never as news as well."""
    hushed: defaultdict[int, set[int | None]] = defaultdict(set)
    for row in connection.execute(_taken_back(readers, now, regardless)):
        one = wanted[row.subscriber_id]
        if row.kind == ACTION_CORRECTED:
            told = row.told_now or row.change_id
            one.changes = sorted({*one.changes, told})
            one.replaced += [row.change_id] if row.told_now else []
        else:
            one.dropped.append(row.change_id)
            hushed[row.subscriber_id].add(row.taken_back_by)
    for row in connection.execute(_sent_but_taken_back(readers, now)):
        if row.subscriber_id in wanted:
            wanted[row.subscriber_id].corrections.append((row.change_id, row.taken_back_by))
            hushed[row.subscriber_id].add(row.taken_back_by)
    for reader, told in hushed.items():
        one = wanted[reader]
        one.dropped += [change for change in one.changes if change in told]
        one.changes = [change for change in one.changes if change not in told]


def _add_hearings(connection: Connection, wanted: Iterable[Wanted], now: dt.datetime) -> None:
    changes = sorted({change for one in wanted for change in one.changes})
    bills: dict[int, int] = {}
    for some in in_batches(changes):
        rows = connection.execute(select(Change.id, Change.bill_id).where(Change.id.in_(some)))
        bills |= {row.id: row.bill_id for row in rows}
    ahead: dict[int, tuple[HearingNote, ...]] = {}
    with Session(connection) as session:
        for few in in_batches(sorted(set(bills.values()))):
            ahead |= hearings_ahead(session, few, now.date())
    for one in wanted if ahead else ():
        theirs = {bills[change] for change in one.changes}
        one.hearings = {bill: ahead[bill] for bill in theirs & ahead.keys()}


def _turns(readers: Readers, now: dt.datetime, regardless: bool) -> Select[*tuple[Any, ...]]:
    return (
        select(Subscriber.id, Subscriber.timezone, Subscription.filter_hash)
        .join(Subscription, Subscription.subscriber_id == Subscriber.id)
        .where(
            Subscriber.id.between(*readers),
            Subscriber.status == "active",
            in_turn(now, regardless),
        )
        .order_by(Subscriber.id)
    )


def _quiet(readers: Readers, now: dt.datetime, regardless: bool) -> Select[*tuple[Any, ...]]:
    """Who wants to know that nothing moved, and when they last heard of us."""
    waits = exists().where(
        Outbox.subscriber_id == Subscriber.id,
        Outbox.subscription_id == Subscription.id,
        Outbox.status == "waiting",
    )
    return (
        select(
            Subscriber.id,
            Subscriber.timezone,
            Subscriber.hour,
            Subscriber.minute,
            Subscriber.last_digest_at,
            Subscription.active_since,
            Subscription.frequency,
            Subscription.weekday,
            Subscription.filter_hash,
        )
        .join(Subscription, Subscription.subscriber_id == Subscriber.id)
        .where(
            Subscriber.id.between(*readers),
            long_silent(now),
            or_(in_turn(now, regardless), ~waits),
        )
        .order_by(Subscription.id)
    )


def _waiting(
    readers: Readers, now: dt.datetime, regardless: bool
) -> tuple[ColumnElement[bool], ...]:
    return (
        News.change_id == Outbox.change_id,
        Subscription.id == Outbox.subscription_id,
        Subscriber.id == Outbox.subscriber_id,
        Outbox.subscriber_id.between(*readers),
        Outbox.status == "waiting",
        Subscriber.status == "active",
        in_turn(now, regardless),
    )


def _standing(readers: Readers, now: dt.datetime, regardless: bool) -> Select[*tuple[Any, ...]]:
    """One row a reader: there are millions of these, and few of what was taken back."""
    changes = func.aggregate_strings(cast(Outbox.change_id, String), ",")
    return (
        select(Outbox.subscriber_id, changes.label("changes"))
        .where(*_waiting(readers, now, regardless), News.taken_back_at.is_(None))
        .group_by(Outbox.subscriber_id)
    )


def _taken_back(readers: Readers, now: dt.datetime, regardless: bool) -> Select[*tuple[Any, ...]]:
    said, news_now = aliased(Change), aliased(News)
    return (
        select(
            Outbox.subscriber_id,
            Outbox.change_id,
            News.taken_back_by,
            news_now.change_id.label("told_now"),
            said.kind,
        )
        .select_from(Outbox)
        .join(News, News.change_id == Outbox.change_id)
        .join(said, said.id == News.taken_back_by, isouter=True)
        .join(news_now, news_now.change_id == News.taken_back_by, isouter=True)
        .where(*_waiting(readers, now, regardless), News.taken_back_at.is_not(None))
    )


def _sent_but_taken_back(readers: Readers, now: dt.datetime) -> Select[*tuple[Any, ...]]:
    return (
        select(Outbox.subscriber_id, Outbox.change_id, News.taken_back_by)
        .join(News, News.change_id == Outbox.change_id)
        .where(
            News.taken_back_at >= now - CORRECTIONS_FOR,
            Outbox.subscriber_id.between(*readers),
            Outbox.status == "sent",
            Outbox.corrected_in.is_(None),
        )
    )


def content_of(connection: Connection, one: Wanted) -> Content:
    """The snapshots and filters behind a reader's wanted digest."""
    ids = {*one.changes, *(told for told, _ in one.corrections)}
    said_now = connection.execute(
        select(Change.id, Change.summary).where(
            Change.id.in_([said for _, said in one.corrections]),
            Change.kind == ACTION_CORRECTED,
        )
    )
    now = {row.id: row.summary for row in said_now}
    rows = connection.execute(select(News.change_id, News.snapshot).where(News.change_id.in_(ids)))
    snapshots = {row.change_id: _up_to_date(row.snapshot, one) for row in rows}
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
            Correction(snapshots[told], short(now.get(said, ""), LONGEST_SUMMARY))
            for told, said in sorted(one.corrections, key=str)
        ),
        quiet_since=one.quiet_since,
    )


def _up_to_date(stored: dict[str, Any], one: Wanted) -> Snapshot:
    snapshot = Snapshot.model_validate(stored)
    return snapshot.model_copy(update={"hearings": one.hearings.get(snapshot.bill_id, ())})
