"""billtracker run: one pass of everything due."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracker.cli.crawl import Crawled, crawl_in_children

if TYPE_CHECKING:
    from sqlalchemy import Engine

# A source whose last run failed or died is asked again after this, not after its full interval.
RETRY_AFTER = dt.timedelta(hours=1)


def run(
    sources: Annotated[
        list[str] | None,
        typer.Argument(help="Crawl these now, due or not; without it, every source that is due."),
    ] = None,
    replay: Annotated[
        Path | None, typer.Option(help="Crawl from recordings, DIR/CODE each, without network.")
    ] = None,
    crawl: Annotated[bool, typer.Option(help="Crawl what is due, or only plan and send.")] = True,
    send: Annotated[bool, typer.Option(help="Send due digests, or only crawl and plan.")] = True,
    yes: Annotated[
        bool, typer.Option("--yes", help="Send even more digests than the cap allows.")
    ] = False,
    jobs: Annotated[int, typer.Option(help="Sources crawled at the same time.")] = 2,
) -> None:
    """Do everything that is due: crawl, release, classify, match, send.

    Safe to start twice (the second leaves at once) and to kill at any point: nothing is lost and
    nothing is mailed twice. Meant for cron or a systemd timer, every 10 minutes or so.
    """
    from tracker.db import open_database
    from tracker.lock import only_one

    engine = open_database()
    with only_one(engine) as alone:
        if not alone:
            typer.echo("another billtracker run is under way; nothing to do")
            return
        troubled = False
        if crawl:
            now = dt.datetime.now(dt.UTC)
            codes = list(sources) if sources else due_sources(engine, now)
            troubled = crawl_due(codes, replay, jobs)
        judge_anew(engine)
        troubled = mail(engine, send=send, yes=yes) or troubled
    if troubled:
        raise typer.Exit(1)


def due_sources(engine: Engine, now: dt.datetime) -> list[str]:
    """Codes whose interval has passed since their last run began (sooner after a failure)."""
    from sqlalchemy import func, select

    from spiders.catalog import source
    from tracker.db import reading
    from tracker.models import Run

    with reading(engine) as session:
        newest = select(func.max(Run.id)).where(Run.status != "skipped").group_by(Run.source)
        last = {row.source: row for row in session.scalars(select(Run).where(Run.id.in_(newest)))}
    due = []
    for code in polled_sources():
        wait = dt.timedelta(hours=source(code).every_hours)
        run = last.get(code)
        if run and run.status in ("failed", "running", "interrupted"):
            wait = min(wait, RETRY_AFTER)
        if run is None or run.started_at + wait <= now:
            due.append(code)
    return due


def polled_sources() -> list[str]:
    """What the operator named in BILLTRACKER_SOURCES, else every source that can run as set up."""
    from spiders.catalog import catalogue, source
    from tracker.settings import get_settings

    settings = get_settings()
    if settings.sources:
        return [source(code).code for code in settings.sources.replace(",", " ").split()]
    return [
        facts.code
        for facts in catalogue().values()
        if not facts.any_state and (not facts.key or getattr(settings, facts.key))
    ]


def crawl_due(codes: Sequence[str], replay: Path | None, jobs: int) -> bool:
    """Crawl and report each; True if any needs a look."""
    crawls = [(code, [f"--replay={replay / code}"] if replay else []) for code in codes]
    with progress(len(crawls)) as report:
        done = crawl_in_children(crawls, jobs, report)
    bad = [crawled.code for crawled in done if crawled.exit_code]
    if bad:
        typer.echo(f"need a look: {', '.join(sorted(bad))} (billtracker sources)", err=True)
    return bool(bad)


def judge_anew(engine: Engine) -> None:
    """Bills that the rules in force have not judged yet: the rules were edited since."""
    from tracker.rejudge import rejudge

    report = rejudge(engine, dt.datetime.now(dt.UTC), stale_only=True)
    if report.moved:
        moved = f"{len(report.of('in'))} in, {len(report.of('out'))} out"
        typer.echo(f"the topic rules have changed: {report.bills:,} bills judged anew, {moved}")


def mail(engine: Engine, *, send: bool, yes: bool) -> bool:
    """Match and, with ``send``, send what is due; True if somebody has to look at it."""
    from notify.deliver import run_digests
    from notify.match import plan
    from tracker.settings import get_settings

    if not send:
        planned = plan(engine, dt.datetime.now(dt.UTC))
        typer.echo(f"{planned.changes:,} changes matched; nothing sent")
        return False
    done = run_digests(engine, get_settings(), yes=yes)
    if done.bounces:
        typer.echo(f"bounces: {done.bounces}")
    typer.echo(done.in_words)
    for said in done.to_look_at:
        typer.echo(said, err=True)
    return other_channels(engine) or bool(done.to_look_at)


def other_channels(engine: Engine) -> bool:
    """Webhooks, and mails about people's own doing that had to wait; True for trouble."""
    from notify.notices import send_notices
    from notify.webhooks import deliver_webhooks
    from tracker.settings import get_settings
    from tracker.web.wording import count

    try:
        outcomes = deliver_webhooks(engine, get_settings())
    except ValueError as error:
        typer.echo(f"webhooks were not served: {error}", err=True)
        return True
    if outcomes:
        delivered = sum(one.delivered for one in outcomes)
        failed = sum(bool(one.failed) for one in outcomes)
        typer.echo(f"webhooks: {count(delivered, 'delivery', 'deliveries')}, {failed} failed")
    try:
        send_notices(engine, get_settings())
    except ValueError as error:
        typer.echo(f"sign-ups were not answered: {error}", err=True)
        return True
    return False


@contextmanager
def progress(total: int) -> Iterator[Callable[[Crawled], None]]:
    """A bar on a terminal, one plain line a source elsewhere."""
    if not sys.stderr.isatty() or not total:
        yield lambda crawled: typer.echo(crawled.line)
        return
    from rich.progress import Progress

    with Progress(transient=True) as bar:
        task = bar.add_task("sources", total=total)

        def report(crawled: Crawled) -> None:
            bar.advance(task)
            bar.console.print(crawled.line, highlight=False)

        yield report
