"""``python -m tests.tracker.crawling_process URL DAY``: a crawl in a process of its own.

Says each bill once it is stored, so that whoever started it can kill it at that point.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.tracker.crawls import ON_TOPIC, close, line, page, start
from tracker.db import make_engine
from tracker.items import BillItem, SponsorItem
from tracker.runs import SourceBusy

BILLS = 40


def bills(day: int) -> Iterator[BillItem]:
    """A session on a day: every bill has moved since the day before, and one is new."""
    for number in range(1, BILLS + day + 1):
        told = [line("First Reading Judiciary", "01-14")]
        told += [line(f"Hearing {n}", f"03-{n:02}") for n in range(1, day + 1)]
        sponsors = tuple(SponsorItem(name=f"Delegate {n}") for n in range(day + 1))
        yield page(f"HB {number}", f"{ON_TOPIC} {number}", actions=tuple(told), sponsors=sponsors)


def main(url: str, day: int) -> None:
    engine = make_engine(url)
    try:
        run = start(engine, day)
    except SourceBusy as busy:
        print(busy, flush=True)
        return
    print("open", flush=True)
    for bill in bills(day):
        run.record(bill)
        print(bill.identifier, flush=True)
    run.listed("2026", [bill.identifier for bill in bills(day)])
    print("closing", flush=True)
    print(close(run).status, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
