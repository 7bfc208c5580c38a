"""Virginia: a session's CSV files name every bill, action, patron, summary and vote.

BILLS, HISTORY and Summaries are asked for conditionally; while none of them has moved, that is the
whole poll. When one has, all files are read and joined.
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scrapy import Request
from scrapy.http import Response
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.python.failure import Failure

from spiders.base import BillSpider, Parsed
from spiders.documents import read_html
from spiders.errors import NotModified
from spiders.expect import csv_of, decoded
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
    VoterItem,
)

FILES = "https://lis.blob.core.windows.net/lisfiles"
SITE = "https://lis.virginia.gov/bill-details"
SIGNALS = ("BILLS.CSV", "HISTORY.CSV", "Summaries.csv")
# Special sessions lack some of the files.
OPTIONAL = ("Summaries.csv", "Sponsors.csv", "VOTE.CSV", "Members.csv")

DATES = ("%m/%d/%Y", "%m/%d/%y", "%Y-%m-%d", "%m/%d/%Y %I:%M:%S %p")
CHAMBERS: dict[str, Chamber] = {
    "H": "lower", "S": "upper", "G": "executive", "C": "legislature",
}  # fmt: skip
TYPES = {"B": "bill", "J": "joint resolution", "R": "resolution"}
KNOWN = frozenset(
    {
        "Bill_id", "Bill_description", "Patron_id", "Patron_name", "Emergency", "Passed_house",
        "Passed_senate", "Passed", "Failed", "Carried_over", "Approved", "Vetoed", "Chapter_id",
        "Introduction_date", "Last_actid",
        "Last_house_committee_id", "Last_senate_committee_id",
        *(f"Last_{who}_{what}" for who in ("house", "senate", "conference", "governor")
          for what in ("action", "action_date", "actid")),
        *(f"Full_text_{what}{n}" for what in ("doc", "date") for n in range(1, 7)),
    }
)  # fmt: skip
PREFIX = re.compile(r"^([HSGC])\s+(?=\S)")
# "(15-Y 7-N)", "(97-Y 0-N 1-A)"; A abstained.
TALLY = re.compile(r"\((?P<yes>\d+)-Y (?P<no>\d+)-N(?: (?P<abstain>\d+)-A)?\)")
LOST = re.compile(r"\b(fail|defeat|passed by indefinitely|rejected|tabled|sustained)", re.I)
WON = re.compile(r"\b(reported|passed|agreed|adopted|concurred|engrossed)\b", re.I)
OPTIONS = {"Y": "yes", "N": "no", "A": "abstain", "X": "not voting"}
# HB1ER, HB1H1, CHAP0012
PRINTINGS = {"": "Introduced", "E": "Engrossed", "ER": "Enrolled"}
SUMMARY_RANK = {
    "SUMMARY AS INTRODUCED": 0,
    "SUMMARY AS PASSED HOUSE": 1,
    "SUMMARY AS PASSED SENATE": 1,
    "SUMMARY AS PASSED": 2,
    "SUMMARY AS ENACTED WITH GOVERNOR'S RECOMMENDATION": 3,
}


@dataclass
class Joined:
    """Rows of the other files, by bill number as BILLS.CSV writes it (``HB1``)."""

    history: dict[str, list[dict[str, str]]]
    summaries: dict[str, list[dict[str, str]]]
    patrons: dict[str, list[dict[str, str]]]
    votes: dict[str, list[str]]
    """refid → member, vote, member, vote …"""
    members: dict[str, str]
    """Member number → name."""


class Virginia(BillSpider):
    """A session is its year and its number in that year, ``20261``."""

    def start_session(self, session: str) -> Parsed:
        yield self.ask(session, {}, SIGNALS, conditional=True)

    def ask(
        self, session: str, read: dict[str, Response], waiting: tuple[str, ...], conditional: bool
    ) -> Request:
        """The first file that is waiting for; the others follow one by one."""
        asked = self.request(
            f"{FILES}/{session}/{waiting[0]}",
            self.arrived,
            conditional=conditional,
            optional=waiting[0] in OPTIONAL,
            session=session,
            read=read,
            waiting=waiting,
            asked_if_moved=conditional,
        )
        return asked.replace(errback=self.absent)

    def arrived(
        self,
        response: Response,
        session: str,
        read: dict[str, Response],
        waiting: tuple[str, ...],
        asked_if_moved: bool,
    ) -> Parsed:
        read = {**read, waiting[0]: response}
        yield from self.go_on(session, read, waiting[1:], asked_if_moved)

    def absent(self, failure: Failure) -> Parsed:
        """A file that has not moved, or that a special session lacks, stops nothing."""
        self._failed(failure)
        asked: Request = failure.request  # type: ignore[attr-defined]
        error = failure.value
        missing = isinstance(error, HttpError) and error.response.status == 404
        if isinstance(error, NotModified) or (missing and asked.meta["optional"]):
            state = asked.cb_kwargs
            yield from self.go_on(
                state["session"], state["read"], state["waiting"][1:], state["asked_if_moved"]
            )

    def go_on(
        self,
        session: str,
        read: dict[str, Response],
        waiting: tuple[str, ...],
        asked_if_moved: bool,
    ) -> Parsed:
        if waiting:
            yield self.ask(session, read, waiting, asked_if_moved)
        elif not asked_if_moved:
            yield from self.parse_files(session, read)
        elif read:
            # Something moved: the signals that did not are needed too, to join them.
            rest = tuple(name for name in (*SIGNALS, *OPTIONAL[1:]) if name not in read)
            yield self.ask(session, read, rest, conditional=False)

    def parse_files(self, session: str, read: dict[str, Response]) -> Parsed:
        response = read["BILLS.CSV"]
        bills = list(csv_of(response, ("Bill_id", "Bill_description")))
        bills = self.records(bills, response, KNOWN)
        joined = join(read)
        yield from self.each(bills, self.parse_bill, response, session, joined)
        self.listed(session, [number for row in bills if (number := clean(row["Bill_id"]))])

    def parse_bill(
        self, row: dict[str, str], response: Response, session: str, joined: Joined
    ) -> Parsed:
        number = clean(row["Bill_id"])
        lines = joined.history.get(number, [])
        patrons = joined.patrons.get(number, [])
        abstract = summary(joined.summaries.get(number, []))
        actions = tuple(self.actions(lines))
        stated: dict[str, Any] = {
            "session": session,
            "identifier": number,
            "title": clean(row["Bill_description"]),
            "abstract": abstract,
            "classification": (TYPES[number[1]],) if number[1:2] in TYPES else None,
            "chamber": CHAMBERS.get(number[:1]),
            "sources": (SourceLink(url=f"{SITE}/{session}/{number}"),),
            "change_hash": fingerprint(
                {"bill": row, "history": lines, "patrons": patrons, "abstract": abstract}
            ),
        }
        light = self.bill(response, **stated, latest_action=actions[-1] if actions else None)
        due = self.needs_detail(light)
        yield light
        if due:
            yield self.bill(
                response,
                **stated,
                detail="full",
                sponsors=tuple(self.sponsors(row, patrons)),
                actions=actions,
                versions=tuple(self.versions(row, session)),
                votes=tuple(votes(lines, actions, joined)),
            )

    def actions(self, lines: list[dict[str, str]]) -> Iterator[ActionItem]:
        """The letter in front of a line, where there is one, is who acted."""
        for line in lines:
            text = clean(line["History_description"])
            if not text:
                self.gap("actions.History_description", "missing")
                continue
            prefix = PREFIX.match(text)
            printed = clean(line["History_date"])
            yield ActionItem(
                text=text[prefix.end() :] if prefix else text,
                date=self.date(printed, *DATES, field="actions.History_date"),
                date_text=printed,
                actor=CHAMBERS[prefix[1]] if prefix else None,
            )

    def sponsors(self, row: dict[str, str], patrons: list[dict[str, str]]) -> Iterator[SponsorItem]:
        """As Sponsors.csv lists them; before it does, the patron whom BILLS.CSV names."""
        chief = clean(row.get("Patron_name"))
        for patron in patrons:
            name, kind = clean(patron["MEMBER_NAME"]), clean(patron["PATRON_TYPE"]).lower()
            if not name:
                self.gap("sponsors.MEMBER_NAME", "missing")
                continue
            member = clean(patron["MEMBER_ID"])
            yield SponsorItem(
                name=name,
                classification=kind or "patron",
                primary=kind.startswith("chief patron") or name == chief,
                entity_type="person",
                chamber=CHAMBERS.get(member[:1]),
                source_id=member,
            )
        if not patrons and chief:
            yield SponsorItem(name=chief, classification="chief patron", primary=True)

    def versions(self, row: dict[str, str], session: str) -> Iterator[VersionItem]:
        number = clean(row["Bill_id"])
        for n in range(1, 7):
            code = clean(row.get(f"Full_text_doc{n}"))
            printed = clean(row.get(f"Full_text_date{n}"))
            if not code:
                continue
            yield VersionItem(
                note="Chapter" if code.startswith("CHAP") else printing(code, number),
                date=self.date(printed, *DATES, field="versions.Full_text_date"),
                date_text=printed,
                links=(Link(url=f"{SITE}/{session}/{number}/text/{code}", media_type="text/html"),),
                source_id=code,
            )


def join(read: Mapping[str, Response]) -> Joined:
    def rows(name: str, key: str, *columns: str) -> dict[str, list[dict[str, str]]]:
        found: dict[str, list[dict[str, str]]] = defaultdict(list)
        if name in read:
            for row in csv_of(read[name], (key, *columns)):
                found[unpadded(row[key])].append(row)
        return found

    members = rows("Members.csv", "MBR_MBRNO", "MBR_NAME")
    return Joined(
        history=rows("HISTORY.CSV", "Bill_id", "History_date", "History_description"),
        summaries=rows("Summaries.csv", "SUM_BILNO", "SUMMARY_TYPE", "SUMMARY_TEXT"),
        patrons=rows("Sponsors.csv", "BILL_NUMBER", "MEMBER_NAME", "MEMBER_ID", "PATRON_TYPE"),
        votes=votes_by_refid(read["VOTE.CSV"]) if "VOTE.CSV" in read else {},
        members={number: clean(found[0]["MBR_NAME"]) for number, found in members.items()},
    )


def votes_by_refid(response: Response) -> dict[str, list[str]]:
    """VOTE.CSV has no header; its first line is a count of something."""
    lines = csv.reader(io.StringIO(decoded(response), newline=""))
    return {clean(line[0]): [clean(cell) for cell in line[1:]] for line in lines if len(line) > 2}


def unpadded(number: str) -> str:
    """``HB0001`` → ``HB1``; member numbers (``H0123``) keep their zeros."""
    found = re.fullmatch(r"([HS][BJR])0*(\d+)", clean(number))
    return f"{found[1]}{found[2]}" if found else clean(number)


def summary(rows: list[dict[str, str]]) -> str | None:
    """The text of the summary of the latest stage; ``None`` before there is any."""
    if not rows:
        return None
    latest = max(rows, key=lambda row: SUMMARY_RANK.get(clean(row["SUMMARY_TYPE"]).upper(), 1))
    html = latest["SUMMARY_TEXT"]
    return read_html(html.encode(), "text/html; charset=utf-8").text if clean(html) else None


def printing(code: str, number: str) -> str:
    """``HB1ER`` → Enrolled; the source's own code for the many kinds of substitutes."""
    return PRINTINGS.get(code.removeprefix(number), code)


