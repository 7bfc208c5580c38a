"""billtracker digest …"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sqlalchemy import Engine

app = typer.Typer(
    help="What is mailed: match, send, preview, explain, bounces.", no_args_is_help=True
)

Email = Annotated[str, typer.Argument(help="The reader's address.")]
SETTLED_STATUSES = ("sent", "cancelled")


@app.command()
def plan() -> None:
    """Match released changes to subscriptions; they wait in the outbox until a digest is due."""
    from notify.match import plan
    from tracker.db import open_database
    from tracker.web import wording

    planned = plan(open_database(), _now())
    matched = wording.count(planned.changes, "change")
    typer.echo(f"{matched} matched, {wording.count(planned.rows, 'row')} for readers")


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
    if done.bounces:
        typer.echo(f"bounces: {done.bounces}")
    typer.echo(done.in_words)
    for said in done.to_look_at:
        typer.echo(said, err=True)
    if done.to_look_at:
        raise typer.Exit(1)


@app.command()
def bounces(
    place: Annotated[
        str,
        typer.Argument(
            help="Maildir, mbox file or imaps://user@host/FOLDER; "
            "without it, BILLTRACKER_BOUNCE_MAILBOX."
        ),
    ] = "",
) -> None:
    """Read bounces and complaints: a hard bounce or complaint ends mail to that reader.

    Every digest send does it too when BILLTRACKER_BOUNCE_MAILBOX is set. Only reports that carry
    the signed return path of a digest of ours count, and each of them once.
    """
    from notify.bounces import read_bounces
    from tracker.db import open_database
    from tracker.settings import get_settings

    settings = get_settings()
    if not place and not settings.bounce_mailbox:
        raise typer.BadParameter("name a place, or set BILLTRACKER_BOUNCE_MAILBOX")
    try:
        tally = read_bounces(open_database(), settings, _now(), place)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    typer.echo(tally.in_words)


@app.command()
def preview(
    email: Email,
    as_of: Annotated[
        str,
        typer.Option(
            help="As if it were then: 2026-03-05T12:00 (UTC) or 2026-03-05T07:00-05:00; "
            "without it, the next time one of theirs is due."
        ),
    ] = "",
    html: Annotated[Path | None, typer.Option(help="Write the HTML part here.")] = None,
    eml: Annotated[Path | None, typer.Option(help="Write the whole message here.")] = None,
) -> None:
    """Show exactly what would be sent to a reader, if nothing more happens; sends nothing."""
    from notify.message import message_bytes
    from notify.preview import next_turn, preview
    from notify.render import personal
    from tracker.db import open_database, reading
    from tracker.settings import get_settings

    engine, settings = open_database(), get_settings()
    reader = _reader(engine, email)
    with reading(engine) as session:
        moment = _moment(as_of) if as_of else next_turn(session.connection(), reader, _now())
    letter = preview(engine, settings, reader, moment)
    if letter is None:
        typer.echo(f"nothing on {moment:%Y-%m-%d %H:%M} UTC: no subscription is due with news")
        raise typer.Exit(1)
    tokens = (settings.public_url, letter.reader_token, letter.digest_token)
    typer.echo(f"On {moment:%Y-%m-%d %H:%M} UTC\nTo: {letter.address}")
    typer.echo(f"Subject: {letter.subject}\n\n{personal(letter.text, *tokens)}", nl=False)
    if html:
        html.write_text(personal(letter.html, *tokens), encoding="utf-8")
    if eml:
        eml.write_bytes(message_bytes(letter, settings))


@app.command()
def explain(
    email: Email,
    change: Annotated[str, typer.Argument(help="A change's number, or a bill: 'md HB 1222'.")],
) -> None:
    """Tell why a reader did, or did not, get a change, or the newest changes of a bill."""
    from notify.explain import changes_named, explain
    from tracker.db import open_database

    engine = open_database()
    reader = _reader(engine, email)
    try:
        for number in changes_named(engine, change):
            typer.echo("\n  ".join(explain(engine, reader, number, _now())))
    except (LookupError, ValueError) as error:
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
    """Send nothing until digest start; a running sender ends with the messages on their way."""
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
