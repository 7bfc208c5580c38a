"""LegiScan's API for any state: two requests tell whether anything moved.

``getSessionList`` and ``getMasterListRaw`` (numbers and change hashes, no titles). Only when a
hash differs, ``getSearchRaw`` is asked which bills have our words in their full text and
``getMasterList`` for the titles, then ``getBill`` for the bills on topic that moved and
``getBillText`` for the newest text of each. The API answers errors with HTTP 200.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import urlencode

from scrapy import Request
from scrapy.http import Response
from twisted.python.failure import Failure

from spiders.base import BillSpider, Parsed, diagnose
from spiders.documents import read_document
from spiders.errors import FailureKind, LayoutChanged, SourceError
from spiders.expect import json_of
from spiders.full_text import ANY_PHRASE
from spiders.parse import clean
from spiders.platforms.legiscan import (
    BillReader,
    Record,
    answer,
    chamber_of,
    number,
    records,
    session_label,
    sources_of,
    types_of,
)
from tracker.classify import rules_hash
from tracker.items import ActionItem, BillItem
from tracker.settings import get_settings

API = "https://api.legiscan.com/"
CURRENT = "current"


class LegiScan(BillSpider):
    """Cursor, by session: ``lists``, a digest of the raw list as last read, and ``found``, numbers
    of the bills the full-text search has caught."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lists: dict[str, str] = {}
        self._complete = True

    def sessions(self) -> tuple[str, ...]:
        return self.only_sessions or (CURRENT,)

    def start_session(self, session: str) -> Parsed:
        state = self.facts.jurisdiction.upper()
        yield self._ask("getSessionList", {"state": state}, self.parse_sessions, wanted=session)

    def parse_sessions(self, response: Response, wanted: str) -> Parsed:
        sessions = {session_label(s): s for s in records(answer(json_of(response), "sessions"))}
        labels = [wanted] if wanted != CURRENT else self._current(sessions)
        for label in labels:
            if label not in sessions:
                raise LayoutChanged(f"no session {label!r}; LegiScan has {sorted(sessions)[-12:]}")
            session_id = clean(sessions[label].get("session_id"))
            parameters = {"id": session_id}
            yield self._ask("getMasterListRaw", parameters, self.parse_hashes, session=label)

    def _current(self, sessions: dict[str, Record]) -> list[str]:
        """Sessions whose years include this one (or the next: prefiled bills), else the newest."""
        if not sessions:
            raise LayoutChanged(f"LegiScan lists no session of {self.facts.jurisdiction.upper()}")
        last_years = {label: number(s.get("year_end")) or 0 for label, s in sessions.items()}
        current = [label for label, year in last_years.items() if year >= self.today.year]
        return current or [max(last_years, key=lambda label: last_years[label])]

    def parse_hashes(self, response: Response, session: str) -> Parsed:
        listing = answer(json_of(response), "masterlist")
        rows = bills_listed(listing)
        pairs = sorted(f"{row.get('bill_id')}:{row.get('change_hash')}" for row in rows)
        digest = hashlib.sha256("\n".join([rules_hash(), *pairs]).encode()).hexdigest()
        self._lists[session] = digest
        if self.cursor.get("lists", {}).get(session) == digest:
            self.listed(session, [clean(row.get("number")) for row in rows])
            return
        session_id = clean(listing["session"].get("session_id"))
        search = {"id": session_id, "query": ANY_PHRASE, "page": "1"}
        yield self._ask("getSearchRaw", search, self.parse_search, session=session, of=session_id)

    def parse_search(self, response: Response, session: str, of: str) -> Parsed:
        """The most relevant 2,000 come first, which is more than any session has on topic."""
        result = answer(json_of(response), "searchresult")
        hits = [clean(row["bill_id"]) for row in hits_listed(result)]
        known = self.cursor.setdefault("found", {}).setdefault(session, [])
        caught = [hit for hit in hits if hit not in known]
        yield self._ask(
            "getMasterList", {"id": of}, self.parse_titles, session=session, caught=caught
        )

    def parse_titles(self, response: Response, session: str, caught: list[str]) -> Parsed:
        rows = bills_listed(answer(json_of(response), "masterlist"))
        yield from self.each(rows, self.parse_row, response, session, caught)
        self.listed(session, [clean(row.get("number")) for row in rows])
        self.cursor["found"][session] += caught

    def parse_row(
        self, row: Record, response: Response, session: str, caught: list[str]
    ) -> Iterator[BillItem | Request]:
        identifier, title = clean(row.get("number")), clean(row.get("title"))
        description = clean(row.get("description"))
        bill_id = clean(row["bill_id"])
        light = self.bill(
            response,
            session=session,
            identifier=identifier,
            title=title,
            abstract=description if description != title else "",
            classification=types_of(identifier),
            chamber=chamber_of(identifier),
            latest_action=self._latest_action(row),
            sources=sources_of(row),
            source_id=bill_id,
            change_hash=clean(row["change_hash"]),
        )
        detail = self.needs_detail(light)
        if bill_id in caught and not detail:
            detail = True
            self.awaited.add((session, identifier))
        yield light
        if detail:
            yield self._ask("getBill", {"id": bill_id}, self.parse_bill, session=session)

    def _latest_action(self, row: Record) -> ActionItem | None:
        text, printed = clean(row.get("last_action")), clean(row.get("last_action_date"))
        if not text:
            return None
        date = self.date(printed, "%Y-%m-%d", field="latest_action.date")
        return ActionItem(text=text, date=date, date_text=printed)

    def parse_bill(self, response: Response, session: str) -> Parsed:
        reader = BillReader(answer(json_of(response), "bill"))
        stated = reader.stated(session)
        for gap in reader.gaps:
            self.gap(gap.field, gap.reason, gap.seen)
        item = self.bill(response, **stated)
        newest = newest_text(reader.bill)
        if not newest:
            yield item
            return
        request = self._ask("getBillText", {"id": newest}, self.parse_text, item=item)
        yield request.replace(errback=partial(self._text_failed, item=item))

    def parse_text(self, response: Response, item: BillItem) -> Parsed:
        try:
            document = answer(json_of(response), "text")
            text = read_document(decoded_document(document), clean(document.get("mime")))
        except SourceError as error:
            yield self.without_text(item, error.kind, response.url, str(error))
            return
        source_id = f"text-{clean(document.get('doc_id'))}"
        yield item.model_copy(
            update={
                "versions": tuple(
                    version.model_copy(update={"text": text.text, "marks": text.marks})
                    if version.source_id == source_id
                    else version
                    for version in item.versions or ()
                )
            }
        )

    def _text_failed(self, failure: Failure, item: BillItem) -> Parsed:
        kind, detail = diagnose(failure)
        request: Request = failure.request  # type: ignore[attr-defined]
        yield self.without_text(item, kind, request.url, detail)

    def fail(self, kind: FailureKind, url: str, detail: str) -> None:
        self._complete = False
        super().fail(kind, url, detail)

    def closed(self, reason: str) -> None:
        """A list counts as read only when nothing that followed from it failed."""
        super().closed(reason)
        if self._complete and reason == "finished":
            self.cursor["lists"] = self._lists

    def _ask(
        self, operation: str, parameters: dict[str, str], callback: Callable[..., Parsed], **to: Any
    ) -> Request:
        query = {"key": get_settings().legiscan_key, "op": operation, **parameters}
        return self.request(f"{API}?{urlencode(query)}", callback, **to)


