"""The base of every spider: asks politely, hands on what the page says, names what went wrong."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any, TextIO

import scrapy
from scrapy import Request
from scrapy.http import Response
from twisted.python.failure import Failure

from spiders.catalog import SourceFacts
from spiders.documents import read_document
from spiders.errors import FailureKind, LayoutChanged, Nameless, NotModified, SourceError
from spiders.parse import clean, read_date, without_secrets
from spiders.secret import hide, key_of
from spiders.tape import Recorder, Replay
from tracker.items import BillItem, Gap, VersionItem
from tracker.runs import CrawlRun

Parsed = Iterable[BillItem | Request]

# Above this share of unreadable rows it is the page that changed, not a row that is odd.
MOST_BAD_ROWS = 0.2

# Polls that ask again for a page or text that did not come, though the bill has not moved since.
MOST_TRIES = 3
# A file that is what it will be: asking for it again gives the same.
HOPELESS = frozenset({FailureKind.DOCUMENT, FailureKind.TOO_BIG, FailureKind.ROBOTS})


class BillSpider(scrapy.Spider):
    """One source, one run.

    A source overrides ``start_session`` and its parse methods. The usual shape::

        def start_session(self, session):
            yield self.request(url, self.parse_listing, session=session, conditional=True)

        def parse_listing(self, response, session):
            rows = self.records(json_of(response), response, KNOWN)
            yield from self.each(rows, self.parse_row, response, session)
            self.listed(session, [number for row in rows if (number := row.get("number"))])

        def parse_row(self, row, response, session):
            light = self.bill(response, session=session, identifier=…, title=…)
            detail = self.needs_detail(light)
            yield light
            if detail:
                yield self.request(…, self.parse_detail, session=session)
    """

    facts: SourceFacts
    run: CrawlRun
    now: dt.datetime
    replay: Replay | None
    recorder: Recorder | None

    def __init__(
        self,
        facts: SourceFacts,
        run: CrawlRun,
        now: dt.datetime,
        replay: Replay | None = None,
        recorder: Recorder | None = None,
        only_sessions: tuple[str, ...] = (),
        items_to: TextIO | None = None,
    ) -> None:
        super().__init__(name=facts.code)
        self.facts = facts
        self.run = run
        self.now = now
        self.replay = replay
        self.recorder = recorder
        self.only_sessions = only_sessions
        self.items_to = items_to
        self.requests_made = 0
        self.bytes_read = 0
        self.not_modified = 0
        self.incomplete = False
        """A part of the first listing is missing: the bills in it must not be news tomorrow, so
        the run counts as interrupted and the next one is a first run too."""
        self.awaited: set[tuple[str, str]] = set()
        """Bills (session, identifier) whose own page was asked for and has not come yet."""
        self._again: dict[str, dict[str, int]] = self.cursor.pop("again", {})
        self._gaps: list[Gap] = []
        self._secret = key_of(facts)

    # -- what a source overrides ------------------------------------------------------------

    def start_session(self, session: str) -> Parsed:
        """The first requests for one session (its id, as the source writes it)."""
        raise NotImplementedError

    def lost(self, request: Request) -> None:
        """A page did not come or could not be read: a source whose cursor tells what has moved
        sees to it here that the next run asks again."""

    # -- what a source calls ----------------------------------------------------------------

    @property
    def cursor(self) -> dict[str, Any]:
        """What the last sound run left here; kept only if this run closes sound."""
        return self.run.cursor

    @property
    def today(self) -> dt.date:
        return self.now.date()

    def sessions(self) -> tuple[str, ...]:
        """Ids of the sessions to poll: asked for, or current by the source's facts."""
        if self.only_sessions:
            return self.only_sessions
        return tuple(session.id for session in self.facts.sessions_on(self.today))

    def request(
        self,
        url: str,
        callback: Callable[..., Parsed],
        *,
        conditional: bool = False,
        optional: bool = False,
        headers: dict[str, str] | None = None,
        **arguments: Any,
    ) -> Request:
        """A request whose failure is named on the run.

        ``conditional``: send the ETag or Last-Modified of the last sound run; a 304 then calls
        nothing. ``optional``: the page may be missing (404) without that being a failure.
        ``arguments`` go to the callback.
        """
        return Request(
            url,
            callback=callback,
            errback=self._failed,
            headers=headers,
            cb_kwargs=arguments,
            dont_filter=True,
            meta={
                "conditional": conditional,
                "optional": optional,
                "dont_obey_robotstxt": bool(self.facts.ignore_robots),
            },
        )

    def bill(self, response: Response, **stated: Any) -> BillItem:
        """A bill item stamped with where its words come from.

        Without a number it is nobody's bill and raises ``Nameless``. An empty title is a fault of
        the page, not a title: the one known before stays.
        """
        if not stated["identifier"]:
            raise Nameless("a row without a bill number")
        if not stated.get("title"):
            stated["title"] = None
            self.gap("title", "missing")
        gaps, self._gaps = tuple(self._gaps), []
        return BillItem(
            source=self.facts.code,
            jurisdiction=self.facts.jurisdiction,
            fetched_from=without_secrets(response.url),
            fetched_at=self.fetched_at(response),
            body_sha256=response.meta.get("body_sha256", ""),
            gaps=gaps,
            **stated,
        )

    def needs_detail(self, light: BillItem) -> bool:
        """Whether the bill is on topic (or may be) and has moved since its page was last read,
        or the page or a text of it did not come then.

        Ask before yielding the light item.
        """
        needed = self.run.needs_detail(light) or light.identifier in self.again(light.session)
        if needed:
            self.awaited.add((light.session, light.identifier))
        return needed

    def again(self, session: str) -> tuple[str, ...]:
        """Bills of the session that the last sound run could not read whole."""
        return tuple(self._again.get(session, ()))

    @property
    def unread(self) -> list[tuple[str, str]]:
        """The same of every session: (session, identifier)."""
        return [(session, number) for session in self._again for number in self.again(session)]

    def try_again(self, session: str, identifier: str) -> bool:
        """Let the next run read the bill, though nothing tells that it has moved.

        ``False`` once that has been tried often enough.
        """
        tries = self._again.get(session, {}).get(identifier, 0) + 1
        if tries > MOST_TRIES:
            return False
        self.cursor.setdefault("again", {}).setdefault(session, {})[identifier] = tries
        return True

    def with_texts(self, bill: BillItem, start: int = 0) -> Parsed:
        """The bill, once the text of every version that links one has been fetched.

        A text already stored is not asked for again; one that cannot be had is named on the run
        and a gap of the bill, which goes on without it.
        """
        versions = bill.versions or ()
        for place in range(start, len(versions)):
            url = versions[place].links[0].url if versions[place].links else ""
            wanted = url and versions[place].text is None and self.wants_text(versions[place])
            if wanted and not self.run.has_text(bill, url):
                asked = self.request(url, self._text_arrived, bill=bill, place=place)
                yield asked.replace(errback=self._text_missing)
                return
        yield bill

    def wants_text(self, version: VersionItem) -> bool:
        """Whether the file is the bill itself, and no paper about it."""
        return True

    def _text_arrived(self, response: Response, bill: BillItem, place: int) -> Parsed:
        version = (bill.versions or ())[place]
        try:
            media_type = (response.headers.get("Content-Type") or b"").decode("latin-1")
            document = read_document(
                response.body, media_type or version.links[0].media_type, url=response.url
            )
        except SourceError as error:
            bill = self.without_text(bill, error.kind, response.url, str(error))
        else:
            read = version.model_copy(
                update={
                    "text": document.text,
                    "text_url": without_secrets(response.url),
                    "marks": document.marks,
                }
            )
            versions = (*(bill.versions or ())[:place], read, *(bill.versions or ())[place + 1 :])
            bill = bill.model_copy(update={"versions": versions})
        yield from self.with_texts(bill, place + 1)

    def _text_missing(self, failure: Failure) -> Parsed:
        request: Request = failure.request  # type: ignore[attr-defined]
        kind, detail = diagnose(failure)
        bill = self.without_text(request.cb_kwargs["bill"], kind, request.url, detail)
        yield from self.with_texts(bill, request.cb_kwargs["place"] + 1)

    def without_text(self, bill: BillItem, kind: FailureKind, url: str, detail: str) -> BillItem:
        """The bill with a gap for a text, which is asked for again while there is hope."""
        self.fail(kind, url, detail)
        if kind not in HOPELESS:
            self.try_again(bill.session, bill.identifier)
        return with_gap(bill, url)

    def records(
        self, listed: Any, response: Response, known: frozenset[str]
    ) -> list[dict[str, Any]]:
        """The objects of a list. What is no object is a bad row; a field nobody has heard of
        (``odata.`` ones apart) is a gap of the run: the source grew it."""
        if not isinstance(listed, list):
            raise LayoutChanged(f"expected a list of bills, got a {type(listed).__name__}")
        rows = [row for row in listed if isinstance(row, dict)]
        for row in listed:
            if not isinstance(row, dict):
                detail = f"a {type(row).__name__} instead of a bill: {clean(row)[:200]}"
                self.fail(FailureKind.BAD_ROW, response.url, detail)
        for name in sorted({name for row in rows for name in row} - known):
            if not name.startswith("odata."):
                self.run.gap(f"listing.{name}", "unexpected")
        return rows

    def each(
        self, rows: Iterable[Any], parse: Callable[..., Parsed], *arguments: Any
    ) -> Iterator[BillItem | Request]:
        """Parse every row; one that cannot be read is named and the others go on.

        A row that numbers no bill (a blank line, a number kept free) is only counted as a gap.
        """
        total = bad = 0
        last = ""
        for row in rows:
            total += 1
            try:
                yield from parse(row, *arguments)
            except (SourceError, LookupError, ValueError, TypeError, AttributeError) as error:
                bad += 1
                self._gaps.clear()
                last = f"{type(error).__name__}: {clean(error)[:300]} in {clean(row)[:200]}"
                if isinstance(error, Nameless):
                    self.run.gap("identifier", "missing")
                else:
                    self.fail(FailureKind.BAD_ROW, _url_among(arguments), last)
        if bad > 3 and bad > total * MOST_BAD_ROWS:
            raise LayoutChanged(f"{bad} of {total} rows could not be read; the last: {last}")

    def date(self, printed: str | None, *formats: str, field: str) -> dt.date | None:
        """The date, or ``None`` with a gap when it is printed in a shape we do not know."""
        try:
            return read_date(printed, *formats)
        except ValueError:
            self.gap(field, "invalid", clean(printed))
            return None

    def gap(self, field: str, reason: str, seen: str = "") -> None:
        """Note a field the next item should have stated."""
        self._gaps.append(Gap.model_validate({"field": field, "reason": reason, "seen": seen}))

    def listed(self, session: str, identifiers: Iterable[str]) -> None:
        """The whole listing of a session was read: bills it lacks have vanished."""
        self.run.listed(session, identifiers)

    def nothing_new(self, response: Response) -> None:
        """The source's own way of a 304: asked what has moved, it names nothing."""
        self.not_modified += 1
        self.run.unchanged(without_secrets(response.url))

    def fail(self, kind: FailureKind, url: str, detail: str) -> None:
        self.run.fail(kind.value, without_secrets(url), hide(detail, self._secret))

    def fetched_at(self, response: Response) -> dt.datetime:
        fetched_at: dt.datetime | None = response.meta.get("fetched_at")
        return fetched_at or dt.datetime.now(dt.UTC)

    # -- what Scrapy calls ------------------------------------------------------------------

    async def start(self) -> AsyncIterator[Any]:
        for session in self.sessions():
            for parsed in self.start_session(session):
                yield parsed

    def closed(self, reason: str) -> None:
        for session, identifier in self.awaited:
            self.try_again(session, identifier)

    def page_read(self, request: Request, response: Response) -> None:
        """Account for a response (called by the ResponseCheck middleware)."""
        body_sha256 = hashlib.sha256(response.body).hexdigest()
        request.meta["body_sha256"] = body_sha256
        request.meta.setdefault("fetched_at", dt.datetime.now(dt.UTC))
        self.requests_made += 1
        self.bytes_read += len(response.body)
        self.run.page(
            without_secrets(request.url),
            response.status,
            len(response.body),
            body_sha256,
            request.meta["fetched_at"],
        )

    def _failed(self, failure: Failure) -> None:
        request: Request = failure.request  # type: ignore[attr-defined]
        if isinstance(failure.value, NotModified):
            self.not_modified += 1
            self.run.unchanged(without_secrets(request.url))
            return
        kind, detail = diagnose(failure)
        if kind is FailureKind.NOT_FOUND and request.meta["optional"]:
            return
        self.fail(kind, request.url, detail)
        self.lost(request)


