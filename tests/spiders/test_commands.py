"""billtracker crawl, sources and runs, as somebody at a terminal meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.commands import billtracker
from tests.tracker.crawls import changes, close, crawl, light, line, start, told

PAGES = Path(__file__).parents[2] / "spiders" / "pages"
HEARING = "Hearing 3/05 at 1:00 p.m."
NUMBERS = [f"HB {number}" for number in range(1, 41)]


def shrunk(engine: Engine) -> int:
    """A sound day, then a listing that lost half its rows; the number of the held run."""
    crawl(engine, *map(light, NUMBERS), listed=NUMBERS)
    moved = light("HB 1", latest_action=line(HEARING, "03-02"))
    return crawl(engine, moved, *map(light, NUMBERS[1:20]), day=1, listed=NUMBERS[:20]).id


def test_sources_says_what_is_wrong_and_what_to_do(database: Engine) -> None:
    held = shrunk(database)
    broken = start(database, source="va")
    broken.fail("source-down", "https://lis.example/HISTORY.CSV", "HTTP 503")
    close(broken)
    start(database, source="ny").skip("needs an API key: set BILLTRACKER_NEW_YORK_KEY.")
    result = billtracker("sources")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    heading = lines[0]
    rows = {row.split()[0]: row for row in lines if not row.startswith(" ")}
    assert [name for name in rows if len(name) == 2] == ["va", "md", "ny"]
    for name, status, bills in (
        ("va", "broken", "0"),
        ("md", "held", "40"),
        ("ny", "waiting", "0"),
    ):
        row = rows[name]
        assert row[heading.index("STATUS") :].split()[0] == status
        assert row[: heading.index("BILLS") + 5].split()[-1] == bills
    assert "    source-down: HTTP 503 at https://lis.example/HISTORY.CSV" in lines
    said = " ".join(result.output.split())
    assert "shrank to 20 bills: 20 of the 40 known before are not in it" in said
    assert f"billtracker runs show {held} billtracker runs release {held}" in said
    assert "set BILLTRACKER_NEW_YORK_KEY." in said
    assert "legiscan-STATE" in rows["never"]
    assert "md" not in rows["never"]
    assert all(len(row) <= 80 for row in lines)
    assert billtracker("sources", "--check").exit_code == 1


def test_sources_as_json(database: Engine) -> None:
    held = shrunk(database)
    (one,) = json.loads(billtracker("sources", "--json").output)
    assert (one["source"], one["status"], one["bills"]) == ("md", "held", 40)
    assert one["last_run"]["id"] == held
    assert one["held_changes"] == 2


def test_all_well_is_said_in_a_line(database: Engine) -> None:
    crawl(database, light(), listed=["HB 1"])
    result = billtracker("sources", "--check")
    assert result.exit_code == 0
    assert result.output.splitlines()[1].split()[:2] == ["md", "ok"]


def test_a_held_run_is_shown_and_released(database: Engine) -> None:
    held = shrunk(database)
    shown = billtracker("runs", "show", str(held)).output
    assert f"run {held} of md: quarantined" in shown
    assert "20 items: 0 new, 1 changed" in shown
    assert "complete listing of 2026: 20 bills" in shown
    assert f"HB 1: {HEARING}" in shown
    result = billtracker("runs", "release", str(held), "--by", "ana")
    assert result.exit_code == 0
    assert f"run {held} released: " in result.output
    assert {change.status for change in changes(database, run=held)} == {"released"}
    again = billtracker("runs", "release", str(held))
    assert again.exit_code == 2
    assert f"run {held} is released; only a quarantined run waits" in again.output
    assert "decided by ana" in billtracker("runs", "show", str(held)).output


def test_a_held_run_is_discarded_and_found_again(database: Engine) -> None:
    held = shrunk(database)
    result = billtracker("runs", "discard", str(held))
    assert f"run {held} discarded: 2 changes taken back" in result.output
    moved = light("HB 1", latest_action=line(HEARING, "03-02"))
    run = crawl(database, moved, *map(light, NUMBERS[1:]), day=2, listed=NUMBERS)
    assert told(database, run) == [("action", HEARING), ("stage", f"In committee: {HEARING}")]


def test_runs_are_listed_newest_first(database: Engine) -> None:
    shrunk(database)
    close(start(database, source="va"))
    lines = billtracker("runs", "list").output.splitlines()
    assert [row.split()[1:3] for row in lines[1:]] == [
        ["va", "failed"], ["md", "quarantined"], ["md", "sound"],
    ]  # fmt: skip
    assert len({len(row) for row in lines}) == 1
    only = billtracker("runs", "list", "--source", "md", "--limit", "1").output.splitlines()
    assert len(only) == 2
    missing = billtracker("runs", "show", "99")
    assert missing.exit_code == 2
    assert "there is no run 99; billtracker runs list shows them" in missing.output


def test_a_run_that_missed_things_shows_what(database: Engine) -> None:
    run = start(database)
    run.record(light())
    run.gap("actions.date", "invalid")
    run.fail("not-found", "https://legislature.example/HB1.pdf", "HTTP 404")
    close(run)
    shown = billtracker("runs", "show", str(run.id)).output
    assert "  gap actions.date: 1 invalid" in shown
    assert "    not-found: HTTP 404 https://legislature.example/HB1.pdf" in shown


def test_crawl_replays_sources_side_by_side(
    database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tape = tmp_path / "tape"
    for code, spider in (("wy", "wyoming"), ("openstates-nm", "openstates")):
        (tape / code).parent.mkdir(exist_ok=True)
        (tape / code).symlink_to(PAGES / spider / "day1")
    out = tmp_path / "items.jsonl"
    result = billtracker("crawl", "wy", "openstates-nm", "--replay", tape, "--items", out)
    assert result.exit_code == 0, result.output
    said = sorted(row.partition(";")[0] for row in result.output.splitlines())
    assert said == ["openstates-nm: sound", "wy: sound"]
    assert len((tmp_path / "wy-items.jsonl").read_text().splitlines()) == 17
    assert "ok" in billtracker("sources").output


def test_crawl_says_what_it_cannot_do(database: Engine, tmp_path: Path) -> None:
    unknown = billtracker("crawl", "zz")
    assert unknown.exit_code == 2
    assert "no source 'zz'; known: " in unknown.output
    nowhere = billtracker("crawl", "wy", "--replay", tmp_path / "nowhere")
    assert nowhere.exit_code == 1
    assert "nowhere is no recording: it has no index.jsonl" in nowhere.output
    (tmp_path / "index.jsonl").write_text('{"url": "https://x.example/"}\n')
    broken = billtracker("crawl", "wy", "--replay", tmp_path)
    assert "index.jsonl line 1: " in broken.output
    skipped = billtracker("crawl", "ny")
    assert skipped.exit_code == 0
    assert "ny: skipped (needs an API key: set BILLTRACKER_NEW_YORK_KEY." in skipped.output
