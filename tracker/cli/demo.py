"""billtracker demo: the whole thing on recorded pages, with no network, key or mail server."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracker.cli.crawl import crawl_in_children
from tracker.settings import PREFIX, get_settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

MARKER = "made-by-billtracker-demo"


@dataclass(frozen=True)
class DemoReader:
    """Somebody who subscribes, and what they type."""

    address: str
    asks: dict[str, str]


READERS = (
    DemoReader("advocate@example.org", {}),
    DemoReader("reporter@example.net", {"states": "md,va,us", "stances": "limits"}),
    DemoReader("county.counsel@example.com", {"topics": "detainers,287g"}),
)


def demo(
    serve: Annotated[
        bool, typer.Option(help="Serve the pages until stopped, or end when all is done.")
    ] = True,
    port: Annotated[int, typer.Option(help="Port of the pages; 0 takes a free one.")] = 8000,
    folder: Annotated[
        Path, typer.Option(help="Database and mail go here; made anew each time.")
    ] = Path("billtracker-data/demo"),
) -> None:
    """Show everything at work on stored pages: two days of crawls, a digest, the web pages.

    The first day is the baseline and news for nobody; what the second day brings is matched to
    three made-up readers and mailed over real SMTP to a sink that keeps each message as a file.
    """
    from notify.sink import mail_sink
    from tracker.db import open_database

    folder = _fresh(folder)
    with mail_sink(folder / "mail") as smtp_port:
        _settings_of(folder, smtp_port, port)
        engine = open_database()
        for day, what in (("day1", "the baseline, news for nobody"), ("day2", "what moved")):
            typer.echo(f"Crawling recorded pages, {day}: {what}")
            _crawl(day)
            if day == "day1":
                _subscribe(engine)
        typer.echo("Matching changes to readers and mailing digests")
        _mail(engine)
        _table(engine, folder)
        if serve:
            from tracker.cli.serve import serve as serve_pages

            serve_pages(host="127.0.0.1", port=port)


def _fresh(folder: Path) -> Path:
    folder = folder.resolve()
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARKER).exists():
            raise typer.BadParameter(f"{folder} holds something else; choose another --folder")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).touch()
    return folder


def _settings_of(folder: Path, smtp_port: int, port: int) -> None:
    """By environment, which the crawling processes inherit; none of the operator's own settings."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]
    chosen = {
        "DATA_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{folder / 'billtracker.sqlite3'}",
        "SMTP_HOST": f"127.0.0.1:{smtp_port}",
        "SMTP_TLS": "none",
        "SMTP_USER": "",
        "DKIM_DOMAIN": "",
        "MAIL_FROM": "Bill tracker demo <digest@demo.example>",
        "MAIL_FOOTER": "Sent by billtracker demo to an address that does not exist.",
        "PUBLIC_URL": f"http://127.0.0.1:{port or 8000}",
    }
    os.environ.update({PREFIX + name: value for name, value in chosen.items()})
    get_settings.cache_clear()


def _crawl(day: str) -> None:
    from spiders.catalog import catalogue

    crawls = []
    for facts in catalogue().values():
        pages = Path(str(resources.files("spiders") / "pages" / facts.spider / day))
        if pages.is_dir():
            crawls.append((facts.shown_code, [f"--replay={pages}"]))
    jobs = max(2, os.cpu_count() or 2)
    crawl_in_children(crawls, jobs, lambda crawled: typer.echo(f"  {crawled.line}"))


def _subscribe(engine: Engine) -> None:
    from notify import people
    from notify.filters import Filter
    from tracker.db import writing

    now = dt.datetime.now(dt.UTC)
    for reader in READERS:
        wish = people.Wish(Filter.model_validate(reader.asks), "daily")
        with writing(engine) as connection:
            known = people.add_subscriber(
                connection, reader.address, now, evidence="made up by the demo", confirmed_at=now
            )
            people.add_subscription(connection, known, wish, now)


def _mail(engine: Engine) -> None:
    from notify.deliver import run_digests

    done = run_digests(engine, get_settings(), regardless=True)
    typer.echo(f"  {done.in_words}")


def _table(engine: Engine, folder: Path) -> None:
    """What happened, a line a source."""
    from rich.console import Console
    from rich.table import Table
    from sqlalchemy import func, select

    from tracker.db import reading
    from tracker.models import Bill, Change, Digest, Edition, Run, Subscriber, Verdict

    table = Table(title="What happened", title_justify="left")
    for heading in ("source", "bills", "on topic", "day 2", "requests", "changes told"):
        table.add_column(heading, justify="left" if heading in ("source", "day 2") else "right")
    with reading(engine) as session:
        for source in session.scalars(select(Run.source).distinct().order_by(Run.source)):
            run = session.scalars(
                select(Run).where(Run.source == source).order_by(Run.id.desc())
            ).first()
            assert run is not None
            bills = select(func.count()).select_from(Bill).where(Bill.source == source)
            told = (
                select(func.count())
                .select_from(Change)
                .join(Verdict, Verdict.bill_id == Change.bill_id)
                .where(Change.run_id == run.id, Change.status == "released", Verdict.relevant)
            )
            table.add_row(
                source,
                str(session.scalar(bills)),
                str(session.scalar(bills.join(Verdict).where(Verdict.relevant))),
                run.status,
                str(run.requests),
                str(session.scalar(told)),
            )
        mails = session.execute(
            select(Subscriber.address, Edition.subject, Digest.status)
            .join(Digest, Digest.subscriber_id == Subscriber.id)
            .join(Edition, Edition.id == Digest.edition_id)
            .order_by(Digest.id)
        ).all()
    Console().print(table)
    for mail in mails:
        typer.echo(f"{mail.status} to {mail.address}: {mail.subject}")
    typer.echo(f"The mails, as .eml and .html: {folder / 'mail'}")
