"""billtracker subscribers …"""

from __future__ import annotations

import datetime as dt
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

app = typer.Typer(help="Who hears: add, list, remove, import, export.", no_args_is_help=True)

Weekday = StrEnum(
    "Weekday", ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
)
MONDAY = Weekday("monday")
NOT_MAILED = {
    "left": "has unsubscribed; only they can undo that, on the page or by the link in their mail",
    "suppressed": "is suppressed; see billtracker subscribers suppressed, then unsuppress --resume",
}
Email = Annotated[str, typer.Argument(help="The reader's address.")]


def _flag(name: str) -> Any:
    return typer.Option(f"--{name}", help=f"Send {name} digests.")


@app.command()
def add(
    email: Annotated[str, typer.Argument(help="Address; a known one gets another subscription.")],
    states: Annotated[str, typer.Option(help="Postal codes, e.g. md,va,us; empty = all.")] = "",
    topics: Annotated[str, typer.Option(help="Topics or groups of topics, e.g. detainers.")] = "",
    stances: Annotated[str, typer.Option(help="expands, limits, neutral, mixed.")] = "",
    stages: Annotated[str, typer.Option(help="Stages reached, e.g. passed-first-chamber.")] = "",
    kinds: Annotated[str, typer.Option(help="Kinds of change, e.g. introduced,hearing-set.")] = "",
    keywords: Annotated[str, typer.Option(help="Words or phrases of title or summary.")] = "",
    bills: Annotated[str, typer.Option(help="Bills, e.g. 'md HB 1222, md:2025RS:HB 5'.")] = "",
    sponsors: Annotated[str, typer.Option(help="Names of sponsors.")] = "",
    committees: Annotated[str, typer.Option(help="Names of committees.")] = "",
    immediate: Annotated[bool, _flag("immediate")] = False,
    daily: Annotated[bool, _flag("daily")] = False,
    weekly: Annotated[bool, _flag("weekly")] = False,
    monthly: Annotated[bool, _flag("monthly")] = False,
    weekday: Annotated[Weekday, typer.Option(help="Day of weekly digests.")] = MONDAY,
    quiet_note: Annotated[
        bool, typer.Option("--quiet-note", help="Say once a week that nothing moved.")
    ] = False,
    timezone: Annotated[str, typer.Option(help="Their IANA zone, e.g. America/Chicago.")] = "",
    hour: Annotated[str, typer.Option(help="When their digests leave: 7 or 7:30.")] = "",
) -> None:
    """Subscribe an address whose consent you vouch for; daily unless told otherwise."""
    often = {"immediate": immediate, "daily": daily, "weekly": weekly, "monthly": monthly}
    asked = {
        "states": states,
        "topics": topics,
        "stances": stances,
        "stages": stages,
        "kinds": kinds,
        "keywords": keywords,
        "bills": bills,
        "sponsors": sponsors,
        "committees": committees,
    }
    frequencies = [name for name, chosen in often.items() if chosen] or ["daily"]
    if len(frequencies) > 1:
        raise typer.BadParameter(f"choose one of {', '.join(frequencies)}")
    _subscribe(email, asked, frequencies[0], weekday, quiet_note, (timezone, hour))


def _subscribe(
    email: str,
    asked: dict[str, str],
    frequency: str,
    weekday: Weekday,
    quiet_note: bool,
    clock: tuple[str, str],
) -> None:
    from sqlalchemy import select

    from notify import people
    from notify.bill_names import bill_keys
    from notify.filters import Filter, in_words
    from notify.schedule import checked_frequency
    from tracker.db import open_database, writing
    from tracker.models import Subscriber

    engine = open_database()
    now = dt.datetime.now(dt.UTC)
    try:
        named = [name.strip() for name in asked["bills"].split(",") if name.strip()]
        chosen = Filter.model_validate(asked | {"bills": bill_keys(engine, named)})
        wish = people.Wish(
            chosen, checked_frequency(frequency), list(Weekday).index(weekday), quiet_note
        )
        with writing(engine) as connection:
            reader = people.find_subscriber(connection, email)
            if reader is None:
                reader = people.add_subscriber(
                    connection, email, now, evidence="added by operator", confirmed_at=now
                )
            status = connection.scalar(select(Subscriber.status).where(Subscriber.id == reader))
            if status in NOT_MAILED:
                raise ValueError(f"{email} {NOT_MAILED[status]}")
            if any(clock):
                people.set_clock(connection, reader, people.DeliveryTime.typed(*clock), now)
            people.add_subscription(connection, reader, wish, now)
    except ValueError as error:
        _refuse(error)
    typer.echo(f"{email}: {frequency}, {in_words(chosen)}")


def _refuse(error: ValueError) -> NoReturn:
    from pydantic import ValidationError

    from notify.filters import problems

    said = str(error)
    if isinstance(error, ValidationError):
        said = "; ".join(f"{name}: {problem}" for name, problem in problems(error).items())
    raise typer.BadParameter(said) from error


def _key(email: str) -> str:
    from notify.addresses import address_key, checked_address

    try:
        return address_key(checked_address(email))
    except ValueError as error:
        _refuse(error)


