"""What a poll costs: requests and bytes for 5,000 bills, unchanged and with 10 of them moved.

``python -m tests.bench.bench_poll``. Measured beside it: a tracker without change signals that
reads the listing and every bill's page on each poll.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.spiders.loopback import Answer, Legislature, bill, crawl_once, detail, serving
from tracker.db import make_engine, reading
from tracker.models import Run

BILLS = 5_000
ON_TOPIC = 100
MOVED = 10
LAYOUT = "<div>" * 4_000
"""A bill's page is mostly markup: 20 KB, which is small for a real one."""
TITLE = "Immigration Enforcement - 287(g) Agreements With ICE - Prohibition"


def publish(legislature: Legislature, day: int) -> None:
    """Day 1: everything introduced; day 2: the first bills on topic have moved."""
    rows = [bill(number) for number in range(1, BILLS + 1)]
    for row in rows[:ON_TOPIC]:
        row["title"] = TITLE
    for row in rows[: MOVED if day > 1 else 0]:
        row |= {"status": "Referred to Judiciary", "date": "2026-01-16"}
    legislature.set("/listing.json", Answer({"bills": rows}, headers={"ETag": f'"{day}"'}))
    for number in range(1, ON_TOPIC + 1):
        moved = day > 1 and number <= MOVED
        texts = ("Introduced", "Referred to Judiciary") if moved else ("Introduced",)
        legislature.set(f"/bill/HB{number}.json", detail(number, *texts, layout=LAYOUT))


def poll(legislature: Legislature, database: str) -> tuple[int, int, str]:
    result = crawl_once(legislature.url, database)
    assert "Traceback" not in result.stderr, result.stderr
    engine = make_engine(database)
    with reading(engine) as session:
        run = session.query(Run).order_by(Run.id.desc()).first()
    engine.dispose()
    assert run is not None
    return run.requests, run.bytes, run.status


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, serving() as legislature:
        database = f"sqlite:///{Path(folder) / 'poll.sqlite3'}"
        publish(legislature, 1)
        naive = sum(len(answers[0].body) for answers in legislature.routes.values())
        naive += (BILLS - ON_TOPIC) * len(detail(layout=LAYOUT).body)
        results = {"first crawl": poll(legislature, database)}
        results["unchanged poll"] = poll(legislature, database)
        publish(legislature, 2)
        results[f"{MOVED} moved"] = poll(legislature, database)
    print(f"{BILLS:,} bills, {ON_TOPIC} of them on topic")
    print(f"{'every page':16} {BILLS + 1:5,} requests {naive:10,} bytes")
    for name, (requests, size, status) in results.items():
        share = f"{requests / (BILLS + 1):7.2%} of the requests, {size / naive:7.2%} of the bytes"
        print(f"{name:16} {requests:5,} requests {size:10,} bytes  {share}  ({status})")


if __name__ == "__main__":
    main()
