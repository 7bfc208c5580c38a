"""Whichever single page of a day does not come, the next poll makes up for it.

For every page of every source's second day: that day without the page, then the day as it was,
must leave the same bills and the same news as the day alone, each fact told once.
"""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path

import pytest

from spiders.catalog import SourceFacts, catalogue
from spiders.tape import INDEX, TapeLine, read_index
from tests.spiders.test_sources import PAGES, replay
from tracker.db import make_engine

pytestmark = pytest.mark.slow

# In a second call for one bill, Open States is asked by the bill's own address.
ONE_BILL = "https://v3.openstates.org/bills/nm/2026/{}?" + "&".join(
    f"include={name}"
    for name in (
        "sponsorships", "abstracts", "actions", "sources", "documents", "versions", "votes",
    )
)  # fmt: skip


def lines_of(facts: SourceFacts) -> list[TapeLine]:
    return read_index(PAGES / facts.spider / "day2")


EVERY_PAGE = [
    pytest.param(facts, place, id=f"{facts.code}-{place}-{line.file or line.status}")
    for facts in catalogue().values()
    for place, line in enumerate(lines_of(facts))
]


@cache
def standing(folder: Path, spider: str) -> Path:
    """A database as the first day leaves it."""
    facts = next(one for one in catalogue().values() if one.spider == spider)
    database = folder / f"{spider}.sqlite3"
    if not database.exists():
        replay(facts, PAGES / spider / "day1", f"sqlite:///{database}", folder / f"{spider}.jsonl")
    return database


def told(database: Path) -> dict[str, list[tuple[object, ...]]]:
    """What readers could see: bills with their histories and texts, and the news."""
    engine = make_engine(f"sqlite:///{database}")
    queries = {
        "bills": "SELECT identifier_key, title, abstract, stage, latest_action_text, vanished_at"
        " IS NULL FROM bill",
        "actions": "SELECT identifier_key, action.text, action.date FROM action JOIN bill"
        " ON bill.id = bill_id WHERE retracted_at IS NULL",
        "versions": "SELECT identifier_key, note, text_sha256 FROM version JOIN bill"
        " ON bill.id = bill_id WHERE removed_at IS NULL",
        "votes": "SELECT identifier_key, motion, vote.date FROM vote JOIN bill"
        " ON bill.id = bill_id WHERE removed_at IS NULL",
        "news": "SELECT identifier_key, kind, summary FROM change JOIN bill"
        " ON bill.id = bill_id WHERE change.status = 'released'",
    }
    with engine.connect() as connection:
        found = {
            name: sorted(map(tuple, connection.exec_driver_sql(query).all()), key=repr)
            for name, query in queries.items()
        }
    engine.dispose()
    return found


def without(facts: SourceFacts, place: int, folder: Path) -> Path:
    """The second day, one of its pages refused."""
    shutil.copytree(PAGES / facts.spider / "day2", folder)
    lines = read_index(folder)
    refused = {"status": 403, "file": "", "headers": {}}
    lines[place] = lines[place].model_copy(update=refused)
    write(folder, lines)
    return folder


def write(folder: Path, lines: list[TapeLine]) -> None:
    written = (json.dumps(line.model_dump(mode="json")) for line in lines)
    (folder / INDEX).write_text("\n".join(written) + "\n")


def day_after(facts: SourceFacts, folder: Path) -> Path:
    """The second day once more, with the addresses that only a second call asks for."""
    shutil.copytree(PAGES / facts.spider / "day2", folder)
    lines = read_index(folder)
    if facts.code == "openstates":
        for bill in json.loads((folder / "bills.json").read_text())["results"]:
            number = bill["identifier"]
            (folder / f"{number}.json").write_text(json.dumps(bill))
            url = ONE_BILL.format(number.replace(" ", "%20"))
            lines.append(lines[0].model_copy(update={"url": url, "file": f"{number}.json"}))
    write(folder, lines)
    return folder


@pytest.mark.parametrize(("facts", "place"), EVERY_PAGE)
def test_a_lost_page_loses_nothing(
    facts: SourceFacts, place: int, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    first_day = standing(tmp_path_factory.getbasetemp(), facts.spider)
    straight, halting = tmp_path / "straight.sqlite3", tmp_path / "halting.sqlite3"
    for database in (straight, halting):
        shutil.copy(first_day, database)
    day = day_after(facts, tmp_path / "day")
    replay(facts, day, f"sqlite:///{straight}", tmp_path / "items")
    replay(facts, without(facts, place, tmp_path / "broken"), f"sqlite:///{halting}", tmp_path / "i")
    replay(facts, day, f"sqlite:///{halting}", tmp_path / "items")
    expected, found = told(straight), told(halting)
    for name, rows in expected.items():
        assert found[name] == rows, name
