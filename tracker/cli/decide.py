"""billtracker decide: a person's own verdict on a bill."""

from __future__ import annotations

import datetime as dt
import getpass
from enum import StrEnum
from typing import Annotated

import typer

Stance = StrEnum("Stance", ["expands", "limits", "neutral", "mixed"])


def decide(
    bill: Annotated[str, typer.Argument(help="Its number on our pages, or 'md HB 1222'.")],
    relevant: Annotated[
        bool | None, typer.Option("--relevant/--not-relevant", help="On topic, or not.")
    ] = None,
    topics: Annotated[
        str, typer.Option(help="Its topics, e.g. '287g detainer-holds'; empty = as the rules say.")
    ] = "",
    stance: Annotated[Stance | None, typer.Option(help="Which way it cuts.")] = None,
    note: Annotated[str, typer.Option(help="Why, for whoever reads it later.")] = "",
    by: Annotated[str, typer.Option(help="Who decides; else the name of this login.")] = "",
) -> None:
    """Decide whether a bill is on topic; this wins over the rules and survives replays.

    Without --relevant or --not-relevant, show the decisions there are.
    """
    from tracker.bill_names import find_bill
    from tracker.db import open_database, reading, writing
    from tracker.judging import decide as store

    engine = open_database()
    with reading(engine) as session:
        try:
            found = find_bill(session, bill)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
    named = f"{found.jurisdiction.upper()} {found.identifier_key}"
    if relevant is None:
        _show(found.id, named)
        return
    with writing(engine) as connection:
        try:
            store(
                connection,
                found.id,
                relevant=relevant,
                topics=topics.replace(",", " ").split(),
                stance=stance.value if stance else None,
                note=note,
                by=by or getpass.getuser(),
                now=dt.datetime.now(dt.UTC),
            )
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
    typer.echo(f"{named}: {'on topic' if relevant else 'not on topic'}, whatever the rules say")
    if relevant:
        _tell_what_is_missing(found.id)


def _tell_what_is_missing(bill_id: int) -> None:
    """Where the rules say nothing either, only readers who asked for no topic or way hear of it."""
    from sqlalchemy import select

    from tracker.db import open_database, reading
    from tracker.models import TopicVerdict, Verdict

    with reading(open_database()) as session:
        topics = session.scalars(select(TopicVerdict.topic).where(TopicVerdict.bill_id == bill_id))
        if not topics.all():
            typer.echo(
                "it has no topic: readers of single topics hear of it once --topics names any"
            )
        if session.get_one(Verdict, bill_id).stance is None:
            typer.echo("it cuts no way: readers of one side hear of it once --stance says which")


def _show(bill_id: int, named: str) -> None:
    from sqlalchemy import select

    from tracker.db import open_database, reading
    from tracker.models import Decision

    with reading(open_database()) as session:
        query = select(Decision).where(Decision.bill_id == bill_id)
        decisions = session.scalars(query.order_by(Decision.decided_at)).all()
    for one in decisions:
        said = "on topic" if one.relevant else "not on topic"
        more = ", ".join(part for part in (*one.topics, one.stance or "", one.note) if part)
        typer.echo(f"{one.decided_at:%Y-%m-%d %H:%M} {one.decided_by}: {said} {more}".rstrip())
    if not decisions:
        typer.echo(f"{named}: nobody has decided; the rules' verdict counts")
