"""Subscribers out of CSV, for an operator who comes from another list; see subscriber_export for
the columns.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from pydantic import ValidationError
from sqlalchemy import Connection, Engine, select

from notify import people
from notify.addresses import address_key, checked_address
from notify.bill_names import bill_keys
from notify.filters import BILL_KEY, Filter, problems
from notify.people import DeliveryTime, Wish
from notify.schedule import WEEKDAYS, checked_frequency
from notify.subscriber_cells import guarded, parted, unguarded
from notify.subscriber_export import (
    ACTIVE,
    COLUMNS,
    FILTER_FIELDS,
    LEFT,
    NONE,
    SUPPRESSED,
)
from notify.suppression import REASONS, is_suppressed, suppress
from tracker.models import Subscriber

ALSO_CALLED = {"e-mail": "email", "email address": "email", "address": "email"}
NOTES = ("line", "problem")
"""Columns of a file of refused rows; they say nothing new when it comes back."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""Not tabs and line ends, which a cell may well have."""
YES = {"yes": True, "true": True, "1": True, "": False, "no": False, "false": False, "0": False}


class BadFile(ValueError):
    """Nothing of the file can be read; the message says where it is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row, judged."""

    line: int
    address: str
    status: str
    confirmed_at: dt.datetime | None
    evidence: str
    clock: DeliveryTime
    wish: Wish | None
    """Nothing for one who has no subscription (frequency "none")."""
    paused: bool


@dataclass(slots=True)
class Imported:
    """``counts``: readers, subscriptions, known, left, suppressed. ``refused``: line → why."""

    counts: Counter[str] = field(default_factory=Counter)
    refused: dict[int, str] = field(default_factory=dict)
    rows: dict[int, dict[str, str]] = field(default_factory=dict)
    """The refused rows as they came, by line."""
    heading: tuple[str, ...] = ()

    def refuse(self, line: int, row: Mapping[str, str], why: str) -> None:
        self.refused[line] = why
        self.rows[line] = dict(row)


def import_subscribers(
    engine: Engine,
    path: Path,
    now: dt.datetime,
    *,
    evidence: str = "",
    confirmed_at: str = "",
    dry_run: bool = False,
) -> Imported:
    """All good rows in one transaction; the others are told by line.

    ``evidence`` and ``confirmed_at`` are for rows that say nothing themselves. Who left or is
    suppressed here stays so. Raises :class:`BadFile`, and then nothing is imported.
    """
    done = Imported()
    entries: list[tuple[Entry, dict[str, str]]] = []
    for line, row in _rows(path, done):
        full = {"evidence": evidence, "confirmed_at": confirmed_at} | {
            name: value for name, value in row.items() if value
        }
        try:
            entries.append((_judged(engine, line, full, now), row))
        except ValueError as error:
            done.refuse(line, row, _plain(error))
    with engine.connect().execution_options(write=True) as connection, connection.begin() as unit:
        for entry, row in entries:
            try:
                done.counts += _apply(connection, entry, now)
            except ValueError as error:
                done.refuse(entry.line, row, _plain(error))
        if dry_run:
            unit.rollback()
    return done


