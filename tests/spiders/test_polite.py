"""What a webmaster sees: an honest name, robots.txt obeyed, 304s used, few requests."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from spiders.settings import scrapy_settings
from tests.spiders.loopback import Answer, Legislature, crawl_once, detail, facts, listing, serving
from tracker.db import make_engine, reading
from tracker.models import Bill, Change, Run


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'loop.sqlite3'}"


def last_run(database: str) -> Run:
    engine = make_engine(database)
    with reading(engine) as session:
        run = session.scalars(select(Run).order_by(Run.id.desc())).first()
    engine.dispose()
    assert run is not None
    return run


def crawl(legislature: Legislature, database: str, *arguments: str) -> Run:
    result = crawl_once(legislature.url, database, *arguments)
    assert "Traceback" not in result.stderr, result.stderr
    return last_run(database)


def test_user_agent_names_us_and_a_contact(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLTRACKER_CONTACT", "mailto:clerk@example.org")
    with serving() as legislature:
        legislature.set("/listing.json", listing())
        legislature.set("/bill/HB1.json", detail())
        crawl(legislature, database)
        agents = {headers["User-Agent"] for _, headers in legislature.requests}
    assert agents == {"billtracker/0.1.0 (+mailto:clerk@example.org)"}


def test_robots_txt_is_obeyed_and_said(database: str) -> None:
    with serving() as legislature:
        rules = "User-agent: *\nDisallow: /listing.json\n"
        legislature.set("/robots.txt", Answer(rules, kind="text/plain"))
        legislature.set("/listing.json", listing())
        run = crawl(legislature, database)
        assert legislature.paths() == []
    assert (run.status, run.failure_kind) == ("failed", "robots-disallowed")


def test_where_robots_txt_cannot_be_had_nothing_is_asked(database: str) -> None:
    with serving() as legislature:
        legislature.set("/robots.txt", Answer("down", 503, "text/plain"))
        legislature.set("/listing.json", listing())
        run = crawl(legislature, database)
        assert legislature.paths() == []
    assert (run.status, run.failure_kind) == ("failed", "source-down")
    assert "robots.txt cannot be had" in run.reason


def test_only_bills_on_topic_cost_a_detail_page(database: str) -> None:
    with serving() as legislature:
        legislature.set("/listing.json", listing(40))
        legislature.set("/bill/HB1.json", detail())
        run = crawl(legislature, database)
        assert legislature.paths() == ["/listing.json", "/bill/HB1.json"]
    assert (run.status, run.bills_new) == ("sound", 40)


def test_unchanged_poll_is_one_request_and_nothing_else(database: str) -> None:
    with serving() as legislature:
        legislature.set("/listing.json", listing(40, etag='"monday"'))
        legislature.set("/bill/HB1.json", detail())
        crawl(legislature, database)
        legislature.requests.clear()
        run = crawl(legislature, database)
        assert legislature.paths() == ["/listing.json"]
    assert (run.status, run.not_modified, run.bills_changed) == ("sound", 1, 0)


def test_a_moved_bill_costs_two_requests_and_is_news(database: str) -> None:
    with serving() as legislature:
        legislature.set("/listing.json", listing(40, etag='"monday"'))
        legislature.set("/bill/HB1.json", detail(1, "Introduced"))
        crawl(legislature, database)
        legislature.requests.clear()
        moved = listing(40, etag='"tuesday"', status="Passed Third Reading", date="2026-01-16")
        legislature.set("/listing.json", moved)
        legislature.set("/bill/HB1.json", detail(1, "Introduced", "Passed Third Reading"))
        crawl(legislature, database)
        assert legislature.paths() == ["/listing.json", "/bill/HB1.json"]
    engine = make_engine(database)
    with reading(engine) as session:
        news = session.scalars(select(Change).where(Change.status == "released")).all()
        assert [c.summary for c in news if c.kind == "action"] == ["Passed Third Reading"]
        assert len({c.bill_id for c in news}) == 1
    engine.dispose()


def test_validators_of_an_unsound_run_are_forgotten(database: str) -> None:
    """Else the 304 of the next run would hide what the failed one missed."""
    with serving() as legislature:
        legislature.set("/listing.json", listing(40, etag='"monday"'))
        legislature.set("/bill/HB1.json", Answer("not now", 403, "text/plain"))
        crawl(legislature, database)
        legislature.requests.clear()
        legislature.set("/bill/HB1.json", detail())
        crawl(legislature, database)
        assert legislature.paths() == ["/listing.json", "/bill/HB1.json"]


def test_asked_to_wait_it_waits(database: str) -> None:
    with serving() as legislature:
        slow_down = Answer("slow down", 429, "text/plain", {"Retry-After": "1"})
        legislature.set("/listing.json", slow_down, listing(40))
        legislature.set("/bill/HB1.json", detail())
        run = crawl(legislature, database)
        assert legislature.paths() == ["/listing.json", "/listing.json", "/bill/HB1.json"]
    assert run.status == "sound"


def test_no_remote_doors_and_verified_certificates() -> None:
    settings = scrapy_settings(facts("http://127.0.0.1"))
    assert settings["TELNETCONSOLE_ENABLED"] is False
    assert settings["REMOTE_CONTROL_ENABLED"] is False
    assert settings["DOWNLOAD_VERIFY_CERTIFICATES"] is True
    assert settings["ROBOTSTXT_OBEY"] is True
    assert settings["AUTOTHROTTLE_ENABLED"] is True


def test_a_recording_replays_without_the_server(database: str, tmp_path: Path) -> None:
    tape = tmp_path / "tape"
    with serving() as legislature:
        legislature.set("/listing.json", listing(40))
        legislature.set("/bill/HB1.json", detail())
        live = crawl(legislature, database, "record", str(tape))
        url = legislature.url
    replayed = f"sqlite:///{tmp_path / 'replayed.sqlite3'}"
    assert "Traceback" not in crawl_once(url, replayed, "replay", str(tape)).stderr
    again = last_run(replayed)
    assert (again.status, again.items, again.bytes) == (live.status, live.items, live.bytes)
    assert again.provenance == "recorded"
    engine = make_engine(replayed)
    with reading(engine) as session:
        assert len(session.scalars(select(Bill)).all()) == 40
    engine.dispose()


def test_a_replay_fails_loudly_on_a_url_it_lacks(database: str, tmp_path: Path) -> None:
    tape = tmp_path / "tape"
    with serving() as legislature:
        legislature.set("/listing.json", listing(40))
        legislature.set("/bill/HB1.json", detail())
        crawl(legislature, database, "record", str(tape))
        url = legislature.url
    index = tape / "index.jsonl"
    kept = [line for line in index.read_text().splitlines() if "HB1" not in line]
    index.write_text("\n".join(kept) + "\n")
    replayed = f"sqlite:///{tmp_path / 'replayed.sqlite3'}"
    crawl_once(url, replayed, "replay", str(tape))
    run = last_run(replayed)
    assert run.status != "sound"
    assert run.failure_kind == "not-recorded"
    assert "/bill/HB1.json" in run.failures[0]["detail"]
