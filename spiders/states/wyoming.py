"""Wyoming: one JSON list tells which bills moved; a bill's own JSON holds its text as HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from scrapy.http import Response

from spiders.base import BillSpider, Parsed
from spiders.documents import Document, read_html
from spiders.errors import LayoutChanged, SourceError
from spiders.expect import json_of
from spiders.parse import clean, unread
from tracker.items import (
    ActionItem,
    Chamber,
    Link,
    SourceLink,
    SponsorItem,
    VersionItem,
    VoteCount,
    VoteItem,
    VoterItem,
)

API = "https://lsoservice.wyoleg.gov/api/BillInformation"
SITE = "https://wyoleg.gov"
DATES = ("%Y-%m-%dT%H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y")
CHAMBERS: dict[str, Chamber] = {
    "h": "lower", "house": "lower", "s": "upper", "senate": "upper", "lso": "legislature",
}  # fmt: skip
TYPES = {"B": "bill", "F": "bill", "J": "joint resolution"}
# Printed versions in the order they come to be; a digest or summary is none.
VERSIONS = (
    ("introduced", "Introduced"),
    ("engrossedVersion", "Engrossed"),
    ("enrolledAct", "Enrolled Act"),
)
VOTES = (("yes", "yes"), ("no", "no"), ("absent", "absent"), ("excused", "excused"),
         ("conflict", "other"))  # fmt: skip
# Names are separated by commas and may hold one before initials: "Brown, G, Filer, Larson, JT".
BETWEEN_NAMES = re.compile(r",(?!\s*[A-Z]{1,2}\.?\s*(?:,|$))\s*")
KNOWN = frozenset(
    {
        "amendments", "bill", "billActions", "billNum", "billStatus", "billTitle", "billType",
        "catchTitle", "chapter", "currentBillHTML", "digest", "digestHTML", "effectiveDate",
        "engrossedVersion", "enrolledAct", "enrolledNumber", "fiscalNote", "id", "introduced",
        "lastAction", "lastActionDate", "lsoNumber", "rollCalls", "signedDate",
        "specialSessionValue", "sponsor", "sponsors", "summary", "summaryHTML", "veto", "vetoes",
        "year",
    }
)  # fmt: skip


class Wyoming(BillSpider):
    """A session is a year, ``2025``, or a year and its special session, ``2025-1``."""

    def start_session(self, session: str) -> Parsed:
        year, _, special = session.partition("-")
        which = f" and SpecialSessionValue eq {special}" if special else ""
        query = quote(f"Year eq {year}{which}", safe="")
        yield self.request(
            f"{API}?$filter={query}&$orderby=BillNum",
            self.parse_listing,
            conditional=True,
            session=session,
        )

    def parse_listing(self, response: Response, session: str) -> Parsed:
        rows = self.records(json_of(response), response, KNOWN)
        if "-" not in session:
            rows = [row for row in rows if not row.get("specialSessionValue")]
        yield from self.each(rows, self.parse_row, response, session)
        self.listed(session, [number for row in rows if (number := number_of(row))])

    def parse_row(self, row: dict[str, Any], response: Response, session: str) -> Parsed:
        number = number_of(row)
        last = clean(row.get("lastAction"))
        printed = clean(row.get("lastActionDate"))
        light = self.bill(
            response,
            **headings(row, session),
            latest_action=ActionItem(
                text=last,
                date=self.day(printed, "latest_action.date"),
                date_text=printed,
                actor=actor(last),
            )
            if last
            else None,
        )
        due = self.needs_detail(light)
        yield light
        if due:
            year, _, special = session.partition("-")
            query = f"specialSessionValue={special}" if special else "calendarDate="
            yield self.request(f"{API}/{year}/{number}?{query}", self.parse_bill, session=session)

    def parse_bill(self, response: Response, session: str) -> Parsed:
        bill = json_of(response)
        if not isinstance(bill, dict) or not number_of(bill):
            raise LayoutChanged(f"a bill without a number: {clean(bill)[:200]}")
        for name in unread(bill, KNOWN):
            self.gap(name, "unexpected")
        actions = tuple(self.actions(bill))
        yield self.bill(
            response,
            **headings(bill, session),
            detail="full",
            sponsors=tuple(self.sponsors(bill)),
            actions=actions,
            versions=(*self.printings(bill, response), *amendments(bill, session)),
            votes=tuple(decided(vote, actions) for vote in self.votes(bill)),
            sources=(SourceLink(url=f"{SITE}/Legislation/{session[:4]}/{number_of(bill)}"),),
            source_id=clean(bill.get("id")),
        )

    def sponsors(self, bill: dict[str, Any]) -> Iterator[SponsorItem]:
        """A committee's bill names it in ``sponsor`` and lists nobody."""
        listed = bill.get("sponsors") or []
        for sponsor in listed:
            name = clean(sponsor.get("name"))
            if not name:
                self.gap("sponsors.name", "missing")
                continue
            title = clean(sponsor.get("sponsorTitle")).lower()
            yield SponsorItem(
                name=name,
                classification="sponsor" if sponsor.get("primarySponsor") else "cosponsor",
                primary=bool(sponsor.get("primarySponsor")),
                entity_type="person" if title.startswith(("rep", "sen")) else "",
                chamber=CHAMBERS.get(clean(sponsor.get("house")).lower()),
            )
        committee = clean(bill.get("sponsor"))
        if not listed and committee:
            yield SponsorItem(name=committee, primary=True)

    def actions(self, bill: dict[str, Any]) -> Iterator[ActionItem]:
        for action in bill.get("billActions") or []:
            text = clean(action.get("statusMessage"))
            if not text:
                self.gap("actions.statusMessage", "missing")
                continue
            printed = clean(action.get("statusDate"))
            yield ActionItem(
                text=text,
                date=self.day(printed, "actions.statusDate"),
                date_text=printed,
                actor=CHAMBERS.get(clean(action.get("location")).lower()),
            )

    def printings(self, bill: dict[str, Any], response: Response) -> Iterator[VersionItem]:
        """``currentBillHTML`` is the text of the latest printing there is."""
        paths = [(note, clean(bill.get(name))) for name, note in VERSIONS if clean(bill.get(name))]
        current = self.current_text(bill)
        for place, (note, path) in enumerate(paths, start=1):
            latest = current if place == len(paths) else None
            yield VersionItem(
                note=note,
                links=(Link(url=f"{SITE}/{path.lstrip('/')}", media_type="application/pdf"),),
                text=latest.text if latest else None,
                text_url=response.url if latest else "",
                marks=latest.marks if latest else None,
            )

    def current_text(self, bill: dict[str, Any]) -> Document | None:
        html = bill.get("currentBillHTML") or ""
        try:
            current = read_html(html.encode(), "text/html; charset=utf-8")
        except SourceError as error:
            self.gap("currentBillHTML", "invalid", str(error))
            return None
        if current.text:
            return current
        self.gap("currentBillHTML", "missing")
        return None

    def votes(self, bill: dict[str, Any]) -> Iterator[VoteItem]:
        for vote in bill.get("rollCalls") or []:
            printed = clean(vote.get("voteDate"))
            amendment = clean(vote.get("amendmentNumber"))
            motion = clean(vote.get("action"))
            yield VoteItem(
                motion=f"{motion} {amendment}".strip(),
                date=self.day(printed, "votes.voteDate"),
                date_text=printed,
                chamber=CHAMBERS.get(clean(vote.get("chamber")).lower()),
                counts=tuple(
                    VoteCount.model_validate({"option": option, "value": vote[f"{name}VotesCount"]})
                    for name, option in VOTES
                    if vote.get(f"{name}VotesCount") is not None
                ),
                voters=tuple(
                    VoterItem(name=voter, option=option)
                    for name, option in VOTES
                    for voter in names(vote.get(f"{name}Votes"))
                ),
            )

    def day(self, printed: str, field: str) -> Any:
        """The day of a local time that may end in fractions of a second."""
        return self.date(printed.partition(".")[0], *DATES, field=field)


