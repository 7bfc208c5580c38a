"""What a source can do to us: each ends in a named failure, and stored data is untouched.

Every row is a real crawl against a real server: first a sound day, then the fault.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.spiders.loopback import (
    Answer,
    Legislature,
    bill,
    crawl_once,
    detail,
    fingerprint,
    listing,
    serving,
)
from tests.spiders.test_polite import crawl, last_run
from tracker.db import make_engine, reading
from tracker.models import Bill, Change

pytestmark = pytest.mark.slow

CHALLENGE = "<!doctype html><html><head><title>Just a moment...</title></head><body></body></html>"

# name: (what the listing answers on the second day, expected failure kind)
BROKEN_LISTINGS: dict[str, tuple[Callable[[], Answer], str]] = {
    "broken JSON": (lambda: Answer('{"bills": [}, ]}'), "wrong-type"),
    "truncated JSON": (lambda: Answer(listing().body[:900]), "truncated"),
    "connection cut mid-body": (lambda: Answer(listing().body, cut=500), "truncated"),
    "empty body with 200": (lambda: Answer(b""), "empty-body"),
    "NUL bytes only": (lambda: Answer(b"\0" * 4000), "empty-body"),
    "HTML instead of JSON": (lambda: Answer("<html><p>Hi</html>", kind="text/html"), "wrong-type"),
    "bot challenge with 200": (lambda: Answer(CHALLENGE, kind="text/html"), "bot-challenge"),
    "bot challenge with 403": (lambda: Answer(CHALLENGE, 403, "text/html"), "bot-challenge"),
    "403": (lambda: Answer("no", 403, "text/plain"), "forbidden"),
    "404": (lambda: Answer("no", 404, "text/plain"), "not-found"),
    "429 for an hour": (
        lambda: Answer("no", 429, "text/plain", {"Retry-After": "3600"}),
        "throttled",
    ),
    "500": (lambda: Answer("no", 500, "text/plain"), "source-down"),
    "timeout": (lambda: Answer("{}", wait=8), "timeout"),
    "too large": (lambda: Answer(b" " * 21 * 1024 * 1024), "too-big"),
    "UTF-16 text": (lambda: Answer('{"bills": []}'.encode("utf-16")), "wrong-type"),
    "another shape": (lambda: Answer({"items": []}), "layout-changed"),
}


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'loop.sqlite3'}"


def sound_day(legislature: Legislature, database: str) -> str:
    legislature.set("/listing.json", listing(40))
    legislature.set("/bill/HB1.json", detail())
    assert crawl(legislature, database).status == "sound"
    return fingerprint(database)


@pytest.mark.parametrize("name", BROKEN_LISTINGS)
def test_a_broken_listing_is_a_named_failure(name: str, database: str) -> None:
    make, kind = BROKEN_LISTINGS[name]
    with serving() as legislature:
        before = sound_day(legislature, database)
        legislature.set("/listing.json", make())
        run = crawl(legislature, database)
    assert (run.status, run.failure_kind) == ("failed", kind)
    assert run.reason
    assert fingerprint(database) == before


def test_refused_connection_is_source_down(database: str) -> None:
    with serving() as legislature:
        before = sound_day(legislature, database)
        url = legislature.url
    result = crawl_once(url, database)
    assert "Traceback" not in result.stderr
    run = last_run(database)
    assert (run.status, run.failure_kind) == ("failed", "source-down")
    assert fingerprint(database) == before


def test_a_listing_shrunk_by_half_is_held(database: str) -> None:
    with serving() as legislature:
        before = sound_day(legislature, database)
        legislature.set("/listing.json", listing(20))
        run = crawl(legislature, database)
    assert run.status == "quarantined"
    assert "40" in run.reason and "20" in run.reason
    assert fingerprint(database) == before
    assert released(database) == []


def released(database: str) -> list[str]:
    engine = make_engine(database)
    with reading(engine) as session:
        kinds = session.scalars(select(Change.kind).where(Change.status == "released"))
        found = list(kinds)
    engine.dispose()
    return found


def titles(database: str) -> dict[str, str]:
    engine = make_engine(database)
    with reading(engine) as session:
        found = {row.identifier_key: row.title for row in session.scalars(select(Bill))}
    engine.dispose()
    return found


def test_odd_rows_are_gaps_and_the_rest_goes_on(database: str) -> None:
    rows: list[dict[str, Any]] = [bill(number) for number in range(1, 41)]
    rows[1]["date"] = "0000-00-00"
    rows[2]["date"] = "January 5"
    rows[3]["title"] = "NUL\0 and \x07 bell"
    rows[4]["title"] = "Emoji \N{ICE CUBE} and \u202eright to left\u202c עברית"
    rows[5]["title"] = "x" * 5_000_000
    rows[6]["title"] = None
    del rows[7]["status"]
    rows.append(bill(40, title="The same number again"))
    with serving() as legislature:
        legislature.set("/listing.json", Answer({"bills": rows}))
        run = crawl(legislature, database)
    assert run.status in ("sound", "quarantined")
    assert run.gaps["latest_action.date"] == {"invalid": 1}
    assert {failure["kind"] for failure in run.failures} >= {"bad-row"}
    stored = titles(database)
    assert len(stored) == 39
    assert stored["HB 4"] == "NUL and bell"
    assert "\N{ICE CUBE}" in stored["HB 5"]
    assert len(stored["HB 6"]) < 100_000
    assert run.gaps["title"].get("oversized") == 1


def test_one_lost_detail_page_is_named_and_fetched_next_time(database: str) -> None:
    with serving() as legislature:
        legislature.set("/listing.json", listing(40))
        legislature.set("/bill/HB1.json", Answer("no", 500, "text/plain"))
        run = crawl(legislature, database)
        assert run.failure_kind == "source-down"
        assert len(titles(database)) == 40
        legislature.set("/bill/HB1.json", detail(1, "Introduced", "Referred to Judiciary"))
        legislature.requests.clear()
        crawl(legislature, database)
        assert "/bill/HB1.json" in legislature.paths()


@pytest.mark.parametrize("kind", ["application/pdf", "text/html"])
def test_an_unreadable_text_does_not_lose_the_bill(kind: str, database: str) -> None:
    with serving() as legislature:
        legislature.set("/listing.json", listing(40))
        text = f"{legislature.url}/text/1"
        legislature.set("/bill/HB1.json", detail(1, "Introduced", text=text))
        legislature.set("/text/1", Answer(b"%PDF-1.7\n" + b"\xff" * 3000, kind="application/pdf"))
        run = crawl(legislature, database)
    assert run.failure_kind == "unreadable-document"
    assert len(titles(database)) == 40
