"""New York: Open Legislation API. Updates since the last poll, and a full-text search as a net.

The first run pages through the whole session. Later runs ask which bills were processed since, and
whether the search for our words finds a bill we have not read: a title like "Enacts the dignity
act" would hide it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from scrapy import Request
from scrapy.http import Response

from spiders.base import BillSpider, Parsed
from spiders.documents import Writer
from spiders.errors import FailureKind, SourceError
from spiders.expect import field, json_of
from spiders.full_text import ANY_PHRASE
from spiders.parse import clean, unread
from spiders.pdf import paragraphs
from tracker.items import (
    ActionItem,
    BillItem,
    Chamber,
    RelatedBillItem,
    SourceLink,
    SponsorItem,
    VersionItem,
    VoteCount,
    VoteItem,
    VoterItem,
)
from tracker.settings import get_settings

API = "https://legislation.nysenate.gov/api/3"
SITE = "https://www.nysenate.gov/legislation/bills"
EASTERN = ZoneInfo("America/New_York")
DATES = ("%Y-%m-%d",)
A_PAGE = 1000
CHAMBERS: dict[str, Chamber] = {"SENATE": "upper", "ASSEMBLY": "lower"}
TYPES = {
    "S": "bill", "A": "bill",
    "J": "resolution", "K": "resolution", "R": "resolution", "E": "resolution",
    "B": "concurrent resolution", "C": "concurrent resolution", "L": "resolution",
}  # fmt: skip
OPTIONS = {"AYE": "yes", "AYEWR": "yes", "NAY": "no", "EXC": "excused", "ABS": "absent",
           "ABD": "abstain"}  # fmt: skip
KNOWN = frozenset(
    {
        "actions", "active", "activeVersion", "additionalSponsors", "adopted", "amendmentVersions",
        "amendments", "approvalMessage", "basePrintNo", "basePrintNoStr", "billType", "calendars",
        "chapterNum", "chapterYear", "committeeAgendas", "milestones", "pastCommittees",
        "previousVersions", "printNo", "programInfo", "publishStatusMap", "published",
        "publishedDateTime", "reprintOf", "resolution", "session", "signed", "sponsor", "status",
        "substitutedBy", "summary", "title", "vetoMessages", "vetoed", "votes",
    }
)  # fmt: skip


class NewYork(BillSpider):
    """Cursor, per session: ``since``, the last moment processed; ``found``, what the net caught."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.asked: set[tuple[str, str]] = set()
        self.missed: dict[str, str] = {}

    def start_session(self, session: str) -> Parsed:
        known = self.cursor.setdefault(session, {"since": "", "found": []})
        if known["since"]:
            yield self.ask_updates(session, known["since"], 1, known["since"])
            for number in self.again(session):
                yield from self.ask_bill(session, number)
        else:
            yield self.ask_listing(session, 1, ())
        yield self.ask(
            f"bills/{session}/search", self.parse_search, session,
            term=ANY_PHRASE, sort="publishedDateTime:desc", limit=A_PAGE, offset=1,
        )  # fmt: skip

    def ask(self, path: str, callback: Any, session: str, /, **query: Any) -> Any:
        arguments = query.pop("arguments", {})
        query["key"] = get_settings().new_york_key
        return self.request(
            f"{API}/{path}?{urlencode(query)}", callback, session=session, **arguments
        )

    def ask_bill(self, session: str, number: str) -> Parsed:
        """The bill with its texts, once a run, whichever way it was found."""
        if (session, number) not in self.asked:
            self.asked.add((session, number))
            self.awaited.add((session, number))
            yield self.ask(
                f"bills/{session}/{number}", self.parse_bill, session,
                view="default", fullTextFormat="PLAIN",
            )  # fmt: skip

    # -- first run --------------------------------------------------------------------------

    def ask_listing(self, session: str, offset: int, seen: tuple[str, ...]) -> Any:
        return self.ask(
            f"bills/{session}", self.parse_listing, session,
            limit=A_PAGE, offset=offset, arguments={"seen": seen},
        )  # fmt: skip

    def parse_listing(self, response: Response, session: str, seen: tuple[str, ...]) -> Parsed:
        answer = answer_of(response)
        rows = field(answer, "result", "items")
        yield from self.each(rows, self.parse_row, response, session)
        seen += tuple(number for row in rows if (number := clean(row.get("basePrintNo"))))
        if answer["offsetEnd"] < answer["total"] and rows:
            yield self.ask_listing(session, answer["offsetEnd"] + 1, seen)
            return
        self.listed(session, seen)
        # The list has no moment of its own: a day's overlap costs one small answer.
        began = self.now.astimezone(EASTERN) - dt.timedelta(days=1)
        self.cursor[session]["since"] = began.strftime("%Y-%m-%dT%H:%M:%S")

    def parse_row(
        self, row: dict[str, Any], response: Response, session: str, processed: str = ""
    ) -> Parsed:
        if str(row.get("session")) != session:
            return
        light = self.light(row, response, processed)
        due = self.needs_detail(light)
        yield light
        if due:
            yield from self.ask_bill(session, light.identifier)

    # -- later runs -------------------------------------------------------------------------

    def ask_updates(self, session: str, since: str, offset: int, latest: str) -> Any:
        return self.ask(
            f"bills/updates/{since}", self.parse_updates, session,
            type="processed", detail="false", summary="true", limit=A_PAGE, offset=offset,
            arguments={"since": since, "latest": latest},
        )  # fmt: skip

    def lost(self, request: Request) -> None:
        """An update that was not read whole: the next run asks again from where this one did."""
        if "since" in request.cb_kwargs:
            self.missed[request.cb_kwargs["session"]] = request.cb_kwargs["since"]
        elif "seen" in request.cb_kwargs:
            self.incomplete = self.run.baseline

    def closed(self, reason: str) -> None:
        super().closed(reason)
        for session, since in self.missed.items():
            self.cursor[session]["since"] = since

    def parse_updates(self, response: Response, session: str, since: str, latest: str) -> Parsed:
        """Updates of every session since then; each bill once, whatever happened to it."""
        answer = answer_of(response)
        rows = sorted(
            field(answer, "result", "items"), key=lambda row: clean(row["processedDateTime"])
        )
        if not rows:
            self.nothing_new(response)
        moved = {
            clean(row["id"]["basePrintNo"]): (
                row.get("item") or {},
                clean(row["processedDateTime"]),
            )
            for row in rows
            if str(row["id"]["session"]) == session
        }
        for number, (info, processed) in moved.items():
            if clean(info.get("title")):
                yield from self.each([info], self.parse_row, response, session, processed)
            else:
                yield self.ask(
                    f"bills/{session}/{number}", self.parse_info, session,
                    view="info", arguments={"processed": processed, "since": since},
                )  # fmt: skip
        known = self.cursor[session]
        latest = max([latest, *(clean(row["processedDateTime"])[:19] for row in rows)])
        if rows and answer["offsetEnd"] < answer["total"]:
            yield self.ask_updates(session, since, answer["offsetEnd"] + 1, latest)
        else:
            known["since"] = latest

    def parse_info(self, response: Response, session: str, processed: str, since: str) -> Parsed:
        row = field(answer_of(response), "result")
        yield from self.parse_row(row, response, session, processed)

    def parse_search(self, response: Response, session: str) -> Parsed:
        known = self.cursor[session]
        for hit in field(answer_of(response), "result", "items"):
            number = clean(field(hit, "result", "basePrintNo"))
            if number not in known["found"]:
                known["found"].append(number)
                yield from self.ask_bill(session, number)

    # -- one bill ---------------------------------------------------------------------------

    def parse_bill(self, response: Response, session: str) -> Parsed:
        bill = field(answer_of(response), "result")
        for name in unread(bill, KNOWN):
            self.gap(name, "unexpected")
        active = items_of(bill.get("amendments")).get(clean(bill.get("activeVersion"))) or {}
        stated = headings(bill)
        yield self.bill(
            response,
            **stated,
            detail="full",
            sponsors=tuple(self.sponsors(bill, active, stated["chamber"])),
            actions=tuple(self.actions(bill)),
            versions=tuple(self.versions(bill)),
            votes=tuple(self.votes(bill)),
            related_bills=tuple(related(bill, active)),
            sources=(SourceLink(url=f"{SITE}/{session}/{stated['identifier']}"),),
        )

    def light(self, row: dict[str, Any], response: Response, processed: str) -> BillItem:
        """``processed``: when the bill last moved, be it in a way this answer does not show."""
        status = row.get("status") or {}
        words = clean(status.get("statusDesc"))
        printed = clean(status.get("actionDate"))
        return self.bill(
            response,
            **headings(row),
            latest_action=ActionItem(
                text=words,
                date=self.date(printed, *DATES, field="status.actionDate"),
                date_text=printed,
                classification=tuple(filter(None, (clean(status.get("statusType")),))),
            )
            if words
            else None,
            change_hash=processed,
        )

    def sponsors(
        self, bill: dict[str, Any], active: dict[str, Any], chamber: Chamber | None
    ) -> Iterator[SponsorItem]:
        """The sponsor may be a committee (Rules) or the budget instead of a member."""
        sponsor = bill.get("sponsor") or {}
        member = sponsor.get("member") or {}
        name = clean(member.get("fullName"))
        if name:
            yield person(member, "sponsor", chamber)
        elif sponsor.get("rules") or sponsor.get("budget"):
            yield SponsorItem(
                name="Rules Committee" if sponsor.get("rules") else "Budget Bill",
                primary=True,
                entity_type="organization",
            )
        else:
            self.gap("sponsor.member.fullName", "missing")
        for kind in ("coSponsors", "multiSponsors"):
            for row in listed_in(active.get(kind)):
                if clean(row.get("fullName")):
                    yield person(row, kind.lower().removesuffix("s"), chamber)
                else:
                    self.gap(f"{kind}.fullName", "missing")

    def actions(self, bill: dict[str, Any]) -> Iterator[ActionItem]:
        rows = listed_in(bill.get("actions"))
        for action in sorted(rows, key=lambda row: row.get("sequenceNo") or 0):
            text = clean(action.get("text"))
            if not text:
                self.gap("actions.text", "missing")
                continue
            printed = clean(action.get("date"))
            yield ActionItem(
                text=text,
                date=self.date(printed, *DATES, field="actions.date"),
                date_text=printed,
                actor=CHAMBERS.get(clean(action.get("chamber"))),
            )

    def versions(self, bill: dict[str, Any]) -> Iterator[VersionItem]:
        """Amendments by letter; the original has none. A text not yet printed is empty."""
        for letter, amendment in sorted(items_of(bill.get("amendments")).items()):
            number = clean(amendment.get("printNo")) or f"{clean(bill['basePrintNo'])}{letter}"
            printed = clean(amendment.get("publishDate"))
            text = plain_text(amendment.get("fullText") or "")
            yield VersionItem(
                note=f"Amendment {letter}" if letter else "Original",
                date=self.date(printed, *DATES, field="versions.publishDate"),
                date_text=printed,
                source_id=number,
                text=text or None,
                text_url=f"{SITE}/{bill['session']}/{clean(bill['basePrintNo'])}" if text else "",
            )

    def votes(self, bill: dict[str, Any]) -> Iterator[VoteItem]:
        for vote in listed_in(bill.get("votes")):
            printed = clean(vote.get("voteDate"))
            committee = vote.get("committee") or {}
            ballots = items_of(vote.get("memberVotes"))
            yield VoteItem(
                motion=f"{clean(vote.get('voteType')).title()} vote"
                + (f", {clean(committee.get('name'))}" if committee else "")
                + (f" ({vote['version']})" if clean(vote.get("version")) else ""),
                date=self.date(printed, *DATES, field="votes.voteDate"),
                date_text=printed,
                # The floor votes of this API are the Senate's; it has none of the Assembly.
                chamber=CHAMBERS.get(clean(committee.get("chamber")).upper(), "upper"),
                counts=tuple(counts(ballots)),
                voters=tuple(
                    VoterItem(name=clean(member.get("fullName")), option=kind)
                    for kind, cast in ballots.items()
                    for member in listed_in(cast)
                    if clean(member.get("fullName"))
                ),
            )


