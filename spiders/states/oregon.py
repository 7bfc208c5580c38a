"""Oregon: OData. A poll asks for measures, actions and meetings newer than the last ones seen.

The first run of a session pages through all its measures. Later polls are three requests: measures
that changed, actions that were added, meetings to come; only measures these name are looked at.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from copy import deepcopy
from typing import Any
from urllib.parse import quote

from scrapy import Request
from scrapy.http import Response
from w3lib.url import safe_url_string

from spiders.base import BillSpider, Parsed
from spiders.errors import LayoutChanged
from spiders.expect import field, json_of
from spiders.parse import clean, fingerprint
from tracker.items import (
    ActionItem,
    Chamber,
    HearingItem,
    Link,
    SourceLink,
    SponsorItem,
    VersionItem,
    VoteCount,
    VoteItem,
    VoterItem,
)

API = "https://api.oregonlegislature.gov/odata/odataservice.svc"
SITE = "https://olis.oregonlegislature.gov/liz"
PAGE = 500
# Measures named in one request, so that its URL stays short.
BATCH = 25
DATES = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d")
CHAMBERS: dict[str, Chamber] = {"H": "lower", "S": "upper", "Rep": "lower", "Sen": "upper"}
TYPES = {
    "B": "bill",
    "CR": "concurrent resolution",
    "JM": "joint memorial",
    "JR": "joint resolution",
    "M": "memorial",
    "R": "resolution",
}
EXPAND = (
    "MeasureSponsors,MeasureDocuments,MeasureHistoryActions/MeasureVotes,"
    "CommitteeAgendaItems/CommitteeMeeting"
)
KNOWN = frozenset(
    {
        "AtTheRequestOf", "CatchLine", "ChapterNumber", "CreatedDate", "CurrentCommitteeCode",
        "CurrentLocation", "CurrentSubCommittee", "CurrentVersion", "EffectiveDate",
        "EmergencyClause", "FiscalAnalyst", "FiscalImpact", "LCNumber", "MeasureNumber",
        "MeasurePrefix", "MeasureSummary", "MinorityCatchLine", "ModifiedDate", "PrefixMeaning",
        "RelatingTo", "RelatingToFull", "RevenueEconomist", "RevenueImpact", "SessionKey", "Vetoed",
    }
)  # fmt: skip
# "Digest: ... (Flesch Readability Score: 61.2)."
FLESCH = re.compile(r"\s*\(Flesch Readability Score: [\d.]+\)\.?")
TALLY = re.compile(r"\bAyes, (?P<yes>\d+)(?:; Nays, (?P<no>\d+))?")
RESULT = re.compile(r"\b(?P<won>passed|adopted|concurred|repassed)\b|\b(?:failed|rejected)\b", re.I)
OPTIONS = {"Aye": "yes", "Nay": "no", "Absent": "absent", "Excused": "excused"}

Row = dict[str, Any]


class Oregon(BillSpider):
    """A session is a SessionKey, ``2025R1``. Cursor, by session: ``measures`` and ``actions``
    (newest server time seen), ``added`` (measure → newest action), ``meetings`` (measure →
    fingerprint of its meetings to come). It moves when all answers of a poll are there."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.states: dict[str, dict[str, Any]] = {}

    def start_session(self, session: str) -> Parsed:
        where = f"SessionKey eq '{session}'"
        if session in self.cursor:
            self.states[session] = deepcopy(self.cursor[session])
            newer = f"gt datetime'{self.states[session]['measures']}'"
            where += f" and (ModifiedDate {newer} or CreatedDate {newer})"
        in_order = "&$orderby=MeasurePrefix,MeasureNumber"
        yield self.ask("Measures", self.parse_measures, where, in_order, session=session)

    def ask(
        self, entity: str, then: Any, where: str, more: str = "", got: tuple[Row, ...] = (),
        **state: Any,
    ) -> Request:  # fmt: skip
        """All rows of an entity set where a condition holds; ``then(response, rows, **state)``."""
        condition = quote(where, safe="()")
        return self.request(
            f"{API}/{entity}?$format=json&$filter={condition}{more}&$top={PAGE}&$skip={len(got)}",
            self.parse_page,
            headers={"Accept": "application/json"},
            asked=(entity, then, where, more),
            got=got,
            state=state,
        )

    def parse_page(
        self,
        response: Response,
        asked: tuple[str, Any, str, str],
        got: tuple[Row, ...],
        state: dict[str, Any],
    ) -> Parsed:
        answer = json_of(response)
        rows = field(answer, "value")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise LayoutChanged(f"'value' is no list of objects: {clean(rows)[:120]}")
        got = (*got, *rows)
        if rows and (len(rows) >= PAGE or answer.get("odata.nextLink")):
            yield self.ask(*asked, got=got, **state)
        else:
            yield from asked[1](response, list(got), **state)

    def parse_measures(self, response: Response, found: list[Row], session: str) -> Parsed:
        if session not in self.states:
            start = newest(found, "")
            self.states[session] = {
                "measures": start, "actions": start, "added": {}, "meetings": {},
            }  # fmt: skip
            yield from self.parse_rows(response, session, found)
            self.listed(session, [number for row in found if (number := number_of(row))])
            return
        state = self.states[session]
        state["measures"] = newest(found, state["measures"])
        yield self.ask(
            "MeasureHistoryActions",
            self.parse_actions,
            f"SessionKey eq '{session}' and CreatedDate gt datetime'{state['actions']}'",
            session=session,
            found=found,
        )

    def parse_actions(
        self, response: Response, rows: list[Row], session: str, found: list[Row]
    ) -> Parsed:
        state = self.states[session]
        state["actions"] = newest(rows, state["actions"])
        state["added"] |= {number_of(row): row.get("MeasureHistoryId") for row in rows}
        yield self.ask(
            "CommitteeMeetings",
            self.parse_meetings,
            f"(MeetingDate gt datetime'{self.today}T00:00:00') and (SessionKey eq '{session}')",
            "&$expand=CommitteeAgendaItems",
            session=session,
            found=found,
            moved={number_of(row) for row in rows},
        )

    def parse_meetings(
        self,
        response: Response,
        rows: list[Row],
        session: str,
        found: list[Row],
        moved: set[str],
    ) -> Parsed:
        """A meeting added, moved or dropped moves the measures on its agenda."""
        ahead: dict[str, list[str]] = defaultdict(list)
        for meeting in rows:
            for item in meeting.get("CommitteeAgendaItems") or ():
                if number_of(item):
                    ahead[number_of(item)].append(fingerprint(meeting)[:16])
        meetings = {number: " ".join(sorted(marks)) for number, marks in ahead.items()}
        state = self.states[session]
        known = state["meetings"]
        moved |= {n for n in {*known, *meetings} if known.get(n) != meetings.get(n)}
        state["meetings"] = meetings
        listed = {number_of(row) for row in found}
        missing = sorted(moved - listed - {""})
        if not found and not missing:
            self.nothing_new(response)
        for number in self.again(session):
            if number not in listed | moved:
                self.awaited.add((session, number))
                yield self.ask_detail(session, number, "")
        yield from self.next_batch(response, session, found, missing)

    def next_batch(
        self, response: Response, session: str, found: list[Row], missing: list[str]
    ) -> Parsed:
        if missing:
            which = " or ".join(f"({named(number)})" for number in missing[:BATCH])
            yield self.ask(
                "Measures",
                self.parse_batch,
                f"SessionKey eq '{session}' and ({which})",
                session=session,
                found=found,
                missing=missing[BATCH:],
            )
        else:
            yield from self.parse_rows(response, session, found)

    def parse_batch(
        self,
        response: Response,
        rows: list[Row],
        session: str,
        found: list[Row],
        missing: list[str],
    ) -> Parsed:
        yield from self.next_batch(response, session, [*found, *rows], missing)

    def parse_rows(self, response: Response, session: str, rows: list[Row]) -> Parsed:
        self.cursor[session] = self.states[session]
        measures = self.records(rows, response, KNOWN)
        yield from self.each(measures, self.parse_row, response, session)

    def parse_row(self, row: Row, response: Response, session: str) -> Parsed:
        number = number_of(row)
        where = clean(row.get("CurrentLocation"))
        state = self.states[session]
        stated = headings(row, session)
        stated["change_hash"] = fingerprint(
            {
                "row": row,
                "added": state["added"].get(number),
                "ahead": state["meetings"].get(number),
            }
        )
        light = self.bill(
            response, **stated, latest_action=ActionItem(text=where) if where else None
        )
        due = self.needs_detail(light)
        yield light
        if due:
            yield self.ask_detail(session, number, stated["change_hash"])

    def ask_detail(self, session: str, number: str, change_hash: str) -> Request:
        return self.ask(
            "Measures",
            self.parse_detail,
            f"SessionKey eq '{session}' and {named(number)}",
            f"&$expand={EXPAND}",
            session=session,
            number=number,
            change_hash=change_hash,
        )

    def parse_detail(
        self, response: Response, rows: list[Row], session: str, number: str, change_hash: str
    ) -> Parsed:
        if len(rows) != 1:
            raise LayoutChanged(f"{len(rows)} measures are {number}, expected 1")
        measure = rows[0]
        history = sorted(
            measure.get("MeasureHistoryActions") or (), key=lambda row: clean(row.get("ActionDate"))
        )
        yield from self.with_texts(
            self.bill(
                response,
                **headings(measure, session),
                change_hash=change_hash,
                detail="full",
                sponsors=tuple(self.sponsors(measure)),
                actions=tuple(self.actions(history)),
                votes=tuple(self.votes(history)),
                versions=tuple(self.versions(measure)),
                hearings=tuple(self.hearings(measure)),
            )
        )

    def sponsors(self, measure: Row) -> Iterator[SponsorItem]:
        rows = measure.get("MeasureSponsors") or ()
        for row in sorted(rows, key=lambda row: row.get("PrintOrder") or 0):
            member, committee = clean(row.get("LegislatoreCode")), clean(row.get("CommitteeCode"))
            if not member and not committee:
                self.gap("sponsors.LegislatoreCode", "missing")
                continue
            level = clean(row.get("SponsorLevel")).lower()
            yield SponsorItem(
                name=member or committee,
                classification=level or "sponsor",
                primary=level == "chief",
                entity_type="person" if member else "organization",
                chamber=CHAMBERS.get(member.partition(" ")[0]),
            )

    def actions(self, history: list[Row]) -> Iterator[ActionItem]:
        for row in history:
            text = clean(row.get("ActionText"))
            if not text:
                self.gap("actions.ActionText", "missing")
                continue
            printed = clean(row.get("ActionDate"))
            yield ActionItem(
                text=text,
                date=self.day(printed, "actions.ActionDate"),
                date_text=printed,
                actor=CHAMBERS.get(clean(row.get("Chamber"))),
                source_id=clean(row.get("MeasureHistoryId")),
            )

    def votes(self, history: list[Row]) -> Iterator[VoteItem]:
        """Floor votes: the tally stands in the action's words, the members beside it."""
        for row in history:
            text = clean(row.get("ActionText"))
            tally = TALLY.search(text)
            members = row.get("MeasureVotes") or ()
            if not tally and not members:
                continue
            result = RESULT.search(text)
            printed = clean(row.get("ActionDate"))
            counts = tally.groupdict() if tally else {}
            yield VoteItem(
                motion=clean(text[: tally.start()] if tally else text),
                date=self.day(printed, "votes.ActionDate"),
                date_text=printed,
                chamber=CHAMBERS.get(clean(row.get("Chamber"))),
                passed=bool(result["won"]) if result else None,
                counts=tuple(
                    VoteCount.model_validate({"option": option, "value": value})
                    for option, value in counts.items()
                    if value is not None
                ),
                voters=tuple(
                    VoterItem(name=name, option=OPTIONS.get(clean(vote.get("Vote")), "other"))
                    for vote in members
                    if (name := clean(vote.get("VoteName")))
                ),
                source_id=clean(row.get("MeasureHistoryId")),
            )

    def versions(self, measure: Row) -> Iterator[VersionItem]:
        for row in measure.get("MeasureDocuments") or ():
            url = clean(row.get("DocumentUrl"))
            printed = clean(row.get("CreatedDate") or row.get("ModifiedDate"))
            if not url:
                self.gap("versions.DocumentUrl", "missing", clean(row.get("VersionDescription")))
            yield VersionItem(
                note=clean(row.get("VersionDescription")) or "Version",
                date=self.day(printed, "versions.ModifiedDate"),
                date_text=printed,
                links=(Link(url=safe_url_string(url), media_type="application/pdf"),)
                if url
                else (),
            )

    def hearings(self, measure: Row) -> Iterator[HearingItem]:
        for item in measure.get("CommitteeAgendaItems") or ():
            meeting = item.get("CommitteeMeeting") or {}
            printed = clean(item.get("MeetingDate") or meeting.get("MeetingDate"))
            committee = clean(item.get("CommitteeCode") or meeting.get("CommitteeCode"))
            yield HearingItem(
                committee=committee or "Committee",
                date=self.day(printed, "hearings.MeetingDate"),
                date_text=printed,
                time_text=printed.partition("T")[2].removesuffix(":00"),
                location=clean(meeting.get("Location")),
                description=clean(item.get("MeetingType") or item.get("Comments")),
                chamber=CHAMBERS.get(committee[:1]),
                source_id=clean(item.get("CommitteeAgendaItemId")),
            )

    def day(self, printed: str, name: str) -> Any:
        """The day of a local time that may end in fractions of a second."""
        return self.date(printed.partition(".")[0], *DATES, field=name)


