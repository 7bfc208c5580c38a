"""Maryland: one JSON file holds every bill of a session; a 304 is the whole poll.

The file has a synopsis and dated milestones; the words of the history and the printed texts are on
the pages of single bills, read only for bills on topic that moved.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from parsel import Selector
from scrapy.http import Response, TextResponse

from spiders.base import BillSpider, Parsed
from spiders.expect import json_of, one, some
from spiders.parse import NO_DATE, clean, fingerprint
from spiders.votes import vote_in
from tracker.items import (
    ActionItem,
    Chamber,
    HearingItem,
    Link,
    RelatedBillItem,
    SourceLink,
    SponsorItem,
    VersionItem,
)

SITE = "https://mgaleg.maryland.gov"
DATES = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y")
HISTORY_DATE = "%m/%d/%Y"
CHAMBERS: dict[str, Chamber] = {"House": "lower", "Senate": "upper"}
TYPES = {"B": "bill", "J": "joint resolution"}
# The stamp of the whole file, repeated in every row.
STAMPS = frozenset({"StatusCurrentAsOf"})
HOUSES = ("HouseOfOrigin", "OppositeHouse")
HEARINGS = tuple(
    (f"HearingDateTime{rank}{house}", f"Committee{rank}{'Origin' if at == 0 else 'Opposite'}", at)
    for at, house in enumerate(HOUSES)
    for rank in ("Primary", "Secondary")
)
KNOWN = frozenset(
    {
        "BillNumber", "BillType", "BillVersion", "BroadSubjects", "ChapterNumber",
        "CrossfileBillNumber", "EmergencyBill", "NarrowSubjects", "PassedByMGA", "SponsorPrimary",
        "Sponsors", "Status", "StatusCurrentAsOf", "Statutes", "Synopsis", "Title",
        "YearAndSession",
        *(name for hearing in HEARINGS for name in hearing[:2]),
        *(f"{what}{house}" for house in HOUSES for what in (
            "FirstReadingDate", "ReportDate", "ReportAction", "SecondReadingDate",
            "SecondReadingAction", "ThirdReadingDate", "ThirdReadingAction",
        )),
    }
)  # fmt: skip
# /2025RS/bills/hb/hb1222F.pdf, /2025RS/Chapters_noln/CH_718_hb1222e.pdf
TEXT_FILE = re.compile(
    r"/(?:bills/\w+/\w+?\d+(?P<printing>[FTE])|(?P<chapter>Chapters)\w*/.+)\.pdf", re.I
)
PRINTINGS = {"F": "First Reader", "T": "Third Reader", "E": "Enrolled"}
ROLL_CALL = re.compile(
    r"^(?P<motion>.*\b(?P<result>Passed|Adopted|Failed|Rejected)\b.*?)"
    r"\s*\((?P<yes>\d+)-(?P<no>\d+)\)$"
)


class Maryland(BillSpider):
    def start_session(self, session: str) -> Parsed:
        yield self.request(
            f"{SITE}/{session.lower()}/misc/billsmasterlist/legislation.json",
            self.parse_listing,
            conditional=True,
            session=session,
        )

    def parse_listing(self, response: Response, session: str) -> Parsed:
        found = self.records(json_of(response), response, KNOWN)
        rows = [row for row in found if "OIS Test" not in clean(row.get("Title"))]
        yield from self.each(rows, self.parse_row, response, session)
        self.listed(session, [number for row in rows if (number := clean(row.get("BillNumber")))])

    def parse_row(self, row: dict[str, Any], response: Response, session: str) -> Parsed:
        number = clean(row.get("BillNumber"))
        status = clean(row.get("Status"))
        stated: dict[str, Any] = {
            "session": session,
            "identifier": number,
            "title": clean(row.get("Title")),
            "abstract": clean(row.get("Synopsis")),
            "classification": (TYPES[number[1]],) if number[1:2] in TYPES else None,
            "chamber": CHAMBERS["House" if number.startswith("H") else "Senate"],
            "subjects": tuple(subjects(row)),
            "change_hash": fingerprint(row, without=STAMPS),
        }
        light = self.bill(
            response, **stated, latest_action=ActionItem(text=status) if status else None
        )
        due = self.needs_detail(light)
        yield light
        if due:
            stated["sponsors"] = tuple(self.sponsors(row))
            stated["hearings"] = tuple(self.hearings(row, stated["chamber"]))
            stated["related_bills"] = tuple(crossfiles(row))
            yield self.request(
                f"{SITE}/mgawebsite/Legislation/Details/{number.lower()}?ys={session}",
                self.parse_details,
                stated=stated,
            )

    def parse_details(self, response: TextResponse, stated: dict[str, Any]) -> Parsed:
        history = one(response, "table#detailsHistory")
        rows = some(history, "tbody tr")
        actions = tuple(self.actions(rows))
        yield from self.with_texts(
            self.bill(
                response,
                **stated,
                detail="full",
                actions=actions,
                votes=tuple(filter(None, (vote_in(action, ROLL_CALL) for action in actions))),
                versions=tuple(versions(rows, response)),
                sources=(SourceLink(url=response.url),),
            )
        )

    def sponsors(self, row: dict[str, Any]) -> Iterator[SponsorItem]:
        """The primary sponsor first; the list repeats it, and may repeat others."""
        first = clean(row.get("SponsorPrimary"))
        names = [first, *(clean(sponsor.get("Name")) for sponsor in row.get("Sponsors") or ())]
        if not all(names):
            self.gap("sponsors.name", "missing")
        for name in dict.fromkeys(filter(None, names)):
            person = name.startswith(("Delegate ", "Senator "))
            yield SponsorItem(
                name=name,
                primary=name == first,
                entity_type="person" if person else "",
                chamber=("lower" if name.startswith("Delegate ") else "upper") if person else None,
            )

    def hearings(self, row: dict[str, Any], origin: Chamber) -> Iterator[HearingItem]:
        """One date and time per committee: the field's name tells which hearing has moved."""
        for name, committee, opposite in HEARINGS:
            printed = clean(row.get(name))
            if NO_DATE.match(printed):
                continue
            lower = (origin == "lower") != bool(opposite)
            yield HearingItem(
                committee=clean((row.get(committee) or {}).get("Name")) or "Committee",
                date=self.date(printed, *DATES, field=f"hearings.{name}"),
                date_text=printed,
                time_text=printed.partition("T")[2].removesuffix(":00"),
                chamber="lower" if lower else "upper",
                source_id=name,
            )

    def actions(self, rows: list[Selector]) -> Iterator[ActionItem]:
        """Rows of one history: chamber, calendar date, legislative date, action."""
        for row in rows:
            cells = [clean(" ".join(cell.css("::text").getall())) for cell in row.css("td")]
            if len(cells) < 4 or not cells[0]:
                continue
            if not cells[3]:
                self.gap("actions.text", "missing", " | ".join(cells))
                continue
            yield ActionItem(
                text=cells[3],
                date=self.date(cells[1], HISTORY_DATE, field="actions.date"),
                date_text=cells[1],
                actor=CHAMBERS.get(cells[0]),
            )


def subjects(row: dict[str, Any]) -> Iterator[str]:
    names = [
        clean(subject.get("Name"))
        for kind in ("BroadSubjects", "NarrowSubjects")
        for subject in row.get(kind) or ()
    ]
    yield from dict.fromkeys(filter(None, names))


def crossfiles(row: dict[str, Any]) -> Iterator[RelatedBillItem]:
    number = clean(row.get("CrossfileBillNumber"))
    if number:
        yield RelatedBillItem(identifier=number, relation="companion")


def versions(rows: list[Selector], page: TextResponse) -> Iterator[VersionItem]:
    """Printed texts stand in the history too, in rows that name no chamber."""
    seen = set()
    for row in rows:
        for link in row.css("td a::attr(href)").getall():
            file = TEXT_FILE.search(link)
            url = page.urljoin(link)
            if not file or url in seen:
                continue
            seen.add(url)
            yield VersionItem(
                note="Chapter" if file["chapter"] else PRINTINGS[file["printing"].upper()],
                links=(Link(url=url, media_type="application/pdf"),),
            )
