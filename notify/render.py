"""An edition: a story as subject, text, HTML and web copy.

Nothing personal is in it; marks stand for a reader's own links until :func:`personal` puts
them in, so that readers with equal news share what was rendered.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import css_inline
from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    pass_context,
    select_autoescape,
)
from jinja2.runtime import Context
from markupsafe import Markup

from notify.links import digest_link, manage_link, unsubscribe_link
from notify.snapshot import HearingNote, RedlineRun
from notify.story import MOST_HEARINGS, BillStory, Content, Story, correction_lines, day
from tracker.hearing_times import day_and_time

TEMPLATES = Path(__file__).with_name("templates")
MOST_BILLS = 20
MOST_LINES = 8
"""Changes of one bill in the mail; its page has them all."""
MOST_CORRECTIONS = 10
MOST_BYTES = 95_000
"""Gmail cuts messages at 102 KB; links grow a little when they become personal."""
COLUMNS = 72
PERSONAL = ("@@manage@@", "@@unsubscribe@@", "@@web@@")


@dataclass(frozen=True, slots=True)
class Rendered:
    """``page`` is the web copy: all bills, where ``html`` folds the less important away."""

    subject: str
    text: str
    html: str
    page: str


def render(content: Content, public_url: str, name: str, footer: str) -> Rendered:
    """``name``: of the sender; ``footer``: the operator's own line (address, contact)."""
    story = Story(content, public_url)
    context = {
        "story": story,
        "name": name,
        "footer": footer,
        "today": content.today,
        "most_lines": MOST_LINES,
        "most_hearings": MOST_HEARINGS,
        "most_corrections": MOST_CORRECTIONS,
    }
    most = min(MOST_BILLS, len(story.bills))
    while True:
        html = _html(context, most, web=False)
        if len(html.encode()) <= MOST_BYTES or most <= 1:
            break
        most = most * 3 // 4 or 1
    everything = dict.fromkeys(("most_lines", "most_hearings", "most_corrections"))
    page = _html(context | everything, len(story.bills), web=True)
    plain = environment().get_template("digest.txt.j2").render(context | {"most": most})
    return Rendered(story.subject, plain.strip() + "\n", html, page)


@pass_context
def _bill(context: Context, bill: BillStory, template: str) -> str:
    told = _told(template, bill, context["most_lines"], context["most_hearings"])
    return Markup(told) if context.eval_ctx.autoescape else told


@lru_cache(maxsize=5000)
def _told(template: str, bill: BillStory, most_lines: int | None, most_hearings: int | None) -> str:
    """Many editions tell of the same bill in the same words: rendered once."""
    limits = {"most_lines": most_lines, "most_hearings": most_hearings}
    return environment().get_template(template).render(bill=bill, today=bill.today, **limits)


def forget_rendered() -> None:
    """What bills looked like in digests made before; only to measure without it."""
    _told.cache_clear()


def _html(context: Mapping[str, object], most: int, web: bool) -> str:
    template = environment().get_template("digest.html.j2")
    return inlined(template.render({**context, "most": most, "web": web}))


def personal_links(public_url: str, reader_token: str, digest_token: str) -> dict[str, str]:
    """What stands for each mark in a reader's own digest."""
    links = (
        manage_link(public_url, reader_token),
        unsubscribe_link(public_url, reader_token),
        digest_link(public_url, digest_token),
    )
    return dict(zip(PERSONAL, links, strict=True))


def personal(rendered: str, public_url: str, reader_token: str, digest_token: str) -> str:
    """Put a reader's own links in."""
    for mark, link in personal_links(public_url, reader_token, digest_token).items():
        rendered = rendered.replace(mark, link)
    return rendered


@cache
def templates_hash() -> str:
    """Changes when a template does, so that an old edition is not taken for a new one."""
    files = sorted(TEMPLATES.glob("*.j2"))
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def inlined(html: str) -> str:
    """With style sheets as attributes, which is all that many mail programs read."""
    return _inliner().inline(html)


@cache
def _inliner() -> css_inline.CSSInliner:
    return css_inline.CSSInliner(load_remote_stylesheets=False)


@cache
def environment() -> Environment:
    """Jinja2 for the templates of mail."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(enabled_extensions=("html.j2",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        day=day,
        long_day=lambda date: f"{date:%A}, {date:%B} {date.day}, {date.year}",
        corrected=correction_lines,
        bill=_bill,
        fill=_fill,
        marked=_marked,
        when=_when,
    )
    return environment


def _fill(text: str, indent: int = 0, first: str | None = None) -> str:
    """A paragraph of at most :data:`COLUMNS` columns; links are never broken."""
    margin = " " * indent
    return textwrap.fill(
        " ".join(text.split()),
        COLUMNS,
        initial_indent=margin if first is None else first,
        subsequent_indent=margin,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _marked(run: RedlineRun) -> str:
    """As wdiff writes it: {+added+}, [-struck-]."""
    words = run.text.strip()
    shown = {"insert": f"{{+{words}+}}", "delete": f"[-{words}-]"}.get(run.kind, run.text)
    head, tail = (" " if edge.isspace() else "" for edge in (run.text[:1], run.text[-1:]))
    return f"{head}{shown}{tail}"


def _when(hearing: HearingNote, today: dt.date) -> str:
    near = {0: "today, ", 1: "tomorrow, "}.get((hearing.date - today).days, "")
    return near + day_and_time(hearing.date, hearing.time_text, today)
