"""A run taken back exactly: bills as they stood before it touched them.

A run may turn out unsound when much of it is stored already. Before it first writes to a bill
that was there before it, that bill's rows are put aside (:class:`tracker.models.BillBefore`).
Settling the run throws them away; taking it back puts them in place again and removes the bills
it brought. Two things stay: when a bill was last seen, and texts (of a version that is gone), which
no page shows without their version.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Date, Table, bindparam, delete, insert, select, update

from tracker.bill_rows import BILL, CHANGE, LISTS, ChildRows, Row, update_by_id
from tracker.models import BillBefore, UTCDateTime

_STAYS = {"last_seen_at", "last_seen_run_id"}
_BILLS_AT_ONCE = 200


def remember(
    connection: Connection, bills: Sequence[Row], rows: ChildRows, run_id: int | None
) -> None:
    """Put aside what the run is about to write to; what it brought itself needs no copy.

    ``bills`` are whole rows of the bill table, ``rows`` their lists.
    """
    older = {bill.id: bill for bill in bills if bill.first_seen_run_id != run_id}
    if run_id is None or not older:
        return
    query = select(BillBefore.bill_id).where(
        BillBefore.run_id == run_id, BillBefore.bill_id.in_(older)
    )
    for bill_id in connection.scalars(query):
        del older[bill_id]
    copies = [
        {
            "run_id": run_id,
            "bill_id": bill.id,
            "rows": {
                "bill": [_plain(bill)],
                **{name: [_plain(row) for row in rows[name].get(bill.id, ())] for name in LISTS},
            },
        }
        for bill in older.values()
    ]
    if copies:
        connection.execute(insert(BillBefore), copies)


def forget(connection: Connection, run_id: int) -> None:
    """The run is settled: what it stored stays."""
    connection.execute(delete(BillBefore).where(BillBefore.run_id == run_id))


def hand_over(connection: Connection, run_id: int, to_run_id: int) -> None:
    """What an unsettled run brought, wrote to and found becomes the next one's to settle."""
    for table in (BILL, LISTS["actions"]):
        column = table.c.first_seen_run_id
        connection.execute(update(table).where(column == run_id).values({column: to_run_id}))
    for owned in (BillBefore.__table__, CHANGE):
        assert isinstance(owned, Table)
        connection.execute(update(owned).where(owned.c.run_id == run_id).values(run_id=to_run_id))


def take_back(connection: Connection, run_id: int) -> list[int]:
    """Undo all that the run stored; ids of the bills put back, whose words need judging again.

    Its changes of bills that stay are kept to be read, as discarded, under keys that leave the
    next run free to find them again; those of bills it brought go with the bills.
    """
    put_back: list[int] = []
    while copies := connection.execute(
        select(BillBefore).where(BillBefore.run_id == run_id).limit(_BILLS_AT_ONCE)
    ).all():
        ids = [copy.bill_id for copy in copies]
        update_by_id(connection, BILL, _read(BILL, [copy.rows["bill"][0] for copy in copies]))
        for name, table in LISTS.items():
            stood = [row for copy in copies for row in copy.rows[name]]
            _delete_others(connection, table, ids, {row["id"] for row in stood})
            update_by_id(connection, table, _read(table, stood))
        connection.execute(
            delete(BillBefore).where(BillBefore.run_id == run_id, BillBefore.bill_id.in_(ids))
        )
        put_back += ids
    connection.execute(delete(BILL).where(BILL.c.first_seen_run_id == run_id))
    connection.execute(
        update(CHANGE)
        .where(CHANGE.c.run_id == run_id)
        .values(status="discarded", key=CHANGE.c.key + f" discarded {run_id}")
    )
    return put_back


def _delete_others(
    connection: Connection, table: Table, bill_ids: Sequence[int], stood: set[int]
) -> None:
    """Long histories are more ids than fit into one statement."""
    now = connection.scalars(select(table.c.id).where(table.c.bill_id.in_(bill_ids)))
    added = [{"_id": row_id} for row_id in now if row_id not in stood]
    if added:
        connection.execute(delete(table).where(table.c.id == bindparam("_id")), added)


def _plain(row: Row) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, dt.date) else value
        for name, value in row._mapping.items()
    }


def _read(table: Table, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows as :func:`_plain` wrote them, with dates and times again."""
    parse: dict[str, Any] = {}
    for column in table.c:
        if isinstance(column.type, UTCDateTime):
            parse[column.name] = dt.datetime.fromisoformat
        elif isinstance(column.type, Date):
            parse[column.name] = dt.date.fromisoformat
    return [
        {
            name: parse[name](value) if name in parse and value is not None else value
            for name, value in row.items()
            if name not in _STAYS
        }
        for row in rows
    ]
