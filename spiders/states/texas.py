"""Texas: anonymous FTP, the route the Legislative Council asks programs to take.

The bills of a session lie in folders of a hundred. Each poll lists the folders and reads the files
that are newer than those of the last run. Where a folder's own time proves to follow its files', a
folder that has not moved is not even listed.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from lxml import etree
from scrapy import Request
from scrapy.http import Response

from spiders.base import BillSpider, Parsed
from spiders.errors import LayoutChanged
from spiders.expect import decoded, xml_of
from spiders.parse import clean
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

FTP = "ftp://ftp.legis.state.tx.us/bills"
SITE = "https://capitol.texas.gov/BillLookup/History.aspx"
# Simple resolutions (mostly of congratulation) are left out.
FOLDERS = (
    "house_bills", "house_concurrent_resolutions", "house_joint_resolutions",
    "senate_bills", "senate_concurrent_resolutions", "senate_joint_resolutions",
)  # fmt: skip
PREFIXES = ("HB", "HCR", "HJR", "SB", "SCR", "SJR")
TYPES = {"B": "bill", "CR": "concurrent resolution", "JR": "joint resolution", "R": "resolution"}
CHAMBERS: dict[str, Chamber] = {"H": "lower", "S": "upper", "E": "executive"}
SPONSORS = (("authors", "author"), ("coauthors", "coauthor"), ("sponsors", "sponsor"),
            ("cosponsors", "cosponsor"))  # fmt: skip
DATE = "%m/%d/%Y"
# "03-20-25  04:15PM              48213 HB 1.xml", "01-02-25  09:00AM       <DIR>  HB00001_HB00099"
LISTED = re.compile(
    r"^(?P<when>\d\d-\d\d-(?:\d\d|\d{4})\s+\d\d:\d\d[AP]M)\s+(?P<size><DIR>|\d+)\s+(?P<name>\S.*?)\s*$"
)
# In bill="89(R) HB 1" and among companions.
NUMBER = re.compile(r"\b(?P<type>[HS](?:B|CR|JR|R))\s*(?P<digits>\d+)\b")
# "02/25/2025 H Referred to Appropriations"
LAST_ACTION = re.compile(r"^(?P<date>\d+/\d+/\d{4})\s+(?P<actor>[HSE])\s+(?P<text>.+)$")
# "Scheduled for public hearing on . . .": the action's date is the day of the hearing.
HEARING = re.compile(r"^(?:re)?scheduled for public hearing on\b", re.I)
STUB = "bill does not exist"
KNOWN = frozenset(
    {
        "actions", "amendments", "authors", "billtext", "caption", "captionVersion", "captions",
        "coauthors", "committees", "companions", "cosponsors", "lastaction", "sponsors",
        "subjects",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    name: str
    when: str
    """ISO, the server's local time to the minute."""
    folder: bool


