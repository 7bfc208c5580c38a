"""News that its source has taken back or corrected after we matched it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, select, update
from sqlalchemy.orm import aliased

from tracker.changes import ACTION, ACTION_CORRECTED, ACTION_RETRACTED, STAGE
from tracker.models import Bill, Change, News
from tracker.stages import stage


def take_back(connection: Connection, now: dt.datetime, since: dt.datetime) -> None:
    """Note which news its source has retracted, or corrected by a change released ``since``.

    What still waits is dropped; who was sent it is told by their next digest (notify.compose).
    """
    gone = select(Change.id).where(Change.status != "released")
    connection.execute(
        update(News)
        .where(News.taken_back_at.is_(None), News.change_id.in_(gone))
        .values(taken_back_at=now)
    )
    undone: dict[int, int] = {}
    for pair in connection.execute(_told_and_said_later(since)):
        if pair.told_id not in undone and _undone(pair):
            undone[pair.told_id] = pair.said_id
    if undone:
        connection.execute(
            update(News)
            .where(News.change_id == bindparam("told"))
            .values(taken_back_at=now, taken_back_by=bindparam("said")),
            [{"told": told, "said": said} for told, said in undone.items()],
        )


def _told_and_said_later(since: dt.datetime) -> Select[*tuple[Any, ...]]:
    """News that stands, beside each later correction or retraction on the same bill."""
    told, said = aliased(Change), aliased(Change)
    return (
        select(
            told.id.label("told_id"),
            told.kind.label("told_kind"),
            told.after,
            told.stage,
            said.id.label("said_id"),
            said.kind.label("said_kind"),
            said.before,
            Bill.stage.label("stands_at"),
        )
        .join(said, and_(said.bill_id == told.bill_id, said.id > told.id))
        .join(Bill, Bill.id == told.bill_id)
        .join(News, News.change_id == told.id)
        .where(
            said.status == "released",
            said.kind.in_((ACTION_CORRECTED, ACTION_RETRACTED)),
            said.released_at >= since,
            told.kind.in_((ACTION, STAGE, ACTION_CORRECTED)),
            News.taken_back_at.is_(None),
        )
        .order_by(said.id)
    )


def _undone(pair: Row[*tuple[Any, ...]]) -> bool:
    """Whether what we told is the line of history that the source has now edited or removed.

    A stage stands as long as the bill is that far by other lines.
    """
    told, before = pair.after or {}, pair.before or {}
    if pair.told_kind == STAGE:
        behind = stage(pair.stands_at).position if pair.stands_at else 0
        return (
            pair.said_kind == ACTION_RETRACTED
            and told.get("action") == before.get("text")
            and behind < stage(pair.stage).position
        )
    return (told.get("text"), told.get("date")) == (before.get("text"), before.get("date"))
