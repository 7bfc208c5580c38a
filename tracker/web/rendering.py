"""The Jinja2 environment of all pages, also of those that other packages mount.

Such a package gives its own template folder and extends ``base.html``; links in the head of every
page come from ``create_app``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from tracker.hearing_times import clock
from tracker.topics import topic_label
from tracker.web import marked, wording

TEMPLATES = Path(__file__).with_name("templates")
STATIC = Path(__file__).with_name("static")


class PageTemplates:
    """Renders templates of ``folders``, then of this package."""

    def __init__(self, *folders: Path) -> None:
        self.environment = Environment(
            loader=FileSystemLoader([*folders, TEMPLATES]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.environment.filters.update(
            chamber=lambda chamber, state: wording.chamber_name(state, chamber),
            clock=clock,
            dated=wording.dated,
            day=_day,
            matched=_matched,
            moment=_moment,
            size=wording.size,
            source_name=wording.source_name,
            span=wording.span,
            stage_label=wording.stage_label,
            stage_sentence=wording.stage_sentence,
            state_name=wording.state_name,
            topic_label=topic_label,
            web_url=web_url,
            weekday=wording.weekday,
        )
        self.environment.globals.update(
            STANCES=wording.STANCES,
            LEVELS=wording.LEVELS,
            SORTS=wording.SORTS,
            CHANGE_STATUSES=wording.CHANGE_STATUSES,
            HEALTH=wording.HEALTH,
            RUN_STATUSES=wording.RUN_STATUSES,
            count=wording.count,
        )

    def page(
        self,
        request: Request,
        name: str,
        context: Mapping[str, Any] | None = None,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> HTMLResponse:
        html = self.environment.get_template(name).render(
            request=request,
            nav=request.app.state.nav,
            subscribe_path=request.app.state.subscribe_path,
            **(context or {}),
        )
        return HTMLResponse(html, status_code=status_code, headers=headers)


def web_url(url: str) -> str:
    """The address if it is one of the web, else nothing: a source could print ``javascript:``."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in ("http", "https") and parts.netloc else ""


def _day(date: dt.date | None) -> Markup:
    if date is None:
        return Markup("")
    return Markup('<time datetime="{}">{}</time>').format(date.isoformat(), wording.day(date))


def _moment(at: dt.datetime | None) -> Markup:
    if at is None:
        return Markup("")
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(), wording.moment(at))


def _matched(text: str) -> Markup:
    return Markup("").join(
        Markup("<mark>{}</mark>").format(stretch) if found else escape(stretch)
        for stretch, found in marked.matched(text)
    )


templates = PageTemplates()
