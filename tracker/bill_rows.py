"""The tables of a bill, read and updated a batch at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from operator import itemgetter
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
    statement, names, converters, by_name = _prepared(table, connection.dialect)
    columns = itemgetter(*names)
    parameters: list[Any] = []
    for row in rows:
        values = list(columns(row))
        for place, convert in converters:
            if values[place] is not None:
                values[place] = convert(values[place])
        parameters.append(dict(zip(names, values, strict=True)) if by_name else tuple(values))
    connection.exec_driver_sql(statement, parameters)


@lru_cache(maxsize=64)
def _prepared(
    table: Table, dialect: Dialect
) -> tuple[str, list[str], list[tuple[int, Callable[[Any], Any]]], bool]:
    """SQL, its columns in order, converters by place, and whether parameters go by name."""
    names = [column.name for column in table.c if column.name != "id"]
    compiled = insert(table).compile(dialect=dialect, column_keys=names)
    assert isinstance(compiled, SQLCompiler)
    order = compiled.positiontup or names
    converters = []
    for place, name in enumerate(order):
        kind = table.c[name].type
        convert: Callable[[Any], Any] | None = kind.dialect_impl(dialect).bind_processor(dialect)
        if convert is None:
            continue
        if isinstance(kind, Date | UTCDateTime):
            convert = lru_cache(maxsize=1024)(convert)
        converters.append((place, _json(convert) if isinstance(kind, JSON) else convert))
    return str(compiled), list(order), converters, not compiled.positional


def _json(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Most lists are short, of words, and the same again and again."""
    words_only = lru_cache(maxsize=1024)(lambda words: convert(list(words)))

    def converted(value: Any) -> Any:
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
