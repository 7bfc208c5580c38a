"""South Dakota: a list of titles, and per bill an action log that is the only sign of movement.

New bills and titles come with the list (one conditional request). Bills on topic have their action
log read at every poll; the rest of such a bill is read again only when its log has changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from scrapy.http import Response

from spiders.base import BillSpider, Parsed
from spiders.documents import read_html
from spiders.errors import LayoutChanged
from spiders.expect import field, json_of
from spiders.parse import clean, fingerprint
from tracker.items import (
    ActionItem,
    Chamber,
    Link,
    SourceLink,
    SponsorItem,
    VersionItem,
    VoteCount,
    VoteItem,
)

SITE = "https://sdlegislature.gov"
PDF = "https://mylrc.sdlegislature.gov/api/Documents/{}.pdf"
DATES = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z", "%m/%d/%Y")
TYPES = {
    "HB": "bill",
    "SB": "bill",
    "HCR": "concurrent resolution",
    "SCR": "concurrent resolution",
    "HJR": "joint resolution",
    "SJR": "joint resolution",
    "HR": "resolution",
    "SR": "resolution",
    "HC": "commemoration",
    "SC": "commemoration",
}
CHAMBERS: dict[str, Chamber] = {"H": "lower", "S": "upper"}
BODIES = {"H": "House", "S": "Senate", "J": "Joint"}
RESULTS = {"P": "Passed", "F": "Failed", "D": "Deferred"}
CURRENT = "current"
KNOWN = frozenset({"BillId", "BillNumber", "BillNumberOnly", "BillType", "SessionId", "Title"})


class SouthDakota(BillSpider):
    """Cursor: ``tracked``, session → bill id → fingerprint of the action log last read whole."""

    def sessions(self) -> tuple[str, ...]:
        """By the facts; when none of those is running, the site is asked for its current one."""
        if self.only_sessions:
            return self.only_sessions
        known = self.facts.sessions
        return tuple(s.id for s in known if s.opens <= self.today <= s.closes) or (CURRENT,)

    def parse_sessions(self, response: Response) -> Parsed:
        rows = [row for row in list_of(response, "list of sessions") if row.get("SessionId")]
        if not rows:
            raise LayoutChanged("the site lists no session")
        newest = max(
            rows, key=lambda row: (bool(row.get("CurrentSession")), clean(row.get("Year")))
        )
        yield from self.start_session(clean(newest["SessionId"]))

    def start_session(self, session: str) -> Parsed:
        if session == CURRENT:
            yield self.request(f"{SITE}/api/Sessions/", self.parse_sessions)
            return
        tracked = self.cursor.setdefault("tracked", {}).setdefault(session, {})
        for bill_id, known in list(tracked.items()):
            yield self.ask_log(bill_id, session, known)
        yield self.request(
            f"{SITE}/api/Bills/Session/Light/{session}",
            self.parse_listing,
            conditional=True,
            session=session,
        )

    def parse_listing(self, response: Response, session: str) -> Parsed:
        rows = self.records(json_of(response), response, KNOWN)
        yield from self.each(rows, self.parse_row, response, session)
        self.listed(session, [number for row in rows if (number := number_of(row))])

    def parse_row(self, row: dict[str, Any], response: Response, session: str) -> Parsed:
        light = self.bill(response, **headings(row, session))
        due = self.needs_detail(light)
        yield light
        if due:
            yield self.ask_log(light.source_id, session, "")

    def ask_log(self, bill_id: str, session: str, known: str) -> Any:
        return self.request(
            f"{SITE}/api/Bills/ActionLog/{bill_id}",
            self.parse_log,
            conditional=bool(known),
            session=session,
            bill_id=bill_id,
            known=known,
        )

    def parse_log(self, response: Response, session: str, bill_id: str, known: str) -> Parsed:
        log = list_of(response, "action log")
        seen = fingerprint({"log": log})
        if seen != known:
            yield self.request(
                f"{SITE}/api/Bills/Versions/{bill_id}",
                self.parse_versions,
                session=session,
                bill_id=bill_id,
                log=log,
                seen=seen,
            )

    def parse_versions(
        self, response: Response, session: str, bill_id: str, log: list[Any], seen: str
    ) -> Parsed:
        yield self.request(
            f"{SITE}/api/Bills/{bill_id}",
            self.parse_bill,
            session=session,
            log=log,
            seen=seen,
            printed=list_of(response, "list of versions"),
        )

    def parse_bill(
        self, response: Response, session: str, log: list[Any], seen: str, printed: list[Any]
    ) -> Parsed:
        bill = json_of(response)
        stated = headings(bill, session)
        bill_id = stated["source_id"]
        yield from self.with_texts(
            self.bill(
                response,
                **stated,
                detail="full",
                subjects=tuple(
                    word for row in bill.get("Keywords") or () if (word := clean(row["Keyword"]))
                ),
                sponsors=tuple(self.sponsors(bill)),
                actions=tuple(self.actions(log)),
                votes=tuple(self.votes(log)),
                versions=tuple(self.versions(printed, bill_id)),
                sources=(SourceLink(url=f"{SITE}/Session/Bill/{bill_id}"),),
            )
        )
        self.cursor["tracked"][session][bill_id] = seen

    def sponsors(self, bill: dict[str, Any]) -> Iterator[SponsorItem]:
        """Members in the order printed; a committee's bill names it in a piece of HTML."""
        for row in bill.get("BillSponsor") or []:
            member = row.get("Member") or {}
            name = clean(member.get("UniqueName"))
            if not name:
                self.gap("sponsors.UniqueName", "missing")
                continue
            kind = clean(row.get("MemberType") or member.get("MemberType"))
            yield SponsorItem(
                name=name, entity_type="person", chamber=CHAMBERS.get(kind[:1].upper())
            )
        committee = plain(bill.get("BillCommitteeSponsor"))
        if committee:
            yield SponsorItem(name=committee, primary=True, entity_type="organization")

    def actions(self, log: list[dict[str, Any]]) -> Iterator[ActionItem]:
        for row in log:
            text = wording(row)
            if not text:
                self.gap("actions.StatusText", "missing")
                continue
            printed = clean(row.get("ActionDate"))
            yield ActionItem(
                text=text,
                date=self.day(printed, "actions.ActionDate"),
                date_text=printed,
                actor=chamber_of(row),
            )

    def votes(self, log: list[dict[str, Any]]) -> Iterator[VoteItem]:
        for row in log:
            vote = row.get("Vote")
            if not vote:
                continue
            printed = clean(row.get("ActionDate"))
            yield VoteItem(
                motion=" ".join(filter(None, (acting(row), status_of(row)))),
                date=self.day(printed, "votes.ActionDate"),
                date_text=printed,
                chamber=chamber_of(row),
                passed={"P": True, "F": False}.get(clean(row.get("Result"))),
                counts=(
                    VoteCount(option="yes", value=field(vote, "Yeas")),
                    VoteCount(option="no", value=field(vote, "Nays")),
                ),
                source_id=clean(vote.get("VoteId")),
            )

    def versions(self, printed: list[dict[str, Any]], bill_id: str) -> Iterator[VersionItem]:
        for row in printed:
            document = clean(row.get("DocumentId"))
            if not document:
                self.gap("versions.DocumentId", "missing")
                continue
            on = clean(row.get("DocumentDate"))
            yield VersionItem(
                note=clean(row.get("BillVersion")) or "Version",
                date=self.day(on, "versions.DocumentDate"),
                date_text=on,
                links=(
                    Link(url=PDF.format(document), media_type="application/pdf"),
                    Link(url=f"{SITE}/Session/Bill/{bill_id}/{document}", media_type="text/html"),
                ),
                source_id=document,
            )

    def day(self, printed: str, name: str) -> Any:
        """The day of a local time, which may carry fractions of a second and an offset."""
        return self.date(re.sub(r"\.\d+", "", printed), *DATES, field=name)


