from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, text, update

from tests.tracker.stored_bills import NOW, add_bill, add_version
from tracker.db import make_engine, reading, writing, writing_session
from tracker.expectations import Expectations
from tracker.items import BillItem
from tracker.models import Bill
from tracker.runs import CrawlRun
from tracker.search import (
    MATCH_END,
    MATCH_START,
    SORTS,
    BillFilter,
    BillPage,
    all_ids,
    index_pending,
    search,
)


@pytest.fixture
def library(engine: Engine) -> Engine:
    with writing_session(engine) as session:
        add_bill(
            session,
            "HB 1222",
            "Maryland Values Act",
            topics={"287g": "limits", "detainer-holds": "limits"},
            abstract="Prohibiting immigration enforcement agreements.",
            text="A local government may not enter into an agreement under 8 U.S.C. § 1357(g).",
            stage="became-law",
        )
        add_bill(
            session,
            "SB 413",
            "Detainers and Señor Peña's notice of release",
            state="va",
            topics={"detainer-holds": "expands"},
            stance="expands",
            moved=dt.date(2026, 2, 1),
            subjects=["Jails", "Sheriffs"],
            score=0.7,
        )
        add_bill(session, "HB 7", "Ice rinks", level="off", stance=None, moved=None, score=0.0)
        add_bill(session, "HB 8", "Jails; reports", level="uncertain", stance=None, score=0.5)
        add_bill(session, "HB 9", "A light row", level=None)
    assert index_pending(engine) == 5
    return engine


def found(engine: Engine, words: str = "", sort: str = "moved", **where: object) -> list[str]:
    with reading(engine) as session:
        page = search(session, BillFilter(words, **{"level": "all", **where}), sort)  # type: ignore[arg-type]
    assert page.total == len(page.bills)
    return [row.bill.identifier_key for row in page.bills]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("detainer", ["SB 413"]),
        ("VALUES", ["HB 1222"]),
        ("agree*", ["HB 1222"]),
        ("agre", []),
        ('"notice of release"', ["SB 413"]),
        ('"release of notice"', []),
        ("notice release", ["SB 413"]),
        ("pena", ["SB 413"]),
        ("Peña", ["SB 413"]),
        ("sheriff", ["SB 413"]),
        ("1357(g)", ["HB 1222"]),
        ("U.S.C. 1357", ["HB 1222"]),
        ("hb1222", ["HB 1222"]),
        ("HB01222", ["HB 1222"]),
        ("hb 1222", ["HB 1222"]),
        ("jail", ["HB 8", "SB 413"]),
        ("jail -sheriffs", ["HB 8"]),
        ("-jails -act -light", ["HB 7"]),
        ("rinks OR values", ["HB 1222", "HB 7"]),
        ("under", ["HB 1222"]),
        ('"notice', ["SB 413"]),
    ],
)
def test_words(library: Engine, words: str, expected: list[str]) -> None:
    assert found(library, words) == expected


@pytest.mark.parametrize(
    "words",
    ['"', "-", "*", "OR", "OR OR x", "-OR", '""', "()", "a AND", "NOT", "' OR 1=1 --", "\x00",
     "🧊", "x" * 5000, "a " * 3000, "^title", "title:x", "NEAR(a b)", "&|!<->:*", "\\", "%", "ﬁ"],
)  # fmt: skip
def test_odd_queries_are_no_errors(library: Engine, words: str) -> None:
    assert isinstance(found(library, words), list)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(words=st.text(max_size=60))
def test_any_query_is_answered(library: Engine, words: str) -> None:
    assert isinstance(found(library, words), list)


def test_only_words_that_mean_nothing_ask_for_nothing(library: Engine) -> None:
    assert len(found(library, "!?")) == 5


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"level": "relevant"}, ["HB 1222", "SB 413"]),
        ({"level": "uncertain"}, ["HB 8"]),
        ({"states": ("va",)}, ["SB 413"]),
        ({"states": ("va", "md"), "level": "relevant"}, ["HB 1222", "SB 413"]),
        ({"topics": ("detainer-holds",)}, ["HB 1222", "SB 413"]),
        ({"topics": ("detainer-holds",), "stance": "expands"}, ["SB 413"]),
        ({"topics": ("287g", "jail-screening")}, ["HB 1222"]),
        ({"stance": "limits"}, ["HB 1222"]),
        ({"stage": "became-law"}, ["HB 1222"]),
        ({"session": "2025"}, []),
        ({"moved_since": dt.date(2026, 3, 1), "level": "relevant"}, ["HB 1222"]),
    ],
)
def test_filters(library: Engine, where: dict[str, object], expected: list[str]) -> None:
    assert found(library, **where) == expected


def test_orders(library: Engine) -> None:
    assert found(library, sort="moved")[-1] == "HB 7", "without a date comes last"
    assert found(library, sort="score")[:2] == ["HB 1222", "SB 413"]
    assert found(library, sort="added")[0] == "HB 9"
    assert found(library, sort="state")[-1] == "SB 413"
    assert found(library, "jail", sort="match") == ["HB 8", "SB 413"], "the title counts most"
    for sort in SORTS:
        with reading(library) as session:
            assert len(all_ids(session, BillFilter(level="all"), sort)) == 5


