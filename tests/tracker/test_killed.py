"""Crawls that are killed, and two of one source at once: nothing lost, nothing told twice."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.tracker.crawling_process import BILLS, bills
from tests.tracker.crawls import SEEN, changes, close, everything, start
from tracker.db import reading
from tracker.models import Run
from tracker.runs import CrawlRun, SourceBusy

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


def crawling(engine: Engine, day: int) -> subprocess.Popen[str]:
    url = engine.url.render_as_string(hide_password=False)
    return subprocess.Popen(
        [sys.executable, "-m", "tests.tracker.crawling_process", url, str(day)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def killed_at(engine: Engine, day: int, said: str, after: float = 0) -> None:
    """A crawl that gets SIGKILL once it has said this, and so many seconds more."""
    with crawling(engine, day) as child:
        assert child.stdout
        for told in child.stdout:
            if told.strip() == said:
                break
        time.sleep(after)
        child.send_signal(signal.SIGKILL)


def begun(engine: Engine, day: int) -> CrawlRun:
    """PostgreSQL may take a moment to notice that a process which held a lock is gone."""
    for _ in range(50):
        with suppress(SourceBusy):
            return start(engine, day)
        time.sleep(0.1)
    return start(engine, day)


def crawl_whole(engine: Engine, day: int) -> Run:
    run = begun(engine, day)
    for bill in bills(day):
        run.record(bill)
    run.listed("2026", [bill.identifier for bill in bills(day)])
    return close(run)


def news(engine: Engine) -> list[tuple[str, str, int]]:
    return sorted(
        (change.kind, change.summary, change.bill_id)
        for change in changes(engine)
        if change.status == "released"
    )


def expected(engine: Engine) -> list[tuple[str, str, int]]:
    """Of day 1 after day 0: a hearing and a sponsor each, and one new bill."""
    found = [("action", "Hearing 1", number) for number in range(1, BILLS + 1)]
    found += [
        ("sponsor_added", "Sponsor added: Delegate 1", number) for number in range(1, BILLS + 1)
    ]
    title = max(everything(engine)["bill"], key=lambda row: row["id"])
    return sorted([*found, ("introduced", f"New bill: {title['title']}", title["id"])])


@pytest.mark.parametrize("said", ["HB 25", "closing"])
def test_killed_and_crawled_again(engine: Engine, said: str) -> None:
    crawl_whole(engine, 0)
    killed_at(engine, 1, said)
    assert news(engine) == [], "what it found is held"
    run = crawl_whole(engine, 1)
    assert run.status == "sound"
    assert news(engine) == expected(engine)
    with reading(engine) as session:
        dead = session.get_one(Run, run.id - 1)
    assert (dead.status, dead.reason) == (
        "interrupted",
        "the process ended before the run did; what it found passes to the next run",
    )


def test_killed_at_any_moment_and_again(engine: Engine) -> None:
    """Whatever was under way: the stored bills are those of crawls that nobody killed."""
    crawl_whole(engine, 0)
    moment = random.Random(287)
    for _ in range(3):
        said = f"HB {moment.randrange(1, BILLS)}"
        killed_at(engine, 1, said, after=moment.random() / 50)
    crawl_whole(engine, 1)
    assert news(engine) == expected(engine)
    rows = everything(engine, without={*SEEN, "first_seen_run_id"})
    assert crawl_whole(engine, 1).bills_changed == 0
    assert everything(engine, without={*SEEN, "first_seen_run_id"}) == rows
    assert len(rows["bill"]) == BILLS + 1 and len(rows["actions"]) == 2 * (BILLS + 1)


def test_a_first_run_killed_and_begun_again_is_still_the_baseline(engine: Engine) -> None:
    killed_at(engine, 0, "HB 25")
    run = crawl_whole(engine, 0)
    assert (run.status, run.baseline, run.bills_new) == ("sound", True, BILLS - 25)
    assert {change.status for change in changes(engine)} == {"baseline"}


def test_a_source_is_crawled_by_one_process_at_a_time(engine: Engine) -> None:
    run = start(engine)
    with crawling(engine, 0) as second:
        assert second.communicate()[0] == (
            "md is being crawled by another process; nothing to do here\n"
        )
    with pytest.raises(SourceBusy):
        start(engine)
    start(engine, source="va").skip("another source is free")
    for bill in bills(0):
        run.record(bill)
    assert close(run).status == "sound"
    with crawling(engine, 1) as next_one:
        assert next_one.communicate()[0].endswith("sound\n")
    assert news(engine) == expected(engine)


def test_two_processes_store_two_sources_at_once(engine: Engine) -> None:
    """They share the database, and texts."""
    with crawling(engine, 0) as child:
        run = start(engine, source="va")
        for bill in bills(0):
            run.record(bill.model_copy(update={"source": "va", "jurisdiction": "va"}))
        close(run)
        assert child.communicate()[0].endswith("sound\n")
    rows = everything(engine)["bill"]
    assert sorted({(row["source"], row["session"]) for row in rows}) == [
        ("md", "2026"),
        ("va", "2026"),
    ]
    assert len(rows) == 2 * BILLS
