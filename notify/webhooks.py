"""Signed webhooks: one POST for each change a subscription is about, in order.

A receiver proves itself first: it must give back the ``challenge`` of our first POST, so that
nobody can point us at a stranger. ``X-Billtracker-Signature`` is ``v1=`` and the HMAC-SHA256, in
hex, of ``<X-Billtracker-Timestamp>.<body>`` under the endpoint's secret. Delivery is at least
once: ``id`` in the body stays the same over retries.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import ipaddress
import json
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, or_, select, update

from notify import notices
from notify.notice_words import WEBHOOK_OFF
from notify.public_http import SECONDS, FailedPost, IPNetwork, RefusedURL, Reply, post, target
from notify.send import Clock, utcnow
from notify.webhook_news import plan_deliveries
from tracker.db import reading, writing
from tracker.models import Subscriber, Subscription, WebhookDelivery, WebhookEndpoint
from tracker.settings import Settings

BACKOFF = tuple(dt.timedelta(minutes=m) for m in (1, 5, 30, 120, 360, 720, 1440))
DISABLED_AFTER = dt.timedelta(days=3)
KEPT = dt.timedelta(days=30)
LEASE = dt.timedelta(minutes=10)
PER_PASS = 50
"""Deliveries to one endpoint in one pass; with the time limit of a POST it fits in a lease."""
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one pass did to one endpoint."""

    endpoint_id: int
    delivered: int
    failed: str = ""
    disabled: bool = False


class Unwelcome(Exception):
    """The endpoint did not take it; the message says how it answered."""

    def __init__(self, said: str, gone: bool = False) -> None:
        super().__init__(said)
        self.gone = gone


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """The value of ``X-Billtracker-Signature``."""
    mac = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1={mac.hexdigest()}"


def own_networks(settings: Settings) -> list[IPNetwork]:
    """Those that the operator opens to webhooks. Raises ``ValueError`` naming the setting."""
    try:
        return [
            ipaddress.ip_network(one.strip())
            for one in settings.webhook_networks.split(",")
            if one.strip()
        ]
    except ValueError as error:
        raise ValueError(f"BILLTRACKER_WEBHOOK_NETWORKS: {error}") from None


def set_up(connection: Connection, subscription_id: int, url: str, now: dt.datetime) -> None:
    """A new receiver, or another URL for the one there is; it has to answer the challenge.

    Judge the URL with :func:`notify.public_http.target` before.
    """
    values: dict[str, Any] = {"url": url, "status": "pending", "reason": ""}
    known = update(WebhookEndpoint).where(WebhookEndpoint.subscription_id == subscription_id)
    if connection.execute(known.values(**values)).rowcount:
        return
    connection.execute(
        insert(WebhookEndpoint).values(
            subscription_id=subscription_id,
            secret=secrets.token_urlsafe(32),
            created_at=now,
            next_attempt_at=now,
            **values,
        )
    )


def challenge(
    engine: Engine, settings: Settings, endpoint_id: int, *, clock: Clock = utcnow
) -> str:
    """Switch a receiver on if it answers; empty, or why not (then nothing has changed)."""
    with reading(engine) as session:
        endpoint = session.get_one(WebhookEndpoint, endpoint_id)
    word = secrets.token_urlsafe(16)
    payload = {"type": "challenge", "challenge": word}
    try:
        reply = _send(endpoint, payload, clock(), own_networks(settings), SECONDS)
    except Unwelcome as error:
        return str(error)
    if word.encode() not in reply.body:
        return "the reply did not hold the challenge it was sent"
    now = clock()
    _record(
        engine,
        endpoint_id,
        status="active",
        reason="",
        active_since=endpoint.active_since or now,
        planned_until=endpoint.planned_until or now,
        failures=0,
        failing_since=None,
        next_attempt_at=now,
    )
    return ""


def deliver_webhooks(
    engine: Engine, settings: Settings, *, clock: Clock = utcnow, seconds: float = SECONDS
) -> list[Outcome]:
    """Write down what is news for each receiver, and deliver what is due.

    Call it after ``notify.match.plan``, by which changes become news. Safe to repeat, to kill and
    to run twice at once. ``seconds`` is the time limit of one POST.
    """
    plan_deliveries(engine, settings.public_url, clock())
    allowed = own_networks(settings)
    with writing(engine) as connection:
        old = WebhookDelivery.delivered_at <= clock() - KEPT
        connection.execute(delete(WebhookDelivery).where(old))
    with reading(engine) as session:
        due = session.scalars(
            select(WebhookEndpoint.id)
            .join(Subscription, Subscription.id == WebhookEndpoint.subscription_id)
            .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
            .where(
                Subscriber.status == "active",
                WebhookEndpoint.status == "active",
                WebhookEndpoint.next_attempt_at <= clock(),
                WebhookEndpoint.id.in_(
                    select(WebhookDelivery.endpoint_id).where(
                        WebhookDelivery.delivered_at.is_(None)
                    )
                ),
            )
            .order_by(WebhookEndpoint.id)
        ).all()
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        done = pool.map(lambda one: _serve(engine, settings, one, clock, allowed, seconds), due)
        return [outcome for outcome in done if outcome is not None]


