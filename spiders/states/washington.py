"""Washington: web services that answer plain GET requests with XML.

A poll asks which bills changed status and which meetings were revised since the last one. While
neither has, nothing else is read; else one list gives every bill's titles and status, and bills on
topic that moved are read whole: five requests, and a page for each text not yet stored.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

from lxml import etree
from scrapy import Request
from scrapy.http import Response
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.python.failure import Failure
from w3lib.url import safe_url_string

from spiders.base import BillSpider, Parsed
from spiders.errors import LayoutChanged
from spiders.expect import xml_of
from spiders.parse import clean, fingerprint
from tracker.items import (
    ActionItem,
    Chamber,
    HearingItem,
    Link,
    RelatedBillItem,
    SourceLink,
    SponsorItem,
    VersionItem,
    VoteCount,
    VoteItem,
    VoterItem,
)

SERVICES = "https://wslwebservices.leg.wa.gov"
SITE = "https://app.leg.wa.gov/billsummary/"
DATES = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d")
CHAMBERS: dict[str, Chamber] = {"House": "lower", "Senate": "upper", "Joint": "joint"}
TYPES = {
    "B": "bill",
    "JM": "joint memorial",
    "JR": "joint resolution",
    "CR": "concurrent resolution",
    "R": "resolution",
}
# "SB 5497", "E2SSB 5497", "2SHB 1000": what stands before the chamber is the version. Initiatives
# (HI, SI) and appointments (SGA, 9000 and up) are no bills.
BILL_ID = re.compile(r"^(?:\d?[ES])*(?P<number>[HS](?P<type>B|JM|JR|CR|R) \d+)$")
FIRST_APPOINTMENT = 9000
YEAS = re.compile(r"yeas, (?P<yes>\d+); nays, (?P<no>\d+)")
COUNTS = (("YeaVotes", "yes"), ("NayVotes", "no"), ("AbsentVotes", "absent"),
          ("ExcusedVotes", "excused"))  # fmt: skip
OPTIONS = {"Yea": "yes", "Nay": "no", "Absent": "absent", "Excused": "excused"}
# Lines are entered late: each poll looks back some days and knows which lines it has seen.
OVERLAP = dt.timedelta(days=4)

DETAILS = ("actions", "sponsors", "votes", "hearings", "documents")


class Washington(BillSpider):
    """A session is a biennium, ``2025-26``. Cursor, by biennium: ``lines`` (fingerprints of the
    status lines seen), ``meetings`` (agenda id → when revised), ``agendas`` (bill → the revision
    of a meeting that last named it)."""

    def start_session(self, session: str) -> Parsed:
        yield self.service(
            "LegislationService",
            "GetLegislativeStatusChangesByDateRange",
            self.parse_changes,
            session=session,
            biennium=session,
            beginDate=self.today - OVERLAP,
            endDate=self.today + dt.timedelta(days=1),
        )

    def service(
        self, name: str, operation: str, callback: Any, asked: dict[str, Any] | None = None,
        **parameters: Any,
    ) -> Request:  # fmt: skip
        """``asked`` and ``session`` go to the callback, the rest to the service."""
        arguments = {"session": parameters.pop("session"), **(asked or {})}
        query = urlencode(parameters, quote_via=quote)
        url = f"{SERVICES}/{name}.asmx/{operation}" + (f"?{query}" if query else "")
        return self.request(url, callback, **arguments)

    def parse_changes(self, response: Response, session: str) -> Parsed:
        lines = [
            fingerprint({tag: said(row, tag) for tag in ("BillId", "ActionDate", "HistoryLine")})
            for row in rows_of(response, "LegislativeStatus")
        ]
        first = session not in self.cursor
        state = self.cursor.setdefault(session, {"lines": [], "meetings": {}, "agendas": {}})
        moved = first or bool(self.again(session)) or not set(lines) <= set(state["lines"])
        state["lines"] = sorted(set(lines))
        yield self.service(
            "CommitteeMeetingService",
            "GetRevisedCommitteeMeetings",
            self.parse_meetings,
            {"moved": moved, "first": first},
            session=session,
            changedSinceDate=self.today - OVERLAP,
        )

    def parse_meetings(self, response: Response, session: str, moved: bool, first: bool) -> Parsed:
        revised = {
            said(row, "AgendaId"): said(row, "RevisedDate")
            for row in rows_of(response, "CommitteeMeeting")
        }
        known = self.cursor[session]["meetings"]
        self.cursor[session]["meetings"] = revised
        new = (
            [] if first else [agenda for agenda in revised if revised[agenda] != known.get(agenda)]
        )
        if not moved and not new:
            self.nothing_new(response)
        yield from self.next_agenda(session, moved, new)

    def next_agenda(self, session: str, moved: bool, waiting: list[str]) -> Parsed:
        if waiting:
            yield self.service(
                "CommitteeMeetingService",
                "GetCommitteeMeetingItems",
                self.parse_agenda,
                {"moved": moved, "waiting": waiting},
                session=session,
                agendaId=waiting[0],
            )
        elif moved:
            yield self.service(
                "LegislationService",
                "GetLegislationIntroducedSince",
                self.parse_introduced,
                session=session,
                sinceDate=first_day(session),
            )

    def parse_agenda(
        self, response: Response, session: str, moved: bool, waiting: list[str]
    ) -> Parsed:
        state = self.cursor[session]
        for item in rows_of(response, "CommitteeMeetingItem"):
            found = BILL_ID.match(said(item, "BillId"))
            if found:
                state["agendas"][found["number"]] = f"{waiting[0]} {state['meetings'][waiting[0]]}"
                moved = True
        yield from self.next_agenda(session, moved, waiting[1:])

    def parse_introduced(self, response: Response, session: str) -> Parsed:
        yield self.service(
            "LegislationService",
            "GetPrefiledLegislation",
            self.parse_listing,
            {"introduced": response},
            session=session,
        )

    def parse_listing(self, response: Response, session: str, introduced: Response) -> Parsed:
        """Every version of a bill has a row of its own."""
        bills: dict[str, list[tuple[etree._Element, Response]]] = defaultdict(list)
        for page in (introduced, response):
            for row in rows_of(page, "Legislation"):
                found = BILL_ID.match(said(row, "BillId"))
                if not found or said(row, "Biennium") != session:
                    continue
                if int(found["number"].split()[1]) < FIRST_APPOINTMENT:
                    bills[found["number"]].append((row, page))
        yield from self.each(bills.items(), self.parse_bill, session)
        self.listed(session, bills)

    def parse_bill(
        self, bill: tuple[str, list[tuple[etree._Element, Response]]], session: str
    ) -> Parsed:
        number, found = bill
        versions = [row for row, _ in found]
        active = [row for row in versions if said(row, "Active") == "true"]
        row = (active or versions)[-1]
        last = said(row, "CurrentStatus", "HistoryLine")
        printed = said(row, "CurrentStatus", "ActionDate")
        stated: dict[str, Any] = {
            "session": session,
            "identifier": number,
            "title": said(row, "ShortDescription"),
            "abstract": said(row, "LongDescription") or said(row, "LegalTitle"),
            "classification": (TYPES[BILL_ID.match(number)["type"]],),  # type: ignore[index]
            "chamber": CHAMBERS.get(said(row, "OriginalAgency")),
            "related_bills": tuple(companions(row, number)),
            "sources": (SourceLink(url=public_page(number, session)),),
            "change_hash": fingerprint(
                {
                    "rows": [etree.tostring(version, encoding=str) for version in versions],
                    "agenda": self.cursor[session]["agendas"].get(number, ""),
                }
            ),
        }
        light = self.bill(
            found[-1][1],
            **stated,
            latest_action=ActionItem(
                text=last,
                date=self.date(printed, *DATES, field="latest_action.date"),
                date_text=printed,
            )
            if last
            else None,
        )
        due = self.needs_detail(light)
        yield light
        if due:
            yield from self.next_detail(session, stated, {})

    def next_detail(
        self, session: str, stated: dict[str, Any], read: dict[str, Response | None]
    ) -> Parsed:
        missing = next((name for name in DETAILS if name not in read), None)
        if missing:
            asked = self.ask_detail(missing, session, stated, read)
            # Where 500 means "nothing", asking four times is not polite.
            meta = {**asked.meta, "max_retry_times": 1}
            yield asked.replace(errback=self.no_detail, meta=meta)
        else:
            yield from self.parse_details(session, stated, read)

    def ask_detail(
        self, name: str, session: str, stated: dict[str, Any], read: dict[str, Response | None]
    ) -> Request:
        number = stated["identifier"].split()[1]
        bill = {"session": session, "biennium": session}
        state = {"name": name, "stated": stated, "read": read}
        law, arrived = "LegislationService", self.detail_arrived
        if name == "actions":
            return self.service(
                law, "GetLegislativeStatusChangesByBillNumber", arrived, state, **bill,
                billNumber=number, beginDate=first_day(session),
                endDate=self.today + dt.timedelta(days=1),
            )  # fmt: skip
        if name == "sponsors":
            return self.service(
                law, "GetSponsors", arrived, state, **bill, billId=stated["identifier"]
            )
        if name == "documents":
            return self.service(
                "LegislativeDocumentService", "GetDocuments", arrived, state, **bill,
                namedLike=number,
            )  # fmt: skip
        operation = {"votes": "GetRollCalls", "hearings": "GetHearings"}[name]
        return self.service(law, operation, arrived, state, **bill, billNumber=number)

    def detail_arrived(
        self,
        response: Response,
        session: str,
        name: str,
        stated: dict[str, Any],
        read: dict[str, Response | None],
    ) -> Parsed:
        yield from self.next_detail(session, stated, {**read, name: response})

    def no_detail(self, failure: Failure) -> Parsed:
        """The services answer 500 where there is nothing to say of a bill: then nothing is said."""
        state = failure.request.cb_kwargs  # type: ignore[attr-defined]
        error = failure.value
        if isinstance(error, HttpError) and error.response.status == 500:
            read = {**state["read"], state["name"]: None}
            yield from self.next_detail(state["session"], state["stated"], read)
        else:
            self._failed(failure)

    def parse_details(
        self, session: str, stated: dict[str, Any], read: dict[str, Response | None]
    ) -> Parsed:
        number = stated["identifier"]
        for name, page in read.items():
            if page is None:
                self.gap(name, "missing", "HTTP 500")
        votes = tuple(self.votes(read["votes"]))
        actions = tuple(self.actions(read["actions"], votes))
        response = next((page for page in read.values() if page is not None), None)
        if response is None:
            raise LayoutChanged(f"every service answered 500 for {number}")
        yield from self.with_texts(
            self.bill(
                response,
                **stated,
                detail="full",
                sponsors=tuple(self.sponsors(read["sponsors"])) if read["sponsors"] else None,
                actions=actions if read["actions"] else None,
                votes=tuple(decided(vote, actions) for vote in votes) if read["votes"] else None,
                hearings=tuple(self.hearings(read["hearings"])) if read["hearings"] else None,
                versions=tuple(self.versions(read["documents"], number))
                if read["documents"]
                else None,
            )
        )

    def actions(self, page: Response | None, votes: tuple[VoteItem, ...]) -> Iterator[ActionItem]:
        """The service names no chamber; a roll call of that day with the same yeas tells it."""
        for row in rows_of(page, "LegislativeStatus"):
            text = said(row, "HistoryLine")
            if not text:
                self.gap("actions.HistoryLine", "missing")
                continue
            printed = said(row, "ActionDate")
            day = self.date(printed, *DATES, field="actions.ActionDate")
            vote = next((v for v in votes if v.date == day and same_count(v, text)), None)
            yield ActionItem(
                text=text, date=day, date_text=printed, actor=vote.chamber if vote else None
            )

    def sponsors(self, page: Response | None) -> Iterator[SponsorItem]:
        rows = sorted(rows_of(page, "Sponsor"), key=lambda row: int(said(row, "Order") or 0))
        for row in rows:
            name = clean(f"{said(row, 'FirstName')} {said(row, 'LastName')}") or said(row, "Name")
            if not name:
                self.gap("sponsors.Name", "missing")
                continue
            kind = said(row, "Type").lower()
            yield SponsorItem(
                name=name,
                classification=kind or "sponsor",
                primary=kind == "primary",
                entity_type="person",
                chamber=CHAMBERS.get(said(row, "Agency")),
                source_id=said(row, "Id"),
            )

    def votes(self, page: Response | None) -> Iterator[VoteItem]:
        for row in rows_of(page, "RollCall"):
            printed = said(row, "VoteDate")
            counts = [(said(row, tag, "Count"), option) for tag, option in COUNTS]
            yield VoteItem(
                motion=said(row, "Motion"),
                date=self.date(printed, *DATES, field="votes.VoteDate"),
                date_text=printed,
                chamber=CHAMBERS.get(said(row, "Agency")),
                counts=tuple(
                    VoteCount.model_validate({"option": option, "value": count})
                    for count, option in counts
                    if count
                ),
                voters=tuple(
                    VoterItem(name=name, option=OPTIONS.get(said(vote, "VOte"), said(vote, "VOte")))
                    for vote in row.iterfind("{*}Votes/{*}Vote")
                    if (name := said(vote, "Name"))
                ),
                source_id=f"{said(row, 'Agency')} {said(row, 'SequenceNumber')}".strip(),
            )

    def hearings(self, page: Response | None) -> Iterator[HearingItem]:
        for row in rows_of(page, "Hearing"):
            meeting = row.find("{*}CommitteeMeeting")
            if meeting is None:
                self.gap("hearings.CommitteeMeeting", "missing")
                continue
            names = [
                name
                for committee in meeting.iterfind("{*}Committees/{*}Committee")
                if (name := said(committee, "LongName") or said(committee, "Name"))
            ]
            printed = said(meeting, "Date")
            place = (said(meeting, tag) for tag in ("Room", "Building", "Address", "City"))
            yield HearingItem(
                committee=", ".join(names) or "Committee",
                date=self.date(printed, *DATES, field="hearings.Date"),
                date_text=printed,
                time_text=printed.partition("T")[2].removesuffix(":00"),
                location=", ".join(filter(None, place)),
                description=said(row, "HearingTypeDescription"),
                cancelled=said(meeting, "Cancelled") == "true",
                chamber=CHAMBERS.get(said(meeting, "Agency")),
                source_id=said(meeting, "AgendaId"),
            )

    def versions(self, page: Response | None, number: str) -> Iterator[VersionItem]:
        for row in rows_of(page, "LegislativeDocument"):
            found = BILL_ID.match(said(row, "BillId"))
            if said(row, "Class") != "Bills" or not found or found["number"] != number:
                continue
            kinds = (("HtmUrl", "text/html"), ("PdfUrl", "application/pdf"))
            printed = said(row, "HtmCreateDate") or said(row, "PdfCreateDate")
            yield VersionItem(
                note=said(row, "ShortFriendlyName") or said(row, "Name"),
                date=self.date(printed.partition(".")[0], *DATES, field="versions.HtmCreateDate"),
                date_text=printed,
                links=tuple(
                    Link(url=safe_url_string(said(row, tag)), media_type=kind)
                    for tag, kind in kinds
                    if said(row, tag)
                ),
                source_id=said(row, "Name"),
            )


def rows_of(page: Response | None, tag: str) -> list[etree._Element]:
    """Rows of an ``ArrayOf…``; an empty array is no fault."""
    if page is None:
        return []
    root = xml_of(page)
    if etree.QName(root).localname != f"ArrayOf{tag}":
        raise LayoutChanged(f"expected ArrayOf{tag}, got {etree.QName(root).localname}")
    return list(root.iterfind(f"{{*}}{tag}"))


def said(row: etree._Element, *tags: str) -> str:
    return clean(row.findtext("/".join(f"{{*}}{tag}" for tag in tags)))


def first_day(biennium: str) -> str:
    """Bills are prefiled from December on."""
    return f"{int(biennium[:4]) - 1}-12-01"


def public_page(number: str, biennium: str) -> str:
    digits = number.split()[1]
    return f"{SITE}?BillNumber={digits}&Year={biennium[:4]}&Initiative=false"


def companions(row: etree._Element, number: str) -> Iterator[RelatedBillItem]:
    for companion in row.iterfind("{*}Companions/{*}Companion"):
        found = BILL_ID.match(said(companion, "BillId"))
        if found and found["number"] != number:
            yield RelatedBillItem(identifier=found["number"], session=said(companion, "Biennium"))


def same_count(vote: VoteItem, text: str) -> bool:
    tally = YEAS.search(text)
    counts = {count.option: str(count.value) for count in vote.counts}
    return tally is not None and (counts.get("yes"), counts.get("no")) == tally.groups()


def decided(vote: VoteItem, actions: tuple[ActionItem, ...]) -> VoteItem:
    """A roll call says no result; the line of the history that prints its counts does."""
    for action in actions:
        if vote.date == action.date and same_count(vote, action.text):
            words = action.text.lower()
            passed = False if "fail" in words else True if "passed" in words else None
            return vote.model_copy(update={"passed": passed})
    return vote
