"""A whole real biennium through ingest: every bill of 2023-2024 with every action."""

from __future__ import annotations

import csv
import datetime as dt
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from spiders.platforms.legiscan_dataset import Dataset
from tests.tracker.crawls import NOON, SEEN, changes, close, everything, stored
from tests.tracker.test_stages_recorded import STAGES_OF_LEGISCAN_STATUS
from tracker.db import reading
from tracker.expectations import Expectations
from tracker.models import Action, Bill
from tracker.normalise import identifier_key
from tracker.runs import CrawlRun

pytestmark = [pytest.mark.recorded, pytest.mark.slow]

KNOWN = {
    "SB 4": "became-law",  # Act 6 of 2023, the Elliott-Larsen amendment
    "HB 4066": "in-committee",  # the House took its passage back on 26 June 2024
    "SB 127": "passed-second-chamber",  # each chamber had passed its own text at the end
    "HCR 3": "passed-first-chamber",  # LegiScan calls it passed
}


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def imported(engine: Engine, folder: Path, now: dt.datetime) -> tuple[Counter[Any], Any]:
    problems: list[tuple[str, str]] = []
    items = Dataset(folder, now).items(lambda where, what: problems.append((where, what)))
    run = CrawlRun.open(engine, "legiscan-mi", Expectations(), now=now)
    outcomes = run.record_many(items)
    assert not problems
    return Counter(outcomes), close(run)


def test_every_bill_with_every_action_at_the_stage_it_reached(
    engine: Engine, recorded: Path
) -> None:
    folder = recorded / "legiscan-csv-mi" / "2023-2024"
    bills, history = rows(folder, "bills"), rows(folder, "history")
    outcomes, run = imported(engine, folder, NOON)
    assert (run.status, outcomes) == ("sound", {"new": len(bills)})
    assert {change.status for change in changes(engine)} == {"baseline"}

    with reading(engine) as session:
        told = session.execute(select(Action.date, Action.text).order_by(Action.id)).all()
        stages = {bill.identifier_key: bill.stage for bill in session.scalars(select(Bill))}
    said = Counter((row["date"], " ".join(row["action"].split())) for row in history)
    assert Counter((str(date), text) for date, text in told) == said
    agree = sum(
        stages[identifier_key(bill["bill_number"])] in STAGES_OF_LEGISCAN_STATUS[bill["status"]]
        for bill in bills
    )
    assert agree / len(bills) > 0.997

    assert {number: stages[number] for number in KNOWN} == KNOWN
    assert str(stored(engine, "SB 4").stage_on) == "2023-03-21"

    before = everything(engine, without=SEEN)
    outcomes, run = imported(engine, folder, NOON + dt.timedelta(days=1))
    assert (outcomes, changes(engine, run=run.id)) == ({"unchanged": len(bills)}, [])
    assert everything(engine, without=SEEN) == before
