"""billtracker sources, billtracker runs …"""

from __future__ import annotations

import datetime as dt
import getpass
import json
import textwrap
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    from tracker.health import SourceHealth
    from tracker.models import Run

runs = typer.Typer(
    help="Crawls: what each found, and what to do with one that is held.", no_args_is_help=True
)

WIDTH = 80
CHANGES_SHOWN = 20
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")]
RunId = Annotated[int, typer.Argument(help="The run's number, from billtracker runs list.")]
By = Annotated[str, typer.Option(help="Who decided; your login name if not given.")]


def sources(
    as_json: AsJson = False,
    check: Annotated[
        bool, typer.Option("--check", help="Exit code 1 if a source is broken or held.")
    ] = False,
) -> None:
    """How every source is doing: status, since when, why, and what to do.

    ok; held: its last crawl waits for a person's decision; broken: its crawls fail or die;
    waiting: not asked yet, or it lacks a key.
    """
    from sqlalchemy import func, select

    from spiders.catalog import catalogue
    from tracker.db import open_database, reading
    from tracker.health import source_health
    from tracker.models import Bill

    with reading(open_database()) as session:
        found = source_health(session, dt.datetime.now(dt.UTC))
        query = select(Bill.source, func.count()).where(Bill.vanished_at.is_(None))
        bills: dict[str, int] = dict(session.execute(query.group_by(Bill.source)).all())
    if as_json:
        typer.echo(json.dumps([_plain(one, bills) for one in found], indent=1))
    else:
        _show_health(found, bills)
        asked = {one.source for one in found} | {one.source.split("-")[0] for one in found}
        never = [
            f"{code}-STATE" if facts.any_state else code
            for code, facts in catalogue().items()
            if code not in asked
        ]
        if never:
            _explain(f"never crawled: {', '.join(never)} (billtracker crawl CODE)", indent="")
    if check and any(one.status in ("broken", "held") for one in found):
        raise typer.Exit(1)


def _show_health(found: Sequence[SourceHealth], bills: dict[str, int]) -> None:
    typer.echo(f"{'SOURCE':16}{'STATUS':10}{'LAST RUN':19}{'SINCE':18}{'BILLS':>9}{'HELD':>8}")
    for one in found:
        since = _when(one.since) if one.since else ""
        typer.echo(
            f"{one.source:16}{one.status:10}{_when(one.last_run.started_at):19}{since:18}"
            f"{bills.get(one.source, 0):>9,}{one.held:>8,}"
        )
        if one.crawling:
            _explain("Being crawled now.")
        # What to do follows, a command a line.
        _explain(one.why.partition(" Look: ")[0])
        look = (f"billtracker runs show {one.last_run.id}",) if one.status == "held" else ()
        for command in (*look, *one.to_do):
            typer.echo(f"    {command}")


