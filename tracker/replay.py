"""Derive again what was derived before, over stored rows, when the stage rules have changed.

Only derived columns are written; what sources said stays word for word, and no Change is made of
it: a better reading is not news.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, select

from tracker.bill_rows import BILL, LISTS, Row, update_by_id
from tracker.compare import RowDiff
from tracker.db import writing
from tracker.progress import Facts, derive

BILLS_PER_TRANSACTION = 500
ACTIONS = LISTS["actions"]


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
    """Read every stored action with today's rules; write what differs unless ``dry_run``.

    A few hundred bills a transaction: crawls may go on meanwhile, and it may be stopped anywhere.
    """
    report = Report()
    last = 0
    while True:
        with writing(engine) as connection:
            bills = _next_bills(connection, last, jurisdiction)
            if not bills:
                return report
            _replay_some(connection, bills, report, dry_run)
        last = bills[-1].id


def _next_bills(connection: Connection, after: int, jurisdiction: str | None) -> Sequence[Row]:
    query = select(BILL).where(BILL.c.id > after).order_by(BILL.c.id).limit(BILLS_PER_TRANSACTION)
    if jurisdiction:
        query = query.where(BILL.c.jurisdiction == jurisdiction)
    return connection.execute(query.with_for_update()).all()


def _replay_some(
    connection: Connection, bills: Sequence[Row], report: Report, dry_run: bool
) -> None:
    histories = _histories(connection, [bill.id for bill in bills])
    diff = RowDiff()
    bill_updates = []
    for bill in bills:
        facts = Facts(bill.jurisdiction, bill.chamber, bill.bill_types)
        read = RowDiff()
        columns = derive(facts, histories[bill.id], read).columns
        diff.updates += read.updates
        changed = {name: value for name, value in columns.items() if getattr(bill, name) != value}
        if changed:
            bill_updates.append({"id": bill.id, **changed})
        if changed.keys() & {"stage", "stage_on"}:
            report.moved[bill.stage, columns["stage"]] += 1
    report.bills += len(bills)
    report.actions += sum(map(len, histories.values()))
    report.actions_changed += len(diff.updates)
    if not dry_run:
        update_by_id(connection, ACTIONS, diff.updates)
        update_by_id(connection, BILL, bill_updates)


def _histories(connection: Connection, bill_ids: Sequence[int]) -> dict[int, list[Row]]:
    query = select(ACTIONS).where(ACTIONS.c.bill_id.in_(bill_ids))
    found: dict[int, list[Row]] = defaultdict(list)
    for row in connection.execute(query.order_by(ACTIONS.c.position, ACTIONS.c.id)):
        found[row.bill_id].append(row)
    return found
