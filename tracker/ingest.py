"""Bill items in, rows and changes out: normalise, upsert, compare, in one short transaction.

A crawl stores one item a transaction (it may be killed between any two), an import a couple of
hundred. Both are :func:`store`: one look at what is stored, comparison without database
(:mod:`tracker.compare`, :mod:`tracker.histories`, :mod:`tracker.hearings`), then one statement
per table.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic_core import PydanticSerializationError
from sqlalchemy import Connection, select, update

from tracker import changes
from tracker.bill_rows import (
    BILL,
    CHANGE,
    LISTS,
    TEXT,
    ChildRows,
    Row,
    child_rows,
    insert_rows,
    update_by_id,
)
from tracker.changes import Draft, draft
from tracker.compare import (
    Moment,
    RowDiff,
    compare_related,
    compare_sponsors,
    compare_versions,
    compare_votes,
)
from tracker.db import insert_or
from tracker.hearings import compare_hearings
from tracker.histories import add_latest_action, compare_actions
from tracker.items import BillItem, Gap, VersionItem
from tracker.normalise import LONGEST_OTHER, cleaned, identifier_key, is_clean
from tracker.progress import Facts, derive, told_stage
from tracker.states import jurisdictions
from tracker.undo import remember

Outcome = Literal["new", "changed", "unchanged"]
BillKey = tuple[str, str, str]
"""source, session, identifier_key"""


# What says how and when an item was read, rather than what the source says of the bill.
_PROVENANCE = {"fetched_from", "fetched_at", "body_sha256", "gaps"}


@dataclass(frozen=True, slots=True)
class Occasion:
    """What is the same for all items of a batch.

    ``baseline``: nothing found is news. ``news_since``: a bill first seen now whose last action is
    older was there all along (the list of sessions was widened, a dataset was imported), and is
    no news either. ``page_follows``: these are listing rows of bills whose own page is stored
    right after; where the page has spoken before, what there is to tell is left to it.
    """

    run_id: int | None
    now: dt.datetime
    baseline: bool = False
    news_since: dt.date | None = None
    page_follows: bool = False


@dataclass(slots=True)
class Stored:
    """What became of one item. ``words_changed``: the rules have to look at the bill again."""

    bill_id: int
    outcome: Outcome
    words_changed: bool = False
    gaps: tuple[Gap, ...] = ()


@dataclass(slots=True)
class Work:
    """One item on its way through a batch."""

    item: BillItem
    key: BillKey
    known: Row | None
    digest: str
    moment: Moment
    values: dict[str, Any] = field(default_factory=dict)
    """Columns of the bill row that are new or differ."""
    diffs: dict[str, RowDiff] = field(default_factory=dict)
    texts: dict[str, dict[str, Any]] = field(default_factory=dict)
    drafts: list[Draft] = field(default_factory=list)
    gaps: tuple[Gap, ...] = ()
    words_changed: bool = False

    @property
    def full(self) -> bool:
        return self.item.detail == "full"

    @property
    def has_page(self) -> bool:
        """Its own page was read before."""
        return self.known is not None and self.known.detail_at is not None

    @property
    def moved(self) -> bool:
        return bool(
            self.drafts
            or self.values
            or any(diff.inserts or diff.updates for diff in self.diffs.values())
        )


def item_hash(item: BillItem) -> str:
    """sha256 of what an item says of the bill: of a listing row, or of the whole page."""
    return _digest(_said(item))


def _digest(said: str) -> str:
    return hashlib.sha256(said.encode()).hexdigest()


def _said(item: BillItem) -> str:
    try:
        return item.model_dump_json(exclude=_PROVENANCE, exclude_defaults=True)
    except PydanticSerializationError:  # What is no text cannot be written as any.
        return cleaned(item)[0].model_dump_json(exclude=_PROVENANCE, exclude_defaults=True)


def bill_key(item: BillItem) -> BillKey:
    return item.source, item.session, identifier_key(item.identifier, item.jurisdiction)


def store(connection: Connection, items: Sequence[BillItem], occasion: Occasion) -> list[Stored]:
    """Store items of distinct bills within the caller's transaction; one result an item, in order.

    Raises ``ValueError`` for an item that cannot be stored, or two of one bill; the caller rolls
    back then.
    """
    keys = [bill_key(item) for item in items]
    if len(set(keys)) < len(keys):
        raise ValueError("two items of one batch are the same bill")
    states = _states(connection, keys)
    results: dict[BillKey, Stored] = {}
    moving: dict[BillKey, tuple[BillItem, str]] = {}
    for item, key in zip(items, keys, strict=True):
        said = _said(item)
        state = states.get(key)
        if state is not None and not _may_have_moved(item, _digest(said), state):
            gaps = cleaned(item)[1] if len(said) > LONGEST_OTHER else ()
            results[key] = Stored(state.id, "unchanged", gaps=gaps)
        else:
            moving[key] = item, said
    if moving:
        results |= _store_moving(connection, moving, states, occasion)
    return [results[key] for key in keys]


def _store_moving(
    connection: Connection,
    moving: dict[BillKey, tuple[BillItem, str]],
    states: dict[BillKey, Row],
    occasion: Occasion,
) -> dict[BillKey, Stored]:
    ids = [states[key].id for key in moving if key in states]
    bills = {row.id: row for row in connection.execute(select(BILL).where(BILL.c.id.in_(ids)))}
    rows = child_rows(connection, ids)
    works = []
    for key, (item, said) in moving.items():
        known = bills[states[key].id] if key in states else None
        works.append(_work(item, said, key, known, occasion))
    for work in works:
        _compare(work, rows, occasion)
    remember(connection, list(bills.values()), rows, occasion.run_id)
    stored_ids = _write(connection, works, occasion)
    return {work.key: _stored(work, stored_ids[work.key]) for work in works}


def _stored(work: Work, bill_id: int) -> Stored:
    outcome: Outcome = "changed" if work.drafts else "unchanged"
    if work.known is None:
        outcome = "new"
    return Stored(bill_id, outcome, work.words_changed, work.gaps)


# -- looking up -----------------------------------------------------------------------------


def _states(connection: Connection, keys: Iterable[BillKey]) -> dict[BillKey, Row]:
    """Enough of the stored bills to see which of them may have moved."""
    sessions: dict[tuple[str, str], list[str]] = defaultdict(list)
    for source, session, identifier in keys:
        sessions[source, session].append(identifier)
    columns = ("id", "identifier_key", "listing_hash", "detail_hash", "content_hash", "vanished_at")
    found: dict[BillKey, Row] = {}
    for (source, session), identifiers in sessions.items():
        query = select(*(BILL.c[name] for name in columns)).where(
            BILL.c.source == source,
            BILL.c.session == session,
            BILL.c.identifier_key.in_(identifiers),
        )
        for row in connection.execute(query):
            found[source, session, row.identifier_key] = row
    return found


def _may_have_moved(item: BillItem, digest: str, state: Row) -> bool:
    if state.vanished_at is not None:
        return True
    if item.detail == "full":
        return bool(digest != state.content_hash or state.detail_hash != state.listing_hash)
    return bool(digest != state.listing_hash)


def _work(item: BillItem, said: str, key: BillKey, known: Row | None, occasion: Occasion) -> Work:
    gaps: tuple[Gap, ...] = ()
    if not is_clean(item, said):
        item, gaps = cleaned(item)
    moment = Moment(
        now=occasion.now,
        today=_today(occasion.now, item.jurisdiction),
        run_id=occasion.run_id,
        first_page=known is None or (item.detail == "full" and known.detail_at is None),
        news_since=occasion.news_since,
    )
    return Work(item, key, known, _digest(said), moment, gaps=gaps)


@lru_cache(maxsize=64)
def _today(now: dt.datetime, jurisdiction: str) -> dt.date:
    """The date where the legislature sits; of one we do not know (Puerto Rico), by UTC."""
    known = jurisdictions().get(jurisdiction)
    return now.astimezone(ZoneInfo(known.timezone)).date() if known else now.date()


# -- comparing ------------------------------------------------------------------------------


def _compare(work: Work, rows: ChildRows, occasion: Occasion) -> None:
    known = work.known
    old: dict[str, list[Row]] = {
        name: rows[name].get(known.id, []) if known is not None else [] for name in LISTS
    }
    if work.moment.first_page and known is not None:
        work.moment = _with_known_until(work.moment, old["actions"])
    if not (occasion.page_follows and work.has_page):
        _compare_words(work)
        _compare_history(work, old["actions"])
        _compare_lists(work, old)
        for diff in work.diffs.values():
            work.drafts += diff.drafts
        _read_progress(work, old["actions"])
    if known is None:
        hearings = [made for made in work.drafts if made.kind == changes.HEARING_SET]
        work.drafts = [_introduced(work), *hearings]
    elif known.vanished_at is not None:
        work.values["vanished_at"] = None
        work.drafts.append(
            draft(
                changes.REAPPEARED,
                "Listed by the source again",
                occasion.run_id,
                after={"title": work.values.get("title", known.title)},
            )
        )


def _with_known_until(moment: Moment, old_actions: Sequence[Row]) -> Moment:
    """Rows of this run do not count: its listing is where it learned that the bill has moved."""
    dates = [
        row.date
        for row in old_actions
        if row.date and row.retracted_at is None and row.first_seen_run_id != moment.run_id
    ]
    return replace(moment, known_until=max(dates, default=None))


def _compare_words(work: Work) -> None:
    """Title, abstract and the other single values; only what the page says.

    The first page of a bill may word its title otherwise than the listing does: that is no news.
    """
    item, known = work.item, work.known
    stated = {
        "identifier": item.identifier,
        "title": item.title,
        "abstract": item.abstract,
        "chamber": item.chamber,
        "source_id": item.source_id or None,
        "subjects": None if item.subjects is None else list(item.subjects),
        "bill_types": None if item.classification is None else list(item.classification),
        "sources": [{"url": link.url, "note": link.note} for link in item.sources] or None,
    }
    said = {name: value for name, value in stated.items() if value is not None}
    if known is None:
        work.values = said
        work.words_changed = True
        return
    work.values = {name: value for name, value in said.items() if getattr(known, name) != value}
    work.words_changed = bool(work.values.keys() & {"title", "abstract", "subjects"})
    for kind, called in ((changes.TITLE, "title"), (changes.ABSTRACT, "summary")):
        before, now = getattr(known, kind), work.values.get(kind)
        if now is not None and before and not work.moment.first_page:
            work.drafts.append(
                draft(
                    kind,
                    f"New {called}: {now}" if now else f"The {called} was removed",
                    before,
                    now,
                    before={"text": before},
                    after={"text": now},
                )
            )


def _compare_history(work: Work, old: Sequence[Row]) -> None:
    item = work.item
    if item.actions is not None:
        work.diffs["actions"] = compare_actions(old, item.actions, work.moment)
    elif item.latest_action is not None:
        work.diffs["actions"] = add_latest_action(old, item.latest_action, work.moment)


def _compare_lists(work: Work, old: dict[str, list[Row]]) -> None:
    item, moment = work.item, work.moment
    if item.sponsors is not None:
        partial = not work.full and work.has_page
        work.diffs["sponsors"] = compare_sponsors(old["sponsors"], item.sponsors, moment, partial)
    if item.versions is not None:
        shas = [_keep_text(work, version) for version in item.versions]
        diff = compare_versions(old["versions"], item.versions, shas, moment)
        work.diffs["versions"] = diff
        work.words_changed |= any(row.get("text_sha256") for row in (*diff.inserts, *diff.updates))
    if item.votes is not None:
        work.diffs["votes"] = compare_votes(old["votes"], item.votes, moment)
    if item.hearings is not None:
        work.diffs["hearings"] = compare_hearings(old["hearings"], item.hearings, moment)
    if item.related_bills is not None:
        work.diffs["related_bills"] = compare_related(
            old["related_bills"], item.related_bills, item.jurisdiction, moment
        )


def _read_progress(work: Work, old_actions: Sequence[Row]) -> None:
    """Where the bill stands now, derived from all its lines together."""
    known, values = work.known, work.values
    if "actions" not in work.diffs:
        if not old_actions or not values.keys() & {"chamber", "bill_types"}:
            return
        work.diffs["actions"] = RowDiff()
    bill = Facts(
        work.item.jurisdiction,
        values.get("chamber", known.chamber if known is not None else None),
        values.get("bill_types", known.bill_types if known is not None else []),
    )
    diff = work.diffs["actions"]
    standing = derive(bill, old_actions, diff)
    if known is None:
        values |= standing.columns
        return
    values |= {
        name: value for name, value in standing.columns.items() if getattr(known, name) != value
    }
    told = told_stage(known.stage, standing, diff, work.moment)
    if told is not None:
        work.drafts.append(told)


def _keep_text(work: Work, version: VersionItem) -> str | None:
    """sha256 of the version's text, which is stored once however many versions share it."""
    if version.text is None:
        return None
    sha = hashlib.sha256(version.text.encode()).hexdigest()
    marks = version.marks
    work.texts[sha] = {
        "sha256": sha,
        "text": version.text,
        "marks": None if marks is None else [mark.model_dump() for mark in marks],
    }
    return sha


