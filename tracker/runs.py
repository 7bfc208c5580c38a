"""A crawl as the database sees it: what it finds stays held until it has proved sound.

How runs end, and what becomes of one that dies or is unsound: :mod:`tracker.settle`.
"""

from __future__ import annotations

import copy
import datetime as dt
import gc
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Engine, insert, or_, select, update
from sqlalchemy.exc import InterfaceError, OperationalError

from tracker.bill_rows import BILL, LISTS, model_table
from tracker.classify import rules_hash
from tracker.db import insert_or, reading, writing
from tracker.expectations import Expectations
from tracker.ingest import BillKey, Occasion, Outcome, Stored, bill_key, item_hash, store
from tracker.items import BillItem
from tracker.judging import judge, worth_its_page
from tracker.likeness import link_alike
from tracker.lock import only_one
from tracker.models import FetchedPage, HttpValidator, Run, SourceState
from tracker.normalise import identifier_key, line
from tracker.search import index_pending
from tracker.settle import RunError, discard, release, release_changes, settle_previous
from tracker.soundness import Account, problems

__all__ = ["CrawlRun", "RunError", "SourceBusy", "Validator", "discard", "release"]

MOST_FAILURES_KEPT = 200
ROWS_PER_FLUSH = 500
BILLS_PER_BATCH = 200

# A bill first seen now that last moved this long before the last sound run was there all along.
OLD_NEWS = dt.timedelta(days=14)


@dataclass(frozen=True)
class Validator:
    """What a conditional request sends back; a source gives either or both."""

    etag: str
    last_modified: str


class SourceBusy(Exception):
    """Another process is crawling the source."""


@dataclass(frozen=True)
class _Before:
    """What the source's last sound run left."""

    cursor: dict[str, Any]
    rules_hash: str
    sound_at: dt.datetime | None


