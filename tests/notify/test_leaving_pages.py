"""Leaving with one click: by a person's button, or a mail program's (RFC 8058)."""

from __future__ import annotations

import datetime as dt

import pytest

from notify.match import plan
from notify.send import send
from notify.suppression import suppress
from tests.notify.site import Site
from tests.notify.stories import NOW, add_change
from tracker.db import writing


def digest(site: Site) -> str:
    """Mail one; the address that its header names for leaving."""
    site.digest()
    assert send(site.engine, site.settings, clock=site.clock).counts["sent"] == 1
    message = site.inbox.message(-1)
    assert message["List-Unsubscribe-Post"].strip() == "List-Unsubscribe=One-Click"
    url = str(message["List-Unsubscribe"]).strip().strip("<>")
    return url.removeprefix("https://bills.example.org")


@pytest.mark.parametrize("encoding", ["urlencoded", "multipart", "none"])
def test_a_mail_program_leaves_with_one_post(site: Site, encoding: str) -> None:
    site.subscribe()
    address = digest(site)
    site.pages.cookies.clear()
    field = {"List-Unsubscribe": "One-Click"}
    bodies = {"urlencoded": {"data": field}, "multipart": {"files": {"x": (None, "y")}}, "none": {}}
    answer = site.pages.post(address, **bodies[encoding])
    assert answer.status_code == 200
    assert site.reader().status == "left"
    assert site.pages.post(address).status_code == 200, "twice is once"
    later = site.now + dt.timedelta(hours=1)
    add_change(site.engine, 1, "vote", "Vote: 99-38", released_at=later)
    assert plan(site.engine, later).rows == 0


def test_opening_the_link_leaves_nothing(site: Site) -> None:
    site.subscribe()
    address = digest(site)
    before = site.stored()
    page = site.pages.get(address)
    assert page.status_code == 200
    assert "End all mail to ann@example.org?" in page.text
    assert site.stored() == before


def test_who_left_by_mistake_comes_back_by_the_same_page(site: Site) -> None:
    own = site.subscribe(states=["md"])
    left = site.pages.post(own.replace("manage", "unsubscribe"))
    assert "You are unsubscribed" in left.text
    assert "You have unsubscribed" in site.pages.get(own).text
    assert f'action="{own}/return"' in left.text
    assert site.pages.post(f"{own}/return").headers["location"] == f"{own}?said=back"
    reader = site.reader()
    assert reader.status == "active"
    assert "came back" in reader.evidence
    assert [one.filter for one in reader.subscriptions] == [{"states": ["md"]}]


def test_who_is_suppressed_is_not_welcomed_back(site: Site) -> None:
    own = site.subscribe()
    with writing(site.engine) as connection:
        suppress(connection, "ann@example.org", "complaint", "", NOW)
    page = site.pages.get(site.pages.post(f"{own}/return").headers["location"]).text
    assert "We have stopped mailing" in page
    assert "Welcome back" not in page


def test_what_was_queued_for_who_left_is_not_sent(site: Site) -> None:
    own = site.subscribe()
    site.digest()
    site.pages.post(own.replace("manage", "unsubscribe"))
    mailed = len(site.inbox.kept)
    assert send(site.engine, site.settings, clock=site.clock).counts.total() == 0
    assert len(site.inbox.kept) == mailed
