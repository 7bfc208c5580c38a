"""New Mexico's bill list as a row of CSV a bill, captured several times a day in 2026.

Columns: ``Bill Number`` (a link whose text is ``*HB   1``; the star means an emergency clause),
``Title``, ``Sponsors`` (separated by semicolons), ``Status`` (the last action, empty once the bill
is law), ``Current Location/Referral`` (a committee, ``Scheduled for <committee> on 2/2/2026``,
``Passed``, ``Chaptered``, ``Died``) and ``Last Action Date`` (``01/27/2026``; emptied in June).
"""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine

from tracker.expectations import Expectations
from tracker.items import ActionItem, BillItem, HearingItem, SourceLink, SponsorItem
from tracker.models import Run
from tracker.runs import CrawlRun

SESSION = "2026"
EXPECTATIONS = Expectations(min_bills=100, max_bills=2_000)
_LINK = re.compile(r'<a href="([^"]+)"[^>]*>([^<]+)</a>')
_SCHEDULED = re.compile(r"Scheduled for (.+?) on (\d{1,2}/\d{1,2}/\d{4})")


def captures(recorded: Path) -> list[Path]:
    """The CSV files, earliest first."""
    return sorted((recorded / "nm" / "2026-daily").glob("*.csv"))


def captured_at(capture: Path) -> dt.datetime:
    return dt.datetime.strptime(capture.stem, "%Y-%m-%dT%H-%M-%S+00-00").replace(tzinfo=dt.UTC)


def items(capture: Path) -> Iterator[BillItem]:
    for row in _rows(capture):
        url, printed = _number(row)
        date = row["Last Action Date"]
        yield BillItem(
            source="nm",
            jurisdiction="nm",
            session=SESSION,
            identifier=printed,
            title=row["Title"],
            chamber="lower" if printed.strip("*").startswith("H") else "upper",
            classification=("bill",),
            sponsors=tuple(
                SponsorItem(name=name.strip()) for name in row["Sponsors"].split(";") if name
            ),
            latest_action=ActionItem(
                text=row["Status"] or _location(row),
                date=dt.datetime.strptime(date, "%m/%d/%Y").date() if date else None,
                date_text=date,
            ),
            hearings=_hearings(_location(row)),
            sources=(SourceLink(url=url),),
            fetched_from=capture.name,
            fetched_at=captured_at(capture),
        )


def locations(capture: Path) -> Iterator[tuple[str, str]]:
    """Number as printed, and where the list says the bill is."""
    for row in _rows(capture):
        yield _number(row)[1], _location(row)


def _rows(capture: Path) -> Iterator[dict[str, str]]:
    with capture.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _number(row: dict[str, str]) -> tuple[str, str]:
    link = _LINK.fullmatch(row["Bill Number"])
    assert link, row
    return link[1], link[2]


def _location(row: dict[str, str]) -> str:
    return " ".join(row["Current Location/Referral"].split())


def _hearings(location: str) -> tuple[HearingItem, ...]:
    """A date on the calendar of a chamber is no hearing."""
    found = _SCHEDULED.fullmatch(location)
    if not found or "Calendar" in found[1]:
        return ()
    date = dt.datetime.strptime(found[2], "%m/%d/%Y").date()
    return (HearingItem(committee=found[1], date=date, date_text=found[2]),)


def crawl(engine: Engine, capture: Path, **options: bool) -> Run:
    """One capture as one run of a source that has nothing but its list."""
    run = CrawlRun.open(
        engine, "nm", EXPECTATIONS, provenance="recorded", now=captured_at(capture), **options
    )
    rows = list(items(capture))
    run.record_many(rows)
    run.listed(SESSION, [item.identifier for item in rows])
    return run.close(requests=1, bytes=capture.stat().st_size, not_modified=0)