def votes(
    lines: list[dict[str, str]], actions: tuple[ActionItem, ...], joined: Joined
) -> Iterator[VoteItem]:
    """A roll call may stand in two lines, of the action and of its vote; the first is kept."""
    seen = set()
    spoken = (line for line in lines if clean(line["History_description"]))
    for line, action in zip(spoken, actions, strict=True):
        vote = vote_of(line, action, joined)
        if vote and not (vote.source_id and vote.source_id in seen):
            seen.add(vote.source_id)
            yield vote


def vote_of(line: dict[str, str], action: ActionItem, joined: Joined) -> VoteItem | None:
    """The roll call of an action that prints its tally, with the votes of members if known."""
    tally = TALLY.search(action.text)
    if not tally:
        return None
    refid = clean(line.get("History_refid"))
    cells = joined.votes.get(refid, [])
    counts = [
        VoteCount.model_validate({"option": option, "value": tally[option]})
        for option in ("yes", "no", "abstain")
        if tally[option]
    ]
    return VoteItem(
        motion=clean(action.text[: tally.start()]),
        date=action.date,
        date_text=action.date_text,
        chamber=action.actor,
        passed=False if LOST.search(action.text) else True if WON.search(action.text) else None,
        counts=tuple(counts),
        voters=tuple(
            VoterItem(name=joined.members.get(member, member), option=OPTIONS.get(vote, vote))
            for member, vote in zip(cells[::2], cells[1::2], strict=False)
            if member and vote
        ),
        source_id=refid,
    )
