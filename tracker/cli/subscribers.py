"""billtracker subscribers …"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Annotated, Any, NoReturn

import typer

app = typer.Typer(help="Who hears: add, list, remove.", no_args_is_help=True)

Weekday = StrEnum(
    "Weekday", ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
)
MONDAY = Weekday("monday")
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
    from notify import people
    from notify.bill_names import bill_keys
    from notify.filters import Filter, in_words
    from notify.schedule import checked_frequency
    from tracker.db import open_database, writing

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
                reader = people.add_subscriber(connection, email, now, evidence="added by operator")
            if any(clock):
                people.set_clock(connection, reader, people.DeliveryTime.typed(*clock), now)
            people.add_subscription(connection, reader, wish, now)
    except ValueError as error:
        _refuse(error)
    typer.echo(f"{email}: {frequency}, {in_words(chosen)}")


def _refuse(error: ValueError) -> NoReturn:
    """pydantic's errors without their frame; the other messages are fit for people as they are."""
    from pydantic import ValidationError

    said = str(error)
    if isinstance(error, ValidationError):
        said = "; ".join(
            f"{one['loc'][0]}: {one['msg'].removeprefix('Value error, ')}" for one in error.errors()
        )
    raise typer.BadParameter(said) from error


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
        elif people.remove_subscription(connection, reader, subscription):
            typer.echo(f"subscription {subscription} of {email} has ended")
        else:
            raise typer.BadParameter(f"{email} has no subscription {subscription}")
