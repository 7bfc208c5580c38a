"""The one golden runner: every source replays its pages, day by day, through the real command.

Pages: ``spiders/pages/<spider>/<day>/`` (also what ``billtracker demo`` shows). Expected:
``tests/spiders/golden/<spider>.json``, rewritten only with ``--update-golden``. A new source needs
no test code here, but fails the suite until it has both.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from spiders.catalog import SourceFacts, catalogue
from spiders.tape import read_index
from tracker.db import make_engine, reading
from tracker.models import Run

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "spiders" / "pages"
GOLDEN = Path(__file__).parent / "golden"


def days(facts: SourceFacts) -> list[Path]:
    folder = PAGES / facts.spider
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def replay(facts: SourceFacts, day: Path, database: str, items: Path) -> None:
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "spiders",
            "crawl",
            facts.shown_code,
            "--replay",
            day,
            "--items",
            items,
        ],
        cwd=ROOT,
        env={**os.environ, "BILLTRACKER_DATABASE_URL": database},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "Traceback" not in result.stderr, result.stderr


def outcome(database: str, items: Path) -> dict[str, Any]:
    """What one replayed day gave: the run's account and the items."""
    engine = make_engine(database)
    with reading(engine) as session:
        run = session.scalars(select(Run).order_by(Run.id.desc())).first()
    engine.dispose()
    assert run is not None
    return {
        "run": {
            "status": run.status,
            "reason": run.reason,
            "provenance": run.provenance,
            "requests": run.requests,
            "not_modified": run.not_modified,
            "new": run.bills_new,
            "changed": run.bills_changed,
            "listed": run.listed,
            "gaps": run.gaps,
            "failures": run.failures,
        },
        "items": sorted(map(json.loads, items.read_text(encoding="utf-8").splitlines()), key=order),
    }


def order(item: dict[str, Any]) -> tuple[str, str, str]:
    """Pages may arrive in any order."""
    return item["identifier"], item["detail"], json.dumps(item)


@pytest.mark.parametrize("facts", catalogue().values(), ids=lambda facts: facts.code)
def test_source_reads_its_pages(facts: SourceFacts, tmp_path: Path, update_golden: bool) -> None:
    assert len(days(facts)) >= 2, f"{PAGES / facts.spider} needs two days of pages"
    database = f"sqlite:///{tmp_path / 'golden.sqlite3'}"
    found = {}
    for day in days(facts):
        items = tmp_path / f"{day.name}.jsonl"
        replay(facts, day, database, items)
        found[day.name] = outcome(database, items)
    golden = GOLDEN / f"{facts.spider}.json"
    if update_golden:
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    assert golden.exists(), f"no {golden}: look at the items, then run with --update-golden"
    assert found == json.loads(golden.read_text(encoding="utf-8"))


# Sources without one sign for all bills: Texas has six folders to list, South Dakota a log for
# each bill on topic.
DEARER = {"tx": 6, "sd": 5}


@pytest.mark.parametrize("facts", catalogue().values(), ids=lambda facts: facts.code)
def test_an_unchanged_poll_costs_little(facts: SourceFacts) -> None:
    """The third day of every source's pages is one on which nothing has happened."""
    golden = json.loads((GOLDEN / f"{facts.spider}.json").read_text(encoding="utf-8"))
    run = golden["day3"]["run"]
    assert (run["status"], run["new"], run["changed"]) == ("sound", 0, 0)
    assert run["requests"] <= DEARER.get(facts.code, 3)


@pytest.mark.parametrize("facts", catalogue().values(), ids=lambda facts: facts.code)
def test_pages_say_where_they_come_from(facts: SourceFacts) -> None:
    for day in days(facts):
        lines = read_index(day)
        assert {line.provenance for line in lines} <= {"recorded", "reconstructed"}
        listed = {line.file for line in lines if line.file}
        assert listed == {path.name for path in day.iterdir()} - {"index.jsonl"}


def test_every_source_has_facts_and_a_spider() -> None:
    folder = ROOT / "spiders" / "states"
    code = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert code == {path.stem for path in folder.glob("*.yaml")}
    for facts in catalogue().values():
        assert facts.spider_class().__module__ == f"spiders.states.{facts.spider}"
