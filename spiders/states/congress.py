"""US Congress: GPO's BILLSTATUS files, one XML a bill with everything but its text.

A feed lists which files each batch renewed (one conditional request). The first run of a Congress
reads the ZIP of each bill type instead; where the feed no longer reaches back to the last run, the
sitemaps tell which files are newer. Files of the schema before 3.0 are read too.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from copy import deepcopy
from email.utils import parsedate_to_datetime
from typing import Any

from lxml import etree
from scrapy import Request
from scrapy.http import Response
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.python.failure import Failure

from spiders.base import BillSpider, Parsed
from spiders.documents import read_html
from spiders.errors import FailureKind, LayoutChanged, UnusableResponse
from spiders.expect import decoded, xml_of
from spiders.parse import clean
from tracker.items import (
    ActionItem,
    BillItem,
    Chamber,
    Link,
    RelatedBillItem,
    SourceLink,
    SponsorItem,
    VersionItem,
    VoteCount,
    VoteItem,
)

BULK = "https://www.govinfo.gov/bulkdata/BILLSTATUS"
FEED = "https://www.govinfo.gov/rss/billstatus-batch.xml"
SITEMAPS = "https://www.govinfo.gov/sitemap/bulkdata/BILLSTATUS/sitemapindex.xml"
SITE = "https://www.congress.gov/bill"

# Type → (the path congress.gov gives it, Open Civic Data's classification).
TYPES = {
    "hr": ("house-bill", "bill"),
    "s": ("senate-bill", "bill"),
    "hjres": ("house-joint-resolution", "joint resolution"),
    "sjres": ("senate-joint-resolution", "joint resolution"),
    "hconres": ("house-concurrent-resolution", "concurrent resolution"),
    "sconres": ("senate-concurrent-resolution", "concurrent resolution"),
    "hres": ("house-resolution", "resolution"),
    "sres": ("senate-resolution", "resolution"),
}
# In its first days a Congress has no file of some types yet.
MUST_EXIST = ("hr", "s")
DATES = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%z")
CHAMBERS: dict[str, Chamber] = {"House": "lower", "Senate": "upper"}
TITLES: dict[str, Chamber] = {"Rep.": "lower", "Del.": "lower", "Resident": "lower",
                              "Sen.": "upper"}  # fmt: skip
# Stamps that move for clerical edits too.
STAMPS = ("createDate", "updateDate", "updateDateIncludingText")
KNOWN = frozenset(
    {
        "actions", "amendments", "billNumber", "billType", "calendarNumbers", "cboCostEstimates",
        "committeeReports", "committees", "congress", "constitutionalAuthorityStatementText",
        "cosponsors", "introducedDate", "isReserved", "latestAction", "laws", "legislationUrl",
        "notes", "number", "originChamber", "originChamberCode", "policyArea", "primarySubject",
        "recordedVotes", "relatedBills", "sponsors", "subjects", "summaries", "textVersions",
        "title", "titles", "type", "version", *STAMPS,
    }
)  # fmt: skip
FILE = re.compile(rf"{re.escape(BULK)}/(?P<congress>\d+)/(?P<type>[a-z]+)/BILLSTATUS-\w+\.xml")
# "Passed Senate … by Yea-Nay Vote. 64 - 35. Record Vote Number: 7."
# "On passage Passed by the Yeas and Nays: 263 - 156 (Roll no. 23)."
TALLY = re.compile(r"\b(?P<yes>\d+) - (?P<no>\d+)\b")
RESULT = re.compile(
    r"\b(?:(?P<lost>failed|not agreed to|rejected)|passed|agreed to|adopted)\b", re.I
)
# .../BILLS-119s5is/xml/BILLS-119s5is.xml stands beside .../html/BILLS-119s5is.htm;
# .../PLAW-117publ103_uslm/xml/… beside .../PLAW-117publ103/html/PLAW-117publ103.htm.
TEXT = re.compile(r"^(?P<root>.+/pkg/)(?P<name>(?:BILLS|PLAW)-[a-z\d]+)(?:_uslm)?/xml/[^/]+\.xml$")
# "Passed/agreed to in Senate: Passed Senate with amendments by Yea-Nay Vote. 64 - 35."
HEADING = re.compile(r"^[^:]{5,60}: ")
LARGEST_FILE = 64 * 1024 * 1024


class Congress(BillSpider):
    """A session is the number of a Congress, ``119``. Cursor, by session: the time of the newest
    batch of the feed that has been read."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.read_until: dict[str, str] = {}

    def start_session(self, session: str) -> Parsed:
        yield self.request(FEED, self.parse_feed, conditional=True, session=session)

    def parse_feed(self, response: Response, session: str) -> Parsed:
        batches = [
            (batch_time(item), item.findtext("description") or "")
            for item in xml_of(response).iterfind("channel/item")
        ]
        if not batches:
            raise LayoutChanged("the feed lists no batch at all")
        read_until = self.cursor.get(session)
        newest = max(when for when, _ in batches)
        if read_until is None:
            yield self.ask_archive(session, tuple(TYPES), [], newest)
            return
        self.cursor[session] = newest
        self.read_until[session] = read_until
        again = [file_of(session, identifier) for identifier in self.again(session)]
        if min(when for when, _ in batches) > read_until:
            yield self.request(
                SITEMAPS, self.parse_sitemap_index, session=session, since=read_until
            )
            yield from self.ask_files(session, again)
            return
        listed = " ".join(words for when, words in batches if when > read_until)
        urls = [*again, *(found[0] for found in FILE.finditer(listed))]
        if not urls:
            self.nothing_new(response)
        yield from self.ask_files(session, urls)

    def ask_files(self, session: str, urls: Any) -> Parsed:
        for url in dict.fromkeys(urls):
            found = FILE.fullmatch(url)
            if found and found["congress"] == session and found["type"] in TYPES:
                yield self.request(url, self.parse_file, session=session)

    def lost(self, request: Request) -> None:
        """The next run reads this one's batches again, or all archives."""
        session = request.cb_kwargs.get("session", "")
        if session in self.read_until:
            self.cursor[session] = self.read_until[session]
        elif "waiting" in request.cb_kwargs:
            self.incomplete = self.run.baseline

    def parse_sitemap_index(self, response: Response, session: str, since: str) -> Parsed:
        """One sitemap per Congress and type: ``…/BILLSTATUS/119hr/sitemap.xml``."""
        wanted = re.compile(rf"/BILLSTATUS/{session}({'|'.join(TYPES)})/")
        urls = [url for element in xml_of(response).iter("{*}loc") if (url := clean(element.text))]
        chosen = [url for url in urls if wanted.search(url)]
        if not chosen:
            raise LayoutChanged(f"none of {len(urls)} sitemaps is of the {session}th Congress")
        for url in chosen:
            yield self.request(url, self.parse_sitemap, session=session, since=since)

    def parse_sitemap(self, response: Response, session: str, since: str) -> Parsed:
        yield from self.ask_files(
            session,
            (
                clean(entry.findtext("{*}loc"))
                for entry in xml_of(response).iter("{*}url")
                if as_utc(clean(entry.findtext("{*}lastmod"))) > since
            ),
        )

    def ask_archive(
        self, session: str, waiting: tuple[str, ...], listed: list[str], newest: str
    ) -> Request:
        kind = waiting[0]
        asked = self.request(
            f"{BULK}/{session}/{kind}/BILLSTATUS-{session}-{kind}.zip",
            self.parse_archive,
            optional=kind not in MUST_EXIST,
            session=session,
            waiting=waiting,
            listed=listed,
            newest=newest,
        )
        return asked.replace(errback=self.no_archive)

    def no_archive(self, failure: Failure) -> Parsed:
        self._failed(failure)
        asked: Request = failure.request  # type: ignore[attr-defined]
        error = failure.value
        if asked.meta["optional"] and isinstance(error, HttpError) and error.response.status == 404:
            state = asked.cb_kwargs
            yield from self.next_archive(**{**state, "waiting": state["waiting"][1:]})

    def next_archive(
        self, session: str, waiting: tuple[str, ...], listed: list[str], newest: str
    ) -> Parsed:
        """The feed counts from ``newest`` on once every type has been read."""
        if waiting:
            yield self.ask_archive(session, waiting, listed, newest)
        else:
            self.listed(session, listed)
            self.cursor[session] = newest

    def parse_archive(
        self,
        response: Response,
        session: str,
        waiting: tuple[str, ...],
        listed: list[str],
        newest: str,
    ) -> Parsed:
        """Read file by file, so that only the packed ZIP is held."""
        try:
            archive = zipfile.ZipFile(io.BytesIO(response.body))
        except zipfile.BadZipFile as error:
            raise UnusableResponse(f"no ZIP, or cut off: {error}", FailureKind.TRUNCATED) from error
        entries = [entry for entry in archive.infolist() if entry.filename.endswith(".xml")]
        for parsed in self.each(entries, self.parse_entry, archive, response, session):
            if isinstance(parsed, BillItem) and parsed.detail == "light":
                listed.append(parsed.identifier)
            yield parsed
        yield from self.next_archive(session, waiting[1:], listed, newest)

    def parse_entry(
        self, entry: zipfile.ZipInfo, archive: zipfile.ZipFile, response: Response, session: str
    ) -> Parsed:
        if entry.file_size > LARGEST_FILE:
            raise UnusableResponse(
                f"{entry.filename} unpacks to {entry.file_size:,} bytes", FailureKind.TOO_BIG
            )
        try:
            body = archive.read(entry)
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
            raise UnusableResponse(
                f"{entry.filename} cannot be unpacked: {error}", FailureKind.TRUNCATED
            ) from error
        yield from self.parse_status(response.replace(body=body), response, session)

    def parse_file(self, response: Response, session: str) -> Parsed:
        yield from self.parse_status(response, response, session)

    def parse_status(self, page: Response, response: Response, session: str) -> Parsed:
        """``page`` holds the file; ``response`` is what was fetched, which may be a whole ZIP."""
        bill = xml_of(page).find("bill")
        if bill is None:
            raise LayoutChanged(f"no <bill> in the file: {decoded(page)[:120]!r}")
        for name in sorted({str(child.tag) for child in bill} - KNOWN):
            self.gap(name, "unexpected")
        stated = headings(bill, session)
        last = said(bill, "latestAction/text")
        printed = said(bill, "latestAction/actionDate")
        light = self.bill(
            response,
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
            actions = bill.findall("actions/item")[::-1]
            yield from self.with_texts(
                self.bill(
                    response,
                    **stated,
                    detail="full",
                    sponsors=tuple(self.sponsors(bill)),
                    actions=tuple(self.actions(actions)),
                    votes=tuple(self.votes(actions)),
                    versions=tuple(self.versions(bill)),
                    related_bills=tuple(related(bill)),
                )
            )

    def sponsors(self, bill: etree._Element) -> Iterator[SponsorItem]:
        for kind in ("sponsor", "cosponsor"):
            for row in bill.iterfind(f"{kind}s/item"):
                name = said(row, "fullName") or said(row, "name")
                if not name:
                    self.gap(f"{kind}s.fullName", "missing")
                elif not said(row, "sponsorshipWithdrawnDate"):
                    yield SponsorItem(
                        name=name,
                        classification=kind,
                        primary=kind == "sponsor",
                        entity_type="person",
                        chamber=TITLES.get(name.partition(" ")[0]),
                        party=said(row, "party"),
                        source_id=said(row, "bioguideId"),
                    )

    def actions(self, rows: list[etree._Element]) -> Iterator[ActionItem]:
        """One event often stands twice: in its chamber's words, and with these repeated by the
        Library of Congress under a heading. It is kept once, in the chamber's words."""
        words = {(said(row, "actionDate"), said(row, "text")) for row in rows}
        seen = set()
        for row in rows:
            printed, text = said(row, "actionDate"), said(row, "text")
            if not text:
                self.gap("actions.text", "missing")
                continue
            plain = HEADING.sub("", text)
            repeated = plain != text and (printed, plain) in words
            if repeated or (printed, text) in seen:
                continue
            seen.add((printed, text))
            yield ActionItem(
                text=text,
                date=self.date(printed, *DATES, field="actions.actionDate"),
                date_text=printed,
                actor=CHAMBERS.get(said(row, "sourceSystem/name").partition(" ")[0]),
            )

    def votes(self, rows: list[etree._Element]) -> Iterator[VoteItem]:
        """Recorded votes; the counts stand in the words of the action they belong to."""
        seen = set()
        for row in rows:
            text = said(row, "text")
            for vote in row.iterfind("recordedVotes/recordedVote"):
                parts = ("chamber", "sessionNumber", "rollNumber")
                roll = " ".join(filter(None, (said(vote, part) for part in parts)))
                tally = TALLY.search(text)
                if roll in seen or not text or not tally:
                    continue
                seen.add(roll)
                result = RESULT.search(text)
                printed = said(row, "actionDate")
                yield VoteItem(
                    motion=text,
                    date=self.date(printed, *DATES, field="votes.actionDate"),
                    date_text=printed,
                    chamber=CHAMBERS.get(said(vote, "chamber")),
                    passed=not result["lost"] if result else None,
                    counts=(
                        VoteCount(option="yes", value=int(tally["yes"])),
                        VoteCount(option="no", value=int(tally["no"])),
                    ),
                    source_id=roll,
                )

    def versions(self, bill: etree._Element) -> Iterator[VersionItem]:
        for row in bill.findall("textVersions/item")[::-1]:
            note, printed = said(row, "type"), said(row, "date")
            urls = [url for found in row.iterfind("formats/item/url") if (url := clean(found.text))]
            if not note and not urls:
                continue
            yield VersionItem(
                note=note or "Version",
                date=self.date(printed, *DATES, field="versions.date"),
                date_text=printed,
                links=tuple(link for url in urls for link in links(url)),
            )


def said(element: etree._Element, path: str) -> str:
    return clean(element.findtext(path))


def file_of(session: str, identifier: str) -> str:
    kind, number = identifier.lower().split()
    return f"{BULK}/{session}/{kind}/BILLSTATUS-{session}{kind}{number}.xml"


def headings(bill: etree._Element, session: str) -> dict[str, Any]:
    kind = (said(bill, "type") or said(bill, "billType")).lower()
    number = said(bill, "number") or said(bill, "billNumber")
    congress = said(bill, "congress")
    if kind not in TYPES or not number:
        raise LayoutChanged(f"a bill of type {kind!r} with number {number!r}")
    if congress != session:
        raise LayoutChanged(f"{kind} {number} is of the {congress}th Congress, not the {session}th")
    page, classification = TYPES[kind]
    return {
        "session": session,
        "identifier": f"{kind.upper()} {number}",
        "title": said(bill, "title"),
        "abstract": summary(bill) or official_title(bill),
        "classification": (classification,),
        "chamber": CHAMBERS.get(said(bill, "originChamber")),
        "subjects": tuple(subjects(bill)),
        "sources": (SourceLink(url=f"{SITE}/{session}th-congress/{page}/{number}"),),
        "change_hash": content_hash(bill),
    }


def content_hash(bill: etree._Element) -> str:
    kept = deepcopy(bill)
    for name in STAMPS:
        for stamp in kept.findall(name):
            kept.remove(stamp)
    return hashlib.sha256(etree.tostring(kept, method="c14n")).hexdigest()


def summary(bill: etree._Element) -> str:
    """The newest of the Congressional Research Service's summaries, without its HTML."""
    rows = [*bill.iterfind("summaries/summary"), *bill.iterfind("summaries/billSummaries/item")]
    if not rows:
        return ""
    newest = max(rows, key=lambda row: (said(row, "actionDate"), said(row, "updateDate")))
    html = newest.findtext("text") or ""
    return read_html(html.encode(), "text/html; charset=utf-8").text if clean(html) else ""


def official_title(bill: etree._Element) -> str:
    """What a bill is for, where nobody has summarised it yet."""
    for row in bill.iterfind("titles/item"):
        if said(row, "titleType").startswith("Official Title"):
            return said(row, "title")
    return ""


def subjects(bill: etree._Element) -> Iterator[str]:
    """Legislative subjects and the policy area, wherever a schema puts them."""
    paths = ("policyArea/name", "subjects//policyArea/name", "subjects//primarySubject/name",
             "subjects//item/name")  # fmt: skip
    names = (clean(found.text) for path in paths for found in bill.iterfind(path))
    yield from dict.fromkeys(filter(None, names))


def related(bill: etree._Element) -> Iterator[RelatedBillItem]:
    for row in bill.iterfind("relatedBills/item"):
        kind, number = said(row, "type"), said(row, "number")
        kinds = {clean(found.text) for found in row.iterfind("relationshipDetails/item/type")}
        if kind and number:
            yield RelatedBillItem(
                identifier=f"{kind.upper()} {number}",
                session=said(row, "congress"),
                relation="companion" if "Identical bill" in kinds else "related",
            )


def links(url: str) -> Iterator[Link]:
    """GPO lists the XML of a text; the same text as HTML is easier to read, and comes first."""
    found = TEXT.match(url)
    if found:
        name = found["name"]
        yield Link(url=f"{found['root']}{name}/html/{name}.htm", media_type="text/html")
        yield Link(url=url, media_type="application/xml")
    else:
        kind = {"pdf": "application/pdf", "xml": "application/xml"}
        yield Link(url=url, media_type=kind.get(url.rpartition(".")[2], ""))


def batch_time(item: etree._Element) -> str:
    printed = said(item, "pubDate")
    try:
        return as_utc(parsedate_to_datetime(printed).isoformat())
    except ValueError as error:
        raise LayoutChanged(f"a batch of the feed has the date {printed!r}") from error


def as_utc(printed: str) -> str:
    """ISO times with any offset, made comparable."""
    try:
        moment = dt.datetime.fromisoformat(printed)
    except ValueError as error:
        raise LayoutChanged(f"{printed!r} is no ISO time") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return moment.astimezone(dt.UTC).isoformat()