def number_of(row: Row) -> str:
    prefix, number = clean(row.get("MeasurePrefix")), clean(row.get("MeasureNumber"))
    return f"{prefix} {number}" if prefix and number else ""


def named(number: str) -> str:
    prefix, digits = number.split()
    return f"MeasurePrefix eq '{prefix}' and MeasureNumber eq {digits}"


def newest(rows: list[Row], known: str) -> str:
    """The server's own clock; untouched rows have no ModifiedDate."""
    times = (clean(row.get(name)) for row in rows for name in ("ModifiedDate", "CreatedDate"))
    return max(known, *times) if rows else known


def headings(row: Row, session: str) -> dict[str, Any]:
    number = number_of(row)
    summary = FLESCH.sub("", clean(row.get("MeasureSummary")))
    title, catch_line = clean(row.get("RelatingTo")), clean(row.get("CatchLine"))
    return {
        "session": session,
        "identifier": number,
        "title": title or catch_line,
        "abstract": summary or catch_line,
        "classification": (TYPES[kind],)
        if (kind := number.partition(" ")[0][1:]) in TYPES
        else None,
        "chamber": CHAMBERS.get(number[:1]),
        "sources": (
            SourceLink(url=f"{SITE}/{session}/Measures/Overview/{number.replace(' ', '')}"),
        ),
    }