def _introduced(work: Work) -> Draft:
    item, values = work.item, work.values
    told = item.actions or ((item.latest_action,) if item.latest_action else ())
    after = {
        "title": values.get("title", ""),
        "latest_action": values.get("latest_action_text", ""),
        "stage": values.get("stage", ""),
    }
    first = min((action.date for action in told if action.date), default=None)
    title = values.get("title") or work.key[2]
    return draft(changes.INTRODUCED, f"New bill: {title}", on=first, after=after)


# -- writing --------------------------------------------------------------------------------


def _write(connection: Connection, works: Sequence[Work], occasion: Occasion) -> dict[BillKey, int]:
    ids = _write_bills(connection, works, occasion)
    _write_texts(connection, works)
    for name, table in LISTS.items():
        inserts: list[dict[str, Any]] = []
        updates: list[dict[str, Any]] = []
        for work in works:
            if (diff := work.diffs.get(name)) is not None:
                bill_id = ids[work.key]
                inserts += [{**row, "bill_id": bill_id} for row in diff.inserts]
                updates += diff.updates
        insert_rows(connection, table, inserts)
        update_by_id(connection, table, updates)
    _write_changes(connection, works, ids, occasion)
    return ids


_NEW_BILL: dict[str, Any] = {
    "chamber": None,
    "bill_types": [],
    "title": "",
    "abstract": "",
    "subjects": [],
    "sources": [],
    "source_id": "",
    "listing_hash": "",
    "detail_hash": "",
    "content_hash": "",
    "detail_at": None,
    "stage": "",
    "stage_on": None,
    "latest_action_on": None,
    "latest_action_text": "",
    "vanished_at": None,
}