def _rows(path: Path, done: Imported) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, row by our names of its columns)"""
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise BadFile(f"{path}, line {line}: not UTF-8; save it as CSV in UTF-8") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        heading = [ALSO_CALLED.get(name, name) for name in map(_column, next(reader, []))]
        if "email" not in heading:
            raise BadFile(
                f"{path}: the first line has to name the columns, one of them email; "
                f"it is: {', '.join(heading)[:200] or 'empty'}"
            )
        if unknown := [name for name in heading if name not in (*COLUMNS, *NOTES)]:
            raise BadFile(
                f"{path}: no such column: {', '.join(unknown)[:200]}; known: {', '.join(COLUMNS)}"
            )
        done.heading = tuple(name for name in heading if name not in NOTES)
        line = reader.line_num + 1
        for cells in reader:
            row = dict(zip(heading, (unguarded(cell.strip(" ")) for cell in cells), strict=False))
            if len(cells) > len(heading):
                done.refuse(line, row, f"{len(cells)} cells, but {len(heading)} columns")
            elif any(cells):
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise BadFile(f"{path}, line {reader.line_num}: {error}") from None


def _column(name: str) -> str:
    return " ".join(name.split()).lower()


def _judged(engine: Engine, line: int, row: Mapping[str, str], now: dt.datetime) -> Entry:
    def said(name: str) -> str:
        return row.get(name, "")

    status = said("status").lower() or ACTIVE
    if status not in (ACTIVE, LEFT, SUPPRESSED):
        raise ValueError(f"no status {status[:60]!r}; known: active, left, suppressed")
    confirmed_at = _moment(said("confirmed_at"), now)
    if status == ACTIVE and not (confirmed_at and said("evidence")):
        raise ValueError(
            "no word of when and how they confirmed (confirmed_at, evidence); "
            "whoever did not can be asked to subscribe on the page"
        )
    bills = parted(said("bills"))
    keys = [name for name in bills if re.fullmatch(BILL_KEY, name)]
    asked: dict[str, list[str]] = {name: parted(said(name)) for name in FILTER_FIELDS}
    asked["bills"] = bill_keys(engine, bills, known=keys)
    return Entry(
        line=line,
        address=checked_address(said("email")),
        status=status,
        confirmed_at=confirmed_at,
        evidence=_evidence(said("evidence")),
        clock=DeliveryTime.typed(said("timezone"), said("time")),
        wish=None
        if said("frequency").lower() == NONE
        else Wish(
            Filter.model_validate(asked),
            checked_frequency(said("frequency").lower() or "daily"),
            _weekday(said("weekday")),
            _yes(row, "quiet_note"),
        ),
        paused=_yes(row, "paused"),
    )


def _apply(connection: Connection, entry: Entry, now: dt.datetime) -> Counter[str]:
    """What it came to. Raises ``ValueError`` where the reader must not be added."""
    key = address_key(entry.address)
    reader = people.find_subscriber(connection, entry.address)
    if entry.status == SUPPRESSED:
        suppress(connection, key, *_reason(entry.evidence), now)
        return Counter(suppressed=1)
    if is_suppressed(connection, key):
        raise ValueError(f"{entry.address} is on the suppression list here")
    status = reader and connection.scalar(select(Subscriber.status).where(Subscriber.id == reader))
    if status == LEFT and entry.status == ACTIVE:
        raise ValueError(f"{entry.address} has unsubscribed here; only they can undo that")
    counts: Counter[str] = Counter()
    if reader is None:
        reader = people.add_subscriber(
            connection,
            entry.address,
            now,
            evidence=entry.evidence,
            confirmed_at=entry.confirmed_at,
            clock=entry.clock,
        )
        counts["readers"] += 1
    if entry.wish is not None:
        counts += _subscribe(connection, reader, entry.wish, entry.paused, now)
    if entry.status == LEFT:
        people.leave(connection, reader)
        counts["left"] += 1
    return counts


def _subscribe(
    connection: Connection, reader: int, wish: Wish, paused: bool, now: dt.datetime
) -> Counter[str]:
    if people.find_subscription(connection, reader, wish) is not None:
        return Counter(known=1)
    made = people.add_subscription(connection, reader, wish, now)
    if paused:
        people.set_mailing(connection, reader, made, False, now)
    return Counter(subscriptions=1)


def _reason(evidence: str) -> tuple[str, str]:
    """As an export writes it: ``complaint: feedback report``; of other lists, what they say."""
    reason, _, detail = evidence.partition(": ")
    return (reason, detail) if reason in REASONS else ("operator", evidence or "imported")


def _moment(typed: str, now: dt.datetime) -> dt.datetime | None:
    if not typed:
        return None
    try:
        moment = dt.datetime.fromisoformat(typed)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            f"confirmed_at is {typed[:60]!r}; write it like 2025-03-31 or 2025-03-31T16:20+00:00"
        ) from None
    if moment > now:
        raise ValueError(f"confirmed_at is {typed[:60]!r}, which is still to come")
    return moment


def _evidence(typed: str) -> str:
    if _CONTROL.search(typed):
        raise ValueError("evidence has control characters in it")
    return typed


def _weekday(typed: str) -> int:
    if typed and typed.capitalize() not in WEEKDAYS:
        raise ValueError(f"no weekday {typed[:60]!r}; known: {', '.join(WEEKDAYS)}")
    return WEEKDAYS.index(typed.capitalize()) if typed else 0


def _yes(row: Mapping[str, str], name: str) -> bool:
    typed = row.get(name, "")
    if typed.lower() not in YES:
        raise ValueError(f"{name} is {typed[:60]!r}; write yes or no")
    return YES[typed.lower()]


def _plain(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{name}: {problem}" for name, problem in problems(error).items())
    return str(error)


def write_refused(done: Imported, out: TextIO) -> None:
    """The refused rows as they came, each with its line and problem, to mend and import again."""
    writer = csv.writer(out)
    writer.writerow(["line", "problem", *done.heading])
    for line, why in sorted(done.refused.items()):
        row = done.rows[line]
        cells = [line, why, *(row.get(name, "") for name in done.heading)]
        writer.writerow([guarded(str(cell)) for cell in cells])
