"""Whatever sources state and in whatever order: the same end, and nothing told twice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete

from tests.tracker.any_bill import LISTS, listing_row, pages, sessions
from tests.tracker.crawls import SEEN, changes, close, crawl, everything, start
from tracker.items import BillItem
from tracker.models import Base
from tracker.normalise import cleaned
from tracker.settle import discard

often = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

# What tells how and when something was read, and not what the source says.
READING = {
    *SEEN, "id", "bill_id", "first_seen_at", "first_seen_run_id", "changed_at", "detail_at",
    "listing_hash", "detail_hash", "content_hash", "fetched_from", "body_sha256",
}  # fmt: skip


def emptied(engine: Engine) -> None:
    with engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(delete(table))


def end_state(engine: Engine) -> dict[str, Any]:
    """Per bill: its words, and the rows that stand of each list, in order."""
    rows = everything(engine)
    found = {}
    for bill in rows["bill"]:
        lists = {
            name: [
                _said(row)
                for row in sorted(rows[name], key=lambda row: (row.get("position", 0), row["id"]))
                if row["bill_id"] == bill["id"] and not row.get("removed_at")
                and not row.get("retracted_at")
            ]
            for name in LISTS
        }  # fmt: skip
        found[bill["identifier_key"]] = {**_said(bill), **lists}
    return found


def _said(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in READING}


@often
@given(items=sessions(most=4))
def test_the_same_again_is_nothing(engine: Engine, items: list[BillItem]) -> None:
    emptied(engine)
    crawl(engine, *items, notify_first_run=True)
    rows = everything(engine, without=SEEN)
    run = crawl(engine, *items, day=1)
    assert changes(engine, run=run.id) == []
    assert everything(engine, without=SEEN) == rows


@often
@given(data=st.data())
def test_listing_rows_and_pages_in_any_order_and_any_runs(engine: Engine, data: Any) -> None:
    stated = [data.draw(pages(f"HB {number}")) for number in (1, 2, 3)]
    emptied(engine)
    crawl(engine, *map(listing_row, stated), *stated)
    expected = end_state(engine)
    told = sorted(change.key for change in changes(engine))

    emptied(engine)
    order = data.draw(st.permutations([*stated, *map(listing_row, stated)]))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(order)), max_size=3)))
    for day, (begin, end) in enumerate(zip([0, *cuts], [*cuts, len(order)], strict=True)):
        run = start(engine, day)
        if data.draw(st.booleans()):
            run.record_many(order[begin:end])
        else:
            for item in order[begin:end]:
                run.record(item)
        close(run)
    assert end_state(engine) == expected
    introduced = [key for key in told if key.startswith("introduced")]
    found = sorted(change.key for change in changes(engine))
    assert [key for key in found if key.startswith("introduced")] == introduced


@often
@given(prints=st.lists(pages("HB 1"), min_size=2, max_size=4))
def test_what_stands_is_what_the_last_page_says(engine: Engine, prints: list[BillItem]) -> None:
    """However it got there: nothing left over, nothing missing, nothing twice."""
    emptied(engine)
    for day, stated in enumerate(prints):
        crawl(engine, stated, day=day)
    last, _ = cleaned(prints[-1])
    bill = end_state(engine)["HB 1"]
    assert (bill["title"], bill["abstract"]) == (last.title, last.abstract)
    for name, columns in {
        "actions": ("text", "date"),
        "sponsors": ("name", "classification", "primary"),
        "versions": ("note", "date"),
    }.items():
        stand = [tuple(row[column] for column in columns) for row in bill[name]]
        assert stand == [
            tuple(getattr(one, column) for column in columns) for one in getattr(last, name)
        ], name
    for name, column in {
        "votes": "motion",
        "hearings": "committee",
        "related_bills": "identifier",
    }.items():
        stand = sorted(str(row[column]) for row in bill[name])
        assert stand == sorted(str(getattr(one, column)) for one in getattr(last, name)), name
    keys = [change.key for change in changes(engine)]
    assert len(keys) == len(set(keys))


@often
@given(before=sessions(most=4), unsound=sessions(most=5), listed=st.booleans())
def test_discarding_a_run_restores_every_row(
    engine: Engine, before: list[BillItem], unsound: list[BillItem], listed: bool
) -> None:
    emptied(engine)
    crawl(engine, *before, listed=numbers(before))
    rows = everything(engine, without=SEEN)
    run = start(engine, 1)
    for item in unsound:
        if item.detail == "full":
            run.record(listing_row(item))
        run.record(item)
    if listed:
        run.listed("2026", numbers(unsound))
    run.fail("not-recorded", "https://x/", "makes any run unsound")
    ended = close(run)
    if ended.status == "failed":
        return
    assert ended.status == "quarantined"
    discard(engine, run.id, "eve", ended.ended_at or ended.started_at)
    assert everything(engine, without=SEEN) == rows


@often
@given(
    before=sessions(most=3, least=1),
    unsound=sessions(most=4, least=1),
    after=sessions(most=4, least=1),
)
def test_a_superseded_run_leaves_no_trace(
    engine: Engine, before: list[BillItem], unsound: list[BillItem], after: list[BillItem]
) -> None:
    """The state and the news are those of a history in which it never was."""

    def history(*, with_unsound: bool) -> tuple[Any, list[str]]:
        emptied(engine)
        crawl(engine, *before)
        if with_unsound:
            run = start(engine, 1)
            for item in unsound:
                run.record(item)
            run.fail("not-recorded", "https://x/", "makes any run unsound")
            close(run)
        crawl(engine, *after, day=2)
        live = [change for change in changes(engine) if change.status != "discarded"]
        return end_state(engine), sorted(f"{change.kind} {change.summary}" for change in live)

    assert history(with_unsound=True) == history(with_unsound=False)


def numbers(items: Iterable[BillItem]) -> list[str]:
    return [item.identifier for item in items]