def _write_bills(
    connection: Connection, works: Sequence[Work], occasion: Occasion
) -> dict[BillKey, int]:
    ids: dict[BillKey, int] = {}
    now, run_id = occasion.now, occasion.run_id
    new, missing, updates = [], [], []
    for work in works:
        item, known = work.item, work.known
        read: dict[str, Any] = {"fetched_from": item.fetched_from, "body_sha256": item.body_sha256}
        if work.full:
            read |= {"content_hash": work.digest, "detail_at": now}
            read["detail_hash"] = known.listing_hash if known is not None else ""
        else:
            read["listing_hash"] = work.digest
        if known is not None:
            ids[work.key] = known.id
            moved = {"changed_at": now} if work.moved else {}
            updates.append({"id": known.id, **work.values, **read, **moved})
            continue
        missing.append(work.key)
        source, session, key = work.key
        identity = {"source": source, "session": session, "identifier_key": key}
        seen = {"first_seen_at": now, "last_seen_at": now, "changed_at": now}
        runs = {"first_seen_run_id": run_id, "last_seen_run_id": run_id}
        place = {"jurisdiction": item.jurisdiction}
        new.append(_NEW_BILL | identity | place | seen | runs | work.values | read)
    insert_rows(connection, BILL, new)
    ids |= {key: row.id for key, row in _states(connection, missing).items()}
    update_by_id(connection, BILL, updates)
    return ids


