"""Digests on the web, feeds and calendars: for whoever knows their address."""

from __future__ import annotations

import hashlib

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import select

from notify.desk import PRIVATE, UNKNOWN_LINK, AtDesk, Desk, good_token
from notify.feeds import atom, calendar
from notify.filters import Filter, in_words
from notify.links import feed_link
from notify.recent import hearings_ahead, recent_changes
from notify.render import PERSONAL
from tracker.db import reading
from tracker.models import Digest, Edition, Subscription

MAIL_LOOK = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""Mail has its styles inside; still nothing is loaded and no script runs."""

router = APIRouter()


@router.get("/digests/{token}")
def digest(token: str, desk: AtDesk) -> HTMLResponse:
    """Such a link is passed on: it leads nobody to the reader's own preferences."""
    query = (
        select(Edition.page)
        .join(Digest, Digest.edition_id == Edition.id)
        .where(Digest.token == good_token(token))
    )
    with reading(desk.engine) as session:
        page = session.scalars(query).first()
    if page is None:
        raise HTTPException(404, UNKNOWN_LINK)
    url = desk.settings.public_url.rstrip("/")
    for mark, link in zip(PERSONAL, ("/manage", "/unsubscribe", f"/digests/{token}"), strict=True):
        page = page.replace(mark, url + link)
    return HTMLResponse(page, headers={**PRIVATE, "Content-Security-Policy": MAIL_LOOK})


def _followed(token: str, desk: AtDesk) -> Subscription:
    with reading(desk.engine) as session:
        found = session.scalars(
            select(Subscription).where(Subscription.token == good_token(token))
        ).first()
    if found is None:
        raise HTTPException(404, UNKNOWN_LINK)
    return found


@router.get("/feeds/{token}.atom")
def feed(token: str, desk: AtDesk, one: Subscription = Depends(_followed)) -> Response:
    chosen = Filter.model_validate(one.filter)
    url = desk.settings.public_url
    with reading(desk.engine) as session:
        news = recent_changes(session, chosen)
    body = atom(f"Bills: {in_words(chosen)}", one.id, feed_link(url, token), url, news)
    return _unless_known(desk, body, "application/atom+xml; charset=utf-8")


@router.get("/feeds/{token}.ics")
def hearings(desk: AtDesk, one: Subscription = Depends(_followed)) -> Response:
    chosen = Filter.model_validate(one.filter)
    with reading(desk.engine) as session:
        ahead = hearings_ahead(session, chosen, desk.now.date())
    body = calendar(f"Hearings: {in_words(chosen)}", desk.settings.public_url, ahead)
    return _unless_known(desk, body, "text/calendar; charset=utf-8")


def _unless_known(desk: Desk, body: bytes, media_type: str) -> Response:
    """304 where the reader has these very bytes."""
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = PRIVATE | {"ETag": etag, "Cache-Control": "private, max-age=600"}
    asked = desk.request.headers.get("if-none-match", "")
    if asked.strip() == "*" or etag in (one.strip().removeprefix("W/") for one in asked.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)
