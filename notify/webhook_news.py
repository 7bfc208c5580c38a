"""Which changes each webhook is to hear of, and what it is told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, delete, or_, select, tuple_, update
from sqlalchemy.orm import Session, aliased

from notify.filters import Filter
from notify.links import bill_link
from notify.match import ChangeIndex, in_batches
from notify.snapshot import Described, describe
from tracker.db import insert_or, reading, writing
from tracker.models import (
    Bill,
    Change,
    News,
    Subscriber,
    Subscription,
    WebhookDelivery,
    WebhookEndpoint,
)

OVERLAP = dt.timedelta(hours=1)
"""Looked at once more: another pass may have written news that it had begun before our last."""

# id, filter, active_since, planned_until
_Endpoint = tuple[int, Filter, dt.datetime, dt.datetime]


def plan_deliveries(engine: Engine, public_url: str, now: dt.datetime) -> None:
    """One row for each change and receiver, and one for each that was delivered and taken back.

    Safe to repeat, to kill and to run twice at once: a change has one row for a receiver, ever.
    """
    with reading(engine) as session:
        endpoints = _endpoints(session)
        fresh = _fresh(session, endpoints) if endpoints else {}
    for batch in in_batches(sorted(fresh)):
        with reading(engine) as session:
            described = describe(session, batch, now.date())
        rows = list(_rows(endpoints, described, fresh, public_url, now))
        with writing(engine) as connection:
            _insert(connection, rows)
    with writing(engine) as connection:
        _take_back(connection, now)
        connection.execute(
            update(WebhookEndpoint)
            .where(WebhookEndpoint.id.in_([id for id, *_ in endpoints]))
            .values(planned_until=now)
        )


def _endpoints(session: Session) -> list[_Endpoint]:
    rows = session.execute(
        select(
            WebhookEndpoint.id,
            Subscription.filter,
            WebhookEndpoint.active_since,
            WebhookEndpoint.planned_until,
        )
        .join(Subscription, Subscription.id == WebhookEndpoint.subscription_id)
        .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
        .where(WebhookEndpoint.status == "active", Subscriber.status == "active")
        .order_by(WebhookEndpoint.id)
    )
    return [
        (row.id, Filter.model_validate(row.filter), row.active_since, row.planned_until)
        for row in rows
    ]


def _fresh(session: Session, endpoints: Sequence[_Endpoint]) -> dict[int, dt.datetime]:
    """When each change became news: those since the receiver that was planned for longest ago.

    Bills that a filter names are news for it without being judged relevant.
    """
    since = min(planned_until for *_, planned_until in endpoints) - OVERLAP
    news = select(News.change_id, News.planned_at).where(
        News.planned_at > since, News.taken_back_at.is_(None)
    )
    fresh = {row.change_id: row.planned_at for row in session.execute(news)}
    named = {tuple(key.split(":", 2)) for _, chosen, *_ in endpoints for key in chosen.bills}
    columns = tuple_(Bill.jurisdiction, Bill.session, Bill.identifier_key)
    for some in in_batches(sorted(named)):
        followed = (
            select(Change.id, Change.released_at)
            .join(Bill, Bill.id == Change.bill_id)
            .where(Change.status == "released", Change.released_at > since, columns.in_(some))
        )
        fresh = {row.id: row.released_at for row in session.execute(followed)} | fresh
    return fresh


def _rows(
    endpoints: Iterable[_Endpoint],
    described: Sequence[Described],
    fresh: dict[int, dt.datetime],
    public_url: str,
    now: dt.datetime,
) -> Iterable[dict[str, Any]]:
    index = ChangeIndex([one.facts for one in described])
    payloads = {one.facts.change_id: payload(one, public_url) for one in described}
    for endpoint_id, chosen, active_since, planned_until in endpoints:
        for fact in index.matching(chosen):
            news_at = fresh[fact.change_id]
            if fact.released_at > active_since and news_at > planned_until - OVERLAP:
                yield {
                    "endpoint_id": endpoint_id,
                    "change_id": fact.change_id,
                    "type": "change",
                    "payload": payloads[fact.change_id],
                    "created_at": now,
                }


def _insert(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert_or(connection, WebhookDelivery).on_conflict_do_nothing(), rows)


def _take_back(connection: Connection, now: dt.datetime) -> None:
    """What the source took back is not delivered; where it was, that is delivered too."""
    gone = or_(Change.status != "released", News.taken_back_at.is_not(None))
    taken_back = (
        select(WebhookDelivery.id)
        .join(Change, Change.id == WebhookDelivery.change_id)
        .join(News, News.change_id == Change.id, isouter=True)
        .where(WebhookDelivery.type == "change", gone)
    )
    connection.execute(
        delete(WebhookDelivery).where(
            WebhookDelivery.id.in_(taken_back.where(WebhookDelivery.delivered_at.is_(None)))
        )
    )
    told = aliased(WebhookDelivery)
    untold = connection.execute(
        select(WebhookDelivery.endpoint_id, WebhookDelivery.change_id, News.taken_back_by)
        .join(News, News.change_id == WebhookDelivery.change_id, isouter=True)
        .join(
            told,
            (told.endpoint_id == WebhookDelivery.endpoint_id)
            & (told.change_id == WebhookDelivery.change_id)
            & (told.type == "retraction"),
            isouter=True,
        )
        .where(WebhookDelivery.id.in_(taken_back), told.id.is_(None))
        .order_by(WebhookDelivery.id)
    ).all()
    rows = [
        {
            "endpoint_id": row.endpoint_id,
            "change_id": row.change_id,
            "type": "retraction",
            "payload": {"change": {"id": row.change_id}, "corrected_by": row.taken_back_by},
            "created_at": now,
        }
        for row in untold
    ]
    _insert(connection, rows)


def payload(one: Described, public_url: str) -> dict[str, Any]:
    """Plain JSON; dates are ISO strings or null."""
    told = one.snapshot.model_dump(mode="json")
    return {
        "change": {
            "id": told["change_id"],
            "kind": told["kind"],
            "summary": told["summary"],
            "words": told["words"],
            "date": told["occurred_on"],
            "stage": told["reached"],
        },
        "bill": {
            "id": told["bill_id"],
            "key": one.facts.bill,
            "state": told["jurisdiction"],
            "identifier": told["identifier"],
            "title": told["title"],
            "stage": told["stage"],
            "stage_date": told["stage_on"],
            "stance": told["stance"],
            "topics": told["topics"],
            "url": bill_link(public_url, told["bill_id"]),
            "source_url": told["source_url"],
        },
        "hearings": told["hearings"],
    }