class Texas(BillSpider):
    """A session is ``89R`` or, for the second special session, ``892``. Cursor, by session:
    ``folders`` (URL → its time and its newest file's), ``folders_tell`` (no folder was ever older
    than its files), ``swept`` (the day all folders were last listed, which each day is done)."""

    def start_session(self, session: str) -> Parsed:
        state = self.cursor.setdefault(session, {"folders": {}, "folders_tell": True, "swept": ""})
        sweep = state["swept"] != str(self.today) or not state["folders_tell"]
        state["swept"] = str(self.today)
        for number in self.again(session):
            path = f"billhistory/{folder_of(number)}/{quote(number)}.xml"
            yield self.request(f"{FTP}/{session}/{path}", self.parse_bill, session=session)
        for kind in FOLDERS:
            yield self.request(
                f"{FTP}/{session}/billhistory/{kind}/",
                self.parse_folders,
                session=session,
                optional=True,
                sweep=sweep,
            )

    def parse_folders(self, response: Response, session: str, sweep: bool) -> Parsed:
        state = self.cursor[session]
        asked = 0
        for entry in listing(response):
            url = f"{response.url}{quote(entry.name)}/"
            known = state["folders"].get(url)
            if not entry.folder or (not sweep and known and known[0] == entry.when):
                continue
            asked += 1
            yield self.request(
                url,
                self.parse_files,
                session=session,
                folder_time=entry.when,
                since=known[1] if known else "",
            )
        if not asked:
            self.nothing_new(response)

    def parse_files(self, response: Response, session: str, folder_time: str, since: str) -> Parsed:
        """Times are to the minute: a file of the newest minute seen is read once more."""
        files = [entry for entry in listing(response) if entry.name.lower().endswith(".xml")]
        newest = max((entry.when for entry in files), default=since)
        state = self.cursor[session]
        if newest > folder_time:
            state["folders_tell"] = False
        state["folders"][response.url] = [folder_time, newest]
        newer = [
            entry
            for entry in files
            if entry.when > since or (entry.when == since and newest > since)
        ]
        if not newer:
            self.nothing_new(response)
        for entry in newer:
            url = f"{response.url}{quote(entry.name)}"
            yield self.request(url, self.parse_bill, session=session)

    def lost(self, request: Request) -> None:
        file = unquote(request.url).rpartition("/")[2]
        if file.lower().endswith(".xml"):
            self.try_again(request.cb_kwargs["session"], file[:-4])
        elif not file and "sweep" in request.cb_kwargs:
            self.incomplete = self.run.baseline

    def parse_bill(self, response: Response, session: str) -> Parsed:
        root = xml_of(response)
        if STUB in " ".join(map(str, root.itertext())).lower() and root.find("caption") is None:
            return
        found = NUMBER.search(clean(root.get("bill")))
        if not found:
            raise LayoutChanged(f"bill={root.get('bill')!r} names no bill")
        for name in sorted({str(child.tag) for child in root} - KNOWN):
            self.gap(name, "unexpected")
        number = f"{found['type']} {found['digits']}"
        subjects = [clean(subject.text) for subject in root.iterfind("subjects/subject")]
        stated: dict[str, Any] = {
            "session": session,
            "identifier": number,
            "title": said(root, "caption"),
            "classification": (TYPES[found["type"][1:]],),
            "chamber": CHAMBERS.get(number[0]),
            "subjects": tuple(filter(None, subjects)),
            "sources": (SourceLink(url=public_page(number, session)),),
            "change_hash": content_hash(root),
        }
        light = self.bill(response, **stated, latest_action=self.last_action(root))
        due = self.needs_detail(light)
        yield light
        if due:
            yield from self.with_texts(
                self.bill(
                    response,
                    **stated,
                    detail="full",
                    sponsors=tuple(sponsors(root, number)),
                    actions=tuple(self.actions(root)),
                    versions=tuple(self.versions(root, number, session)),
                    hearings=tuple(self.hearings(root)),
                    related_bills=tuple(companions(root, session)),
                )
            )

    def last_action(self, root: etree._Element) -> ActionItem | None:
        printed = said(root, "lastaction")
        found = LAST_ACTION.match(printed)
        if not found:
            return ActionItem(text=printed) if printed else None
        return ActionItem(
            text=found["text"],
            date=self.date(found["date"], DATE, field="lastaction"),
            date_text=found["date"],
            actor=CHAMBERS[found["actor"]],
        )

    def actions(self, root: etree._Element) -> Iterator[ActionItem]:
        for row in rows(root):
            text, comment = said(row, "description"), said(row, "comment")
            if not text:
                self.gap("actions.description", "missing")
            else:
                printed = said(row, "date")
                yield ActionItem(
                    text=f"{text}: {comment}" if comment else text,
                    date=self.date(printed, DATE, field="actions.date"),
                    date_text=printed,
                    actor=CHAMBERS.get(said(row, "actionNumber")[:1]),
                )

    def hearings(self, root: etree._Element) -> Iterator[HearingItem]:
        """The action that schedules a hearing bears the hearing's date; the committee is the one
        the bill was last referred to in that chamber."""
        for row in rows(root):
            text, side = said(row, "description"), said(row, "actionNumber")[:1]
            if not HEARING.match(text) or not said(row, "date"):
                continue
            committee = root.find(f"committees/{'house' if side == 'H' else 'senate'}")
            name = clean(committee.get("name")) if committee is not None else ""
            yield HearingItem(
                committee=name or "Committee",
                date=self.date(said(row, "date"), DATE, field="hearings.date"),
                date_text=said(row, "date"),
                description="Public hearing",
                chamber=CHAMBERS.get(side),
            )

    def versions(self, root: etree._Element, number: str, session: str) -> Iterator[VersionItem]:
        for row in root.iterfind("billtext/docTypes/bill/versions/version"):
            web, pdf = said(row, "WebHTMLURL"), said(row, "WebPDFURL")
            ftp = said(row, "FTPHTMLURL") or ftp_text(web, number, session)
            note = said(row, "versionDescription")
            if not ftp and not pdf:
                self.gap("versions.FTPHTMLURL", "missing", note)
            kinds = ((ftp, "text/html"), (web, "text/html"), (pdf, "application/pdf"))
            yield VersionItem(
                note=note or "Version",
                links=tuple(Link(url=url, media_type=kind) for url, kind in kinds if url),
            )


