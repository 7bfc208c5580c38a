"""Subscribers as CSV, for an operator who moves to another list or keeps a copy.

One row is one subscription; those who left and those who must not be mailed have rows too, so
that a move forgets neither. Several values in a cell are separated by ``;``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import TextIO

from sqlalchemy import Engine, select
from sqlalchemy.orm import selectinload

from notify.filters import Filter
from notify.schedule import WEEKDAYS
from notify.subscriber_cells import guarded, joined
from tracker.db import reading
from tracker.models import Subscriber, Suppression

FILTER_FIELDS = tuple(Filter.model_fields)
COLUMNS = (
    "email",
    "status",
    "confirmed_at",
    "evidence",
    "timezone",
    "time",
    "frequency",
    "weekday",
    "quiet_note",
    "paused",
    *FILTER_FIELDS,
)
ACTIVE, LEFT, SUPPRESSED = "active", "left", "suppressed"
NONE = "none"
"""The frequency of a reader without a subscription."""


def export_subscribers(engine: Engine, out: TextIO) -> int:
    """Everybody, as :func:`import_subscribers` reads it; the number of rows."""
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    rows = 0
    with reading(engine) as session:
        query = (
            select(Subscriber, Suppression)
            .outerjoin(Suppression, Suppression.address_key == Subscriber.address_key)
            .options(selectinload(Subscriber.subscriptions))
            .order_by(Subscriber.id)
        )
        known = set()
        for reader, suppression in session.execute(query.execution_options(yield_per=500)):
            known.add(reader.address_key)
            why = _why(suppression) if suppression else {}
            for cells in _cells(reader):
                writer.writerow([guarded((cells | why).get(name, "")) for name in COLUMNS])
                rows += 1
        for one in session.scalars(select(Suppression).order_by(Suppression.address_key)):
            if one.address_key not in known:
                cells = {"email": one.address_key} | _why(one)
                writer.writerow([guarded(cells.get(name, "")) for name in COLUMNS])
                rows += 1
    return rows


def _why(one: Suppression) -> dict[str, str]:
    """More than when and how they once confirmed: it is what the next list has to know."""
    evidence = ": ".join(part for part in (one.reason, one.detail) if part)
    return {"status": SUPPRESSED, "evidence": evidence}


def _cells(reader: Subscriber) -> Iterator[dict[str, str]]:
    who = {
        "email": reader.address,
        "status": reader.status,
        "confirmed_at": reader.confirmed_at.isoformat() if reader.confirmed_at else "",
        "evidence": reader.evidence,
        "timezone": reader.timezone,
        "time": f"{reader.hour}:{reader.minute:02}",
    }
    for one in reader.subscriptions:
        chosen = Filter.model_validate(one.filter)
        yield who | {
            "frequency": one.frequency,
            "weekday": WEEKDAYS[one.weekday],
            "quiet_note": "yes" if one.quiet_note else "no",
            "paused": "no" if one.active else "yes",
            **{name: joined(getattr(chosen, name)) for name in FILTER_FIELDS},
        }
    if not reader.subscriptions:
        yield who | {"frequency": NONE}