class CrawlRun:
    """One Run row while it is open: from :meth:`open` to :meth:`close` or :meth:`skip`.

    Every call is a short transaction of its own or only counts; a kill between two loses nothing.
    ``cursor`` is the source's own note of how far it has read, as the last sound run left it.
    """

    def __init__(
        self,
        engine: Engine,
        run_id: int,
        source: str,
        expectations: Expectations,
        *,
        baseline: bool,
        provenance: str,
        before: _Before,
        fixed_now: dt.datetime | None,
        lock: ExitStack,
    ) -> None:
        self._engine = engine
        self._expectations = expectations
        self._lock = lock
        self._fixed_now = fixed_now
        self._rules_hash = before.rules_hash
        self._news_since = (before.sound_at - OLD_NEWS).date() if before.sound_at else None
        self.id = run_id
        self.source = source
        self.baseline = baseline
        self._is_live = provenance == "live"
        self.cursor: dict[str, Any] = copy.deepcopy(before.cursor)
        self._account = Account()
        self._failures: list[dict[str, str]] = []
        self._seen: list[int] = []
        self._pages: list[dict[str, Any]] = []
        self._listed: dict[str, set[str]] = {}
        self._read: set[int] = set()
        self._jurisdiction = ""
        self._page_follows: set[BillKey] = set()
        self._waiting: dict[BillKey, BillItem] = {}
        self._validators: dict[str, dict[str, str]] = {}

    @classmethod
    def open(
        cls,
        engine: Engine,
        source: str,
        expectations: Expectations,
        *,
        provenance: str = "live",
        now: dt.datetime | None = None,
        notify_first_run: bool = False,
    ) -> CrawlRun:
        """Begin a run. ``now`` stands in for the clock when a recording is replayed.

        Raises :class:`SourceBusy` while another process crawls the source. With that ruled out,
        a run still open is one whose process died, and what it found passes to this one.
        """
        lock = ExitStack()
        if not lock.enter_context(only_one(engine, f"crawl-{source}")):
            lock.close()
            raise SourceBusy(f"{source} is being crawled by another process; nothing to do here")
        began = now or dt.datetime.now(dt.UTC)
        with writing(engine) as connection:
            known = connection.execute(
                select(SourceState.cursor, SourceState.rules_hash, Run.started_at)
                .outerjoin(Run, Run.id == SourceState.last_sound_run_id)
                .where(SourceState.source == source)
            ).first()
            baseline = known is None and not notify_first_run
            run_id = connection.execute(
                insert(Run)
                .values(source=source, baseline=baseline, provenance=provenance, started_at=began)
                .returning(Run.id)
            ).scalar_one()
            settle_previous(connection, source, run_id, began)
        before = _Before(*known) if known is not None else _Before({}, "", None)
        return cls(
            engine,
            run_id,
            source,
            expectations,
            baseline=baseline,
            provenance=provenance,
            before=before,
            fixed_now=now,
            lock=lock,
        )

    @property
    def _now(self) -> dt.datetime:
        return self._fixed_now or dt.datetime.now(dt.UTC)

    @property
    def _released_at(self) -> dt.datetime:
        """Readers hear of a recording when it is replayed, however old its pages are."""
        return self._now if self._is_live else dt.datetime.now(dt.UTC)

    # -- what a spider asks -----------------------------------------------------------------

    def needs_detail(self, light: BillItem) -> bool:
        """Whether the bill is on topic or may be, and has moved since its page was last read.

        To be asked before the light item is recorded. Yes is a promise to read the page: of a
        bill whose page was read before, the light item then waits for it, as the page tells the
        same news better; it is stored with the page, or by itself at the end if none came.
        """
        source, session, identifier = key = bill_key(light)
        with self._engine.connect() as connection:
            known = connection.execute(
                select(BILL).where(
                    BILL.c.source == source,
                    BILL.c.session == session,
                    BILL.c.identifier_key == identifier,
                )
            ).first()
            if known is not None and known.detail_hash == item_hash(light):
                return False
            if not worth_its_page(connection, light, known):
                return False
        if known is not None and known.detail_at is not None:
            self._page_follows.add(key)
        return True

    def has_text(self, bill: BillItem, url: str) -> bool:
        """Whether the text at this address is stored as that of a version of the bill."""
        source, session, identifier = bill_key(bill)
        versions = LISTS["versions"]
        query = (
            select(versions.c.text_url, versions.c.links)
            .join(BILL, BILL.c.id == versions.c.bill_id)
            .where(
                BILL.c.source == source,
                BILL.c.session == session,
                BILL.c.identifier_key == identifier,
                versions.c.text_sha256.is_not(None),
            )
        )
        with self._engine.connect() as connection:
            return any(
                row.text_url == url or any(link["url"] == url for link in row.links)
                for row in connection.execute(query)
            )

    def validator(self, url: str) -> Validator | None:
        """ETag and Last-Modified of the last sound and complete run.

        ``None`` also when the topic rules have changed since: every bill has to be looked at anew.
        """
        if self._rules_hash != rules_hash():
            return None
        query = select(HttpValidator.etag, HttpValidator.last_modified).where(
            HttpValidator.source == self.source, HttpValidator.url == url
        )
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        return Validator(row.etag, row.last_modified) if row else None

    # -- what a spider tells ----------------------------------------------------------------

    def record(self, item: BillItem) -> None:
        """Store one bill. Raises ``ValueError``, naming the bill, if it cannot be stored."""
        if self._is_repeated(item):
            return
        key = bill_key(item)
        if item.detail == "light" and key in self._page_follows:
            self._waiting[key] = item
            return
        listing_row = self._waiting.get(key)
        if listing_row is None:
            self._store([item])
        else:
            self._store([_completed(item, listing_row)], [listing_row])
            for gap in listing_row.gaps:
                self.gap(gap.field, gap.reason)
            del self._waiting[key]
        self._page_follows.discard(key)

    def record_many(self, items: Iterable[BillItem]) -> Counter[Outcome]:
        """Store a stream of bills, a couple of hundred a transaction.

        One that cannot be stored is noted as a failure of the run and the others go on.
        """
        outcomes: Counter[Outcome] = Counter()
        batch: dict[BillKey, BillItem] = {}
        with _only_new_garbage():
            for item in items:
                if self._is_repeated(item):
                    outcomes["unchanged"] += 1
                    continue
                key = bill_key(item)
                if key in batch or len(batch) >= BILLS_PER_BATCH:
                    outcomes.update(self._store_batch(list(batch.values())))
                    batch.clear()
                batch[key] = item
            if batch:
                outcomes.update(self._store_batch(list(batch.values())))
        return outcomes

    def listed(self, session: str, identifiers: Iterable[str]) -> None:
        """A complete listing of the session was read in this run; it has these bills."""
        self._listed.setdefault(session, set()).update(identifiers)

    def page(
        self, url: str, status: int, size: int, body_sha256: str, fetched_at: dt.datetime
    ) -> None:
        """A response was read; ``url`` without secrets."""
        self._pages.append(
            {
                "run_id": self.id,
                "url": url,
                "status": status,
                "bytes": size,
                "body_sha256": body_sha256,
                "fetched_at": fetched_at,
            }
        )
        if len(self._pages) >= ROWS_PER_FLUSH:
            self._flush()

    def unchanged(self, url: str) -> None:
        """The source said that there is nothing new at this address (HTTP 304 or its own way)."""
        self._account.not_modified += 1

    def keep_validator(self, url: str, etag: str, last_modified: str, body_sha256: str) -> None:
        """For the next run's conditional request, if this one closes sound and complete."""
        if etag or last_modified:
            self._validators[url] = {
                "etag": etag,
                "last_modified": last_modified,
                "body_sha256": body_sha256,
            }

    def gap(self, field: str, reason: str) -> None:
        """A field that a page should have stated, and did not in a readable way."""
        self._account.gaps.setdefault(line(field)[:100], Counter())[reason] += 1

    def fail(self, kind: str, url: str, detail: str) -> None:
        """A request or row that gave nothing; ``kind`` names why, ``url`` holds no secret."""
        self._account.failures[kind] += 1
        if len(self._failures) < MOST_FAILURES_KEPT:
            seen = {"kind": kind, "url": line(url[:2000]), "detail": line(detail[:1000])}
            self._failures.append(seen)

    # -- how it ends ------------------------------------------------------------------------

    def skip(self, reason: str) -> Run:
        """Not tried; ``reason`` says what is needed."""
        with self._lock, writing(self._engine) as connection:
            self._end(connection, "skipped", reason, {})
        return self._row()

    def close(self, *, requests: int, bytes: int, not_modified: int, finished: bool = True) -> Run:
        """Judge the run by its source's expectations, release or hold what it found.

        ``finished`` is false for a crawl that was stopped before its end. ``bytes`` counts bodies
        as read. The row returned says how the run ended and why.
        """
        counts = {"requests": requests, "bytes": bytes, "not_modified": not_modified}
        if finished:
            self._store_waiting()
        self._flush()
        with self._lock, writing(self._engine) as connection:
            self._mark_listed(connection)
            if not finished:
                reason = "stopped before its end; what it found passes to the next run"
                self._end(connection, "interrupted", reason, counts)
            elif failure := self._why_failed():
                self._end(connection, "failed", failure, counts)
            elif found := problems(
                connection, self.source, self.id, self._account, self._expectations
            ):
                look = f"billtracker runs show {self.id}"
                decide = (
                    f"billtracker runs release {self.id}, or billtracker runs discard {self.id}"
                )
                reason = f"{'; '.join(found)}. Look: {look}. Decide: {decide}"
                self._end(connection, "quarantined", reason, counts)
            else:
                self._end(connection, "sound", "", counts)
                release_changes(connection, self.id, self._released_at)
                self._keep_for_next(connection)
        index_pending(self._engine)
        link_alike(self._engine)
        return self._row()

    def _why_failed(self) -> str:
        """Why nothing usable arrived; empty if something did, or there was nothing new to give."""
        if self._account.items:
            return ""
        if self._failures:
            first = self._failures[0]
            return f"{first['kind']}: {first['detail']} at {first['url']}"
        if self._account.not_modified or any(self._listed.values()):
            return ""
        return "the source gave no bill at all, and no sign that nothing is new"

    def _end(
        self, connection: Connection, status: str, reason: str, counts: dict[str, int]
    ) -> None:
        account = self._account
        values = {
            "status": status,
            "reason": reason,
            "ended_at": self._now,
            "items": account.items,
            "bills_new": account.new,
            "bills_changed": account.changed,
            "listed": account.listed,
            "gaps": {name: dict(found) for name, found in sorted(account.gaps.items())},
            "failures": self._failures,
            "failure_kind": self._failures[0]["kind"] if self._failures else "",
            **counts,
        }
        connection.execute(update(Run).where(Run.id == self.id).values(values))

    def _keep_for_next(self, connection: Connection) -> None:
        """The cursor; of a run without failures also what tells the next one to skip pages."""
        kept: dict[str, Any] = {"cursor": self.cursor}
        if not self._failures:
            kept["rules_hash"] = rules_hash()
            self._keep_validators(connection)
        connection.execute(
            update(SourceState).where(SourceState.source == self.source).values(kept)
        )

    def _keep_validators(self, connection: Connection) -> None:
        if not self._validators:
            return
        same = {"source": self.source, "run_id": self.id}
        statement = insert_or(connection, model_table(HttpValidator))
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["source", "url"],
                set_={
                    name: statement.excluded[name]
                    for name in ("etag", "last_modified", "body_sha256", "run_id")
                },
            ),
            [{"url": url, **same, **values} for url, values in self._validators.items()],
        )

    def _row(self) -> Run:
        with reading(self._engine) as session:
            return session.get_one(Run, self.id)

    # -- inside -----------------------------------------------------------------------------

    def _is_repeated(self, item: BillItem) -> bool:
        """The same bill twice on one page: the first row counts, the other is a gap."""
        place = hash((bill_key(item), item.detail, item.fetched_from, item.body_sha256))
        if place in self._read:
            self.gap("identifier", "duplicate")
            return True
        self._read.add(place)
        self._jurisdiction = item.jurisdiction
        return False

    def _store_batch(self, items: Sequence[BillItem]) -> list[Outcome]:
        """All in one transaction, or else one by one, so that a bad one harms no other."""
        try:
            return [stored.outcome for stored in self._store(items)]
        except ValueError:
            outcomes = []
            for item in items:
                try:
                    outcomes.append(self._store([item])[0].outcome)
                except ValueError as error:
                    self.fail("bad-row", item.fetched_from, str(error))
            return outcomes

    def _store(
        self, items: Sequence[BillItem], listing_rows: Sequence[BillItem] = ()
    ) -> list[Stored]:
        """``listing_rows``: of the same bills; they leave to ``items`` what there is to tell."""
        now = self._now
        occasion = Occasion(self.id, now, self.baseline, self._news_since)
        try:
            with writing(self._engine) as connection:
                if listing_rows:
                    store(connection, listing_rows, replace(occasion, page_follows=True))
                result = store(connection, items, occasion)
                judge(connection, [each.bill_id for each in result if each.words_changed], now)
        except (OperationalError, InterfaceError):
            raise  # The database is in trouble, not the bill.
        except Exception as error:
            printed = items[0].identifier[:100]
            named = line(printed) or repr(printed) if len(items) == 1 else f"{len(items)} bills"
            raise ValueError(f"{named}: {error}") from error
        for item, stored in zip(items, result, strict=True):
            self._count(item, stored)
        if len(self._seen) >= ROWS_PER_FLUSH:
            self._flush()
        return result

    def _count(self, item: BillItem, stored: Stored) -> None:
        account = self._account
        account.items += 1
        account.new += stored.outcome == "new"
        account.changed += stored.outcome == "changed"
        if stored.outcome != "new":
            self._seen.append(stored.bill_id)
        gaps = {(gap.field, gap.reason) for gap in (*item.gaps, *stored.gaps)}
        if not item.title and (stored.outcome == "new" or item.title is not None):
            gaps.add(("title", "missing"))
        for field, reason in gaps:
            self.gap(field, reason)

    def _store_waiting(self) -> None:
        """Listing rows of bills whose page never came: what they tell must not be lost."""
        waiting = list(self._waiting.values())
        for start in range(0, len(waiting), BILLS_PER_BATCH):
            self._store_batch(waiting[start : start + BILLS_PER_BATCH])
        self._waiting.clear()

    def _flush(self) -> None:
        """Write the last-seen marks and pages collected so far."""
        if not self._seen and not self._pages:
            return
        with writing(self._engine) as connection:
            if self._seen:
                connection.execute(
                    update(BILL)
                    .where(BILL.c.id.in_(self._seen))
                    .values(last_seen_at=self._now, last_seen_run_id=self.id)
                )
            if self._pages:
                connection.execute(insert(FetchedPage), self._pages)
        self._seen.clear()
        self._pages.clear()

    def _mark_listed(self, connection: Connection) -> None:
        """A bill in a complete listing is there, though its row may have been unreadable."""
        for session, identifiers in self._listed.items():
            keys = sorted({identifier_key(each, self._jurisdiction) for each in identifiers})
            self._account.listed[session] = len(keys)
            for start in range(0, len(keys), ROWS_PER_FLUSH):
                connection.execute(
                    update(BILL)
                    .where(
                        BILL.c.source == self.source,
                        BILL.c.session == session,
                        BILL.c.identifier_key.in_(keys[start : start + ROWS_PER_FLUSH]),
                        or_(
                            BILL.c.last_seen_run_id.is_(None),
                            BILL.c.last_seen_run_id != self.id,
                        ),
                    )
                    .values(last_seen_at=self._now, last_seen_run_id=self.id)
                )


def _completed(page: BillItem, listing_row: BillItem) -> BillItem:
    """What a bill's page does not say and its listing row does counts as said by the page."""
    names = ["title", "abstract", "classification", "chamber", "subjects"]
    if page.actions is None:
        names.append("latest_action")
    stated = {
        name: getattr(listing_row, name)
        for name in names
        if getattr(page, name) is None and getattr(listing_row, name) is not None
    }
    return page.model_copy(update=stated) if stated else page


@contextmanager
def _only_new_garbage() -> Iterator[None]:
    """An import makes and drops millions of objects; the collector then spends a quarter of the
    time on walking over the program itself, unless told to leave that out."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
