"""Bills a second: a first import, an unchanged one, and SQLite itself writing the same rows.

``python -m tests.bench.bench_ingest [BILLS]``. The limit is ``sqlite3.executemany`` of the rows
that the first import left, read from its database, into the same tables of an empty one.
"""

from __future__ import annotations

import datetime as dt
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tracker.db import open_database
from tracker.expectations import Expectations
from tracker.items import ActionItem, BillItem, SponsorItem
from tracker.runs import CrawlRun

BILLS = 20_000
BATCH = 200
TURNS = 3
NOW = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
SUBJECTS = (
    "Highways",
    "Elementary schools",
    "Motor vehicles",
    "Property taxes",
    "Health insurance",
)
STEPS = (
    "Read first time",
    "Referred to Committee on Judiciary",
    "Public hearing held",
    "Reported favorably with amendment",
    "Placed on second reading calendar",
    "Read second time, amendment adopted",
    "Read third time and passed (Ayes {ayes}, Noes {noes})",
    "Received in the Senate",
)


def bills(count: int) -> Iterator[BillItem]:
    """``count`` bills with eight actions each, made one at a time."""
    for number in range(1, count + 1):
        subject = SUBJECTS[number % len(SUBJECTS)]
        first = dt.date(2026, 1, 5) + dt.timedelta(days=number % 20)
        actions = tuple(
            ActionItem(
                text=step.format(ayes=50 + number % 40, noes=number % 37),
                date=first + dt.timedelta(days=3 * place),
                actor="lower",
            )
            for place, step in enumerate(STEPS)
        )
        yield BillItem(
            source="bench",
            jurisdiction="md",
            session="2026",
            identifier=f"HB {number}",
            detail="full",
            title=f"{subject} - Requirements, Reports and Funding - Number {number} of the Year",
            chamber="lower",
            classification=("bill",),
            sponsors=(SponsorItem(name=f"Delegate {number % 140}", primary=True),),
            actions=actions,
            fetched_from="https://legislature.example/bills.json",
            fetched_at=NOW,
        )


def imported(url: str, count: int, now: dt.datetime) -> float:
    """Seconds for one run over all bills."""
    engine = open_database(url)
    began = time.perf_counter()
    run = CrawlRun.open(engine, "bench", Expectations(max_bills=count), now=now)
    run.record_many(bills(count))
    row = run.close(requests=1, bytes=0, not_modified=0)
    seconds = time.perf_counter() - began
    assert (row.status, row.items) == ("sound", count), row.reason
    engine.dispose()
    return seconds


def limit(written: Path, empty: Path) -> tuple[float, int]:
    """Seconds and rows of ``executemany`` in the same transactions, constraints and indexes."""
    with sqlite3.connect(written) as source:
        names = [
            name
            for (name,) in source.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if not name.startswith(("sqlite", "alembic", "bill_search"))
        ]
        tables = {name: source.execute(f"SELECT * FROM {name}").fetchall() for name in names}
    tables = {name: rows for name, rows in tables.items() if rows}
    target = sqlite3.connect(empty, isolation_level=None)
    target.execute("PRAGMA journal_mode=WAL")
    target.execute("PRAGMA synchronous=NORMAL")
    began = time.perf_counter()
    batches = max(1, len(tables["bill"]) // BATCH)
    for batch in range(batches):
        target.execute("BEGIN IMMEDIATE")
        for name, rows in tables.items():
            part = rows[batch * len(rows) // batches : (batch + 1) * len(rows) // batches]
            if part:
                marks = ", ".join("?" * len(part[0]))
                target.executemany(f"INSERT INTO {name} VALUES ({marks})", part)
        target.execute("COMMIT")
    seconds = time.perf_counter() - began
    target.close()
    return seconds, sum(len(rows) for rows in tables.values())


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Turn(NamedTuple):
    """Seconds each; ``peak``: MiB after the imports, so of the first turn only."""

    written: float
    first: float
    again: float
    rows: int
    peak: float


def turn(folder: Path, count: int) -> Turn:
    ours, raw = folder / "ours.sqlite3", folder / "raw.sqlite3"
    first = imported(f"sqlite:///{ours}", count, NOW)
    again = imported(f"sqlite:///{ours}", count, NOW + dt.timedelta(hours=6))
    peak = peak_mib()
    open_database(f"sqlite:///{raw}").dispose()
    written, rows = limit(ours, raw)
    return Turn(written, first, again, rows, peak)


def main(count: int = BILLS) -> None:
    began = time.perf_counter()
    for _ in bills(count):
        pass
    making = time.perf_counter() - began
    with tempfile.TemporaryDirectory() as folder:
        imported(f"sqlite:///{folder}/tenth.sqlite3", count // 10, NOW)
        tenth = peak_mib()
        turns = []
        for number in range(TURNS):
            place = Path(folder) / str(number)
            place.mkdir()
            turns.append(turn(place, count))
    rows, whole = turns[0].rows, turns[0].peak
    written = min(one.written for one in turns)
    first = min(one.first for one in turns) - making
    again = min(one.again for one in turns) - making
    print(f"{count:,} bills x {len(STEPS)} actions, {rows:,} rows; the best of {TURNS} turns,")
    print(f"without {making:.2f} s in which this script makes the items")
    print(f"sqlite3 executemany {count / written:9,.0f} bills/s   the limit")
    print(f"first import        {count / first:9,.0f} bills/s   1/{first / written:.1f} of it")
    print(f"unchanged re-import {count / again:9,.0f} bills/s   {first / again:.1f} x the first")
    print(f"memory              {whole:9,.0f} MiB at most; with a tenth of the bills {tenth:,.0f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