def _serve(
    engine: Engine,
    settings: Settings,
    endpoint_id: int,
    clock: Clock,
    allowed: Sequence[IPNetwork],
    seconds: float,
) -> Outcome | None:
    """One endpoint's turn; ``None`` when another sender has it."""
    if not _claimed(engine, endpoint_id, clock()):
        return None
    with reading(engine) as session:
        endpoint = session.get_one(WebhookEndpoint, endpoint_id)
        waiting = session.scalars(
            select(WebhookDelivery)
            .where(
                WebhookDelivery.endpoint_id == endpoint_id,
                WebhookDelivery.delivered_at.is_(None),
            )
            .order_by(WebhookDelivery.id)
            .limit(PER_PASS)
        ).all()
    delivered = 0
    for delivery in waiting:
        payload = {"id": delivery.id, "type": delivery.type, **delivery.payload}
        try:
            said = _send(endpoint, payload, clock(), allowed, seconds)
        except Unwelcome as error:
            _note(engine, delivery.id, str(error), None)
            disabled = _note_failure(engine, settings, endpoint, error, clock())
            return Outcome(endpoint_id, delivered, str(error), disabled)
        _note(engine, delivery.id, f"HTTP {said.status}", clock())
        delivered += 1
    _record(engine, endpoint_id, failures=0, failing_since=None, reason="", leased_until=None)
    return Outcome(endpoint_id, delivered)


def _claimed(engine: Engine, endpoint_id: int, now: dt.datetime) -> bool:
    with writing(engine) as connection:
        claim = connection.execute(
            update(WebhookEndpoint)
            .where(
                WebhookEndpoint.id == endpoint_id,
                or_(
                    WebhookEndpoint.leased_until.is_(None),
                    WebhookEndpoint.leased_until <= now,
                ),
            )
            .values(leased_until=now + LEASE)
        )
    return claim.rowcount == 1


def _send(
    endpoint: WebhookEndpoint,
    payload: dict[str, Any],
    now: dt.datetime,
    allowed: Sequence[IPNetwork],
    seconds: float,
) -> Reply:
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    timestamp = int(now.timestamp())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "billtracker-webhook",
        "X-Billtracker-Timestamp": str(timestamp),
        "X-Billtracker-Signature": sign(endpoint.secret, timestamp, body),
    }
    try:
        reply = post(target(endpoint.url, allowed), body, headers, seconds)
    except (RefusedURL, FailedPost) as error:
        raise Unwelcome(str(error)) from error
    if 300 <= reply.status < 400:
        raise Unwelcome(f"HTTP {reply.status}: redirects are not followed, give the final URL")
    if not 200 <= reply.status < 300:
        raise Unwelcome(f"HTTP {reply.status}", gone=reply.status == 410)
    return reply


def _note(engine: Engine, delivery_id: int, said: str, delivered_at: dt.datetime | None) -> None:
    with writing(engine) as connection:
        connection.execute(
            update(WebhookDelivery)
            .where(WebhookDelivery.id == delivery_id)
            .values(attempts=WebhookDelivery.attempts + 1, said=said, delivered_at=delivered_at)
        )


def _note_failure(
    engine: Engine,
    settings: Settings,
    endpoint: WebhookEndpoint,
    error: Unwelcome,
    now: dt.datetime,
) -> bool:
    """Wait longer each time; True when the endpoint is switched off, and its reader told."""
    since = endpoint.failing_since or now
    disabled = error.gone or now - since >= DISABLED_AFTER
    wait = BACKOFF[min(endpoint.failures, len(BACKOFF) - 1)]
    _record(
        engine,
        endpoint.id,
        failures=endpoint.failures + 1,
        failing_since=since,
        next_attempt_at=now + wait,
        leased_until=None,
        status="disabled" if disabled else endpoint.status,
        reason=f"failing since {since:%d %B %Y %H:%M} UTC; last: {error}"[:500],
    )
    if disabled:
        with writing(engine) as connection:
            address = connection.scalars(
                select(Subscriber.address)
                .join(Subscription, Subscription.subscriber_id == Subscriber.id)
                .where(Subscription.id == endpoint.subscription_id)
            ).one()
            notices.want(connection, WEBHOOK_OFF, address, now, settings)
    return disabled


def _record(engine: Engine, endpoint_id: int, **values: Any) -> None:
    with writing(engine) as connection:
        connection.execute(
            update(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id).values(**values)
        )
