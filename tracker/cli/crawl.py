"""billtracker crawl: each source in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

EXIT_MEANS = {0: "sound", 1: "failed", 2: "quarantined"}


@dataclass(frozen=True)
class Crawled:
    """How one child process ended; ``line`` is its own last word."""

    code: str
    exit_code: int
    line: str


def crawl_in_children(
    crawls: Sequence[tuple[str, Sequence[str]]],
    jobs: int,
    on_done: Callable[[Crawled], None] = lambda crawled: None,
) -> list[Crawled]:
    """Run ``python -m spiders crawl CODE …`` for each (code, further arguments).

    A crash of one child is its own failure; the others go on.
    """
    done = []
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        running = [pool.submit(_crawl_child, code, arguments) for code, arguments in crawls]
        for future in as_completed(running):
            done.append(future.result())
            on_done(done[-1])
    return done


def _crawl_child(code: str, arguments: Sequence[str]) -> Crawled:
    child = subprocess.run(
        [sys.executable, "-m", "spiders", "crawl", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    said = (child.stdout.strip() or child.stderr.strip()).splitlines()
    if child.returncode not in EXIT_MEANS:
        sys.stderr.write(child.stderr)
        return Crawled(code, 1, f"{code}: crashed (exit code {child.returncode})")
    if child.stderr.strip():
        sys.stderr.write(child.stderr)
    return Crawled(code, child.returncode, said[-1] if said else f"{code}: no output")


def crawl(
    codes: Annotated[list[str], typer.Argument(help="Sources, e.g. md va legiscan-mi.")],
    record: Annotated[
        Path | None, typer.Option(help="Store every response here (a folder a source).")
    ] = None,
    replay: Annotated[
        Path | None, typer.Option(help="Use no network: answer from a folder made by --record.")
    ] = None,
    items: Annotated[
        Path | None, typer.Option(help="Write the items read here, one JSON a line.")
    ] = None,
    session: Annotated[
        list[str] | None, typer.Option(help="Session id instead of the current ones.")
    ] = None,
    notify_first_run: Annotated[
        bool, typer.Option(help="Treat what the first run finds as news, not as the baseline.")
    ] = False,
    jobs: Annotated[int, typer.Option(help="Sources crawled at the same time.")] = 2,
) -> None:
    """Crawl sources now; exit code 1 if any failed or was quarantined.

    With several sources, DIR and FILE get the source's code as a sub-folder or prefix.
    """
    from spiders.catalog import UnknownSource, source
    from tracker.db import open_database

    try:
        known = [source(code).code for code in codes]
    except UnknownSource as error:
        raise typer.BadParameter(str(error)) from error
    open_database().dispose()
    several = len(known) > 1
    crawls = []
    for code in known:
        arguments = [f"--session={one}" for one in session or ()]
        if record:
            arguments.append(f"--record={record / code if several else record}")
        if replay:
            arguments.append(f"--replay={replay / code if several else replay}")
        if items:
            file = items.with_name(f"{code}-{items.name}") if several else items
            arguments.append(f"--items={file}")
        if notify_first_run:
            arguments.append("--notify-first-run")
        crawls.append((code, arguments))
    done = crawl_in_children(crawls, jobs, lambda crawled: typer.echo(crawled.line))
    if any(crawled.exit_code for crawled in done):
        typer.echo("some sources need a look: billtracker sources", err=True)
        raise typer.Exit(1)