def listing(response: Response) -> list[Entry]:
    """An IIS-style LIST; every line must be readable, or we would miss files in silence."""
    lines = [line for line in decoded(response).splitlines() if line.strip()]
    entries = []
    for line in lines:
        found = LISTED.match(line.strip())
        if not found:
            raise LayoutChanged(f"a line of the FTP listing reads {line[:120]!r}")
        when = " ".join(found["when"].split())
        form = "%m-%d-%Y %I:%M%p" if len(when.split()[0]) == 10 else "%m-%d-%y %I:%M%p"
        moment = dt.datetime.strptime(when, form).isoformat(timespec="minutes")
        entries.append(Entry(found["name"], moment, found["size"] == "<DIR>"))
    return entries


def said(element: etree._Element, path: str) -> str:
    return clean(element.findtext(path))


def rows(root: etree._Element) -> list[etree._Element]:
    """Actions, oldest first, as the file lists them."""
    return root.findall("actions/action")


def content_hash(root: etree._Element) -> str:
    """Of all but the time of the file, which moves when nothing did."""
    kept = deepcopy(root)
    kept.attrib.pop("lastUpdate", "")
    return hashlib.sha256(etree.tostring(kept, method="c14n")).hexdigest()


def public_page(number: str, session: str) -> str:
    return f"{SITE}?LegSess={session}&Bill={number.replace(' ', '')}"


def sponsors(root: etree._Element, number: str) -> Iterator[SponsorItem]:
    """Authors sit in the chamber where the bill began, sponsors in the other one."""
    origin = CHAMBERS[number[0]]
    other: Chamber = "upper" if origin == "lower" else "lower"
    for tag, kind in SPONSORS:
        for name in filter(None, map(clean, (root.findtext(tag) or "").split("|"))):
            yield SponsorItem(
                name=name,
                classification=kind,
                primary=kind == "author",
                entity_type="person",
                chamber=origin if "author" in kind else other,
            )


def companions(root: etree._Element, session: str) -> Iterator[RelatedBillItem]:
    found = root.find("companions")
    words = " ".join(map(str, found.itertext())) if found is not None else ""
    for number in NUMBER.finditer(words):
        yield RelatedBillItem(identifier=f"{number['type']} {number['digits']}", session=session)


def ftp_text(web: str, number: str, session: str) -> str:
    """``…/tlodocs/89R/billtext/html/SB00008I.htm`` lies on the FTP server in a folder of its own.

    Groups of a hundred are named by their first and last number; the first has only 99.
    """
    found = re.search(r"/(?P<file>[HS][A-Z]{1,2}\d+\w*\.html?)$", web, re.I)
    return f"{FTP}/{session}/billtext/html/{folder_of(number)}/{found['file']}" if found else ""


def folder_of(number: str) -> str:
    """``HCR 12`` → ``house_concurrent_resolutions/HC00001_HC00099``."""
    kind, digits = number.split()
    folder = dict(zip(PREFIXES, FOLDERS, strict=True))[kind]
    first = int(digits) // 100 * 100
    return f"{folder}/{kind[:2]}{max(first, 1):05}_{kind[:2]}{first + 99:05}"
