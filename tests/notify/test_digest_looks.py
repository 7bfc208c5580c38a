"""How a digest looks: colours that can be read, structure a screen reader follows, no sideways
scrolling on the narrowest phone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import css_inline
import pytest
from lxml import html as lxml_html
from sqlalchemy import Engine, select

from notify.compose import compose
from notify.match import plan
from tests.notify.busy_day import busy_day
from tests.notify.relay import settings_for
from tests.notify.stories import NOW, add_bill, add_change, add_hearing, add_reader
from tracker.db import reading
from tracker.models import Edition

LEAST_CONTRAST = 4.5
DARK = re.compile(r"@media \(prefers-color-scheme: dark\) \{(.*?)\n\}", re.S)


@pytest.fixture
def html(sqlite_engine: Engine) -> str:
    """A digest with every kind of part, and words too long for any line."""
    add_reader(sqlite_engine)
    busy_day(sqlite_engine)
    endless = "https://example.org/" + "unbroken" * 40
    bill = add_bill(sqlite_engine, "wy", "SF 101", title=endless)
    add_hearing(sqlite_engine, bill, NOW.date(), "x" * 150, "9:00 a.m.", "y" * 150)
    add_change(sqlite_engine, bill, summary="z" * 300)
    for number in range(20):
        add_change(sqlite_engine, bill, "sponsor_added", f"Sponsor added: Member {number}")
    plan(sqlite_engine, NOW)
    compose(sqlite_engine, settings_for(mail_footer="1 Main Street, Springfield"), NOW)
    with reading(sqlite_engine) as session:
        return session.scalars(select(Edition)).one().html


def styles(element: lxml_html.HtmlElement) -> dict[str, str]:
    pairs = (part.partition(":") for part in element.get("style", "").split(";"))
    return {name.strip(): value.replace("!important", "").strip() for name, _, value in pairs}


def inherited(element: lxml_html.HtmlElement, name: str) -> str:
    found = (styles(one).get(name) for one in [element, *element.iterancestors()])
    return next(value for value in found if value)


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    assert re.fullmatch("#[0-9a-f]{6}", colour), colour
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def read_parts(html: str) -> Iterator[tuple[str, str, str]]:
    """(words, colour, background) of everything that is read."""
    for element in lxml_html.fromstring(html).xpath("//body//*"):
        if styles(element).get("display") == "none":
            continue
        for text in (element.text, *(child.tail for child in element)):
            if text and text.strip("\xa0 \n\u2007\u034f"):
                yield text, inherited(element, "color"), inherited(element, "background-color")


def in_the_dark(html: str) -> str:
    """As a mail program shows it that prefers dark: the rules of that case put on top."""
    found = DARK.search(html)
    assert found is not None
    return css_inline.CSSInliner(extra_css=found[1], keep_style_tags=True).inline(html)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_read(html: str, scheme: str) -> None:
    parts = list(read_parts(in_the_dark(html) if scheme == "dark" else html))
    assert len(parts) > 100
    backgrounds = {background for _, _, background in parts}
    assert len(backgrounds) >= 5, "labels, marks, additions and the sheet"
    assert (luminance(inherited_sheet(parts)) < 0.1) == (scheme == "dark")
    pale = {
        (text[:30], colour, background, round(contrast(colour, background), 2))
        for text, colour, background in parts
        if contrast(colour, background) < LEAST_CONTRAST
    }
    assert not pale


def inherited_sheet(parts: list[tuple[str, str, str]]) -> str:
    """The background most words stand on."""
    backgrounds = [background for _, _, background in parts]
    return max(set(backgrounds), key=backgrounds.count)


def test_a_screen_reader_finds_its_way(html: str) -> None:
    tree = lxml_html.fromstring(html)
    assert (tree.get("lang"), tree.xpath("string(//title)")) == (
        "en",
        "MD HB 1222 became law; 8 more in 6 states and Congress",
    )
    assert {table.get("role") for table in tree.xpath("//table")} == {"presentation", "img"}
    assert all(table.get("aria-label") for table in tree.xpath('//table[@role="img"]'))
    levels = [int(heading.tag[1]) for heading in tree.xpath("//h1 | //h2 | //h3 | //h4")]
    assert (levels[0], levels.count(1)) == (1, 1)
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert not tree.xpath("//img | //script | //link | //form")
    assert all(link.text_content().strip() for link in tree.xpath("//a"))


def test_nothing_is_loaded_from_anywhere(html: str) -> None:
    assert "url(" not in html
    assert not re.search(r"\bsrc=|@import|@font-face", html)


@pytest.mark.browser
def test_no_phone_scrolls_sideways(html: str, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    page = tmp_path / "digest.html"
    page.write_text(html, encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        for width in (320, 390, 900):
            for scheme in ("light", "dark"):
                tab = browser.new_page(
                    viewport={"width": width, "height": 700}, color_scheme=scheme
                )
                tab.goto(page.as_uri())
                inside = tab.evaluate(
                    "[...document.querySelectorAll('body *')].every("
                    "e => e.getBoundingClientRect().right <= innerWidth)"
                )
                assert tab.evaluate("document.documentElement.scrollWidth") == width
                assert inside, f"something is cut off at {width} px"
                sheet = tab.evaluate(
                    "getComputedStyle(document.querySelector('.sheet')).backgroundColor"
                )
                assert sheet == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(28, 31, 36)")
                tab.close()
        browser.close()