def answer_of(response: Response) -> dict[str, Any]:
    """The envelope of every answer; an answer without success says why."""
    answer = json_of(response)
    if not field(answer, "success"):
        message = clean(answer.get("message"))
        kind = FailureKind.KEY if "key" in message.lower() else FailureKind.WRONG_TYPE
        raise SourceError(f"the API answers: {message or 'no success, and no message'}", kind)
    return dict(answer)


def items_of(part: Any) -> dict[str, Any]:
    """``{"items": {…}}``, where both may be missing or null."""
    items = (part or {}).get("items")
    return items if isinstance(items, dict) else {}


def listed_in(part: Any) -> list[dict[str, Any]]:
    items = (part or {}).get("items")
    return items if isinstance(items, list) else []


def headings(bill: dict[str, Any]) -> dict[str, Any]:
    number = clean(bill.get("basePrintNo"))
    kind = bill.get("billType") or {}
    return {
        "session": str(bill["session"]),
        "identifier": number,
        "title": clean(bill.get("title")),
        "abstract": clean(bill.get("summary")) if "summary" in bill else None,
        "classification": (TYPES[number[0]],) if number[:1] in TYPES else None,
        "chamber": CHAMBERS.get(clean(kind.get("chamber"))),
    }


def person(member: dict[str, Any], classification: str, chamber: Chamber | None) -> SponsorItem:
    return SponsorItem(
        name=clean(member["fullName"]),
        classification=classification,
        primary=classification == "sponsor",
        entity_type="person",
        chamber=CHAMBERS.get(clean(member.get("chamber")), chamber),
        source_id=clean(member.get("memberId")),
    )


