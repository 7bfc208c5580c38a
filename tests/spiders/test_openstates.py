"""Open States: page after page by the time of the update, within the allowance of its key."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import insert, select

from spiders.full_text import ANY_PHRASE
from spiders.states.openstates import BILLS_A_PAGE, INCLUDE, REQUESTS_A_DAY, as_parameter, links
from tracker.db import open_database, reading
from tracker.models import Run, SourceState, Version

ROOT = Path(__file__).parents[2]
NOW = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
DAY = "2026-03-01T00:00:"


def url(since: str, page: int = 1, *search: tuple[str, str]) -> str:
    query = [
        ("jurisdiction", "pr"), ("sort", "updated_asc"), ("per_page", "20"), ("page", str(page)),
        ("updated_since", since), *search, *(("include", name) for name in INCLUDE),
    ]  # fmt: skip
    return f"https://v3.openstates.org/bills?{urlencode(query)}"


def no_hits(since: str) -> tuple[str, list[dict[str, Any]], int]:
    return url(since, 1, ("q", ANY_PHRASE)), [], 1


def bill(number: int, updated: str, title: str = "Carreteras") -> dict[str, Any]:
    return {
        "id": f"ocd-bill/{number}", "session": "2025-2028", "identifier": f"PC {number}",
        "title": title, "updated_at": updated, "classification": ["bill"],
        "from_organization": {"classification": "lower"},
    }  # fmt: skip


def tape(folder: Path, pages: Sequence[tuple[str, list[dict[str, Any]], int]]) -> Path:
    """``pages``: (url, bills, max_page)."""
    folder.mkdir()
    lines = []
    for place, (address, bills, last) in enumerate(pages):
        answer = {"results": bills, "pagination": {"per_page": 20, "page": 1, "max_page": last}}
        (folder / f"{place}.json").write_text(json.dumps(answer))
        line = {
            "url": address, "file": f"{place}.json", "fetched_at": NOW.isoformat(),
            "provenance": "reconstructed", "headers": {"Content-Type": "application/json"},
        }  # fmt: skip
        lines.append(json.dumps(line))
    (folder / "index.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def crawl(database: str, folder: Path) -> tuple[Run, dict[str, Any]]:
    subprocess.run(
        [sys.executable, "-m", "spiders", "crawl", "openstates-pr", "--replay", folder],
        cwd=ROOT,
        env={**os.environ, "BILLTRACKER_DATABASE_URL": database},
        check=False,
        timeout=120,
    )
    engine = open_database(database)
    with reading(engine) as session:
        run = session.scalars(select(Run).order_by(Run.id.desc())).first()
        state = session.get(SourceState, "openstates-pr")
        cursor = dict(state.cursor) if state else {}
    engine.dispose()
    assert run is not None
    return run, cursor


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'os.sqlite3'}"


def test_a_full_page_is_followed_from_its_last_update(database: str, tmp_path: Path) -> None:
    """A bill updated while we read moves to the end and shifts the pages behind it."""
    first = [bill(n, f"{DAY}{n:02}.500000+00:00") for n in range(1, BILLS_A_PAGE + 1)]
    second = [first[-1], bill(21, f"{DAY}21+00:00"), bill(3, f"{DAY}40.25+00:00", "Puentes")]
    pages = [
        (url("2025-01-01"), first, 2), (url("2026-03-01 00:00:20.5"), second, 1),
        no_hits("2025-01-01"),
    ]  # fmt: skip
    run, cursor = crawl(database, tape(tmp_path / "tape", pages))
    assert (run.status, run.bills_new, run.requests) == ("sound", 21, 3)
    assert cursor["listed"] == {"since": "2026-03-01 00:00:40.25", "page": 1}
    assert cursor["caught"] == {"since": "2025-01-01", "page": 1}


def test_the_search_catches_what_a_title_hides(database: str, tmp_path: Path) -> None:
    hidden = bill(7, f"{DAY}07+00:00", "Agencias; acuerdos")
    versions = [{"note": "Radicada", "links": [{"url": "https://x.example/7.html"}]}]
    search = (url("2025-01-01", 1, ("q", ANY_PHRASE)), [{**hidden, "versions": versions}], 1)
    pages = [(url("2025-01-01"), [hidden], 1), search]
    folder = tape(tmp_path / "tape", pages)
    (folder / "7.html").write_text("<html><p>Immigration detainer requests.</html>")
    line = {"url": "https://x.example/7.html", "file": "7.html", "provenance": "reconstructed",
            "fetched_at": NOW.isoformat(), "headers": {"Content-Type": "text/html"}}  # fmt: skip
    with (folder / "index.jsonl").open("a") as index:
        index.write(json.dumps(line) + "\n")
    run, _ = crawl(database, folder)
    assert (run.status, run.requests) == ("sound", 3)
    engine = open_database(database)
    with reading(engine) as session:
        assert session.scalars(select(Version.text_sha256)).one()
    engine.dispose()


def test_one_moment_that_fills_a_page_is_paged_through(database: str, tmp_path: Path) -> None:
    """A whole session imported at once bears one time."""
    moment = f"{DAY}00+00:00"
    first = [bill(n, moment) for n in range(1, 21)]
    second = [bill(n, moment) for n in range(21, 41)]
    third = [bill(41, moment)]
    same = "2026-03-01 00:00:00"
    pages = [
        (url("2025-01-01"), first, 3), (url(same), first, 3), (url(same, 2), second, 3),
        (url(same, 3), third, 3), no_hits("2025-01-01"),
    ]  # fmt: skip
    run, cursor = crawl(database, tape(tmp_path / "tape", pages))
    assert (run.status, run.bills_new, run.requests) == ("sound", 41, 5)
    assert cursor["listed"] == {"since": same, "page": 1}


def test_the_days_allowance_is_kept_and_named(database: str, tmp_path: Path) -> None:
    engine = open_database(database)
    spent = {"day": "2026-03-02", "used": REQUESTS_A_DAY}
    with engine.begin() as connection:
        connection.execute(
            insert(SourceState).values(source="openstates-pr", cursor=spent, rules_hash="")
        )
    engine.dispose()
    run, cursor = crawl(database, tape(tmp_path / "tape", [(url("2025-01-01"), [], 1)]))
    assert (run.status, run.failure_kind, run.requests) == ("failed", "budget-used-up", 0)
    assert "240 requests are used up" in run.reason
    assert cursor == spent


def test_an_empty_answer_is_a_sound_poll(database: str, tmp_path: Path) -> None:
    pages = [(url("2025-01-01"), [], 1), no_hits("2025-01-01")]
    run, _ = crawl(database, tape(tmp_path / "tape", pages))
    assert (run.status, run.not_modified) == ("sound", 2)


@pytest.mark.parametrize(
    ("printed", "asked"),
    [
        ("2026-02-03T09:12:44.123400+00:00", "2026-02-03 09:12:44.1234"),
        ("2026-02-03T09:12:44+00:00", "2026-02-03 09:12:44"),
        ("2026-02-03T09:12:40Z", "2026-02-03 09:12:40"),
        ("2026-02-03T09:12:44.000000+00:00", "2026-02-03 09:12:44"),
    ],
)
def test_a_moment_is_asked_for_as_the_server_compares_it(printed: str, asked: str) -> None:
    assert as_parameter(printed) == asked


def test_the_readable_file_comes_first() -> None:
    version = {"links": [
        {"url": "https://x.example/a.doc", "media_type": "application/msword"},
        {"url": "https://x.example/a b.pdf", "media_type": "application/pdf"},
        {"url": "", "media_type": "text/html"},
        {"url": "https://x.example/a.html", "media_type": "text/html"},
    ]}  # fmt: skip
    assert [link.url for link in links(version)] == [
        "https://x.example/a.html", "https://x.example/a%20b.pdf", "https://x.example/a.doc",
    ]  # fmt: skip
