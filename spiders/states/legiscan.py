"""LegiScan's API for any state: two requests tell whether anything moved.

``getSessionList`` and ``getMasterListRaw`` (numbers and change hashes, no titles). Only when a
hash differs, ``getMasterList`` is asked for the titles, ``getBill`` for the bills on topic that
moved and ``getBillText`` for the newest text of each. The API answers errors with HTTP 200.
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

from spiders.base import BillSpider, Parsed
from spiders.documents import read_document
from spiders.errors import FailureKind, LayoutChanged, SourceError
from spiders.expect import json_of
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
    """The cursor keeps a digest of each raw list, and the bills whose text did not come."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lists: dict[str, str] = {}
        self._complete = True
        self._without_text: set[str] = set(self.cursor.get("without_text", ()))

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
        yield self._ask("getMasterList", {"id": session_id}, self.parse_titles, session=session)

    def parse_titles(self, response: Response, session: str) -> Parsed:
        rows = bills_listed(answer(json_of(response), "masterlist"))
        yield from self.each(rows, self.parse_row, response, session)
        self.listed(session, [clean(row.get("number")) for row in rows])

    def parse_row(
        self, row: Record, response: Response, session: str
    ) -> Iterator[BillItem | Request]:
        identifier, title = clean(row["number"]), clean(row["title"])
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
        detail = self.needs_detail(light) or bill_id in self._without_text
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
            self.fail(error.kind, response.url, f"{item.identifier}: {error}")
            self._without_text.add(item.source_id)
            yield item
            return
        self._without_text.discard(item.source_id)
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
        self._failed(failure)
        self._without_text.add(item.source_id)
        yield item

    def fail(self, kind: FailureKind, url: str, detail: str) -> None:
        self._complete = False
        super().fail(kind, url, detail)

    def closed(self, reason: str) -> None:
        """A list counts as read only when nothing that followed from it failed."""
        if self._complete and reason == "finished":
            self.cursor["lists"] = self._lists
        self.cursor["without_text"] = sorted(self._without_text)

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
