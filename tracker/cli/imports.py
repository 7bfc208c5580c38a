"""billtracker import …"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from spiders.platforms.legiscan_dataset import Dataset, Problem
    from tracker.items import BillItem

app = typer.Typer(help="Bring in whole sessions from files.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """Files instead of crawls."""


@app.command()
def legiscan(
    paths: Annotated[
        list[Path],
        typer.Argument(help="Datasets of legiscan.com/datasets, JSON or CSV, ZIP or unpacked."),
    ],
    state: Annotated[
        str, typer.Option(help="Import only if the bills are of this state, e.g. mi.")
    ] = "",
    session: Annotated[
        str,
        typer.Option(help="Session, e.g. 2025-2026, where a CSV dataset's folder does not say."),
    ] = "",
) -> None:
    """Import sessions whole: every bill with its actions, sponsors, documents and roll calls.

    The bills join those that "billtracker crawl legiscan-STATE" brings. Importing a file again
    changes nothing. Exit code 1 if a file could not be read, or what it held was not sound.
    """
    from spiders.platforms.archive import BadArchive
    from spiders.platforms.legiscan_dataset import BadDataset

    troubled = False
    for path in paths:
        try:
            troubled = not _import(path, state.lower(), session) or troubled
        except (BadArchive, BadDataset) as error:
            typer.echo(f"not imported: {error}", err=True)
            troubled = True
    if troubled:
        raise typer.Exit(1)


def _import(path: Path, state: str, session: str) -> bool:
    """Whether all of it was read and is sound."""
    from spiders.catalog import source
    from spiders.errors import FailureKind
    from spiders.platforms.archive import BadArchive
    from spiders.platforms.legiscan_dataset import BadDataset, Dataset
    from tracker.db import open_database
    from tracker.runs import CrawlRun

    dataset = Dataset(path, dt.datetime.now(dt.UTC), session)
    if state and dataset.state != state:
        raise BadDataset(f"{path} holds bills of {dataset.state.upper()}, not {state.upper()}")
    facts = source(f"legiscan-{dataset.state}")
    run = CrawlRun.open(open_database(), facts.code, facts.expectations, provenance="imported")
    broken = ""
    try:
        run.record_many(_shown(dataset, path, partial(run.fail, FailureKind.BAD_ROW.value)))
    except (BadArchive, BadDataset) as error:
        broken = str(error)
        run.fail(FailureKind.WRONG_TYPE.value, str(path), broken)
    row = run.close(requests=0, bytes=0, not_modified=0, finished=not broken)
    typer.echo(
        f"{row.source}: {row.status}"
        + (f" ({broken or row.reason})" if broken or row.reason else "")
        + f"; {row.items:,} bills of {path.name}: {row.bills_new:,} new,"
        + f" {row.bills_changed:,} changed"
        + (f", {len(row.failures):,} could not be read" if row.failures else "")
    )
    return row.status == "sound" and not row.failures


def _shown(dataset: Dataset, path: Path, problem: Problem) -> Iterable[BillItem]:
    """The bills; on a terminal, with how far the import has come."""
    items = dataset.items(problem)
    if not sys.stderr.isatty():
        return items
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(items, path.name, total=dataset.count(), console=console, transient=True)
