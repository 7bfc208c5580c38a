"""``python -m spiders crawl CODE``: what the tracker's CLI starts, one process a source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXIT_CODES = {"failed": 1, "interrupted": 1, "quarantined": 2}

app = typer.Typer(
    help="Crawl one source in this process.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def main() -> None:
    """Spiders: what the page says."""


@app.command()
def crawl(
    code: Annotated[str, typer.Argument(help="Source code, e.g. md or legiscan-mi.")],
    record: Annotated[Path | None, typer.Option(help="Store every response here.")] = None,
    replay: Annotated[Path | None, typer.Option(help="Answer every request from here.")] = None,
    items: Annotated[
        Path | None, typer.Option(help="Write the items read here, one JSON a line.")
    ] = None,
    session: Annotated[
        list[str] | None, typer.Option(help="Session id instead of the current ones.")
    ] = None,
    notify_first_run: Annotated[
        bool, typer.Option(help="Treat what the first run finds as news.")
    ] = False,
) -> None:
    """Crawl one source; exit code 0 = sound or skipped, 1 = failed or stopped, 2 = quarantined."""
    from spiders.catalog import UnknownSource, source
    from spiders.crawl import CrawlOptions
    from spiders.crawl import crawl as run_crawl
    from spiders.tape import BadRecording
    from tracker.db import open_database
    from tracker.runs import SourceBusy

    try:
        facts = source(code)
    except UnknownSource as error:
        raise typer.BadParameter(str(error)) from error
    options = CrawlOptions(record, replay, tuple(session or ()), notify_first_run, items)
    try:
        run = run_crawl(facts, open_database(), options)
    except (SourceBusy, BadRecording) as error:
        typer.echo(f"{facts.code}: {error}")
        raise typer.Exit(1) from error
    typer.echo(
        f"{run.source}: {run.status}"
        + (f" ({run.reason})" if run.reason else "")
        + f"; {run.requests} requests, {run.bytes / 1e6:.1f} MB, {run.items} items,"
        + f" {run.bills_new} new, {run.bills_changed} changed"
    )
    raise typer.Exit(EXIT_CODES.get(run.status, 0))


if __name__ == "__main__":
    app()