def list_of(response: Response, what: str) -> list[Any]:
    rows = json_of(response)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise LayoutChanged(f"the {what} is no list of objects: {clean(rows)[:120]}")
    return rows


def number_of(row: dict[str, Any]) -> str:
    kind, number = clean(row.get("BillType")), clean(row.get("BillNumberOnly"))
    return f"{kind} {number}" if kind and number else ""


def headings(row: dict[str, Any], session: str) -> dict[str, Any]:
    kind = clean(row.get("BillType"))
    return {
        "session": session,
        "identifier": number_of(row),
        "title": plain(row.get("Title")),
        "classification": (TYPES[kind],) if kind in TYPES else None,
        "chamber": CHAMBERS.get(kind[:1]),
        "source_id": clean(row["BillId"]),
    }


def plain(html: Any) -> str:
    """Words of a cell that may hold HTML."""
    words = clean(html)
    return clean(read_html(words.encode(), "text/html; charset=utf-8").text) if words else ""


def status_of(row: dict[str, Any]) -> str:
    return plain(row.get("StatusText")) or plain(row.get("Description"))


def acting(row: dict[str, Any]) -> str:
    """``House Judiciary``, ``House of Representatives``; empty where the log shows nobody."""
    committee = row.get("ActionCommittee") or {}
    name = clean(committee.get("Name"))
    if not name or not row.get("ShowCommitteeName"):
        return ""
    body = BODIES.get(clean(committee.get("Body"))[:1].upper(), "")
    return name if name.startswith(tuple(BODIES.values())) else f"{body} {name}".strip()


def wording(row: dict[str, Any]) -> str:
    """The line as the site prints it, which it puts together from these fields.

    ``House Judiciary Do Pass, Passed, YEAS 9, NAYS 4``; ``First read in House and referred to
    House Judiciary``.
    """
    status = status_of(row)
    if not status:
        return ""
    assigned = row.get("AssignedCommittee") or {}
    line = " ".join(
        filter(None, (acting(row), status, clean(assigned.get("FullName") or assigned.get("Name"))))
    )
    result = clean(row.get("Result"))
    shown = row.get("ShowPassed") if result == "P" else row.get("ShowFailed")
    if result in RESULTS and (shown or result == "D"):
        line += f", {RESULTS[result]}"
    vote = row.get("Vote")
    return line + (f", YEAS {vote['Yeas']}, NAYS {vote['Nays']}" if vote else "")


def chamber_of(row: dict[str, Any]) -> Chamber | None:
    """Whose body acts; without one, the chamber that the line itself names."""
    body = clean((row.get("ActionCommittee") or {}).get("Body"))
    named = re.search(r"\bin (House|Senate)\b|\b(Speaker|President)\b", status_of(row))
    if not body and named:
        body = {"Speaker": "H", "President": "S"}.get(named[2] or "", (named[1] or "")[:1])
    return CHAMBERS.get(body[:1].upper())
