"""How runs end: released, taken back, or handed to the next one.

=========== ==================================================================================
sound       Changes are released; bills that a complete listing lacks have vanished.
quarantined Changes wait. A person releases or discards them (``billtracker runs release|discard``).
            If nobody does, the next run of the source takes them back before it begins, compares
            with the last sound state, and finds again whatever is still so.
failed      Nothing usable arrived, nothing was stored. (What an interrupted run before it left
            passes on to the next.)
interrupted Each bill it stored is whole, so what it stored and found passes to the next run and
            is judged together with what that one finds.
=========== ==================================================================================

A source's first run has no sound state to go back to and tells nobody: unsound, it is handed on
like an interrupted one, so that its pages need not be fetched twice.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, update

from tracker.bill_rows import BILL, CHANGE, Row, model_table, update_by_id
from tracker.changes import VANISHED, draft
from tracker.db import insert_or, writing
from tracker.ingest import Occasion, change_row
from tracker.judging import judge
from tracker.models import Run, SourceState
from tracker.search import index_pending
from tracker.soundness import lost_bills
from tracker.undo import forget, hand_over, take_back


class RunError(Exception):
    """A run that cannot be released or discarded; the message says why."""


def settle_previous(connection: Connection, source: str, run_id: int, now: dt.datetime) -> None:
    """Decide on the source's run before ``run_id``, where nobody else has.

    What it leaves undecided, and what was handed to it, becomes the new run's. Nobody may be
    crawling the source: a run found open is taken for dead.
    """
    previous = connection.execute(
        select(Run.id, Run.status, Run.baseline)
        .where(Run.source == source, Run.id < run_id)
        .order_by(Run.id.desc())
        .limit(1)
        .with_for_update()
    ).first()
    if previous is None or previous.status in ("sound", "released", "discarded"):
        return
    if previous.status == "running":
        reason = "the process ended before the run did; what it found passes to the next run"
        _mark(connection, previous.id, status="interrupted", ended_at=now, reason=reason)
    if previous.status == "quarantined":
        _mark(connection, previous.id, status="superseded", decided_by="the source's next run")
        if not previous.baseline:
            judge(connection, take_back(connection, previous.id), now)
            return
    hand_over(connection, previous.id, run_id)


def release_changes(connection: Connection, run_id: int, now: dt.datetime) -> int:
    """Let what a run found out; how many changes.

    Bills that its complete listings lack have vanished. The stored bills are from now on what the
    next run compares with.
    """
    run = connection.execute(
        select(Run.source, Run.baseline, Run.listed).where(Run.id == run_id)
    ).one()
    occasion = Occasion(run_id, now, run.baseline)
    for session in run.listed:
        _vanish(connection, run.source, session, occasion)
    released = connection.execute(
        update(CHANGE)
        .where(CHANGE.c.run_id == run_id, CHANGE.c.status == "held")
        .values(status="released", released_at=now)
    ).rowcount
    forget(connection, run_id)
    _remember_as_sound(connection, run.source, run_id)
    return released


def _remember_as_sound(connection: Connection, source: str, run_id: int) -> None:
    state = model_table(SourceState)
    fresh = {"source": source, "cursor": {}, "rules_hash": "", "last_sound_run_id": run_id}
    connection.execute(
        insert_or(connection, state)
        .values(fresh)
        .on_conflict_do_update(index_elements=[state.c.source], set_={"last_sound_run_id": run_id})
    )


def _vanish(connection: Connection, source: str, session: str, occasion: Occasion) -> None:
    lost = lost_bills(connection, source, session, occasion.run_id or 0)
    if not lost:
        return
    status = "baseline" if occasion.baseline else "held"
    rows = []
    for bill in lost:
        made = draft(
            VANISHED,
            "No longer listed by the source",
            occasion.run_id,
            before={"title": bill.title},
        )
        rows.append(change_row(bill.id, made, status, occasion))
    connection.execute(insert(CHANGE), rows)
    gone = {"vanished_at": occasion.now, "changed_at": occasion.now}
    update_by_id(connection, BILL, ({"id": bill.id, **gone} for bill in lost))


def release(engine: Engine, run_id: int, who: str, now: dt.datetime) -> int:
    """Let a quarantined run's changes out after all; how many. Raises :class:`RunError`."""
    with writing(engine) as connection:
        _waiting(connection, run_id)
        count = release_changes(connection, run_id, now)
        _mark(connection, run_id, status="released", decided_by=who)
    index_pending(engine)
    return count


def discard(engine: Engine, run_id: int, who: str, now: dt.datetime) -> int:
    """Take back all that a quarantined run stored; how many changes. Raises :class:`RunError`.

    Stored bills are then as the last sound run left them, so the next run finds again what is so.
    """
    with writing(engine) as connection:
        _waiting(connection, run_id)
        count = connection.scalar(select(func.count()).where(CHANGE.c.run_id == run_id)) or 0
        judge(connection, take_back(connection, run_id), now)
        _mark(connection, run_id, status="discarded", decided_by=who)
    index_pending(engine)
    return count


def retract(engine: Engine, run_id: int, who: str, now: dt.datetime) -> int:
    """Take back the news of a run that is out already; how many changes. Raises :class:`RunError`.

    What was not mailed yet is dropped, and who was told hears a correction. The rows stay as the
    source gave them: its next run compares with them.
    """
    with writing(engine) as connection:
        run = _run(connection, run_id)
        if run.status not in ("sound", "released"):
            raise RunError(f"run {run_id} is {run.status}; none of its changes are news")
        count = connection.execute(
            update(CHANGE)
            .where(CHANGE.c.run_id == run_id, CHANGE.c.status == "released")
            .values(status="retracted")
        ).rowcount
        _mark(connection, run_id, decided_by=who)
    return count


def _run(connection: Connection, run_id: int) -> Row:
    run = connection.execute(
        select(Run.status, Run.source).where(Run.id == run_id).with_for_update()
    ).first()
    if run is None:
        raise RunError(f"there is no run {run_id}; billtracker runs list shows them")
    return run


def _waiting(connection: Connection, run_id: int) -> None:
    run = _run(connection, run_id)
    if run.status == "superseded":
        raise RunError(
            f"run {run_id} was superseded by the next run of {run.source};"
            f" billtracker runs list --source {run.source} shows it"
        )
    if run.status != "quarantined":
        raise RunError(f"run {run_id} is {run.status}; only a quarantined run waits for a decision")


def _mark(connection: Connection, run_id: int, **values: Any) -> None:
    connection.execute(update(Run).where(Run.id == run_id).values(values))