def bills_listed(listing: Any) -> list[Record]:
    """The rows of a master list: an object with number keys beside ``session``."""
    rows = [row for row in records(listing) if "bill_id" in row]
    if not isinstance(listing, dict) or "session" not in listing:
        raise LayoutChanged(f"no master list: {clean(listing)[:120]}")
    return rows


def hits_listed(result: Any) -> list[Record]:
    """Beside ``summary`` they stand in ``results``, or under number keys."""
    if not isinstance(result, dict) or "summary" not in result:
        raise LayoutChanged(f"no search result: {clean(result)[:120]}")
    rows = [*records(result.get("results")), *records(result)]
    return [row for row in rows if row.get("bill_id")]


def newest_text(bill: Record) -> str:
    """Number of the text with the latest date, the last of that date; empty if there is none."""
    texts = [text for text in records(bill.get("texts")) if text.get("doc_id")]
    newest = max(
        enumerate(texts), key=lambda pair: (clean(pair[1].get("date")), pair[0]), default=None
    )
    return clean(newest[1]["doc_id"]) if newest else ""


def decoded_document(document: Record) -> bytes:
    try:
        return base64.b64decode(clean(document["doc"]), validate=False)
    except (KeyError, binascii.Error, ValueError) as error:
        raise SourceError(f"the document is no base64 ({error!r})", FailureKind.DOCUMENT) from error
