"""Subscribe, confirm, manage, leave: walked in a real browser, on a phone and at a desk."""

from __future__ import annotations

import datetime as dt
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from sqlalchemy import Engine, select

from notify.pages import subscriber_pages
from tests.notify.relay import Inbox, relay, settings_for
from tests.notify.stories import add_bill, add_change, add_hearing
from tracker.db import reading
from tracker.models import Subscriber
from tracker.web.app import create_app

playwright = pytest.importorskip("playwright.sync_api")

CHROMIUM = Path("/usr/bin/chromium")
SIZES = ((320, "light"), (390, "dark"), (1280, "light"), (1280, "dark"))

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no browser at {CHROMIUM}"),
]


@contextmanager
def serving(engine: Engine) -> Iterator[tuple[str, Inbox]]:
    """The site on a real port, mailing through a real relay."""
    with socket.create_server(("127.0.0.1", 0)) as wire, relay() as inbox:
        url = f"http://127.0.0.1:{wire.getsockname()[1]}"
        settings = settings_for(inbox, public_url=url)
        app = create_app(engine, mounts=[subscriber_pages(settings)])
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        running = threading.Thread(target=server.run, args=([wire],))
        running.start()
        try:
            yield url, inbox
        finally:
            server.should_exit = True
            running.join()


def mail(inbox: Inbox, number: int) -> str:
    """The text of the message with this number, once it is there."""
    deadline = time.monotonic() + 20
    while len(inbox.kept) <= number:
        assert time.monotonic() < deadline, f"mail {number} did not come"
        time.sleep(0.05)
    part = inbox.message(number).get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def link(text: str, page: str) -> str:
    found = re.search(rf"http://\S+/{page}/\S+", text)
    assert found, text
    return found[0]


def reader(engine: Engine) -> Subscriber | None:
    with reading(engine) as session:
        found = session.scalars(select(Subscriber)).first()
        assert found is None or found.subscriptions is not None
        return found


def press(page: playwright.Page, label: str) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name=label).first.click()


@pytest.mark.parametrize(("width", "scheme"), SIZES[1:3])
def test_the_whole_way(engine: Engine, width: int, scheme: str) -> None:
    add_bill(engine)
    with serving(engine) as (url, inbox), playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, java_script_enabled=False
        )
        page = context.new_page()
        page.goto(url)
        page.get_by_role("link", name="Get e-mail").click()
        page.get_by_label("Your e-mail address").fill("ann@@example.org")
        press(page, "Subscribe")
        assert page.get_by_role("alert").is_visible()
        assert inbox.kept == []

        page.get_by_label("Your e-mail address").fill("ann@example.org")
        page.get_by_label("Detainers (all)").check()
        if page.get_by_text("Choose states").is_visible():
            page.get_by_text("Choose states").click()
        page.get_by_label("Maryland").check()
        page.get_by_label("Every week, on").check()
        page.get_by_label("Day of the week").select_option("Friday")
        page.get_by_label("Time of day").fill("18:30")
        page.get_by_label("Time zone").select_option("America/Chicago")
        press(page, "Subscribe")
        assert page.get_by_role("heading", name="Check your mail").is_visible()
        assert reader(engine) is None

        page.goto(link(mail(inbox, 0), "confirm"))
        assert page.get_by_text("Every Friday at 6:30 pm Chicago time").is_visible()
        assert reader(engine) is None, "opening the link is not enough"
        press(page, "Yes, send me this")
        assert page.get_by_role("status").is_visible()

        page.goto(link(mail(inbox, 1), "manage"))
        page.get_by_role("link", name="Change", exact=True).click()
        page.get_by_text("Narrow it further").click()
        page.get_by_label("Passed first chamber").check()
        page.get_by_label("With one of these words").fill("jail\nsheriff")
        press(page, "Save")
        said = "Detainers in Maryland, once it is: passed first chamber, with the words"
        assert page.get_by_role("heading", name=said).is_visible()
        press(page, "Pause its mail")
        press(page, "Go on with its mail")

        page.get_by_role("link", name="Unsubscribe from everything").click()
        press(page, "Unsubscribe")
        assert reader(engine).status == "left"
        press(page, "That was a mistake")
        assert reader(engine).status == "active"
        page.get_by_role("link", name="Delete me").click()
        press(page, "Delete me")
        assert reader(engine) is None
        browser.close()


def paths(token: str, subscription: int) -> list[str]:
    own = f"/manage/{token}"
    return [
        "/subscribe",
        "/subscribe?bill=md:2026:HB%201222&state=md",
        "/subscribe/sent",
        "/manage",
        own,
        f"{own}/new",
        f"{own}/subscriptions/{subscription}",
        f"{own}/subscriptions/{subscription}/webhook",
        f"{own}/delete",
        f"/unsubscribe/{token}",
        "/confirm/nothing",
    ]


FAINT = """() => {
  // WCAG 2: contrast of text with what is behind it, 4.5 at least.
  const light = c => { const [r, g, b] = c.map(v => { v /= 255;
    return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
    return .2126 * r + .7152 * g + .0722 * b; };
  const parse = s => (s.match(/[\\d.]+/g) || []).map(Number);
  const behind = e => { for (; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length == 3 || c[3] > 0) return c; } return [255, 255, 255]; };
  return [...document.querySelectorAll('body *')].filter(e =>
    e.checkVisibility() && [...e.childNodes].some(n => n.nodeType == 3 && n.textContent.trim()))
    .filter(e => { const a = light(parse(getComputedStyle(e).color)), b = light(behind(e));
      return (Math.max(a, b) + .05) / (Math.min(a, b) + .05) < 4.5; })
    .map(e => e.tagName + ' ' + e.textContent.trim().slice(0, 40)); }"""

UNNAMED = """() => [...document.querySelectorAll('input:not([type=hidden]), select, textarea')]
  .filter(e => !e.labels.length && !e.ariaLabel).map(e => e.outerHTML)"""

SMALL = """() => [...document.querySelectorAll('main :is(button, a.button, label, summary)')]
  .filter(e => e.checkVisibility() && !e.closest('.trap'))
  .map(e => [e.textContent.trim(), e.getBoundingClientRect()])
  .filter(([text, box]) => box.height && box.height < 20).map(([text]) => text)"""


def test_every_page_fits_and_can_be_read(engine: Engine, tmp_path: Path) -> None:
    """No page is wider than a phone, faint, or has a field without a name; look at the pictures."""
    bill = add_bill(engine)
    add_change(engine, bill)
    add_hearing(engine, bill, dt.date(2026, 3, 9))
    with serving(engine) as (url, inbox), playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"{url}/subscribe")
        page.get_by_label("Your e-mail address").fill("a.very.long.name@some.students.example.org")
        press(page, "Subscribe")
        page.goto(link(mail(inbox, 0), "confirm"))
        press(page, "Yes")
        known = reader(engine)
        assert known is not None
        for width, scheme in SIZES:
            page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
            for number, path in enumerate(paths(known.token, known.subscriptions[0].id)):
                page.goto(url + path)
                for fold in page.locator("main summary").all():
                    if fold.is_visible():
                        fold.click()
                page.screenshot(path=tmp_path / f"{number}-{width}-{scheme}.png", full_page=True)
                assert page.evaluate("document.documentElement.scrollWidth") <= width, path
                assert page.evaluate(FAINT) == [], (path, scheme)
                assert page.evaluate(UNNAMED) == [], path
                assert page.evaluate(SMALL) == [], path
            page.close()
        browser.close()
