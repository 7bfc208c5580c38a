"""Title, abstract, text and subjects of the recorded bills, by source, session and identifier.

Only the words: how a source's answer is read for the tracker is the spiders' business.
"""

from __future__ import annotations

import base64
import csv
import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from lxml import etree

Key = tuple[str, str, str]
"""Source, session and identifier as ``labels.csv`` writes them."""


class Words(NamedTuple):
    """What a recording says of a bill; ``None`` where it holds no such field."""

    title: str | None = None
    summary: str | None = None
    text: str | None = None
    subjects: tuple[str, ...] = ()


def words_by_key(recorded: Path) -> dict[Key, Words]:
    """Every bill that the recordings have words of; a later capture of a bill wins."""
    found: dict[Key, Words] = {}
    for read in (_legiscan_csv, _new_mexico, _billstatus, _congress, _legiscan_api, _new_york):
        found.update(read(recorded))
    return found


def _plain(markup: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", markup))).strip()


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        yield from csv.DictReader(file)


def _legiscan_csv(recorded: Path) -> Iterator[tuple[Key, Words]]:
    for path in sorted(recorded.glob("legiscan-csv-mi/*/bills.csv")):
        for row in _rows(path):
            title, summary = row["title"], row["description"]
            key = ("legiscan-csv-mi", path.parent.name, row["bill_number"])
            yield key, Words(title, summary if summary != title else None)


def _new_mexico(recorded: Path) -> Iterator[tuple[Key, Words]]:
    for path in sorted(recorded.glob("nm/2026-daily/*.csv")):
        for row in _rows(path):
            number = re.sub(r"[\s*]+", "", _plain(row["Bill Number"]))
            yield ("nm", "2026", number), Words(row["Title"].strip())
    listing = recorded / "nm" / "Legislation_List_Session_57"
    if listing.is_file():
        page = listing.read_text(encoding="utf-8", errors="replace")
        cells = r'linkBillID_\d+"[^>]*>(.*?)</a>.*?lblTitle_\d+">(.*?)</span>'
        for number, title in re.findall(cells, page, re.S):
            yield ("nm", "2019", re.sub(r"[\s*]+", "", number)), Words(_plain(title))


def _billstatus(recorded: Path) -> Iterator[tuple[Key, Words]]:
    for path in sorted(recorded.glob("us-billstatus/**/*.xml")):
        bill: Any = etree.parse(path).find("bill")
        kind = bill.findtext("type") or bill.findtext("billType")
        number = bill.findtext("number") or bill.findtext("billNumber")
        summaries = bill.xpath(
            "summaries//*[self::summary or self::item]//*[self::text or self::cdata]"
        )
        subjects = bill.xpath("subjects//legislativeSubjects/item/name/text()")
        yield (
            ("us-billstatus", bill.findtext("congress"), f"{kind} {number}"),
            Words(
                bill.findtext("title"),
                _plain("".join(summaries[-1].itertext())) if summaries else None,
                subjects=tuple(subjects),
            ),
        )


def _congress(recorded: Path) -> Iterator[tuple[Key, Words]]:
    def answer(name: str) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((recorded / "congress-api" / name).read_text("utf-8"))
        return loaded

    if not (recorded / "congress-api").is_dir():
        return
    for bill in answer("bill_117.txt")["bills"]:
        if bill["title"]:
            yield ("congress-api", "117", f"{bill['type']} {bill['number']}"), Words(bill["title"])
    subjects = answer("bill_117_hr_21_subjects.txt")["subjects"]["legislativeSubjects"]
    yield (
        ("congress-api", "117", "HR 21"),
        Words(
            answer("bill_117_hr_21.txt")["bill"]["title"],
            _plain(answer("bill_117_hr_21_summaries.txt")["summaries"][-1]["text"]),
            subjects=tuple(subject["name"] for subject in subjects),
        ),
    )


def _legiscan_api(recorded: Path) -> Iterator[tuple[Key, Words]]:
    for path in sorted(recorded.glob("legiscan-api/bill/*.json")):
        bill = json.loads(path.read_text("utf-8"))["bill"]
        session = f"{bill['state']} {bill['session']['session_name']}"
        yield (
            ("legiscan-api", session, bill["bill_number"]),
            Words(bill["title"], bill["description"]),
        )
    for path in sorted(recorded.glob("legiscan-api/text/*.json")):
        document = json.loads(path.read_text("utf-8"))["text"]["doc"]
        markup = base64.b64decode(document).decode("utf-8", errors="replace")
        text = html.unescape(re.sub(r"<[^>]*>", "", markup))
        number = re.search(r"BILL NUMBER:\s+(\S+ \d+)", text)
        if number:
            # All five documents are Californian, of the session 2011-2012.
            yield ("legiscan-api", "CA 2011-2012", number[1]), Words(text=text)


def _new_york(recorded: Path) -> Iterator[tuple[Key, Words]]:
    for path in sorted(recorded.glob("ny/*.html")):
        session, number = path.name.split("-")[:2]
        page = _plain(path.read_text(encoding="utf-8", errors="replace"))
        title = re.search(r"TITLE\.*\s*(.*?)\s*\d\d/\d\d/\d\d ", page)
        if title:
            words = re.sub(r"\s*This bill is not active.*", "", title[1])
            yield ("ny", session, number), Words(words)
    for path in sorted(recorded.glob("ny/*_BILLSTAT_*.XML")):
        status: Any = etree.parse(path).getroot()
        # A file that only takes a bill back has no title.
        if status.findtext("title"):
            number = f"{status.get('billhse')}{int(status.get('billno'))}"
            yield ("ny", status.get("sessyr"), number), Words(status.findtext("title").strip())
