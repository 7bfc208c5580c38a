"""Bills, changes and readers for the tests of notify, straight into the database."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert

from notify.filters import Filter
from notify.people import DeliveryTime, Wish, add_subscriber, add_subscription
from tracker.db import writing
from tracker.models import (
    Bill,
    BillText,
    Change,
    Evidence,
    Hearing,
    Sponsorship,
    TopicVerdict,
    Verdict,
    Version,
)

NOW = dt.datetime(2026, 3, 3, 12, 0, tzinfo=dt.UTC)
"""A Tuesday, 7:00 in New York."""
EARLIER = NOW - dt.timedelta(days=2)


def add_bill(
    engine: Engine,
    state: str = "md",
    identifier: str = "HB 1222",
    *,
    title: str = "Immigration Enforcement - 287(g) Agreements - Prohibition",
    abstract: str = "",
    stage: str = "introduced",
    chamber: str = "lower",
    relevant: bool = True,
    topics: Sequence[str] = ("287g",),
    stance: str | None = "limits",
    sponsors: Sequence[str] = (),
    session: str = "2026",
) -> int:
    with writing(engine) as connection:
        bill_id: int = connection.execute(
            insert(Bill)
            .values(
                source=state,
                jurisdiction=state,
                session=session,
                identifier=identifier,
                identifier_key=identifier,
                chamber=chamber,
                title=title,
                abstract=abstract,
                stage=stage,
                sources=[{"url": f"https://legislature.example/{state}/{identifier}", "note": ""}],
                first_seen_at=EARLIER,
                last_seen_at=EARLIER,
                changed_at=EARLIER,
            )
            .returning(Bill.id)
        ).scalar_one()
        judge(connection, bill_id, relevant, topics, stance)
        for position, name in enumerate(sponsors):
            connection.execute(
                insert(Sponsorship).values(
                    bill_id=bill_id,
                    position=position,
                    name=name,
                    classification="sponsor",
                    primary=position == 0,
                    first_seen_at=EARLIER,
                )
            )
    return bill_id


def judge(
    connection: Connection, bill_id: int, relevant: bool, topics: Sequence[str], stance: str | None
) -> None:
    """In place of what was judged before."""
    connection.execute(delete(TopicVerdict).where(TopicVerdict.bill_id == bill_id))
    connection.execute(delete(Verdict).where(Verdict.bill_id == bill_id))
    connection.execute(
        insert(Verdict).values(
            bill_id=bill_id,
            level="relevant" if relevant else "off",
            relevant=relevant,
            stance=stance,
            score=1.0,
            rules_hash="",
            judged_at=EARLIER,
        )
    )
    for topic in topics:
        connection.execute(
            insert(TopicVerdict).values(bill_id=bill_id, topic=topic, stance=stance, score=1.0)
        )


def add_change(
    engine: Engine,
    bill_id: int,
    kind: str = "action",
    summary: str = "Third Reading Passed (99-38)",
    *,
    stage: str = "",
    on: dt.date | None = dt.date(2026, 3, 2),
    released_at: dt.datetime = NOW - dt.timedelta(hours=1),
    status: str = "released",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> int:
    with writing(engine) as connection:
        key = hashlib.sha256(f"{kind}{summary}{on}{stage}{after}".encode()).hexdigest()
        change_id: int = connection.execute(
            insert(Change)
            .values(
                bill_id=bill_id,
                kind=kind,
                key=key,
                status=status,
                detected_at=released_at,
                released_at=released_at,
                occurred_on=on,
                stage=stage,
                summary=summary,
                before=before,
                after=after,
            )
            .returning(Change.id)
        ).scalar_one()
    return change_id


def add_hearing(
    engine: Engine,
    bill_id: int,
    date: dt.date,
    committee: str = "Judiciary",
    time_text: str = "1:00 p.m.",
    location: str = "House Office Building, Room 100",
) -> None:
    with writing(engine) as connection:
        connection.execute(
            insert(Hearing).values(
                bill_id=bill_id,
                committee=committee,
                date=date,
                time_text=time_text,
                location=location,
                first_seen_at=EARLIER,
            )
        )


def add_version(engine: Engine, bill_id: int, position: int, note: str, text: str) -> str:
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    with writing(engine) as connection:
        connection.execute(insert(BillText).values(sha256=sha256, text=text))
        connection.execute(
            insert(Version).values(
                bill_id=bill_id,
                position=position,
                note=note,
                text_sha256=sha256,
                first_seen_at=EARLIER,
            )
        )
    return sha256


def add_evidence(
    engine: Engine,
    bill_id: int,
    text: str,
    quote: str,
    sha256: str | None,
    field: str = "text",
    stance: str = "limits",
) -> None:
    start = text.index(quote)
    with writing(engine) as connection:
        connection.execute(
            insert(Evidence).values(
                bill_id=bill_id,
                rule="287g.agreement",
                topic="287g",
                stance=stance,
                field=field,
                text_sha256=sha256,
                start=start,
                end=start + len(quote),
                quote=quote,
            )
        )


def add_reader(
    engine: Engine,
    address: str = "ann@example.org",
    *wishes: Wish,
    clock: DeliveryTime | None = None,
    since: dt.datetime = EARLIER,
) -> int:
    """An active reader of everything daily, unless wishes say otherwise."""
    with writing(engine) as connection:
        reader = add_subscriber(
            connection, address, since, evidence="test", confirmed_at=since, clock=clock
        )
        for wish in wishes or (Wish(Filter()),):
            add_subscription(connection, reader, wish, since)
    return reader
