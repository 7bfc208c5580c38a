"""What can be read by an unguessable address: digests on the web, feeds and calendars."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from icalendar import Calendar
from lxml import etree
from sqlalchemy import delete, select, update

from tests.notify.site import Site, words
from tests.notify.stories import NOW, add_bill, add_change, add_hearing
from tracker.db import reading, writing
from tracker.models import Change, Digest, Hearing

ATOM = {"a": "http://www.w3.org/2005/Atom"}


def test_a_digest_on_the_web_opens_nobodys_preferences(site: Site) -> None:
    own = site.subscribe()
    site.digest()
    with reading(site.engine) as session:
        token = session.scalars(select(Digest.token)).one()
    answer = site.pages.get(f"/digests/{token}")
    assert "Third Reading Passed (99-38)" in words(answer.text)
    assert own.rpartition("/")[2] not in answer.text
    assert "https://bills.example.org/manage" in answer.text
    assert "@@" not in answer.text
    assert "script-src" not in answer.headers["content-security-policy"]
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["cache-control"] == "no-store"
    assert site.pages.get(f"/digests/{token[:-1]}").status_code == 404


def feed(site: Site, kind: str = "atom", **headers: str) -> object:
    token = site.reader().subscriptions[0].token
    return site.pages.get(f"/feeds/{token}.{kind}", headers=headers)


def titles(site: Site) -> list[str]:
    return etree.fromstring(feed(site).content).xpath("//a:entry/a:title/text()", namespaces=ATOM)


def test_the_page_names_feed_and_calendar(site: Site) -> None:
    own = site.subscribe()
    page = site.pages.get(own).text
    token = site.reader().subscriptions[0].token
    for kind in ("atom", "ics"):
        assert f"https://bills.example.org/feeds/{token}.{kind}" in page


def test_the_feed_holds_what_the_filter_is_about(site: Site) -> None:
    site.subscribe(states=["md"], kinds=["vote", "action"])
    maryland, virginia = add_bill(site.engine, "md"), add_bill(site.engine, "va")
    off_topic = add_bill(site.engine, "md", "HB 2", relevant=False)
    add_change(site.engine, maryland, "action", "Passed <b>third</b> & final reading")
    hour = dt.timedelta(hours=1)
    add_change(site.engine, maryland, "vote", "Vote: 99-38", released_at=NOW + hour)
    add_change(site.engine, maryland, "title", "Another title")
    add_change(site.engine, maryland, "action", "Held back", status="held")
    add_change(site.engine, virginia)
    add_change(site.engine, off_topic)
    assert titles(site) == [
        "MD HB 1222: Vote: 99-38",
        "MD HB 1222: Passed <b>third</b> & final reading",
    ]
    root = etree.fromstring(feed(site).content)
    assert root.findtext("a:title", namespaces=ATOM) == (
        "Bills: every topic in Maryland, only: new action or vote recorded"
    )
    assert root.findtext("a:updated", namespaces=ATOM) == (NOW + hour).isoformat()
    entry = root.find("a:entry", ATOM)
    links = {link.get("rel"): link.get("href") for link in entry.findall("a:link", ATOM)}
    assert links["alternate"] == f"https://bills.example.org/bills/{maryland}"
    assert links["via"] == "https://legislature.example/md/HB%201222".replace("%20", " ")
    assert entry.findtext("a:id", namespaces=ATOM) == "tag:bills.example.org,2026:change:2"


def test_a_followed_bill_is_in_the_feed_without_being_on_topic(site: Site) -> None:
    bill = add_bill(site.engine, "md", "HB 2", relevant=False)
    site.subscribe(bills="md HB 2")
    add_change(site.engine, bill)
    assert titles(site) == ["MD HB 2: Third Reading Passed (99-38)"]


def test_what_the_source_took_back_leaves_the_feed(site: Site) -> None:
    site.subscribe()
    add_change(site.engine, add_bill(site.engine))
    assert len(titles(site)) == 1
    with writing(site.engine) as connection:
        connection.execute(update(Change).values(status="retracted"))
    assert titles(site) == []


@pytest.mark.parametrize("kind", ["atom", "ics"])
def test_who_has_it_already_is_told_so(site: Site, kind: str) -> None:
    site.subscribe()
    bill = add_bill(site.engine)
    add_change(site.engine, bill)
    add_hearing(site.engine, bill, dt.date(2026, 3, 9))
    first = feed(site, kind)
    etag = first.headers["etag"]
    assert re.fullmatch(r'"[0-9a-f]{32}"', etag)
    for asked in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        again = feed(site, kind, **{"If-None-Match": asked})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
    assert feed(site, kind, **{"If-None-Match": '"x"'}).status_code == 200
    add_change(site.engine, bill, "vote", "Vote: 99-38")
    add_hearing(site.engine, bill, dt.date(2026, 3, 10))
    moved = feed(site, kind, **{"If-None-Match": etag})
    assert moved.status_code == 200
    assert moved.headers["etag"] != etag


def test_feeds_go_on_while_mail_is_paused_or_ended_but_not_after_deletion(site: Site) -> None:
    own = site.subscribe()
    (one,) = site.reader().subscriptions
    add_change(site.engine, add_bill(site.engine))
    site.pages.post(f"{own}/subscriptions/{one.id}/pause")
    assert len(titles(site)) == 1
    site.pages.post(own.replace("manage", "unsubscribe"))
    assert len(titles(site)) == 1
    site.pages.post(f"{own}/delete")
    assert site.pages.get(f"/feeds/{one.token}.atom").status_code == 404


def test_the_calendar_holds_hearings_of_the_filters_bills(site: Site) -> None:
    site.subscribe(topics=["287g"], kinds=["vote"], stages=["became-law"])
    bill = add_bill(site.engine)
    add_hearing(site.engine, bill, dt.date(2026, 3, 9), time_text="1:00 p.m.")
    add_hearing(site.engine, bill, dt.date(2026, 3, 10), "Rules", time_text="Upon adjournment")
    add_hearing(site.engine, bill, dt.date(2026, 1, 10), "Long past")
    other = add_bill(site.engine, "va", "SB 1", topics=("data-brokers",))
    add_hearing(site.engine, other, dt.date(2026, 3, 11), "Not about this")
    with writing(site.engine) as connection:
        connection.execute(
            update(Hearing).where(Hearing.committee == "Rules").values(cancelled=True)
        )
    answer = feed(site, "ics")
    assert answer.headers["content-type"].startswith("text/calendar")
    timed, whole_day = Calendar.from_ical(answer.content).walk("VEVENT")
    assert timed["summary"] == "MD HB 1222, Judiciary"
    assert timed["dtstart"].dt == dt.datetime(2026, 3, 9, 17, 0, tzinfo=dt.UTC)  # summer time
    assert timed["location"] == "House Office Building, Room 100"
    assert "Time as printed: 1:00 p.m." in timed["description"]
    assert whole_day["dtstart"].dt == dt.date(2026, 3, 10)
    assert whole_day["summary"] == "Cancelled: MD HB 1222, Rules"
    assert whole_day["status"] == "CANCELLED"
    assert len({timed["uid"], whole_day["uid"]}) == 2


def test_an_empty_database_gives_an_empty_feed_and_calendar(site: Site) -> None:
    site.subscribe()
    assert titles(site) == []
    assert Calendar.from_ical(feed(site, "ics").content).walk("VEVENT") == []


def test_a_hearing_that_left_the_page_is_struck_not_lost(site: Site) -> None:
    site.subscribe()
    add_hearing(site.engine, add_bill(site.engine), dt.date(2026, 3, 9))
    with writing(site.engine) as connection:
        connection.execute(update(Hearing).values(removed_at=NOW))
    (event,) = Calendar.from_ical(feed(site, "ics").content).walk("VEVENT")
    assert event["status"] == "CANCELLED"
    with writing(site.engine) as connection:
        connection.execute(delete(Hearing))
    assert Calendar.from_ical(feed(site, "ics").content).walk("VEVENT") == []
