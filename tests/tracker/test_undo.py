"""A run taken back (see also test_any_order, where any run is): what is large, and what stays."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from tests.tracker.crawls import (
    NOON,
    SEEN,
    changes,
    close,
    crawl,
    every_row,
    everything,
    line,
    page,
    start,
    stored,
)
from tracker.items import BillItem, VersionItem
from tracker.settle import discard


def unsound(engine: Engine, *items: BillItem) -> int:
    run = start(engine, 1)
    for item in items:
        run.record(item)
    run.fail("not-recorded", "https://x/", "makes any run unsound")
    return close(run).id


@pytest.mark.slow
def test_histories_longer_than_a_statement_takes(engine: Engine) -> None:
    """SQLite takes 32,766 values in one statement, PostgreSQL 65,535."""
    told = tuple(line(f"Sponsor added {n}", "02-01") for n in range(17_000))
    long = [page("HB 1", actions=told), page("HB 2", actions=told)]
    crawl(engine, *long)
    rows = everything(engine, without=SEEN)
    more = [one.model_copy(update={"actions": (*told, line("Passed", "03-03"))}) for one in long]
    run = unsound(engine, *more)
    assert len(changes(engine, run=run)) == 4
    assert discard(engine, run, "eve", NOON) == 4
    assert everything(engine, without=SEEN) == rows


def test_when_a_bill_was_last_seen_and_texts_stay(engine: Engine) -> None:
    def printed(text: str) -> BillItem:
        return page(versions=(VersionItem(note="Introduced", text=text),))

    crawl(engine, printed("first"))
    seen = stored(engine).last_seen_at
    run = unsound(engine, printed("second"))
    discard(engine, run, "eve", NOON)
    assert stored(engine).last_seen_at > seen
    assert len(every_row(engine)["bill_text"]) == 2
    assert every_row(engine)["bill_before"] == set()


def test_verdicts_are_those_of_the_words_put_back(engine: Engine) -> None:
    crawl(engine, page(title="Ice Rinks"))
    before = every_row(engine)["verdict"]
    run = unsound(engine, page())
    assert every_row(engine)["topic_verdict"]
    discard(engine, run, "eve", NOON)
    assert every_row(engine)["topic_verdict"] == set()
    assert [row.split(", ")[1:4] for row in every_row(engine)["verdict"]] == [
        row.split(", ")[1:4] for row in before
    ]


def test_copies_go_when_a_run_is_settled(engine: Engine) -> None:
    crawl(engine, page(title="Old"))
    run = start(engine, 1)
    run.record(page(title="New"))
    assert len(every_row(engine)["bill_before"]) == 1
    assert close(run).status == "sound"
    assert every_row(engine)["bill_before"] == set()
