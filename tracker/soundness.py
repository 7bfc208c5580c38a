"""Whether a run is inside what its source is expected to give, said in sentences for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select

from tracker.bill_rows import BILL, CHANGE, Row
from tracker.changes import VANISHED
from tracker.expectations import Expectations

FAILURES_FORGIVEN = 3
LOST_FORGIVEN = 1
GAPS_FORGIVEN = 1


@dataclass(slots=True)
class Account:
    """What a run counted. ``listed``: session → bills in its complete listing."""

    items: int = 0
    not_modified: int = 0
    new: int = 0
    changed: int = 0
    gaps: dict[str, Counter[str]] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)
    listed: dict[str, int] = field(default_factory=dict)


def problems(
    connection: Connection, source: str, run_id: int, account: Account, expected: Expectations
) -> list[str]:
    """Why the run is not sound; empty when it is."""
    found = [*_failures(account, expected), *_gaps(account, expected)]
    for session, count in account.listed.items():
        found += _listing(connection, source, session, count, run_id, expected)
    found += _share_changed(connection, source, run_id, expected)
    return found


def _failures(account: Account, expected: Expectations) -> list[str]:
    failed = account.failures.total()
    named = ", ".join(f"{count} {kind}" for kind, count in account.failures.most_common(3))
    fatal = [kind for kind in expected.fatal if account.failures[kind]]
    if fatal or failed > max(FAILURES_FORGIVEN, account.items * expected.max_failed):
        return [f"{failed} failed requests or rows ({named}) beside {account.items:,} items"]
    return []


def _gaps(account: Account, expected: Expectations) -> list[str]:
    found = []
    for name, share in expected.required.items():
        count = account.gaps.get(name, Counter()).total()
        if count > max(GAPS_FORGIVEN, account.items * share):
            found.append(
                f"{count:,} of {account.items:,} items have no good {name}"
                f" (at most {share:.0%} expected)"
            )
    return found


def _listing(
    connection: Connection,
    source: str,
    session: str,
    count: int,
    run_id: int,
    expected: Expectations,
) -> list[str]:
    found = []
    if not expected.min_bills <= count <= expected.max_bills:
        found.append(
            f"the listing of session {session} has {count:,} bills, expected"
            f" {expected.min_bills:,} to {expected.max_bills:,}"
        )
    known = count_known(connection, source, run_id, session)
    lost = lost_bills(connection, source, session, run_id)
    if len(lost) > max(LOST_FORGIVEN, known * expected.max_lost):
        some = ", ".join(bill.identifier_key for bill in lost[:5])
        found.append(
            f"the listing of session {session} shrank to {count:,} bills: {len(lost):,} of the"
            f" {known:,} known before are not in it ({some}{', …' if len(lost) > 5 else ''})"
        )
    return found


def _share_changed(
    connection: Connection, source: str, run_id: int, expected: Expectations
) -> list[str]:
    changed = connection.scalar(
        select(func.count(CHANGE.c.bill_id.distinct()))
        .join(BILL, BILL.c.id == CHANGE.c.bill_id)
        .where(
            CHANGE.c.run_id == run_id,
            CHANGE.c.status == "held",
            CHANGE.c.kind != VANISHED,
            BILL.c.first_seen_run_id != run_id,
        )
    ) or 0  # fmt: skip
    known = count_known(connection, source, run_id)
    if changed > max(expected.changed_floor, known * expected.max_changed):
        return [
            f"{changed:,} of {known:,} known bills changed at once"
            f" (at most {expected.max_changed:.0%} expected)"
        ]
    return []


def count_known(
    connection: Connection, source: str, run_id: int, session: str | None = None
) -> int:
    """Bills of the source, or of one session, that stood before the run."""
    query = select(func.count()).where(
        BILL.c.source == source,
        BILL.c.vanished_at.is_(None),
        BILL.c.first_seen_run_id != run_id,
    )
    if session is not None:
        query = query.where(BILL.c.session == session)
    return connection.scalar(query) or 0


def lost_bills(connection: Connection, source: str, session: str, run_id: int) -> Sequence[Row]:
    """Bills of the session that the run, having read its whole listing, did not see."""
    query = select(BILL.c.id, BILL.c.identifier_key, BILL.c.title).where(
        BILL.c.source == source,
        BILL.c.session == session,
        BILL.c.vanished_at.is_(None),
        BILL.c.last_seen_run_id != run_id,
    )
    return connection.execute(query.order_by(BILL.c.id)).all()
