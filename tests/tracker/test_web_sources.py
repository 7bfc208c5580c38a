from __future__ import annotations

import datetime as dt
import re

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from tests.tracker.stored_bills import add_bill
from tracker.db import reading, writing_session
from tracker.health import SourceHealth, source_health
from tracker.models import Change, FetchedPage, Run
from tracker.web.app import create_app

NOW = dt.datetime(2026, 4, 8, 12, 0, tzinfo=dt.UTC)


def add_runs(engine: Engine, source: str, *statuses: str, **columns: object) -> list[int]:
    """One run an hour, the last one began an hour before NOW."""
    runs = []
    with writing_session(engine) as session:
        for hours, status in zip(range(len(statuses), 0, -1), statuses, strict=True):
            started = NOW - dt.timedelta(hours=hours)
            ended = None if status == "running" else started + dt.timedelta(minutes=5)
            runs.append(
                Run(source=source, status=status, started_at=started, ended_at=ended, **columns)
            )
        session.add_all(runs)
        session.flush()
        return [run.id for run in runs]


def health(engine: Engine) -> dict[str, SourceHealth]:
    with reading(engine) as session:
        return {one.source: one for one in source_health(session, NOW)}


@pytest.mark.parametrize(
    ("statuses", "status", "hours_ago"),
    [
        (["sound"], "ok", None),
        (["failed", "released"], "ok", None),
        (["sound", "quarantined"], "held", 1),
        (["sound", "failed", "failed"], "broken", 2),
        (["failed", "interrupted"], "broken", 2),
        (["sound", "failed", "running"], "broken", 2),
        (["sound", "running"], "ok", None),
        (["running"], "waiting", None),
        (["skipped"], "waiting", None),
        (["sound", "discarded"], "waiting", None),
    ],
)
def test_how_a_source_is(
    engine: Engine, statuses: list[str], status: str, hours_ago: int | None
) -> None:
    add_runs(engine, "md", *statuses)
    one = health(engine)["md"]
    assert one.status == status
    assert one.since == (NOW - dt.timedelta(hours=hours_ago) if hours_ago else None)
    assert one.crawling == (statuses[-1] == "running")


def test_a_crawl_that_never_ends_is_broken(engine: Engine) -> None:
    with writing_session(engine) as session:
        session.add(Run(source="md", status="running", started_at=NOW - dt.timedelta(days=2)))
    assert health(engine)["md"].status == "broken"


def test_trouble_comes_first_with_its_reason_and_command(engine: Engine) -> None:
    add_runs(engine, "ak", "sound")
    (held,) = add_runs(engine, "va", "quarantined", reason="812 bills where 3,412 were")
    add_runs(engine, "wa", "failed", reason="503 <b>five</b> times")
    with writing_session(engine) as session:
        bill = add_bill(session)
        for number in range(3):
            session.add(
                Change(bill_id=bill.id, run_id=held, kind="action", key=str(number), summary="x",
                       detected_at=NOW)
            )  # fmt: skip
    html = TestClient(create_app(engine)).get("/sources").text
    order = re.findall(r'<tr id="(\w+)"', html)
    assert order == ["wa", "va", "ak"]
    assert "503 &lt;b&gt;five&lt;/b&gt; times" in html
    assert "3 changes held" in html
    assert f"billtracker runs release {held}" in html
    assert "billtracker crawl wa" in html
    front = TestClient(create_app(engine)).get("/").text
    assert "2 of 3 sources in trouble" in " ".join(front.split())


def test_a_crawl_tells_what_failed(engine: Engine) -> None:
    (run_id,) = add_runs(
        engine,
        "legiscan-mi",
        "quarantined",
        reason="Too few bills.",
        requests=1200,
        bytes=2_300_000,
        listed={"2026": 812},
        gaps={"sponsors": {"missing": 12}},
        failures=[{"kind": "layout-changed", "url": "https://x.example/a", "detail": "0 rows"}],
    )
    with writing_session(engine) as session:
        session.add(
            FetchedPage(run_id=run_id, url="https://x.example/b", status=200, bytes=1500,
                        body_sha256="ab" * 32, fetched_at=NOW)
        )  # fmt: skip
    html = TestClient(create_app(engine)).get(f"/runs/{run_id}").text
    page = " ".join(re.sub(r"<[^>]+>", " ", html).split())
    for told in (
        "Michigan, by legiscan", "Too few bills.", "1,200", "2.3 MB", "Listed in 2026 812",
        "sponsors missing 12", "layout-changed https://x.example/a 0 rows", "5 minutes",
        "https://x.example/b 200 1.5 kB", f"billtracker runs discard {run_id}",
    ):  # fmt: skip
        assert told in page, told


def test_no_source_yet(engine: Engine) -> None:
    assert "No source has been crawled yet" in TestClient(create_app(engine)).get("/sources").text
