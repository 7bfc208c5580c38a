"""The tables of a bill, read and updated a batch at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import JSON, Connection, Date, Dialect, Table, bindparam, insert, select, update
from sqlalchemy.sql.compiler import SQLCompiler

from tracker.models import (
    Action,
    Base,
    Bill,
    BillText,
    Change,
    Hearing,
    RelatedBill,
    Sponsorship,
    UTCDateTime,
    Version,
    VoteEvent,
)

Row = Any
"""A stored row: attributes named as its columns."""

ChildRows = dict[str, dict[int, list[Row]]]
"""List name → bill id → its rows in order."""


def model_table(model: type[Base]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table


BILL = model_table(Bill)
CHANGE = model_table(Change)
TEXT = model_table(BillText)
LISTS = {
    "actions": model_table(Action),
    "sponsors": model_table(Sponsorship),
    "versions": model_table(Version),
    "votes": model_table(VoteEvent),
    "hearings": model_table(Hearing),
    "related_bills": model_table(RelatedBill),
}
"""By the name of the field of :class:`tracker.items.BillItem` that states them."""


def child_rows(connection: Connection, bill_ids: Sequence[int]) -> ChildRows:
    found: ChildRows = {name: {} for name in LISTS}
    for name, table in LISTS.items() if bill_ids else ():
        by_bill = found[name] = defaultdict(list)
        query = select(table).where(table.c.bill_id.in_(bill_ids)).order_by(table.c.bill_id)
        if "position" in table.c:
            query = query.order_by(table.c.position)
        for row in connection.execute(query.order_by(table.c.id)):
            by_bill[row.bill_id].append(row)
    return found


def insert_rows(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """``executemany`` of rows with equal keys, every column but ``id`` given.

    The statement and the converters of values are worked out once a table, which makes an import
    three times as fast as ``connection.execute(insert(table), rows)``.
    """
    if not rows:
        return
    statement, converters, by_name = _prepared(table, connection.dialect)
    columns = [
        [row[name] for row in rows]
        if convert is None
        else [None if (value := row[name]) is None else convert(value) for row in rows]
        for name, convert in converters.items()
    ]
    parameters: list[Any] = list(zip(*columns, strict=True))
    if by_name:
        parameters = [dict(zip(converters, values, strict=True)) for values in parameters]
    connection.exec_driver_sql(statement, parameters)


Convert = Callable[[Any], Any]


@lru_cache(maxsize=64)
def _prepared(table: Table, dialect: Dialect) -> tuple[str, dict[str, Convert | None], bool]:
    """SQL, its columns in order and what converts their values, and whether these go by name."""
    names = [column.name for column in table.c if column.name != "id"]
    compiled = insert(table).compile(dialect=dialect, column_keys=names)
    assert isinstance(compiled, SQLCompiler)
    converters: dict[str, Convert | None] = {}
    for name in compiled.positiontup or names:
        kind = table.c[name].type
        convert: Convert | None = kind.dialect_impl(dialect).bind_processor(dialect)
        if convert is not None and isinstance(kind, Date | UTCDateTime):
            convert = lru_cache(maxsize=1024)(convert)
        elif convert is not None and isinstance(kind, JSON):
            convert = _json(convert)
        converters[name] = convert
    return str(compiled), converters, not compiled.positional


def _json(convert: Convert) -> Convert:
    """Most lists are empty, or of a few words and the same again and again."""
    words_only = lru_cache(maxsize=1024)(lambda words: convert(list(words)))
    empty = convert([])

    def converted(value: Any) -> Any:
        if value == []:
            return empty
        if isinstance(value, list) and all(isinstance(word, str) for word in value):
            return words_only(tuple(value))
        return convert(value)

    return converted


def update_by_id(connection: Connection, table: Table, changed: Iterable[dict[str, Any]]) -> None:
    """One executemany per set of columns; each row names its ``id``."""
    by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in changed:
        columns = tuple(sorted(row.keys() - {"id"}))
        by_columns[columns].append({f"_{name}": value for name, value in row.items()})
    for columns, parameters in by_columns.items():
        values: dict[str, Any] = {name: bindparam(f"_{name}") for name in columns}
        connection.execute(
            update(table).where(table.c.id == bindparam("_id")).values(values), parameters
        )