def number_of(row: dict[str, Any]) -> str:
    return clean(row.get("billNum") or row.get("bill"))


def headings(row: dict[str, Any], session: str) -> dict[str, Any]:
    """The catch title is five words; the long title says what the bill does."""
    number = number_of(row)
    return {
        "session": session,
        "identifier": number,
        "title": clean(row.get("catchTitle")),
        "abstract": clean(row.get("billTitle")),
        "classification": (TYPES[number[1]],) if number[1:2] in TYPES else None,
        "chamber": CHAMBERS.get(number[:1].lower()),
    }


def actor(message: str) -> Chamber | None:
    """``H 3rd Reading:Passed``: the first letter names the chamber."""
    found = re.match(r"^([HS])[ :]", message)
    return CHAMBERS[found[1].lower()] if found else None


def decided(vote: VoteItem, actions: tuple[ActionItem, ...]) -> VoteItem:
    """A roll call says no result; the action that ends in its counts (``44-16-2-0-0``) does."""
    counts = {count.option: count.value for count in vote.counts}
    ending = re.compile(rf" {counts.get('yes')}-{counts.get('no')}(-\d+)+$")
    for action in actions:
        if action.date == vote.date and ending.search(action.text):
            return vote.model_copy(update={"passed": not re.search(r"fail", action.text, re.I)})
    return vote


def amendments(bill: dict[str, Any], session: str) -> Iterator[VersionItem]:
    for amendment in bill.get("amendments") or []:
        number = clean(amendment.get("amendmentNumber"))
        if number:
            yield VersionItem(
                note=f"Amendment: {number}",
                links=(
                    Link(
                        url=f"{SITE}/{session[:4]}/Amends/{number}.pdf",
                        media_type="application/pdf",
                    ),
                ),
                source_id=number,
            )


def names(printed: str | None) -> list[str]:
    return [name for name in map(clean, BETWEEN_NAMES.split(printed or "")) if name]
