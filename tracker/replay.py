"""Derive again what was derived before, over stored rows, when the stage rules have changed.

Only derived columns are written; what sources said stays word for word, and no Change is made of
it: a better reading is not news.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, bindparam, select, update

from tracker.db import reading, writing
from tracker.models import Action, Bill
from tracker.stages import ActionStage, DatedAction, Progress, bill_stage, classify_action

BILLS_PER_TRANSACTION = 500


@dataclass
class Report:
    """``moved`` counts bills by (stage before, stage after)."""

    actions: int = 0
    actions_changed: int = 0
    bills: int = 0
    moved: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def bills_changed(self) -> int:
        return self.moved.total()


def replay_stages(engine: Engine, jurisdiction: str | None = None, dry_run: bool = False) -> Report:
    """Read every stored action with today's rules; write what differs unless ``dry_run``."""
    report = Report()
    for bills in _batches(engine, jurisdiction):
        with reading(engine) as session:
            rows = session.scalars(
                select(Action)
                .where(Action.bill_id.in_([bill.id for bill in bills]))
                .order_by(Action.bill_id, Action.position)
            ).all()
        histories: dict[int, list[Action]] = {bill.id: [] for bill in bills}
        for row in rows:
            histories[row.bill_id].append(row)
        action_updates, bill_updates = [], []
        for bill in bills:
            changed, progress = _read_again(bill, histories[bill.id])
            action_updates += changed
            if (progress.stage, progress.on) != (bill.stage, bill.stage_on):
                report.moved[bill.stage, progress.stage] += 1
                bill_updates.append({"b": bill.id, "stage": progress.stage, "on": progress.on})
        report.bills += len(bills)
        report.actions += len(rows)
        report.actions_changed += len(action_updates)
        if not dry_run:
            _write(engine, action_updates, bill_updates)
    return report


def _batches(engine: Engine, jurisdiction: str | None) -> Iterator[list[Bill]]:
    last = 0
    while True:
        query = select(Bill).where(Bill.id > last).order_by(Bill.id).limit(BILLS_PER_TRANSACTION)
        if jurisdiction:
            query = query.where(Bill.jurisdiction == jurisdiction)
        with reading(engine) as session:
            bills = list(session.scalars(query))
        if not bills:
            return
        yield bills
        last = bills[-1].id


def _read_again(bill: Bill, history: list[Action]) -> tuple[list[dict[str, Any]], Progress]:
    """The actions whose meaning differs from what is stored, and where the bill stands now."""
    standing = [action for action in history if action.retracted_at is None]
    meanings = [_meaning(bill, action) for action in standing]
    progress = bill_stage(
        bill.jurisdiction,
        bill.chamber,
        bill.bill_types,
        [
            DatedAction(action.date, action.actor, meaning)
            for action, meaning in zip(standing, meanings, strict=True)
        ],
    )
    changed = [
        {"b": action.id, "classification": list(meaning.classification), "stage": step}
        for action, meaning, step in zip(standing, meanings, progress.steps, strict=True)
        if (action.classification, action.stage) != (list(meaning.classification), step)
    ]
    if not standing and bill.latest_action_text:
        progress = _from_latest_action(bill)
    return changed, progress


def _meaning(bill: Bill, action: Action) -> ActionStage:
    return classify_action(
        bill.jurisdiction, action.text, action.actor, tuple(action.source_classification)
    )


def _from_latest_action(bill: Bill) -> Progress:
    """A bill known from listings alone: its latest action can only add to where it stood."""
    meaning = classify_action(bill.jurisdiction, bill.latest_action_text)
    latest = DatedAction(bill.latest_action_on, None, meaning)
    progress = bill_stage(
        bill.jurisdiction, bill.chamber, bill.bill_types, [latest], start=bill.stage
    )
    if progress.stage == bill.stage:
        return Progress(bill.stage, bill.stage_on, ())
    return progress


def _write(
    engine: Engine, action_updates: list[dict[str, Any]], bill_updates: list[dict[str, Any]]
) -> None:
    if not action_updates and not bill_updates:
        return
    with writing(engine) as connection:
        if action_updates:
            connection.execute(
                update(Action)
                .where(Action.id == bindparam("b"))
                .values(classification=bindparam("classification"), stage=bindparam("stage")),
                action_updates,
            )
        if bill_updates:
            connection.execute(
                update(Bill)
                .where(Bill.id == bindparam("b"))
                .values(stage=bindparam("stage"), stage_on=bindparam("on")),
                bill_updates,
            )