def _write_texts(connection: Connection, works: Iterable[Work]) -> None:
    """A text known before may come with marks now: its reader has learned to see them."""
    texts = {sha: row for work in works for sha, row in work.texts.items()}
    if not texts:
        return
    query = select(TEXT.c.sha256, TEXT.c.marks).where(TEXT.c.sha256.in_(texts))
    known = {row.sha256: row.marks for row in connection.execute(query)}
    missing = [row for sha, row in texts.items() if sha not in known]
    if missing:
        # Another source may be storing the same text at this moment.
        connection.execute(insert_or(connection, TEXT).on_conflict_do_nothing(), missing)
    for sha, marks in known.items():
        if texts[sha]["marks"] not in (None, marks):
            connection.execute(
                update(TEXT).where(TEXT.c.sha256 == sha).values(marks=texts[sha]["marks"])
            )


def _write_changes(
    connection: Connection, works: Sequence[Work], ids: dict[BillKey, int], occasion: Occasion
) -> None:
    told: set[tuple[int, str]] = set()
    known = [work.known.id for work in works if work.known is not None and work.drafts]
    if known:
        query = select(CHANGE.c.bill_id, CHANGE.c.key).where(CHANGE.c.bill_id.in_(known))
        told = {(row.bill_id, row.key) for row in connection.execute(query)}
    rows = []
    for work in works:
        bill_id = ids[work.key]
        for made in work.drafts:
            if (bill_id, made.key) not in told:
                told.add((bill_id, made.key))
                rows.append(change_row(bill_id, made, _status(work, made, occasion), occasion))
    insert_rows(connection, CHANGE, rows)


def _status(work: Work, made: Draft, occasion: Occasion) -> str:
    if occasion.baseline:
        return "baseline"
    moved_on = work.values.get("latest_action_on")
    since = occasion.news_since
    is_old = work.known is None and moved_on and since and moved_on < since
    return "baseline" if is_old and made.kind == changes.INTRODUCED else "held"


def change_row(bill_id: int, made: Draft, status: str, occasion: Occasion) -> dict[str, Any]:
    return {
        "bill_id": bill_id,
        "run_id": occasion.run_id,
        "kind": made.kind,
        "key": made.key,
        "status": status,
        "detected_at": occasion.now,
        "released_at": None,
        "occurred_on": made.occurred_on,
        "stage": made.stage,
        "summary": made.summary,
        "before": made.before,
        "after": made.after,
    }
