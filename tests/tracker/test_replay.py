"""Rules change; what was derived from stored rows is derived again, and nothing else is touched."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import Engine, select

from tracker.db import reading, writing_session
from tracker.models import Action, Bill
from tracker.replay import replay_stages

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
HISTORY = ["First Reading Judiciary", "Third Reading Passed (97-37)", "Unfavorable Report by JPR"]


def add_bill(engine: Engine, identifier: str, state: str = "md", **stored: Any) -> int:
    with writing_session(engine) as session:
        bill = Bill(
            source=state, jurisdiction=state, session="2026", chamber="lower", bill_types=["bill"],
            identifier=identifier, identifier_key=identifier,
            first_seen_at=NOW, last_seen_at=NOW, changed_at=NOW, **stored,
        )  # fmt: skip
        session.add(bill)
        session.flush()
        return bill.id


def add_actions(engine: Engine, bill_id: int, *texts: str, **stored: Any) -> None:
    with writing_session(engine) as session:
        session.add_all(
            Action(
                bill_id=bill_id, position=n, text=text, date=dt.date(2026, 1, 10 + n),
                actor="lower" if n < 2 else "upper", first_seen_at=NOW, **stored,
            )
            for n, text in enumerate(texts)
        )  # fmt: skip


def bill(engine: Engine, bill_id: int) -> Bill:
    with reading(engine) as session:
        return session.scalars(select(Bill).where(Bill.id == bill_id)).one()


def actions(engine: Engine, bill_id: int) -> list[tuple[str, list[str], str]]:
    with reading(engine) as session:
        rows = session.scalars(
            select(Action).where(Action.bill_id == bill_id).order_by(Action.position)
        )
        return [(row.text, row.classification, row.stage) for row in rows]


def test_replay_writes_what_the_rules_say_now(engine: Engine) -> None:
    number = add_bill(engine, "HB 1", stage="introduced")
    add_actions(engine, number, *HISTORY)

    planned = replay_stages(engine, dry_run=True)
    assert planned.moved == {("introduced", "failed"): 1}
    assert (planned.actions, planned.actions_changed) == (3, 3)
    assert bill(engine, number).stage == "introduced"

    assert replay_stages(engine) == planned
    assert (bill(engine, number).stage, bill(engine, number).stage_on) == (
        "failed",
        dt.date(2026, 1, 12),
    )
    assert actions(engine, number) == [
        (HISTORY[0], ["introduction", "reading-1", "referral-committee"], "in-committee"),
        (HISTORY[1], ["reading-3", "passage"], "passed-first-chamber"),
        (HISTORY[2], ["committee-passage-unfavorable", "failure"], "failed"),
    ]
    again = replay_stages(engine)
    assert (again.actions_changed, again.bills_changed) == (0, 0)


def test_a_retracted_action_counts_no_more(engine: Engine) -> None:
    number = add_bill(engine, "HB 2")
    add_actions(engine, number, *HISTORY[:2])
    add_actions(engine, number, "Withdrawn by Sponsor", retracted_at=NOW)
    replay_stages(engine)
    assert bill(engine, number).stage == "passed-first-chamber"


def test_only_the_jurisdiction_asked_for(engine: Engine) -> None:
    ours, other = add_bill(engine, "HB 3", "nd"), add_bill(engine, "HB 3", "wa")
    for number in (ours, other):
        add_actions(engine, number, "Second reading, passed, yeas 80 nays 10")
    assert replay_stages(engine, "nd").bills == 1
    assert bill(engine, ours).stage == "passed-first-chamber"
    assert bill(engine, other).stage == ""


def test_many_bills_go_in_batches(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracker.replay.BILLS_PER_TRANSACTION", 2)
    for n in range(5):
        add_actions(engine, add_bill(engine, f"HB {n}"), "Vetoed by the Governor")
    assert replay_stages(engine).moved == {("", "vetoed"): 5}