@runs.command("list")
def list_runs(
    source: Annotated[str, typer.Option(help="Only runs of this source.")] = "",
    limit: Annotated[int, typer.Option(help="How many, newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """The last runs."""
    from sqlalchemy import select

    from tracker.db import open_database, reading
    from tracker.models import Run

    query = select(Run).order_by(Run.id.desc()).limit(limit)
    if source:
        query = query.where(Run.source == source)
    with reading(open_database()) as session:
        found = session.scalars(query).all()
    if as_json:
        typer.echo(json.dumps([_columns(run) for run in found], indent=1))
        return
    typer.echo(
        f"{'RUN':>6}  {'SOURCE':14}{'STATUS':13}{'STARTED':18}{'ITEMS':>9}{'NEW':>8}{'CHANGED':>9}"
    )
    for run in found:
        typer.echo(
            f"{run.id:>6}  {run.source:14}{run.status:13}{_when(run.started_at):18}"
            f"{run.items:>9,}{run.bills_new:>8,}{run.bills_changed:>9,}"
        )


@runs.command()
def show(run_id: RunId, as_json: AsJson = False) -> None:
    """One run: what it read, what was missing or failed, and the changes it found."""
    from tracker.db import open_database, reading
    from tracker.models import Run

    with reading(open_database()) as session:
        run = session.get(Run, run_id)
        if run is None:
            raise typer.BadParameter(f"there is no run {run_id}; billtracker runs list shows them")
        if as_json:
            typer.echo(json.dumps(_columns(run), indent=1))
            return
        _show_account(run)
        _show_changes(session, run)


@runs.command()
def release(run_id: RunId, by: By = "") -> None:
    """Accept what a quarantined run found: its changes are news from now on.

    Bills that its listings lack then count as gone from the source.
    """
    from tracker import settle

    count = _decide(settle.release, run_id, by)
    typer.echo(f"run {run_id} released: {_changes(count)} news from now on")


@runs.command()
def discard(run_id: RunId, by: By = "") -> None:
    """Take back all that a quarantined run stored; the next run finds again what is so."""
    from tracker import settle

    count = _decide(settle.discard, run_id, by)
    typer.echo(f"run {run_id} discarded: {_changes(count)} taken back")


@runs.command()
def retract(run_id: RunId, by: By = "") -> None:
    """Take back the news of a run already released; readers who were told hear a correction."""
    from tracker import settle

    count = _decide(settle.retract, run_id, by)
    typer.echo(f"run {run_id}: {_changes(count)} news no longer")


def _changes(count: int) -> str:
    return "1 change" if count == 1 else f"{count:,} changes"


def _decide(how: Callable[[Engine, int, str, dt.datetime], int], run_id: int, by: str) -> int:
    from tracker.db import open_database
    from tracker.settle import RunError

    try:
        return how(open_database(), run_id, by or getpass.getuser(), dt.datetime.now(dt.UTC))
    except RunError as error:
        raise typer.BadParameter(str(error)) from error


def _show_account(run: Run) -> None:
    ended = _when(run.ended_at) if run.ended_at else "not yet"
    typer.echo(f"run {run.id} of {run.source}: {run.status}")
    _explain(run.reason)
    decided = f", decided by {run.decided_by}" if run.decided_by else ""
    typer.echo(f"  {_when(run.started_at)} to {ended}, pages {run.provenance}{decided}")
    typer.echo(f"  {run.requests:,} requests, {run.not_modified:,} unchanged, {run.bytes:,} bytes")
    typer.echo(f"  {run.items:,} items: {run.bills_new:,} new, {run.bills_changed:,} changed")
    for session, count in run.listed.items():
        typer.echo(f"  complete listing of {session}: {count:,} bills")
    for field, reasons in run.gaps.items():
        told = ", ".join(f"{count:,} {reason}" for reason, count in reasons.items())
        typer.echo(f"  gap {field}: {told}")
    for failure in run.failures:
        _explain(f"{failure['kind']}: {failure['detail']} {failure['url']}")


def _show_changes(session: Session, run: Run) -> None:
    from sqlalchemy import select

    from tracker.models import Bill, Change

    found = session.execute(
        select(Bill.identifier_key, Change.kind, Change.status, Change.summary)
        .join(Change, Change.bill_id == Bill.id)
        .where(Change.run_id == run.id)
        .order_by(Change.id)
    ).all()
    for (kind, status), count in sorted(Counter((row.kind, row.status) for row in found).items()):
        typer.echo(f"  {count:>8,} {kind} {status}")
    for row in found[:CHANGES_SHOWN]:
        told = f"{row.identifier_key}: {row.summary}"
        typer.echo("  " + textwrap.shorten(told, WIDTH - 2, placeholder=" …"))
    if len(found) > CHANGES_SHOWN:
        typer.echo(f"  and {len(found) - CHANGES_SHOWN:,} more")


def _explain(text: str, indent: str = "    ") -> None:
    if text:
        typer.echo(textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=indent))


def _when(time: dt.datetime) -> str:
    return f"{time:%Y-%m-%d %H:%MZ}"


def _plain(one: SourceHealth, bills: dict[str, int]) -> dict[str, Any]:
    return {
        "source": one.source,
        "status": one.status,
        "since": one.since.isoformat() if one.since else None,
        "last_run": _columns(one.last_run),
        "last_sound_run": one.last_sound.id if one.last_sound else None,
        "bills": bills.get(one.source, 0),
        "held_changes": one.held,
        "why": one.why,
        "to_do": list(one.to_do),
    }


def _columns(run: Run) -> dict[str, Any]:
    values = {column.key: getattr(run, column.key) for column in run.__table__.columns}
    return {
        name: value.isoformat() if isinstance(value, dt.datetime) else value
        for name, value in values.items()
    }
