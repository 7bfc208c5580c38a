"""Runs: what they find is held until they prove sound, and what becomes of those that do not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pytest
from sqlalchemy import Engine

from tests.tracker.crawls import (
    NOON,
    OFF_TOPIC,
    SEEN,
    changes,
    close,
    crawl,
    everything,
    light,
    line,
    lines,
    page,
    start,
    stored,
    told,
)
from tracker.db import reading
from tracker.expectations import Expectations
from tracker.items import BillItem, Gap
from tracker.models import HttpValidator, Run, SourceState
from tracker.runs import RunError, discard, release
from tracker.search import BillFilter, search
from tracker.settle import retract

STRICT = Expectations(min_bills=5, max_bills=50, changed_floor=3, max_changed=0.25)
SESSION = [light(f"HB {n}", OFF_TOPIC) for n in range(1, 21)]
LATER = NOON + dt.timedelta(days=30)


def numbers(items: Sequence[BillItem]) -> list[str]:
    return [item.identifier for item in items]


def retitled(count: int) -> list[BillItem]:
    """The session, with new titles for its first bills."""
    return [
        item.model_copy(update={"title": f"New title of {item.identifier}"}) if n < count else item
        for n, item in enumerate(SESSION)
    ]


def listing(engine: Engine, items: Sequence[BillItem], day: float = 0) -> Run:
    return crawl(engine, *items, listed=numbers(items), day=day, expectations=STRICT)


def run_of(engine: Engine, run_id: int) -> Run:
    with reading(engine) as session:
        return session.get_one(Run, run_id)


def statuses(engine: Engine, run: Run) -> set[str]:
    return {change.status for change in changes(engine, run=run.id)}


# -- sound or not --------------------------------------------------------------------------------


def test_changes_are_held_while_the_run_is_open_and_released_when_it_proves_sound(
    engine: Engine,
) -> None:
    listing(engine, SESSION)
    run = start(engine, 1, expectations=STRICT)
    for item in retitled(2):
        run.record(item)
    assert [c.status for c in changes(engine, run=run.id)] == ["held", "held"]
    run.listed("2026", numbers(SESSION))
    ended = close(run)
    assert (ended.status, ended.reason, ended.bills_changed) == ("sound", "", 2)
    found = changes(engine, run=run.id)
    assert [c.status for c in found] == ["released", "released"]
    assert found[0].released_at == NOON + dt.timedelta(days=1)


def test_a_row_of_the_run_says_what_it_cost_and_found(engine: Engine) -> None:
    run = start(engine)
    gaps = (Gap(field="date", reason="invalid", seen="0000-00-00"),)
    run.record(light(gaps=gaps))
    run.gap("actor", "unexpected")
    run.fail("timeout", "https://x/2", "no answer in time")
    run.page("https://x/1", 200, 512, "ab" * 32, NOON)
    run.listed("2026", ["HB 1"])
    ended = run.close(requests=7, bytes=5_000_000_000, not_modified=2)
    assert (ended.requests, ended.bytes, ended.not_modified) == (7, 5_000_000_000, 2)
    assert (ended.items, ended.bills_new, ended.listed) == (1, 1, {"2026": 1})
    assert ended.gaps == {"actor": {"unexpected": 1}, "date": {"invalid": 1}}
    assert ended.failures == [
        {"kind": "timeout", "url": "https://x/2", "detail": "no answer in time"}
    ]
    assert (ended.failure_kind, ended.ended_at) == ("timeout", NOON)


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (
            SESSION[:4],
            "the listing of session 2026 has 4 bills, expected 5 to 50; the listing of session 2026"
            " shrank to 4 bills: 16 of the 20 known before are not in it"
            " (HB 5, HB 6, HB 7, HB 8, HB 9, …)",
        ),
        (
            SESSION[2:],
            "the listing of session 2026 shrank to 18 bills: 2 of the 20 known before are not in it"
            " (HB 1, HB 2)",
        ),
        (
            [light(f"HB {n}", OFF_TOPIC) for n in range(1, 60)],
            "the listing of session 2026 has 59 bills, expected 5 to 50",
        ),
        (retitled(6), "6 of 20 known bills changed at once (at most 25% expected)"),
        (
            [*SESSION, light("HB 21", None), light("HB 22", ""), light("HB 23", "")],
            "3 of 23 items have no good title (at most 2% expected)",
        ),
    ],
    ids=["too-few", "shrunk", "too-many", "everything-changed", "no-titles"],
)
def test_a_run_outside_its_expectations_is_held_and_says_why_and_what_to_do(
    engine: Engine, second: list[BillItem], reason: str
) -> None:
    listing(engine, SESSION)
    run = listing(engine, second, day=1)
    assert run.status == "quarantined"
    assert run.reason == (
        f"{reason}. Look: billtracker runs show {run.id}. Decide: billtracker runs release"
        f" {run.id}, or billtracker runs discard {run.id}"
    )
    assert statuses(engine, run) <= {"held"} and not told(engine, run)


def test_one_bill_less_is_forgiven_and_few_changes_are_never_too_many(engine: Engine) -> None:
    listing(engine, SESSION)
    small = listing(engine, [*retitled(3)[:-1]], day=1)
    assert small.status == "sound"
    assert sorted({kind for kind, _ in told(engine, small)}) == ["title", "vanished"]


def test_too_many_failures_are_unsound_and_a_fatal_one_is_enough(engine: Engine) -> None:
    listing(engine, SESSION)
    run = start(engine, 1, expectations=STRICT)
    for item in SESSION:
        run.record(item)
    for n in range(4):
        run.fail("timeout", f"https://x/{n}", "no answer in time")
    assert close(run).reason.startswith(
        "4 failed requests or rows (4 timeout) beside 20 items. Look: billtracker runs show"
    )
    run = start(engine, 2, expectations=STRICT)
    run.record(SESSION[0])
    run.fail("not-recorded", "https://x/", "the folder lacks it")
    assert close(run).status == "quarantined"


def test_new_bills_do_not_count_as_changed(engine: Engine) -> None:
    listing(engine, SESSION)
    more = [*SESSION, *(light(f"SB {n}", OFF_TOPIC) for n in range(1, 31))]
    run = listing(engine, more, day=1)
    assert (run.status, len(told(engine, run))) == ("sound", 30)


# -- a person decides ----------------------------------------------------------------------------


def test_released_by_a_person(engine: Engine) -> None:
    listing(engine, SESSION)
    run = listing(engine, [*retitled(7)[:-2]], day=1)
    assert release(engine, run.id, "eve", LATER) == 9
    ended = run_of(engine, run.id)
    assert (ended.status, ended.decided_by) == ("released", "eve")
    kinds = [kind for kind, _ in told(engine, run)]
    assert (kinds.count("title"), kinds.count("vanished")) == (7, 2)
    again = listing(engine, retitled(7)[:-2], day=2)
    assert (again.status, changes(engine, run=again.id)) == ("sound", [])


def test_discarded_by_a_person(engine: Engine) -> None:
    listing(engine, SESSION)
    before = everything(engine, without=SEEN)
    run = listing(engine, [*retitled(7), light("HB 99", OFF_TOPIC)], day=1)
    assert everything(engine, without=SEEN) != before
    assert discard(engine, run.id, "eve", LATER) == 8
    assert everything(engine, without=SEEN) == before
    ended = run_of(engine, run.id)
    assert (ended.status, ended.decided_by) == ("discarded", "eve")
    assert statuses(engine, run) == {"discarded"}


def test_the_next_run_finds_again_what_a_discarded_one_found(engine: Engine) -> None:
    listing(engine, SESSION)
    run = listing(engine, [*retitled(7), light("HB 99", OFF_TOPIC)], day=1)
    discard(engine, run.id, "eve", LATER)
    again = listing(engine, [*retitled(2), light("HB 99", OFF_TOPIC)], day=2)
    assert again.status == "sound"
    assert sorted(kind for kind, _ in told(engine, again)) == ["introduced", "title", "title"]


def test_news_let_out_by_mistake_is_retracted(engine: Engine) -> None:
    listing(engine, SESSION)
    run = listing(engine, retitled(2), day=1)
    assert statuses(engine, run) == {"released"}
    assert retract(engine, run.id, "eve", LATER) == 2
    assert statuses(engine, run) == {"retracted"}
    assert run_of(engine, run.id).decided_by == "eve"
    again = listing(engine, retitled(2), day=2)
    assert changes(engine, run=again.id) == [], "the rows stay as the source gave them"
    held = listing(engine, retitled(15), day=3)
    with pytest.raises(RunError, match="is quarantined; none of its changes are news"):
        retract(engine, held.id, "eve", LATER)


def test_search_follows_what_is_discarded(engine: Engine) -> None:
    def found(words: str) -> int:
        with reading(engine) as session:
            return search(session, BillFilter(words, level="all")).total

    listing(engine, SESSION)
    run = listing(engine, retitled(7), day=1)
    assert (found("new title"), found("rinks")) == (7, 13)
    discard(engine, run.id, "eve", LATER)
    assert (found("new title"), found("rinks")) == (0, 20)


def test_only_a_quarantined_run_waits_for_a_decision(engine: Engine) -> None:
    sound = listing(engine, SESSION)
    with pytest.raises(RunError, match=r"there is no run 77; billtracker runs list shows them"):
        release(engine, 77, "eve", LATER)
    with pytest.raises(RunError, match=r"run \d+ is sound; only a quarantined run waits"):
        discard(engine, sound.id, "eve", LATER)
    held = listing(engine, retitled(7), day=1)
    listing(engine, retitled(7), day=2)
    with pytest.raises(RunError, match=r"was superseded by the next run of md; .*--source md"):
        release(engine, held.id, "eve", LATER)


def test_a_held_run_that_nobody_decides_gives_way_to_the_next(engine: Engine) -> None:
    """The next run compares with the last sound state: what is still so is found again, once."""
    listing(engine, SESSION)
    held = listing(engine, retitled(7), day=1)
    again = listing(engine, retitled(3), day=2)
    assert (run_of(engine, held.id).status, again.status) == ("superseded", "sound")
    assert statuses(engine, held) == {"discarded"}
    assert [kind for kind, _ in told(engine, again)] == ["title"] * 3
    assert stored(engine, "HB 5").title == OFF_TOPIC


def test_an_unsound_first_run_is_no_news_either_and_its_pages_are_not_read_twice(
    engine: Engine,
) -> None:
    held = listing(engine, SESSION[:3])
    assert (held.status, held.baseline) == ("quarantined", True)
    run = listing(engine, SESSION, day=1)
    assert (run.status, run.baseline, run.bills_new) == ("sound", True, 17)
    assert {change.status for change in changes(engine)} == {"baseline"}
    assert listing(engine, SESSION, day=2).baseline is False


# -- nothing came, or not all --------------------------------------------------------------------


def test_a_run_without_any_bill_has_failed_and_names_the_first_cause(engine: Engine) -> None:
    listing(engine, SESSION)
    before = everything(engine)
    run = start(engine, 1)
    run.fail("forbidden", "https://x/list", "HTTP 403")
    run.fail("timeout", "https://x/list", "no answer in time")
    ended = close(run)
    assert (ended.status, ended.failure_kind) == ("failed", "forbidden")
    assert ended.reason == "forbidden: HTTP 403 at https://x/list"
    assert everything(engine) == before
    silent = close(start(engine, 2))
    assert (silent.status, silent.reason) == (
        "failed",
        "the source gave no bill at all, and no sign that nothing is new",
    )


def test_nothing_new_is_no_failure(engine: Engine) -> None:
    listing(engine, SESSION)
    run = start(engine, 1)
    run.unchanged("https://x/list")
    assert close(run).status == "sound"
    run = start(engine, 2)
    run.listed("2026", numbers(SESSION))
    assert close(run).status == "sound"


def test_a_skipped_run_says_what_is_needed(engine: Engine) -> None:
    run = start(engine).skip("needs an API key: set BILLTRACKER_LEGISCAN_KEY")
    assert (run.status, run.reason) == (
        "skipped",
        "needs an API key: set BILLTRACKER_LEGISCAN_KEY",
    )
    assert listing(engine, SESSION, day=1).baseline


def test_a_run_stopped_in_the_middle_passes_on_what_it_found(engine: Engine) -> None:
    listing(engine, SESSION)
    stopped = start(engine, 1, expectations=STRICT)
    for item in retitled(20)[:2]:
        stopped.record(item)
    ended = close(stopped, finished=False)
    assert (ended.status, statuses(engine, ended)) == ("interrupted", {"held"})
    run = listing(engine, retitled(2), day=2)
    assert run.status == "sound"
    assert told(engine, run) == [("title", f"New title: New title of HB {n}") for n in (1, 2)]


def test_what_was_interrupted_passes_on_through_failed_and_skipped_runs(engine: Engine) -> None:
    listing(engine, SESSION)
    stopped = start(engine, 1)
    stopped.record(retitled(1)[0])
    close(stopped, finished=False)
    start(engine, 2).skip("no key")
    failed = start(engine, 3)
    failed.fail("source-down", "https://x/", "HTTP 503")
    assert close(failed).status == "failed"
    run = listing(engine, retitled(1), day=4)
    assert [kind for kind, _ in told(engine, run)] == ["title"]


def test_what_was_interrupted_is_judged_with_what_the_next_run_finds(engine: Engine) -> None:
    """Half of a redesign is not let out because the crawl was stopped half way."""
    listing(engine, SESSION)
    before = everything(engine, without=SEEN)
    stopped = start(engine, 1, expectations=STRICT)
    for item in retitled(4)[:4]:
        stopped.record(item)
    stopped.record(light("HB 99", OFF_TOPIC))
    close(stopped, finished=False)
    run = listing(engine, [*retitled(6), light("HB 99", OFF_TOPIC)], day=2)
    assert run.status == "quarantined"
    assert len(changes(engine, run=run.id)) == 7
    discard(engine, run.id, "eve", LATER)
    assert everything(engine, without=SEEN) == before


# -- what the next run may skip ------------------------------------------------------------------


def test_cursor_and_validators_are_kept_by_sound_runs_only(engine: Engine) -> None:
    url = "https://x/list"

    def poll(day: float, etag: str, items: Sequence[BillItem], fail: bool = False) -> Run:
        run = start(engine, day, expectations=STRICT)
        for item in items:
            run.record(item)
        run.listed("2026", numbers(items))
        run.cursor["seen"] = etag
        run.keep_validator(url, etag, "", "ab")
        if fail:
            run.fail("timeout", "https://x/hb1", "no answer in time")
        return close(run)

    def kept(day: float) -> tuple[object, object]:
        run = start(engine, day)
        found = run.validator(url)
        cursor = run.cursor.get("seen")
        run.skip("only looking")
        return found and found.etag, cursor

    assert kept(0) == (None, None)
    assert poll(1, "one", SESSION).status == "sound"
    assert kept(2) == ("one", "one")
    assert poll(3, "two", SESSION[:5]).status == "quarantined"
    assert kept(4) == ("one", "one")
    assert poll(5, "three", SESSION, fail=True).status == "sound"
    assert kept(6) == ("one", "three"), "a page that failed is asked for again"
    assert poll(7, "four", SESSION).status == "sound"
    assert kept(8) == ("four", "four")
    with reading(engine) as session:
        assert session.query(HttpValidator).count() == 1
        assert session.get_one(SourceState, "md").last_sound_run_id is not None


def test_new_topic_rules_make_every_page_be_looked_at_anew(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start(engine)
    run.record(light())
    run.keep_validator("https://x/", "one", "", "ab")
    close(run)
    monkeypatch.setattr("tracker.runs.rules_hash", lambda: "other rules")
    assert start(engine, 1).validator("https://x/") is None


def test_a_text_is_known_by_its_address(engine: Engine) -> None:
    from tracker.items import Link, VersionItem

    first, second = "https://x/1.html", "https://x/2.html"
    linked = VersionItem(note="Third Reader", links=(Link(url=second),))
    read = VersionItem(note="Introduced", text="words", text_url=first, links=(Link(url=first),))
    bill = page(versions=(read, linked))
    run = start(engine)
    assert not run.has_text(bill, first)
    run.record(bill)
    assert run.has_text(bill, first) and not run.has_text(bill, second)


# -- odd rows ------------------------------------------------------------------------------------


def test_a_bill_listed_twice_on_one_page_is_a_gap_and_its_first_row_counts(engine: Engine) -> None:
    run = crawl(engine, light(title="First"), light(title="Second"), light("HB 2", OFF_TOPIC))
    assert run.gaps == {"identifier": {"duplicate": 1}}
    assert stored(engine).title == "First"


def test_an_import_goes_on_after_a_bill_that_cannot_be_stored(engine: Engine) -> None:
    bad = light("\x00\x07", fetched_from="https://x/bills.csv#7")
    items = [light("HB 1"), bad, light("HB 2", OFF_TOPIC), light("HB 2", "Another", source_id="b")]
    run = start(engine)
    run.record_many(items)
    ended = close(run)
    assert (ended.items, ended.bills_new) == (2, 2)
    assert ended.gaps == {"identifier": {"duplicate": 1}}
    assert ended.failures == [
        {
            "kind": "bad-row",
            "url": "https://x/bills.csv#7",
            "detail": r"'\x00\x07': its identifier has no readable character",
        }
    ]


def test_what_a_broken_page_brings_into_an_error_is_stored_readable(engine: Engine) -> None:
    run = start(engine)
    run.gap("\x00" + "key" * 200, "unexpected")
    run.fail("bad-row", "https://x/\x00", "no JSON: \x00\x1b[2J {" + "x" * 5_000_000)
    ended = close(run)
    assert ended.reason.startswith("bad-row: no JSON: [2J {xxx")
    assert len(ended.reason) < 1_200 and "\x00" not in ended.reason
    assert [len(name) for name in ended.gaps] == [100]


def test_one_bad_bill_raises_and_leaves_nothing_of_itself(engine: Engine) -> None:
    run = start(engine)
    with pytest.raises(ValueError, match="its identifier has no readable character"):
        run.record(light("\x00"))
    run.record(page("HB 2", actions=lines("03-01 First Reading")))
    assert close(run).items == 1
    assert len(everything(engine)["bill"]) == 1


def test_a_source_does_not_touch_another(engine: Engine) -> None:
    listing(engine, SESSION)
    other = light(source="va", jurisdiction="va", latest_action=line("Passed House", "03-01"))
    run = crawl(engine, other, source="va", listed=["HB 1"])
    assert (run.status, run.baseline) == ("sound", True)
    assert not changes(engine, "vanished")