@app.command("list")
def list_() -> None:
    """Every subscriber: what they asked for, and how we know."""
    from sqlalchemy import select
    from sqlalchemy.orm import selectinload

    from notify.filters import Filter, in_words
    from tracker.db import open_database, reading
    from tracker.models import Subscriber

    with reading(open_database()) as session:
        readers = session.scalars(
            select(Subscriber)
            .options(selectinload(Subscriber.subscriptions))
            .order_by(Subscriber.address_key)
        )
        for reader in readers:
            when = f"{reader.hour}:{reader.minute:02} {reader.timezone}"
            typer.echo(f"{reader.address}  {reader.status}  {when}  ({reader.evidence})")
            for one in reader.subscriptions:
                paused = "" if one.active else ", paused"
                chosen = in_words(Filter.model_validate(one.filter))
                typer.echo(f"  {one.id}: {one.frequency}{paused}, {chosen}")


@app.command()
def remove(
    email: Email,
    subscription: Annotated[
        int | None, typer.Option(help="Only this one (number from subscribers list).")
    ] = None,
) -> None:
    """End one subscription, or forget the reader with everything we know of them."""
    from notify import people
    from tracker.db import open_database, writing

    now = dt.datetime.now(dt.UTC)
    with writing(open_database()) as connection:
        try:
            reader = people.find_subscriber(connection, email)
        except ValueError as error:
            _refuse(error)
        if reader is None:
            raise typer.BadParameter(f"nobody subscribes as {email}")
        if subscription is None:
            people.forget(connection, reader)
            typer.echo(f"{email} is forgotten")
        elif people.remove_subscription(connection, reader, subscription, now):
            typer.echo(f"subscription {subscription} of {email} has ended")
        else:
            raise typer.BadParameter(f"{email} has no subscription {subscription}")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV; its first line names the columns.")],
    evidence: Annotated[
        str, typer.Option(help="How they confirmed, for rows that do not say it.")
    ] = "",
    confirmed_at: Annotated[
        str, typer.Option(help="When they confirmed, for rows that do not say it.")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what would be done.")
    ] = False,
) -> None:
    """Take over subscribers of another list, with the evidence that they asked.

    Columns: email, confirmed_at, evidence, and those that export writes; without a filter a row
    means every bill on topic, daily. Rows that cannot be taken over are told by line and written
    to FILE.refused.csv, to mend and import again. Who unsubscribed or is suppressed here stays so.
    """
    from notify.subscriber_import import BadFile, import_subscribers, write_refused
    from tracker.db import open_database

    now = dt.datetime.now(dt.UTC)
    try:
        done = import_subscribers(
            open_database(),
            file,
            now,
            evidence=evidence,
            confirmed_at=confirmed_at,
            dry_run=dry_run,
        )
    except (BadFile, OSError) as error:
        typer.echo(f"nothing was imported: {error}", err=True)
        raise typer.Exit(1) from error
    counts = done.counts
    typer.echo(
        f"{'would import' if dry_run else 'imported'} {counts['readers']:,} readers and "
        f"{counts['subscriptions']:,} subscriptions; known already: {counts['known']:,}, "
        f"unsubscribed: {counts['left']:,}, suppressed: {counts['suppressed']:,}, "
        f"refused: {len(done.refused):,}"
    )
    if done.refused:
        for line, why in sorted(done.refused.items()):
            typer.echo(f"line {line}: {why}", err=True)
        if not dry_run:
            refused = file.with_suffix(".refused.csv")
            with refused.open("w", encoding="utf-8", newline="") as out:
                write_refused(done, out)
            typer.echo(f"the refused rows are in {refused}", err=True)
        raise typer.Exit(1)


@app.command()
def export(
    file: Annotated[Path | None, typer.Argument(help="Where to; the screen without it.")] = None,
) -> None:
    """Write everybody as CSV: readers, those who left, those who must not be mailed."""
    from notify.subscriber_export import export_subscribers
    from tracker.db import open_database

    if file is None:
        export_subscribers(open_database(), sys.stdout)
        return
    with file.open("w", encoding="utf-8", newline="") as out:
        rows = export_subscribers(open_database(), out)
    typer.echo(f"{rows:,} rows in {file}")


@app.command()
def suppress(
    email: Annotated[str, typer.Argument(help="Address, known or not.")],
    reason: Annotated[str, typer.Option(help="Why, for whoever wonders later.")] = "",
) -> None:
    """Mail an address no more, whatever is imported or asked on the page."""
    from notify.suppression import suppress
    from tracker.db import open_database, writing

    key = _key(email)
    with writing(open_database()) as connection:
        suppress(connection, key, "operator", reason, dt.datetime.now(dt.UTC))
    typer.echo(f"{email} is mailed no more")


@app.command()
def unsuppress(
    email: Annotated[str, typer.Argument(help="Address on the suppression list.")],
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on mailing its reader; they must have asked.")
    ] = False,
) -> None:
    """Take an address off the suppression list; its reader counts as one who unsubscribed."""
    from notify import people
    from notify.suppression import lift
    from tracker.db import open_database, writing

    key, now = _key(email), dt.datetime.now(dt.UTC)
    with writing(open_database()) as connection:
        if not lift(connection, key):
            raise typer.BadParameter(f"{email} is not suppressed")
        reader = people.find_subscriber(connection, email) if resume else None
        if reader is not None:
            people.come_back(connection, reader, "resumed by operator", now)
    typer.echo(f"{email} is free{' and mailed again' if reader is not None else ''}")


@app.command()
def suppressed() -> None:
    """Every address we must not mail: since when, and why."""
    from sqlalchemy import select

    from tracker.db import open_database, reading
    from tracker.models import Suppression

    with reading(open_database()) as session:
        for one in session.scalars(select(Suppression).order_by(Suppression.address_key)):
            detail = f" ({one.detail})" if one.detail else ""
            typer.echo(f"{one.address_key}  {one.suppressed_at:%Y-%m-%d}  {one.reason}{detail}")
