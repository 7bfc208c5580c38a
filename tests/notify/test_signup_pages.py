"""Signing up: only the owner of an address can, and nobody learns who has."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select, update

from notify import ledger, people
from notify.signup_pages import PER_ADDRESS, PER_SITE, PER_VISITOR, TRAP
from notify.suppression import suppress
from tests.notify.relay import DROP
from tests.notify.site import Site, open_site, words
from tests.notify.stories import NOW, add_bill, add_reader
from tracker.db import reading, writing
from tracker.models import Notice, SignUp, Subscriber


@pytest.fixture
def site(engine: Engine) -> Iterator[Site]:
    with time_machine.travel(NOW, tick=False), open_site(engine) as opened:
        yield opened


def subscribers(engine: Engine) -> list[str]:
    with reading(engine) as session:
        return list(session.scalars(select(Subscriber.address)))


def notices(engine: Engine) -> list[tuple[str, str, str]]:
    with reading(engine) as session:
        rows = session.scalars(select(Notice).order_by(Notice.id))
        return [(row.kind, row.status, row.said) for row in rows]


def test_every_page_offers_it(site: Site) -> None:
    assert 'href="/subscribe"' in site.pages.get("/").text
    assert 'name="email"' in site.pages.get("/subscribe").text
    assert site.pages.get("/subscriber-pages.css").headers["content-type"].startswith("text/css")


def test_from_the_form_to_the_first_page_of_ones_own(site: Site) -> None:
    answer = site.ask(
        "Ann@Example.org",
        topics=["detainers"],
        states=["md", "va"],
        frequency="weekly",
        weekday="2",
        time="18:30",
        timezone="America/Chicago",
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/subscribe/sent")
    assert "Check your mail" in site.pages.get("/subscribe/sent").text
    assert subscribers(site.engine) == [], "nothing is subscribed yet"

    message = site.inbox.message()
    assert (message["To"], message["Auto-Submitted"]) == ("Ann@example.org", "auto-replied")
    asked = "Detainers in Maryland or Virginia, every Wednesday at 6:30 pm Chicago time"
    assert asked in " ".join(site.mailed().split())

    link = site.link("confirm")
    page = site.pages.get(link)
    assert "Detainers in Maryland or Virginia" in page.text
    assert "Ann@example.org" in page.text
    assert page.headers["cache-control"] == "no-store"

    answer = site.pages.post(link)
    assert answer.status_code == 303
    own = site.pages.get(answer.headers["location"])
    assert "You are subscribed" in words(own.text)
    assert "Every Wednesday at 6:30 pm Chicago time" in words(own.text)
    reader = site.reader()
    assert (reader.status, reader.confirmed_at) == ("active", NOW)
    assert "asked on the page 2026-03-03 12:00 UTC" in reader.evidence
    (one,) = reader.subscriptions
    assert one.filter == {"topics": ["detainers"], "states": ["md", "va"]}

    assert site.inbox.message(-1)["Subject"] == "You are subscribed to bill news"
    assert site.link("manage") == f"/manage/{reader.token}"


def test_a_program_that_opens_the_link_confirms_nothing(site: Site) -> None:
    site.ask()
    link = site.link("confirm")
    before = site.stored()
    for _ in range(3):
        assert site.pages.get(link).status_code == 200
    assert site.pages.head(link).status_code == 405
    assert site.stored() == before
    assert site.pages.post(link).status_code == 303


def answers(site: Site, email: str) -> str:
    """All that a visitor can see of asking for an address."""
    posted = site.ask(email)
    linked = site.pages.post("/manage", data={"email": email})
    pages = (posted, linked, site.pages.get("/subscribe/sent"))
    return "".join(f"{one.status_code} {sorted(one.headers.items())} {one.text}" for one in pages)


def test_the_pages_are_the_same_for_every_address(site: Site) -> None:
    add_reader(site.engine, "known@example.org")
    left = add_reader(site.engine, "left@example.org")
    with writing(site.engine) as connection:
        people.leave(connection, left)
        suppress(connection, "no@example.org", "complaint", "", NOW)
    seen = {
        answers(site, email)
        for email in ("new@example.org", "known@example.org", "left@example.org", "no@example.org")
    }
    assert len(seen) == 1
    told = [(recipient, site.inbox.message(n)["Subject"])
            for n, (_, recipient, _) in enumerate(site.inbox.kept)]  # fmt: skip
    assert sorted(told) == [
        ("known@example.org", "Add this to your bill news?"),
        ("known@example.org", "Your link to change or end bill news"),
        ("left@example.org", "Please confirm: bill news by mail"),
        ("left@example.org", "Your link to change or end bill news"),
        ("new@example.org", "Please confirm: bill news by mail"),
    ]


def test_a_known_reader_adds_to_what_they_have(site: Site) -> None:
    own = site.subscribe(topics=["detainers"], time="06:00")
    site.subscribe(states=["md"], time="09:00", timezone="Asia/Tokyo")
    reader = site.reader()
    assert reader.token in own
    assert [one.filter for one in reader.subscriptions] == [
        {"topics": ["detainers"]},
        {"states": ["md"]},
    ]
    assert (reader.hour, reader.timezone) == (6, "America/New_York"), "the time stays theirs"
    assert "at 6:00 am New York time" in " ".join(site.mailed(-2).split())


def test_who_had_left_starts_anew(site: Site) -> None:
    own = site.subscribe(topics=["detainers"])
    site.pages.post(own.replace("/manage/", "/unsubscribe/"))
    assert site.reader().status == "left"
    assert site.subscribe(states=["md"]) == own
    reader = site.reader()
    assert reader.status == "active"
    assert [one.filter for one in reader.subscriptions] == [{"states": ["md"]}]


def test_no_stranger_can_have_us_carry_their_words(site: Site) -> None:
    site.ask("victim@example.org", keywords="cheap pills\nhttps://spam.example/", states=["md"])
    raw = site.inbox.kept[0][2]
    assert b"pills" not in raw
    assert b"spam.example" not in raw
    assert "narrowed by words that the link below shows" in " ".join(site.mailed().split())
    assert "cheap pills" in site.pages.get(site.link("confirm")).text


def test_a_link_confirms_once(site: Site) -> None:
    site.ask()
    link = site.link("confirm")
    assert site.pages.post(link).status_code == 303
    before = site.stored()
    for again in (site.pages.post(link), site.pages.get(link)):
        assert again.status_code == 400
        assert "This link has done its work already" in again.text
    assert site.stored() == before


def test_an_old_link_confirms_nothing(engine: Engine) -> None:
    with time_machine.travel(NOW, tick=False) as clock, open_site(engine) as site:
        site.ask()
        link = site.link("confirm")
        clock.shift(dt.timedelta(days=3, seconds=1))
        for late in (site.pages.get(link), site.pages.post(link)):
            assert late.status_code == 400
            assert "This link is too old; ask for a new one" in late.text
        assert subscribers(engine) == []


def test_what_nobody_confirmed_is_forgotten(site: Site) -> None:
    site.ask()
    link = site.link("confirm")
    site.now += dt.timedelta(days=7)
    site.send()
    with reading(site.engine) as session:
        assert session.scalars(select(SignUp)).all() == []
    assert "has been deleted" in site.pages.post(link).text


def test_a_forged_link_confirms_nothing(site: Site) -> None:
    site.ask()
    token = site.link("confirm").rpartition("/")[2]
    another_sign_up = "IjIi" + token[4:]
    before = site.stored()
    for forged in (token[:-3], another_sign_up, "1", "%00", "a" * 5000):
        for ask in (site.pages.get, site.pages.post):
            answer = ask(f"/confirm/{forged}")
            assert answer.status_code == 400
            assert "not complete, or not one of ours" in answer.text
    assert site.stored() == before


def test_an_address_suppressed_meanwhile_is_not_subscribed(site: Site) -> None:
    site.ask()
    with writing(site.engine) as connection:
        suppress(connection, "ann@example.org", "complaint", "", NOW)
    answer = site.pages.post(site.link("confirm"))
    assert answer.status_code == 400
    assert "list of addresses not to mail" in answer.text
    assert subscribers(site.engine) == []


BAD_FORMS = [
    ({"email": ""}, "is not an address we can mail"),
    ({"email": "ann"}, "is not an address we can mail"),
    ({"email": "ann@example.org\r\nBcc: bob@example.org"}, "is not an address we can mail"),
    ({"email": '"ann b"@example.org'}, "is not an address we can mail"),
    ({"email": "änn@example.org"}, "is not an address we can mail"),
    ({"email": "a" * 10_000 + "@example.org"}, "is not an address we can mail"),
    ({"email": "ann\0@example.org"}, "is not an address we can mail"),
    ({"states": ["md", "zz"]}, "no state &#39;zz&#39;"),
    ({"topics": ["gossip"]}, "no topic &#39;gossip&#39;"),
    ({"stances": ["good"]}, "no stance"),
    ({"stages": ["passed"]}, "no stage"),
    ({"kinds": ["gossip"]}, "no kind of change"),
    ({"bills": "md HB 99999"}, "there is no bill"),
    ({"keywords": "a\0b"}, "control characters"),
    ({"sponsors": "x" * 5000}, "too long"),
    ({"frequency": "hourly"}, "no frequency"),
    ({"frequency": "weekly", "weekday": "9"}, "no day of the week"),
    ({"time": "25:00"}, "no time of day"),
    ({"timezone": "Mars/Olympus"}, "no time zone"),
]


def test_a_bad_form_is_told_and_changes_nothing(site: Site) -> None:
    before = site.stored()
    for fields, why in BAD_FORMS:
        answer = site.pages.post("/subscribe", data={"email": "ann@example.org"} | fields)
        assert answer.status_code == 422, fields
        assert why in answer.text
        assert "Nothing was changed." in answer.text
    assert site.stored() == before
    assert site.inbox.kept == []


def test_what_was_typed_is_still_there_after_a_mistake(site: Site) -> None:
    page = site.ask("ann@", topics=["detainers"], states=["md"], keywords="jail", time="18:30").text
    for kept in (
        'value="ann@"',
        'value="detainers" checked',
        'value="md" checked',
        ">jail<",
        '"18:30"',
    ):
        assert kept in page


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.dictionaries(
        st.sampled_from(["email", "states", "topics", "bills", "keywords", "frequency", "weekday",
                         "time", "timezone", "quiet_note", TRAP, "colour"]),
        st.text(max_size=40),
    )
)  # fmt: skip
def test_any_form_gets_a_page(site: Site, fields: dict[str, str]) -> None:
    fields = {name: value.encode("utf-8", "replace").decode() for name, value in fields.items()}
    assert site.pages.post("/subscribe", data=fields).status_code in (303, 422, 429)


def test_a_body_that_is_no_form(site: Site) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    for body, status in (
        (b"email=" + b"a" * 200_000, 413),
        (b"&".join(b"a=1" for _ in range(2_000)), 400),
        (b"email=%ff%fe@example.org", 400),
        (b"\xff\xfe", 400),
        (b"", 422),
    ):
        answer = site.pages.post("/subscribe", content=body, headers=headers)
        assert answer.status_code == status
    assert site.inbox.kept == []


def test_a_program_that_fills_in_everything_achieves_nothing(site: Site) -> None:
    before = site.stored()
    answer = site.ask(**{TRAP: "https://spam.example"})
    assert answer.headers["location"] == "/subscribe/sent"
    assert site.stored() == before
    assert site.inbox.kept == []


def test_one_address_gets_so_many_mails_a_day(site: Site) -> None:
    answered = {site.ask().headers["location"] for _ in range(PER_ADDRESS.times + 3)}
    assert answered == {"/subscribe/sent"}, "the page must not tell"
    assert len(site.inbox.kept) == PER_ADDRESS.times
    assert "only if someone asks in your name again" in " ".join(site.mailed().split())
    site.now += dt.timedelta(hours=11)
    site.ask()
    assert len(site.inbox.kept) == PER_ADDRESS.times
    site.now += dt.timedelta(hours=1)
    site.ask()
    assert len(site.inbox.kept) == PER_ADDRESS.times + 1


def test_nobody_can_use_up_a_readers_links_by_signing_them_up(site: Site) -> None:
    own = site.subscribe()
    for _ in range(PER_ADDRESS.times):
        site.ask()
    for _ in range(PER_ADDRESS.times + 1):
        site.pages.post("/manage", data={"email": "ann@example.org"})
    assert site.link("manage") == own
    subjects = [site.inbox.message(n)["Subject"] for n in range(len(site.inbox.kept))]
    assert subjects.count("Your link to change or end bill news") == PER_ADDRESS.times


def test_one_visitor_may_ask_so_often(site: Site) -> None:
    for number in range(PER_VISITOR.times):
        assert site.ask(f"ann{number}@example.org").status_code == 303
    refused = site.ask("another@example.org")
    assert refused.status_code == 429
    assert "try again later" in refused.text
    assert len(site.inbox.kept) == PER_VISITOR.times


def test_the_whole_site_may_ask_so_often(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    few = type(PER_SITE)("site", 2, PER_SITE.every)
    monkeypatch.setattr("notify.signup_pages.PER_SITE", few)
    assert [site.ask(f"a{n}@example.org").status_code for n in range(3)] == [303, 303, 503]


def test_a_link_from_a_bill_or_a_list_fills_the_form(site: Site) -> None:
    add_bill(site.engine)
    key = "md%3A2026%3AHB+1222"
    assert f"/subscribe?bill={key}" in site.pages.get("/bills/1").text
    assert ">md:2026:HB 1222</textarea>" in site.pages.get(f"/subscribe?bill={key}").text
    listed = site.pages.get("/bills?state=md&topic=detainers").text
    assert '"/subscribe?state=md&amp;topic=detainers"' in listed
    page = site.pages.get("/subscribe?state=md&topic=detainers&q=jail&stance=limits&stage=x").text
    for filled in (
        'value="md" checked',
        'value="detainers" checked',
        ">jail<",
        'value="limits" checked',
    ):
        assert filled in page


def test_an_odd_link_still_gets_a_form(site: Site) -> None:
    for query in ("state=%00", "bill=" + "a" * 9000, "q=%ff", "topic=zz&state=zz"):
        assert site.pages.get(f"/subscribe?{query}").status_code == 200


def test_without_a_relay_the_page_says_so(engine: Engine) -> None:
    with open_site(engine, smtp_host="") as site:
        assert "BILLTRACKER_SMTP_HOST" in site.pages.get("/subscribe").text
        assert site.ask().status_code == 503


def test_a_relay_that_is_busy_gets_it_later(engine: Engine) -> None:
    busy = [True]

    def script(step: str, recipient: str) -> str | None:
        return "451 4.7.1 greylisted" if step == "rcpt" and busy[0] else None

    with open_site(engine, script) as site:
        assert site.ask().status_code == 303
        assert notices(engine) == [("sign-up", "queued", "451 4.7.1 greylisted")]
        assert site.send() == {}, "not due yet"
        busy[0] = False
        site.now += dt.timedelta(minutes=2)
        assert site.send() == {"sent": 1}
        assert site.pages.post(site.link("confirm")).status_code == 303


def test_a_mailbox_that_is_not_there_is_not_tried_again(engine: Engine) -> None:
    def script(step: str, recipient: str) -> str | None:
        return "550 5.1.1 no such user" if step == "rcpt" else None

    with open_site(engine, script) as site:
        site.ask()
        site.now += dt.timedelta(hours=5)
        assert site.send() == {}
        assert notices(engine) == [("sign-up", "failed", "550 5.1.1 no such user")]
        site.ask()
        assert notices(engine)[1:] == [("sign-up", "dropped", "nobody to tell")], "asked again"


def test_no_relay_for_a_day_ends_the_trying(engine: Engine) -> None:
    with open_site(
        engine, lambda step, _: "421 4.3.2 closing" if step == "connect" else None
    ) as site:
        site.ask()
        for _ in range(12):
            site.now += dt.timedelta(hours=3)
            site.send()
        ((_, status, said),) = notices(engine)
        assert status == "failed"
        assert "421" in said


@pytest.mark.parametrize("step", ["body", "stored"])
def test_what_may_have_arrived_is_not_sent_again(engine: Engine, step: str) -> None:
    with open_site(engine, lambda now, _: DROP if now == step else None) as site:
        site.ask()
        site.now += dt.timedelta(hours=5)
        site.send()
        assert len(site.inbox.kept) == (1 if step == "stored" else 0)
    ((_, status, _),) = notices(engine)
    assert status == "unknown"


def test_one_claimed_by_a_sender_that_died_is_not_sent_again(site: Site) -> None:
    ledger.stop(site.engine, "for the test", NOW)
    site.ask()
    with writing(site.engine) as connection:
        connection.execute(update(Notice).values(status="sending"))
    ledger.start(site.engine)
    site.now += dt.timedelta(hours=5)
    assert site.send() == {}


def test_the_kill_switch_holds_these_too(site: Site) -> None:
    ledger.stop(site.engine, "something is wrong", NOW)
    site.ask()
    assert site.inbox.kept == []
    ledger.start(site.engine)
    assert site.send() == {"sent": 1}
