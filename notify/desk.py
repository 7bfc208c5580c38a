"""What every page for subscribers works with: database, settings, clock and look."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import structlog
from fastapi import BackgroundTasks, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Engine, select
from sqlalchemy.orm import selectinload

from notify.filters import STANCES, in_words
from notify.kinds import KINDS
from notify.links import calendar_link, feed_link
from notify.notices import send_notices
from notify.people import Wish
from notify.ratelimit import visitor
from notify.schedule import FREQUENCIES, WEEKDAYS, time_in_words, timezones
from notify.send import Clock
from notify.smtp import BadMailSettings
from notify.tokens import secret_key
from tracker.db import reading
from tracker.models import Subscriber, Subscription
from tracker.settings import Settings
from tracker.stages import STAGES
from tracker.states import jurisdictions
from tracker.topics import GROUPS
from tracker.web.rendering import PageTemplates
from tracker.web.tilemap import place

log = structlog.get_logger()

STATIC = Path(__file__).with_name("static")
PRIVATE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}
"""Of pages whose address is a secret."""

US_ZONES = {
    "America/New_York": "Eastern (New York)",
    "America/Chicago": "Central (Chicago)",
    "America/Denver": "Mountain (Denver)",
    "America/Phoenix": "Arizona (Phoenix)",
    "America/Los_Angeles": "Pacific (Los Angeles)",
    "America/Anchorage": "Alaska (Anchorage)",
    "Pacific/Honolulu": "Hawaii (Honolulu)",
    "America/Puerto_Rico": "Atlantic (Puerto Rico)",
    "Pacific/Guam": "Chamorro (Guam)",
}
_REGIONS = re.compile(
    r"(Africa|America|Antarctica|Asia|Atlantic|Australia|Europe|Indian|Pacific)/|UTC$"
)

FREQUENCY_LABELS = {
    "immediate": "At once, as soon as it is known",
    "daily": "Every day",
    "weekly": "Every week, on",
    "monthly": "Every month, on the first",
}
assert tuple(FREQUENCY_LABELS) == FREQUENCIES


def _local(at: dt.datetime, timezone: str) -> str:
    there = at.astimezone(ZoneInfo(timezone))
    return f"{there:%A, %B} {there.day}, {time_in_words(there.time())}"


templates = PageTemplates(Path(__file__).with_name("templates") / "pages")
templates.environment.filters.update(
    wish=Wish.of,
    filter_in_words=in_words,
    capitalize_first=lambda words: words[:1].upper() + words[1:],
    local=_local,
)
templates.environment.globals.update(
    calendar_link=calendar_link,
    feed_link=feed_link,
    FREQUENCIES=FREQUENCY_LABELS,
    GROUPS=GROUPS,
    KINDS=KINDS,
    STAGES=STAGES,
    STANCE_SLUGS=STANCES,
    US_ZONES=US_ZONES,
    WEEKDAYS=WEEKDAYS,
    jurisdictions=jurisdictions,
    place=place,
    zones=lambda: sorted(zone for zone in timezones() - US_ZONES.keys() if _REGIONS.match(zone)),
)


@dataclass(frozen=True, slots=True)
class Desk:
    request: Request
    engine: Engine
    settings: Settings
    clock: Clock

    @property
    def now(self) -> dt.datetime:
        return self.clock()

    @property
    def secret(self) -> str:
        return secret_key(self.settings)

    @property
    def visitor(self) -> str:
        return visitor(self.request.client.host if self.request.client else None)

    def page(
        self, name: str, context: Mapping[str, Any] | None = None, status: int = 200
    ) -> HTMLResponse:
        return templates.page(
            self.request, name, {"settings": self.settings, **(context or {})}, status, PRIVATE
        )

    def send_soon(self, background: BackgroundTasks) -> None:
        """What was queued leaves as soon as the page has been answered."""
        background.add_task(_send, self)


def _send(desk: Desk) -> None:
    """Behind the visitor's back: what goes wrong is for the log, and the notices wait."""
    try:
        send_notices(desk.engine, desk.settings, clock=desk.clock)
    except BadMailSettings as error:
        log.error("notices.bad_settings", error=str(error))


def _desk(request: Request) -> Desk:
    desk: Desk = request.state.desk
    return desk


AtDesk = Annotated[Desk, Depends(_desk)]

_TOKEN = re.compile(r"[\w-]{1,100}", re.ASCII)


def good_token(token: str) -> str:
    """Raises 404 for what cannot be one of ours, before a database sees it."""
    if not _TOKEN.fullmatch(token):
        raise HTTPException(404, UNKNOWN_LINK)
    return token


UNKNOWN_LINK = (
    "This link is not complete, or what it belonged to has been deleted. "
    "Nothing was changed. Links that work are in every mail we send."
)


def _reader(token: str, desk: AtDesk) -> Subscriber:
    query = select(Subscriber).where(Subscriber.token == good_token(token))
    with reading(desk.engine) as session:
        found = session.scalars(query.options(selectinload(Subscriber.subscriptions))).first()
    if found is None:
        raise HTTPException(404, UNKNOWN_LINK)
    return found


Reader = Annotated[Subscriber, Depends(_reader)]
"""Whose token is in the address of the page, with subscriptions."""


def _subscription(number: int, reader: Reader) -> Subscription:
    for one in reader.subscriptions:
        if one.id == number:
            return one
    raise HTTPException(404, "You have no such subscription, or it has ended. Nothing was changed.")


Theirs = Annotated[Subscription, Depends(_subscription)]
"""The subscription named in the address, which is that reader's own."""