def test_pages_and_counts(library: Engine) -> None:
    with reading(library) as session:
        first = search(session, BillFilter(level="all"), limit=2)
        last = search(session, BillFilter(level="all"), limit=2, offset=4)
        maryland = search(session, BillFilter(level="all", states=("md",)))
    assert (len(first.bills), len(last.bills), first.total) == (2, 1, 5)
    assert not {row.bill.id for row in first.bills} & {row.bill.id for row in last.bills}
    assert first.by_state == {"md": 4, "va": 1} == maryland.by_state
    assert maryland.total == 4


def one(engine: Engine, words: str) -> BillPage:
    with reading(engine) as session:
        return search(session, BillFilter(words, level="all"))


def test_matched_words_are_marked(library: Engine) -> None:
    (row,) = one(library, "detainers").bills
    assert row.title.startswith(f"{MATCH_START}Detainers{MATCH_END} and")
    (row,) = one(library, "agreement government").bills
    assert row.title == "Maryland Values Act"
    assert f"{MATCH_START}agreement{MATCH_END}" in row.excerpt.replace("agreements", "agreement")


def test_the_index_follows_what_is_written(library: Engine) -> None:
    with writing_session(library) as session:
        bill = add_bill(session, "HB 10", "Zebras")
        add_version(session, bill, "first words")
    index_pending(library)
    assert found(library, "zebra first") == ["HB 10"]
    with writing_session(library) as session:
        add_version(session, bill, "second words", position=1)
    with writing(library) as connection:
        connection.execute(text("UPDATE bill SET title = 'Okapis' WHERE title = 'Zebras'"))
    assert index_pending(library) == 1
    assert found(library, "okapi second") == ["HB 10"]
    assert found(library, "zebra OR first") == []
    with writing(library) as connection:
        connection.execute(text("UPDATE version SET removed_at = first_seen_at WHERE position = 1"))
        connection.execute(text("UPDATE bill SET last_seen_at = changed_at"))
    assert index_pending(library) == 1, "only what the index holds makes work"
    assert found(library, "first okapi") == ["HB 10"]
    with writing(library) as connection:
        connection.execute(text("DELETE FROM bill WHERE title = 'Okapis'"))
    assert found(library, "okapi") == []


def test_hostile_text_is_indexed_too(engine: Engine) -> None:
    countless = " ".join(f"слово{n:x}лангер" for n in range(120_000))
    with writing_session(engine) as session:
        add_bill(session, "HB 1", "a" * 5_000_000, text=countless)
        add_bill(session, "HB 2", "plain")
    index_pending(engine)
    assert found(engine, "plain") == ["HB 2"]
    assert found(engine, "слово1лангер") == ["HB 1"]


def test_what_a_crawl_stored_is_found_when_it_closes(engine: Engine) -> None:
    run = CrawlRun.open(engine, "md", Expectations())
    light = {"source": "md", "jurisdiction": "md", "session": "2026", "fetched_from": "https://x"}
    item = BillItem(identifier="HB0001", title="Okapis", fetched_at=NOW, **light)  # type: ignore[arg-type]
    run.record(item)
    assert found(engine, "okapi") == []
    run.close(requests=1, bytes=1, not_modified=0)
    assert found(engine, "okapi") == ["HB 1"]


def test_a_bill_written_while_it_is_indexed_is_indexed_again(engine: Engine) -> None:
    """Another process stores its next title when its words have just been read."""
    with writing_session(engine) as session:
        bill = add_bill(session, "HB 1", "Zebras")
    other = make_engine(engine.url.render_as_string(hide_password=False))
    renaming = threading.Thread(target=_rename, args=(other, bill.id))

    def meanwhile(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("INSERT INTO bill_search ") and not renaming.ident:
            renaming.start()
            renaming.join(timeout=0.5)

    event.listen(engine, "after_cursor_execute", meanwhile)
    index_pending(engine)
    renaming.join()
    index_pending(engine)
    event.remove(engine, "after_cursor_execute", meanwhile)
    other.dispose()
    assert (found(engine, "okapi"), found(engine, "zebra")) == (["HB 1"], [])


def _rename(engine: Engine, bill_id: int) -> None:
    with writing(engine) as connection:
        connection.execute(update(Bill).where(Bill.id == bill_id).values(title="Okapis"))


def test_two_may_index_at_once(engine: Engine) -> None:
    with writing_session(engine) as session:
        for number in range(1, 1201):
            add_bill(session, f"HB {number}", f"Okapi {number}", level=None)
    engines = [make_engine(engine.url.render_as_string(hide_password=False)) for _ in range(2)]
    with ThreadPoolExecutor() as pool:
        counts = list(pool.map(index_pending, engines))
    for one_of in engines:
        one_of.dispose()
    index_pending(engine)
    assert sum(counts) >= 1_000
    with reading(engine) as session:
        assert search(session, BillFilter("okapi", level="all")).total == 1_200
