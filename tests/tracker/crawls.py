"""Crawls of a small legislature, told in a few words: what a run read, and what came of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Engine, Table, select

from tracker.bill_rows import BILL, LISTS
from tracker.db import reading
from tracker.expectations import Expectations
from tracker.items import ActionItem, BillItem
from tracker.models import Base, Bill, Change, Run
from tracker.runs import CrawlRun

NOON = dt.datetime(2026, 3, 2, 17, tzinfo=dt.UTC)
"""Monday, 2 March 2026, noon in Annapolis."""
ON_TOPIC = "Immigration Enforcement - 287(g) Agreements - Prohibition"
OFF_TOPIC = "Ice Rinks - Refrigeration - Standards"
TABLES: dict[str, Table] = {"bill": BILL, **LISTS}
SEEN = {"last_seen_at", "last_seen_run_id"}


def light(identifier: str = "HB 1", title: str | None = ON_TOPIC, **stated: Any) -> BillItem:
    """A row of a listing."""
    return BillItem(
        **{
            "source": "md",
            "jurisdiction": "md",
            "session": "2026",
            "identifier": identifier,
            "title": title,
            "chamber": "lower",
            "classification": ("bill",),
            "fetched_from": "https://legislature.example/list",
            "fetched_at": NOON,
            **stated,
        }
    )


def page(identifier: str = "HB 1", title: str | None = ON_TOPIC, **stated: Any) -> BillItem:
    """A bill's own page."""
    return light(identifier, title, **{"detail": "full", "fetched_from": "https://x/", **stated})


def line(text: str, date: str | None = None, **stated: Any) -> ActionItem:
    """``date``: MM-DD of 2026."""
    on = dt.date.fromisoformat(f"2026-{date}") if date else None
    return ActionItem(text=text, date=on, **stated)


def lines(*told: str) -> tuple[ActionItem, ...]:
    """``"02-03 Passed House"`` each."""
    return tuple(line(text, date) for date, _, text in (one.partition(" ") for one in told))


def start(
    engine: Engine,
    day: float = 0,
    *,
    source: str = "md",
    expectations: Expectations | None = None,
    **options: Any,
) -> CrawlRun:
    """A run opened ``day`` days after :data:`NOON`; nothing is too much for it unless said."""
    bounds = expectations or Expectations(changed_floor=1_000, required={})
    now = NOON + dt.timedelta(days=day)
    return CrawlRun.open(engine, source, bounds, now=now, **options)


def close(run: CrawlRun, *, finished: bool = True) -> Run:
    return run.close(requests=1, bytes=1_000, not_modified=0, finished=finished)


def crawl(
    engine: Engine,
    *items: BillItem,
    day: float = 0,
    listed: Iterable[str] | None = None,
    **options: Any,
) -> Run:
    """One whole run: these items, and a complete listing if ``listed`` names its bills."""
    run = start(engine, day, **options)
    for item in items:
        run.record(item)
    if listed is not None:
        run.listed("2026", listed)
    return close(run)


def changes(engine: Engine, *kinds: str, run: int | None = None) -> list[Change]:
    """In the order they were found; all kinds unless some are named."""
    query = select(Change).order_by(Change.id)
    if kinds:
        query = query.where(Change.kind.in_(kinds))
    if run is not None:
        query = query.where(Change.run_id == run)
    with reading(engine) as session:
        return list(session.scalars(query))


def told(engine: Engine, run: Run) -> list[tuple[str, str]]:
    """(kind, summary) of what a run found and let out."""
    return [
        (change.kind, change.summary)
        for change in changes(engine, run=run.id)
        if change.status == "released"
    ]


def stored(engine: Engine, identifier: str = "HB 1") -> Bill:
    with reading(engine) as session:
        return session.scalars(select(Bill).where(Bill.identifier_key == identifier)).one()


def standing(engine: Engine, name: str = "actions", column: str = "text") -> list[Any]:
    """One column of a list's rows that the source has not taken back, in order."""
    table = LISTS[name]
    gone = table.c.retracted_at if name == "actions" else table.c.removed_at
    order = (table.c.bill_id, table.c.position if "position" in table.c else table.c.id)
    query = select(table.c[column]).where(gone.is_(None)).order_by(*order, table.c.id)
    with engine.connect() as connection:
        return list(connection.scalars(query))


def everything(engine: Engine, without: Iterable[str] = ()) -> dict[str, list[dict[str, Any]]]:
    """All rows of bills and their lists, but for these columns, by table and id."""
    left_out = set(without)
    found = {}
    with engine.connect() as connection:
        for name, table in TABLES.items():
            rows = connection.execute(select(table).order_by(table.c.id)).mappings()
            found[name] = [
                {key: value for key, value in row.items() if key not in left_out} for row in rows
            ]
    return found


def every_row(engine: Engine) -> dict[str, set[str]]:
    """Every row of every table there is, as text."""
    with engine.connect() as connection:
        return {
            table.name: {repr(tuple(row)) for row in connection.execute(select(table))}
            for table in Base.metadata.sorted_tables
        }
