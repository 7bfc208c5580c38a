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
import json
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, or_, select, update

from notify.public_http import SECONDS, FailedPost, IPNetwork, RefusedURL, Reply, post, target
from tracker.db import reading, writing
from tracker.models import WebhookDelivery, WebhookEndpoint

Clock = Callable[[], dt.datetime]

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


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """The value of ``X-Billtracker-Signature``."""
    mac = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1={mac.hexdigest()}"


def new_endpoint(subscription_id: int, url: str, now: dt.datetime) -> WebhookEndpoint:
    """Raises nothing: judge the URL with :func:`notify.public_http.target` before."""
    return WebhookEndpoint(
        subscription_id=subscription_id,
        url=url,
        secret=secrets.token_urlsafe(32),
        created_at=now,
        next_attempt_at=now,
    )


def send_due(
    engine: Engine,
    clock: Clock,
    allowed: Sequence[IPNetwork] = (),
    seconds: float = SECONDS,
) -> list[Outcome]:
    """Challenge new endpoints and deliver what waits; several senders at once share the work."""
    with reading(engine) as session:
        due = session.scalars(
            select(WebhookEndpoint.id).where(
                WebhookEndpoint.status.in_(("pending", "active")),
                WebhookEndpoint.next_attempt_at <= clock(),
            )
        ).all()
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        done = pool.map(lambda one: _serve(engine, one, clock, allowed, seconds), due)
        return [outcome for outcome in done if outcome is not None]


def _serve(
    engine: Engine, endpoint_id: int, clock: Clock, allowed: Sequence[IPNetwork], seconds: float
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
    try:
        if endpoint.status == "pending":
            _challenge(endpoint, clock(), allowed, seconds)
            _record(engine, endpoint_id, status="active", active_since=clock())
        for delivery in waiting:
            try:
                said = _send(endpoint, delivery.payload, clock(), allowed, seconds)
            except Unwelcome as error:
                _note(engine, delivery.id, str(error), None)
                raise
            _note(engine, delivery.id, f"HTTP {said.status}", clock())
            delivered += 1
    except Unwelcome as error:
        disabled = _note_failure(engine, endpoint, error, clock())
        return Outcome(endpoint_id, delivered, str(error), disabled)
    _record(engine, endpoint_id, failures=0, failing_since=None, leased_until=None)
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


class Unwelcome(Exception):
    """The endpoint did not take it; the message says how it answered."""

    def __init__(self, said: str, gone: bool = False) -> None:
        super().__init__(said)
        self.gone = gone


def _challenge(
    endpoint: WebhookEndpoint, now: dt.datetime, allowed: Sequence[IPNetwork], seconds: float
) -> None:
    word = secrets.token_urlsafe(16)
    reply = _send(endpoint, {"type": "challenge", "challenge": word}, now, allowed, seconds)
    if word.encode() not in reply.body:
        raise Unwelcome("the reply did not hold the challenge it was sent")


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
    engine: Engine, endpoint: WebhookEndpoint, error: Unwelcome, now: dt.datetime
) -> bool:
    """Wait longer each time; True when the endpoint is switched off."""
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
    return disabled


def _record(engine: Engine, endpoint_id: int, **values: Any) -> None:
    with writing(engine) as connection:
        connection.execute(
            update(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id).values(**values)
        )
