"""billtracker digest …"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sqlalchemy import Engine

app = typer.Typer(help="What is mailed: match, send, preview, explain.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(help="The reader's address.")]
SETTLED_STATUSES = ("sent", "cancelled")


@app.command()
def plan() -> None:
    """Match released changes to subscriptions; they wait in the outbox until a digest is due."""
    from notify.match import plan
    from tracker.db import open_database

    planned = plan(open_database(), _now())
    typer.echo(f"{planned.changes:,} changes matched, {planned.rows:,} rows for readers")


@app.command()
def send(
    yes: Annotated[bool, typer.Option("--yes", help="Send even more than the cap.")] = False,
    regardless: Annotated[
        bool, typer.Option("--regardless", help="Send all that waits, due or not.")
    ] = False,
) -> None:
    """Match, make the digests that are due and send them; exit code 1 if the run was stopped."""
    from notify.deliver import run_digests
    from tracker.db import open_database
    from tracker.settings import get_settings

    try:
        done = run_digests(open_database(), get_settings(), yes=yes, regardless=regardless)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    typer.echo(done.in_words)
    if done.report.stopped:
        typer.echo(done.report.stopped, err=True)
        raise typer.Exit(1)


@app.command()
def preview(
    email: Email,
    as_of: Annotated[
        str, typer.Option(help="As if it were then: 2026-03-05 or 2026-03-05T07:00-05:00.")
    ] = "",
    html: Annotated[Path | None, typer.Option(help="Write the HTML part here.")] = None,
) -> None:
    """Show exactly what would be sent to a reader now, or at a time; sends nothing."""
    from notify.compose import rendered_by
    from notify.explain import upcoming
    from tracker.db import open_database
    from tracker.settings import get_settings

    engine = open_database()
    content = upcoming(engine, _reader(engine, email), _moment(as_of))
    if content is None:
        typer.echo("nothing: no subscription is due with news in it")
        raise typer.Exit(1)
    rendered = rendered_by(get_settings(), content)
    typer.echo(f"Subject: {rendered.subject}\n\n{rendered.text}")
    if html:
        html.write_text(rendered.html, encoding="utf-8")


@app.command()
def explain(
    email: Email,
    change: Annotated[int, typer.Argument(help="The change's number (see the bill's page).")],
) -> None:
    """Tell why a reader did, or did not, get a change."""
    from notify.explain import explain
    from tracker.db import open_database

    engine = open_database()
    try:
        typer.echo("\n".join(explain(engine, _reader(engine, email), change, _now())))
    except LookupError as error:
        raise typer.BadParameter(str(error.args[0])) from error


@app.command("list")
def list_(
    all_: Annotated[bool, typer.Option("--all", help="Sent and cancelled ones too.")] = False,
    most: Annotated[int, typer.Option(help="At most so many, the newest.")] = 50,
) -> None:
    """Digests that wait, bounced or need a person."""
    from sqlalchemy import select
    from sqlalchemy.orm import joinedload

    from notify.ledger import stopped
    from tracker.db import open_database, reading
    from tracker.models import Digest

    engine = open_database()
    if why := stopped(engine):
        typer.echo(f"mail is stopped: {why}")
    query = select(Digest).options(joinedload(Digest.subscriber), joinedload(Digest.edition))
    if not all_:
        query = query.where(Digest.status.not_in(SETTLED_STATUSES))
    with reading(engine) as session:
        for one in session.scalars(query.order_by(Digest.id.desc()).limit(most)):
            when = one.sent_at or one.next_attempt_at
            said = f"  ({one.said})" if one.said else ""
            typer.echo(
                f"{one.id}  {one.status}  {when:%Y-%m-%d %H:%M}  {one.subscriber.address}  "
                f"{one.edition.subject}  {one.message_id}{said}"
            )


@app.command()
def settle(
    digest: Annotated[int, typer.Argument(help="Number of the digest (digest list).")],
    arrived: Annotated[
        bool,
        typer.Option("--arrived/--resend", help="It was delivered, or send it once more."),
    ],
) -> None:
    """Say what became of a digest in status unknown.

    Unknown means: it was handed to the relay and the answer never came, because this program or
    the connection ended first. It is never sent again by itself. Look for its Message-ID (digest
    list) in the relay's log: found means --arrived, not found means --resend. It keeps its
    Message-ID, by which most mail programs hide a second copy.
    """
    from notify.ledger import settle
    from tracker.db import open_database

    if not settle(open_database(), digest, arrived, _now()):
        raise typer.BadParameter(f"digest {digest} is not in status unknown")
    typer.echo("noted as sent" if arrived else "queued again; the next run sends it")


@app.command()
def stop(
    reason: Annotated[str, typer.Argument(help="Why, for whoever finds it stopped.")],
) -> None:
    """Send nothing until digest start; a running sender ends within a few messages."""
    from notify.ledger import stop
    from tracker.db import open_database

    stop(open_database(), reason, _now())
    typer.echo("mail is stopped")


@app.command()
def start() -> None:
    """Let mail go out again after digest stop."""
    from notify.ledger import start
    from tracker.db import open_database

    start(open_database())
    typer.echo("mail goes out again")


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _moment(typed: str) -> dt.datetime:
    if not typed:
        return _now()
    try:
        moment = dt.datetime.fromisoformat(typed)
    except ValueError as error:
        raise typer.BadParameter(f"{typed!r} is no time; write it like 2026-03-05T07:00") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _reader(engine: Engine, email: str) -> int:
    from notify.people import find_subscriber
    from tracker.db import reading

    with reading(engine) as session:
        try:
            found = find_subscriber(session.connection(), email)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
    if found is None:
        raise typer.BadParameter(f"nobody subscribes as {email}")
    return found
