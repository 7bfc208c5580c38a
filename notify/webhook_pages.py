"""Setting up a subscription's webhook."""

from __future__ import annotations

import datetime as dt

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import delete, select

from notify import webhooks
from notify.desk import AtDesk, Desk, Reader, Theirs
from notify.forms import Posted
from notify.public_http import RefusedURL, target
from notify.ratelimit import Limit, within
from tracker.db import reading, writing
from tracker.models import Subscriber, Subscription, WebhookDelivery, WebhookEndpoint

TESTS = Limit("webhook", 20, dt.timedelta(hours=1))
DELIVERIES_SHOWN = 20

router = APIRouter(prefix="/manage/{token}/subscriptions/{number:int}/webhook")


@router.get("")
def webhook(desk: AtDesk, reader: Reader, one: Theirs) -> HTMLResponse:
    return _page(desk, reader, one)


@router.post("")
def set_up(desk: AtDesk, reader: Reader, one: Theirs, form: Posted) -> Response:
    url = form.one("url")
    try:
        target(url, webhooks.own_networks(desk.settings))
    except RefusedURL as error:
        return _page(desk, reader, one, str(error), url[:2000])
    with writing(desk.engine) as connection:
        webhooks.set_up(connection, one.id, url, desk.now)
    return _again(reader, one)


@router.post("/test")
def test(desk: AtDesk, reader: Reader, one: Theirs) -> Response:
    endpoint = _endpoint(desk, one)
    if endpoint is None:
        return _again(reader, one)
    with writing(desk.engine) as connection:
        allowed = within(connection, TESTS, str(reader.id), desk.secret, desk.now)
    if not allowed:
        return _page(desk, reader, one, f"at most {TESTS.times} tests an hour; try again later")
    why_not = webhooks.challenge(desk.engine, desk.settings, endpoint.id, clock=desk.clock)
    said = f"The receiver did not pass: {why_not}"
    return _page(desk, reader, one, said) if why_not else _again(reader, one)


@router.post("/remove")
def remove(desk: AtDesk, reader: Reader, one: Theirs) -> Response:
    with writing(desk.engine) as connection:
        connection.execute(delete(WebhookEndpoint).where(WebhookEndpoint.subscription_id == one.id))
    return _again(reader, one)


def _again(reader: Subscriber, one: Subscription) -> RedirectResponse:
    return RedirectResponse(f"/manage/{reader.token}/subscriptions/{one.id}/webhook", 303)


def _endpoint(desk: Desk, one: Subscription) -> WebhookEndpoint | None:
    query = select(WebhookEndpoint).where(WebhookEndpoint.subscription_id == one.id)
    with reading(desk.engine) as session:
        return session.scalars(query).first()


def _page(
    desk: Desk, reader: Subscriber, one: Subscription, error: str = "", url: str = ""
) -> HTMLResponse:
    endpoint = _endpoint(desk, one)
    with reading(desk.engine) as session:
        deliveries = session.scalars(
            select(WebhookDelivery)
            .where(WebhookDelivery.endpoint_id == (endpoint.id if endpoint else None))
            .order_by(WebhookDelivery.id.desc())
            .limit(DELIVERIES_SHOWN)
        ).all()
    context = {
        "reader": reader,
        "one": one,
        "endpoint": endpoint,
        "deliveries": deliveries,
        "error": error,
        "url": url,
    }
    return desk.page("webhook.html", context, 422 if error else 200)