def diagnose(failure: Failure) -> tuple[FailureKind, str]:
    """The named kind of a failed download, and a sentence for people."""
    from scrapy.exceptions import (
        CannotResolveHostError,
        DownloadCancelledError,
        DownloadConnectionRefusedError,
        DownloadFailedError,
        DownloadTimeoutError,
        IgnoreRequest,
        ResponseDataLossError,
    )
    from scrapy.spidermiddlewares.httperror import HttpError

    error = failure.value
    if isinstance(error, SourceError):
        return error.kind, str(error)
    if isinstance(error, HttpError):
        status = error.response.status
        return _KIND_OF_STATUS.get(
            status, FailureKind.SOURCE_DOWN if status >= 500 else FailureKind.FORBIDDEN
        ), f"HTTP {status}"
    if isinstance(error, IgnoreRequest) and "robots" in str(error):
        return FailureKind.ROBOTS, "robots.txt asks us to stay away from this page"
    if isinstance(error, DownloadTimeoutError | TimeoutError):
        return FailureKind.TIMEOUT, "no answer in time"
    if isinstance(error, ResponseDataLossError):
        return FailureKind.TRUNCATED, "the connection closed before the whole body arrived"
    if isinstance(error, DownloadCancelledError):
        return FailureKind.TOO_BIG, str(error)
    if isinstance(
        error,
        CannotResolveHostError | DownloadConnectionRefusedError | DownloadFailedError | OSError,
    ):
        return FailureKind.SOURCE_DOWN, f"{type(error).__name__}: {error}"
    return FailureKind.BUG, f"{type(error).__name__}: {error}"


_KIND_OF_STATUS = {
    401: FailureKind.KEY,
    403: FailureKind.FORBIDDEN,
    404: FailureKind.NOT_FOUND,
    410: FailureKind.NOT_FOUND,
    408: FailureKind.TIMEOUT,
    429: FailureKind.THROTTLED,
}


def with_gap(bill: BillItem, url: str) -> BillItem:
    """The bill, lacking the text at this address."""
    gap = Gap(field="versions.text", reason="missing", seen=without_secrets(url))
    return bill.model_copy(update={"gaps": (*bill.gaps, gap)})


def _url_among(arguments: tuple[Any, ...]) -> str:
    return next((a.url for a in arguments if isinstance(a, Response)), "")
