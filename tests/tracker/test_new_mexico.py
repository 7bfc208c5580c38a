"""A real session, captured nineteen times from January to August 2026, one run after another."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from tests.tracker import new_mexico
from tests.tracker.crawls import SEEN, changes, everything
from tracker.db import reading
from tracker.health import source_health
from tracker.models import Bill, Change, Run
from tracker.normalise import identifier_key
from tracker.settle import release

pytestmark = pytest.mark.recorded

BY_LOCATION = {
    "Chaptered": "became-law",
    "Vetoed": "vetoed",
    "Pocket Veto": "vetoed",
    "Died": "failed",
    "Died (API.)": "failed",
}


def told(engine: Engine, identifier: str) -> list[tuple[str, str, str]]:
    """(kind, date the source gives, summary) of all that went out about a bill."""
    with reading(engine) as session:
        rows = session.execute(
            select(Change.kind, Change.occurred_on, Change.summary)
            .join(Bill)
            .where(Bill.identifier_key == identifier, Change.status == "released")
            .order_by(Change.id)
        ).all()
    return [(kind, f"{on:%m-%d}" if on else "", summary) for kind, on, summary in rows]


def crawl_all(engine: Engine, captures: list[Path], **options: bool) -> list[Run]:
    return [new_mexico.crawl(engine, capture, **options) for capture in captures]


def test_a_session_from_introduction_to_law(engine: Engine, recorded: Path) -> None:
    """January to March: what goes out, bill by bill, and nothing of it twice."""
    captures = new_mexico.captures(recorded)[:14]
    runs = crawl_all(engine, captures, notify_first_run=True)
    assert [run.status for run in runs] == ["sound"] * 14
    assert told(engine, "HB 9") == [
        ("introduced", "01-30", "New bill: IMMIGRANT SAFETY ACT"),
        ("action", "02-03", "Passed in the Senate - Y:24 N:15"),
        ("stage", "02-03", "Passed both chambers: Passed in the Senate - Y:24 N:15"),
        ("action", "", "Chaptered"),
        ("stage", "", "Became law: Chaptered"),
    ]
    introduced = [change.after for change in changes(engine, "introduced")]
    assert {
        "title": "IMMIGRANT SAFETY ACT",
        "latest_action": "Passed in the House of Representatives - Y:40 N:29",
        "stage": "passed-first-chamber",
    } in introduced
    assert [line for line in told(engine, "SB 40") if line[0] != "sponsor_added"] == [
        ("introduced", "01-30", "New bill: DRIVER PRIVACY AND SAFETY ACT"),
        ("hearing_set", "02-09", "Hearing: Senate Judiciary Committee, Mon Feb 9"),
        (
            "action",
            "02-10",
            "SJC: Reported by committee with Do Not Pass but with a Do Pass recommendation on"
            " Committee Substitution",
        ),
        ("action", "02-12", "Sent to HJC - Referrals: HJC"),
        ("stage", "02-12", "Passed first chamber: Sent to HJC - Referrals: HJC"),
        ("hearing_set", "02-14", "Hearing: House Judiciary Committee, Sat Feb 14"),
        ("action", "02-14", "HJC: Reported by committee with Do Pass recommendation"),
        ("action", "02-17", "Passed in the House of Representatives - Y:42 N:22"),
        (
            "stage",
            "02-17",
            "Passed both chambers: Passed in the House of Representatives - Y:42 N:22",
        ),
        ("action", "", "Chaptered"),
        ("stage", "", "Became law: Chaptered"),
    ]
    assert told(engine, "SB 18")[-2:] == [
        ("action", "02-11", "Failed to Pass in the Senate, Bill Has Died"),
        ("stage", "02-11", "Failed: Failed to Pass in the Senate, Bill Has Died"),
    ]
    everything_told = [(c.bill_id, c.kind, c.occurred_on, c.summary) for c in changes(engine)]
    twice = [one for one, count in Counter(everything_told).items() if count > 1]
    assert twice == []
    kinds = Counter(change.kind for change in changes(engine))
    assert (kinds["introduced"], kinds["title"], kinds["vanished"]) == (686, 3, 0)
    assert kinds["sponsor_removed"] == 5, "a name that gained its accent is no other sponsor"
    corrected = changes(engine, "action_corrected")
    assert {(c.before["date"], c.after["date"]) for c in corrected if c.before and c.after} == {
        ("2026-02-19", "2026-02-18")
    }


def test_each_capture_fed_again_is_nothing(engine: Engine, recorded: Path) -> None:
    for capture in new_mexico.captures(recorded)[:3]:
        new_mexico.crawl(engine, capture)
        rows = everything(engine, without=SEEN)
        again = new_mexico.crawl(engine, capture)
        assert (again.bills_changed, changes(engine, run=again.id)) == (0, [])
        assert everything(engine, without=SEEN) == rows


def test_lists_that_lost_rows_are_held_and_no_bill_is_called_withdrawn(
    engine: Engine, recorded: Path
) -> None:
    captures = new_mexico.captures(recorded)
    march, june, august_4, august_5, august_18, august_22 = captures[13:]
    new_mexico.crawl(engine, march)

    shrunk = new_mexico.crawl(engine, june)
    assert shrunk.reason.startswith(
        "the listing of session 2026 shrank to 684 bills: 2 of the 686 known before are not in it"
        " (HB 27, HB 41); 607 of 686 known bills changed at once (at most 50% expected)."
    )
    assert new_mexico.crawl(engine, august_4).reason.startswith(
        "the listing of session 2026 shrank to 682 bills: 4 of the 686 known before are not in it"
        " (HB 76, HB 233, SB 268, SB 292);"
    )
    # The list is whole, and 609 bills did die with the session: an operator looks and agrees.
    whole = new_mexico.crawl(engine, august_5)
    assert whole.reason.startswith("609 of 686 known bills changed at once")
    with reading(engine) as session:
        (health,) = source_health(session, new_mexico.captured_at(august_5))
    assert (health.status, health.held, health.to_do) == (
        "held",
        2 * 609,
        (f"billtracker runs release {whole.id}", f"billtracker runs discard {whole.id}"),
    )
    assert release(engine, whole.id, "eve", new_mexico.captured_at(august_5)) == 2 * 609

    again = new_mexico.crawl(engine, august_18)
    assert (again.status, changes(engine, run=again.id)) == ("quarantined", [])
    assert "HB 56, HB 57, HB 58, HB 59" in again.reason
    last = new_mexico.crawl(engine, august_22)
    assert (last.status, changes(engine, run=last.id)) == ("sound", [])

    assert changes(engine, "vanished", "reappeared") == []
    with reading(engine) as session:
        assert session.scalar(select(func.count()).where(Bill.vanished_at.is_not(None))) == 0
        assert Counter(session.scalars(select(Bill.stage))) == {
            "failed": 611,
            "became-law": 71,
            "vetoed": 3,
            "": 1,  # replaced by another bill, which says nothing of a stage
        }
        stages = {bill.identifier_key: bill.stage for bill in session.scalars(select(Bill))}
    for number, where in new_mexico.locations(august_22):
        stage = stages[identifier_key(number)]
        assert stage == BY_LOCATION.get(where, stage), f"{number} is {where}"