def counts(ballots: dict[str, Any]) -> Iterator[VoteCount]:
    """Ayes with reservations are ayes."""
    total: dict[str, int] = {}
    for kind, cast in ballots.items():
        option = OPTIONS.get(kind, "other")
        total[option] = total.get(option, 0) + int(cast.get("size") or len(listed_in(cast)))
    for option, value in total.items():
        yield VoteCount.model_validate({"option": option, "value": value})


def related(bill: dict[str, Any], active: dict[str, Any]) -> Iterator[RelatedBillItem]:
    for same in listed_in(active.get("sameAs")):
        yield RelatedBillItem(identifier=clean(same["basePrintNo"]), session=str(same["session"]))
    for earlier in listed_in(bill.get("previousVersions")):
        yield RelatedBillItem(
            identifier=clean(earlier["basePrintNo"]),
            session=str(earlier["session"]),
            relation="prior-session",
        )
    replacement = bill.get("substitutedBy") or {}
    if clean(replacement.get("basePrintNo")):
        yield RelatedBillItem(
            identifier=clean(replacement["basePrintNo"]),
            session=str(replacement["session"]),
            relation="replaced-by",
        )


def plain_text(printed: str) -> str:
    """The bill without its line numbers, words put together again at line ends."""
    writer = Writer()
    for line in paragraphs([printed]):
        writer.add(line)
        writer.end_line()
    return writer.document().text
