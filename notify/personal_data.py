"""All we know of one reader, for themselves."""

from __future__ import annotations

from typing import Any

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from notify.filters import in_words
from notify.people import DeliveryTime, Wish
from tracker.models import (
    Base,
    Change,
    Digest,
    Edition,
    Notice,
    Outbox,
    SignUp,
    Subscriber,
    Subscription,
    Suppression,
    WebhookDelivery,
    WebhookEndpoint,
)

# Keys between our tables, and words that open doors: the reader has those in their mails.
_NOT_THEIRS = {"id", "subscriber_id", "subscription_id", "edition_id", "endpoint_id", "sign_up_id",
               "token", "secret", "filter_hash", "lease", "leased_until"}  # fmt: skip


def personal_data(session: Session, subscriber_id: int) -> dict[str, Any]:
    """Plain JSON. Times are ISO 8601 in UTC."""
    reader = session.get_one(Subscriber, subscriber_id)
    key = reader.address_key
    clock = DeliveryTime.of(reader)
    return {
        "subscriber": _row(reader),
        "subscriptions": [
            _row(one)
            | {"in_words": in_words(Wish.of(one).filter), "leaves": Wish.of(one).often(clock)}
            for one in reader.subscriptions
        ],
        "webhooks": [
            _row(endpoint) | {"deliveries": _deliveries(session, endpoint)}
            for endpoint in session.scalars(
                select(WebhookEndpoint)
                .join(Subscription, Subscription.id == WebhookEndpoint.subscription_id)
                .where(Subscription.subscriber_id == subscriber_id)
                .order_by(WebhookEndpoint.id)
            )
        ],
        "digests": [
            _row(digest) | {"subject": subject}
            for digest, subject in session.execute(
                select(Digest, Edition.subject)
                .join(Edition, Edition.id == Digest.edition_id)
                .where(Digest.subscriber_id == subscriber_id)
                .order_by(Digest.id)
            )
        ],
        "news": [
            {"change": row.change_id, "summary": summary, "status": row.status}
            for row, summary in session.execute(
                select(Outbox, Change.summary)
                .join(Change, Change.id == Outbox.change_id)
                .where(Outbox.subscriber_id == subscriber_id)
                .order_by(Outbox.change_id)
            )
        ],
        "asked_on_our_pages": _rows(session, SignUp, SignUp.address_key == key),
        "other_mails": _rows(session, Notice, Notice.address_key == key),
        "suppressed": _rows(session, Suppression, Suppression.address_key == key),
    }


def _deliveries(session: Session, endpoint: WebhookEndpoint) -> list[dict[str, Any]]:
    return _rows(session, WebhookDelivery, WebhookDelivery.endpoint_id == endpoint.id)


def _rows(session: Session, table: type[Base], where: Any) -> list[dict[str, Any]]:
    order = inspect(table).primary_key
    return [_row(row) for row in session.scalars(select(table).where(where).order_by(*order))]


def _row(row: Base) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in inspect(type(row)).columns.keys()}  # noqa: SIM118
    return {name: _plain(value) for name, value in values.items() if name not in _NOT_THEIRS}


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
