"""How each source is doing, told by its runs: what broke, since when, why, and what to do."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tracker.models import Change, Run

Status = Literal["ok", "held", "broken", "waiting"]

SOUND = ("sound", "released")
WORST_FIRST = ("broken", "held", "waiting", "ok")

# A crawl may take hours; one that says "running" for longer than this has died without a word.
LONGEST_CRAWL = dt.timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """``status``: ok; held (a run waits for a person's decision); broken (runs fail or die);
    waiting (never asked yet, or lacks a key).

    ``since`` is the start of the first run in trouble after the last sound one; ``to_do``
    holds the commands to choose from, none when there is nothing to do.
    """

    source: str
    status: Status
    since: dt.datetime | None
    why: str
    to_do: tuple[str, ...]
    held: int
    """Changes of bills that wait for the decision."""
    last_run: Run
    last_sound: Run | None
    crawling: bool


def source_health(session: Session, now: dt.datetime) -> list[SourceHealth]:
    """Every source that has ever run, those in trouble first."""
    newest = select(func.max(Run.id)).group_by(Run.source)
    held = _held_changes(session)
    found = []
    for latest in session.scalars(select(Run).where(Run.id.in_(newest))):
        ended = latest if latest.status != "running" else _last(session, latest, before=True)
        found.append(_health(session, latest, ended, held.get(latest.source, 0), now))
    return sorted(found, key=lambda one: (WORST_FIRST.index(one.status), one.source))


def _health(
    session: Session, latest: Run, ended: Run | None, held: int, now: dt.datetime
) -> SourceHealth:
    crawling = latest.status == "running" and now - latest.started_at < LONGEST_CRAWL
    judged = latest if ended is None or (latest.status == "running" and not crawling) else ended
    sound = _last(session, latest, statuses=SOUND)
    status, why, to_do = _verdict(judged, crawling)
    return SourceHealth(
        source=latest.source,
        status=status,
        since=_trouble_began(session, latest, sound) if status in ("broken", "held") else None,
        why=why,
        to_do=to_do,
        held=held,
        last_run=latest,
        last_sound=sound,
        crawling=crawling,
    )


def _verdict(run: Run, crawling: bool) -> tuple[Status, str, tuple[str, ...]]:
    """(status, why, what to do) by the run that speaks for its source."""
    again = (f"billtracker crawl {run.source}",)
    match run.status:
        case "quarantined":
            decide = (f"billtracker runs release {run.id}", f"billtracker runs discard {run.id}")
            return "held", run.reason, decide
        case "failed":
            return "broken", run.reason or run.failure_kind, again
        case "interrupted":
            return "broken", run.reason or "The crawl ended before it was done.", again
        case "skipped":
            return "waiting", run.reason, ()
        case "superseded":
            return "waiting", "Its last crawl was held and nobody decided; it is read again.", ()
        case "discarded":
            return "waiting", "Its last crawl was discarded by a person.", again
        case "running" if crawling:
            return "waiting", "Its first crawl is under way.", ()
        case "running":
            return "broken", "The crawl neither ended nor failed: its process is gone.", again
    return "ok", "", ()


def _last(
    session: Session, latest: Run, statuses: tuple[str, ...] = (), before: bool = False
) -> Run | None:
    query = select(Run).where(Run.source == latest.source).order_by(Run.id.desc()).limit(1)
    if statuses:
        query = query.where(Run.status.in_(statuses))
    if before:
        query = query.where(Run.id < latest.id)
    return session.scalars(query).first()


def _trouble_began(session: Session, latest: Run, sound: Run | None) -> dt.datetime | None:
    query = select(func.min(Run.started_at)).where(
        Run.source == latest.source, Run.id > (sound.id if sound else 0)
    )
    return session.scalar(query)


def _held_changes(session: Session) -> dict[str, int]:
    query = (
        select(Run.source, func.count())
        .join(Change, Change.run_id == Run.id)
        .where(Change.status == "held")
        .group_by(Run.source)
    )
    return dict(session.execute(query).all())
