"""Webhooks over real sockets: proven first, signed, in order, retried, and ended when hopeless."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, select, update

from notify import people
from notify.match import plan
from notify.webhooks import BACKOFF, DISABLED_AFTER, Outcome, deliver_webhooks, own_networks
from tests.notify.receiver import Receiver, receiver
from tests.notify.site import Site, open_site, words
from tests.notify.stories import add_bill, add_change
from tracker.db import reading, writing
from tracker.models import Change, Verdict, WebhookDelivery, WebhookEndpoint
from tracker.settings import Settings

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as listening:
        yield listening


@pytest.fixture
def site(engine: Engine) -> Iterator[Site]:
    with open_site(engine, webhook_networks="127.0.0.0/8, 10.1.0.0/16") as opened:
        yield opened


def endpoint(site: Site) -> WebhookEndpoint | None:
    with reading(site.engine) as session:
        return session.scalars(select(WebhookEndpoint)).first()


def page(site: Site, email: str = "ann@example.org") -> str:
    reader = site.reader(email)
    return f"/manage/{reader.token}/subscriptions/{reader.subscriptions[0].id}/webhook"


def switched_on(site: Site, hook: Receiver, **fields: object) -> str:
    """A reader whose webhook has proved itself; the page of it."""
    site.subscribe(**fields)
    here = page(site)
    assert site.pages.post(here, data={"url": hook.url}).status_code == 303
    known = endpoint(site)
    assert known is not None
    hook.secret = known.secret
    assert site.pages.post(f"{here}/test").status_code == 303
    hook.asked.clear()
    hook.got.clear()
    return here


def passes(site: Site, after: dt.timedelta = HOUR) -> list[Outcome]:
    """What ``billtracker run`` does, some time later."""
    site.now += after
    plan(site.engine, site.now)
    return deliver_webhooks(site.engine, site.settings, clock=site.clock, seconds=2)


def moves(site: Site, bill: int, summary: str = "Passed", **columns: object) -> int:
    return add_change(
        site.engine, bill, summary=summary, released_at=site.now + HOUR / 2, **columns
    )


def test_a_receiver_proves_itself_before_anything_is_sent(site: Site, hook: Receiver) -> None:
    site.subscribe()
    here = page(site)
    site.pages.post(here, data={"url": hook.url})
    moves(site, add_bill(site.engine))
    assert passes(site) == []
    shown = words(site.pages.get(here).text)
    assert "Not on yet." in shown
    known = endpoint(site)
    assert known is not None
    assert known.secret in shown

    hook.echoes = False
    refused = site.pages.post(f"{here}/test")
    assert refused.status_code == 422
    assert "did not hold the challenge" in refused.text
    hook.echoes, hook.secret = True, "another secret"
    assert "HTTP 401" in site.pages.post(f"{here}/test").text
    assert endpoint(site).status == "pending"
    hook.secret = known.secret
    assert site.pages.post(f"{here}/test").status_code == 303
    assert "On. Each change is posted to" in words(site.pages.get(here).text)
    assert passes(site) == [], "what moved before is not its news"


def test_what_moves_is_delivered_signed_and_once(site: Site, hook: Receiver) -> None:
    here = switched_on(site, hook, states=["md"])
    bill = add_bill(site.engine, stage="passed-first-chamber")
    first, second = moves(site, bill, "One"), moves(site, bill, "Two")
    moves(site, add_bill(site.engine, "va"), "Elsewhere")
    assert passes(site) == [Outcome(1, 2)]
    assert hook.summaries == ["One", "Two"]
    told = hook.got[0]
    assert told["type"] == "change"
    assert told["change"] == {
        "id": first,
        "kind": "action",
        "summary": "One",
        "words": "",
        "date": "2026-03-02",
        "stage": "",
    }
    assert told["bill"]["key"] == "md:2026:HB 1222"
    assert told["bill"]["url"] == f"https://bills.example.org/bills/{bill}"
    assert told["bill"]["topics"] == ["287g"]
    assert hook.got[0]["id"] != hook.got[1]["id"]
    assert passes(site) == []
    assert hook.summaries == ["One", "Two"]
    shown = words(site.pages.get(here).text)
    assert f"change {second} HTTP 200" in shown


def test_a_bill_found_relevant_late_and_one_followed_by_name(site: Site, hook: Receiver) -> None:
    followed = add_bill(site.engine, "md", "HB 7", relevant=False)
    switched_on(site, hook, bills="md HB 7")
    moves(site, followed, "Followed")
    passes(site)
    assert hook.summaries == ["Followed"]
    own = f"/manage/{site.reader().token}"
    (one,) = site.reader().subscriptions
    site.pages.post(f"{own}/subscriptions/{one.id}", data={"states": "md"})
    late = add_bill(site.engine, "md", "HB 8", relevant=False)
    moves(site, late, "Late")
    passes(site)
    assert hook.summaries == ["Followed"]
    with writing(site.engine) as connection:
        connection.execute(update(Verdict).where(Verdict.bill_id == late).values(relevant=True))
    passes(site, dt.timedelta(days=2))
    assert hook.summaries == ["Followed", "Late"]


def test_a_wider_filter_brings_no_old_news_even_beside_one_that_lags(
    site: Site, hook: Receiver
) -> None:
    switched_on(site, hook, states=["va"])
    with receiver() as other:
        site.subscribe("bob@example.org", states=["md"])
        there = page(site, "bob@example.org")
        site.pages.post(there, data={"url": other.url})
        site.pages.post(f"{there}/test")
        with writing(site.engine) as connection:
            connection.execute(
                update(WebhookEndpoint)
                .where(WebhookEndpoint.id == 2)
                .values(status="disabled", reason="for the test")
            )
        moves(site, add_bill(site.engine), "Old")
        passes(site)
        passes(site)
        (one,) = site.reader().subscriptions
        site.pages.post(f"/manage/{site.reader().token}/subscriptions/{one.id}", data={})
        site.pages.post(f"{there}/test")
        passes(site)
        assert other.summaries == ["Old"], "nothing is lost while it is off"
    assert hook.summaries == []


def test_a_failure_is_tried_again_later_with_the_same_id_and_in_order(
    site: Site, hook: Receiver
) -> None:
    here = switched_on(site, hook)
    bill = add_bill(site.engine)
    moves(site, bill, "One")
    moves(site, bill, "Two")
    hook.answers = [500, 302]
    assert passes(site) == [Outcome(1, 0, "HTTP 500")]
    assert "HTTP 500" in site.pages.get(here).text
    assert passes(site, dt.timedelta(seconds=30)) == [], "not due yet"
    (outcome,) = passes(site, BACKOFF[0])
    assert "redirects are not followed" in outcome.failed
    assert [body["change"]["summary"] for body in hook.asked] == ["One", "One"]
    assert hook.asked[0]["id"] == hook.asked[1]["id"]
    assert passes(site, BACKOFF[1]) == [Outcome(1, 2)]
    assert hook.summaries == ["One", "Two"]
    known = endpoint(site)
    assert known is not None
    assert (known.failures, known.failing_since, known.reason) == (0, None, "")


def test_one_that_fails_for_days_is_switched_off_and_its_reader_told(
    site: Site, hook: Receiver
) -> None:
    here = switched_on(site, hook)
    moves(site, add_bill(site.engine), "Waits")
    hook.answers = [503] * 100
    tries = 0
    while endpoint(site).status == "active":
        tries += len(passes(site, dt.timedelta(hours=1)))
    assert 8 < tries < 15, "ever longer waits"
    assert endpoint(site).next_attempt_at - endpoint(site).failing_since > DISABLED_AFTER
    assert passes(site) == []
    site.send()
    assert site.inbox.message(-1)["Subject"] == "Your webhook was switched off"
    assert hook.url in site.mailed()
    assert "Switched off: failing since" in words(site.pages.get(here).text)
    hook.answers = []
    assert site.pages.post(f"{here}/test").status_code == 303
    hook.got.clear()
    passes(site)
    assert hook.summaries == ["Waits"], "nothing was lost"


def test_gone_is_gone(site: Site, hook: Receiver) -> None:
    switched_on(site, hook)
    moves(site, add_bill(site.engine))
    hook.answers = [410]
    assert passes(site) == [Outcome(1, 0, "HTTP 410", True)]


def test_a_dead_receiver_holds_up_nobody_else(site: Site, hook: Receiver) -> None:
    switched_on(site, hook)
    site.subscribe("bob@example.org")
    with receiver() as dead:
        there = page(site, "bob@example.org")
        site.pages.post(there, data={"url": dead.url})
        assert site.pages.post(f"{there}/test").status_code == 303
    moves(site, add_bill(site.engine), "Passed")
    ok, refused = passes(site)
    assert (ok.delivered, refused.delivered, refused.failed) == (1, 0, "Connection refused")
    assert hook.summaries == ["Passed"]


def test_what_is_taken_back_before_delivery_is_not_told(site: Site, hook: Receiver) -> None:
    switched_on(site, hook)
    change = moves(site, add_bill(site.engine), "A mistake")
    hook.answers = [500]
    passes(site)
    retract(site, change)
    assert passes(site) == []
    assert hook.got == []


def test_what_is_taken_back_after_delivery_is_told_once(site: Site, hook: Receiver) -> None:
    switched_on(site, hook)
    change = moves(site, add_bill(site.engine), "A mistake")
    passes(site)
    retract(site, change)
    passes(site)
    passes(site)
    assert [body["type"] for body in hook.got] == ["change", "retraction"]
    assert hook.got[1]["change"] == {"id": change}


def test_a_correction_names_what_takes_its_place(site: Site, hook: Receiver) -> None:
    switched_on(site, hook)
    bill = add_bill(site.engine)
    line = {"text": "Third Reading Passed (99-38)", "date": "2026-03-02"}
    told = moves(site, bill, line["text"], after=line)
    passes(site)
    said = moves(site, bill, "Now: Failed", kind="action_corrected", before=line)
    passes(site)
    kinds = [(body["type"], body["change"]["id"]) for body in hook.got]
    assert sorted(kinds) == [("change", told), ("change", said), ("retraction", told)]
    (retraction,) = [body for body in hook.got if body["type"] == "retraction"]
    assert retraction["corrected_by"] == said


def retract(site: Site, change: int) -> None:
    with writing(site.engine) as connection:
        connection.execute(update(Change).where(Change.id == change).values(status="retracted"))


def test_two_passes_at_once_deliver_each_once(site: Site, hook: Receiver) -> None:
    switched_on(site, hook)
    bill = add_bill(site.engine)
    for number in range(20):
        moves(site, bill, f"Action {number}")
    site.now += HOUR
    plan(site.engine, site.now)
    with ThreadPoolExecutor(2) as pool:
        list(
            pool.map(
                lambda _: deliver_webhooks(site.engine, site.settings, clock=site.clock), range(2)
            )
        )
    assert hook.summaries == [f"Action {number}" for number in range(20)]


def test_a_sender_that_died_is_followed_by_another(site: Site, hook: Receiver) -> None:
    switched_on(site, hook)
    moves(site, add_bill(site.engine), "Passed")
    with writing(site.engine) as connection:
        lease = site.now + HOUR + dt.timedelta(minutes=10)
        connection.execute(update(WebhookEndpoint).values(leased_until=lease))
    assert passes(site) == []
    assert passes(site, dt.timedelta(minutes=10)) == [Outcome(1, 1)]


def test_who_left_is_sent_nothing_and_who_paused_mail_is(site: Site, hook: Receiver) -> None:
    switched_on(site, hook)
    reader = site.reader()
    bill = add_bill(site.engine)
    with writing(site.engine) as connection:
        people.set_mailing(connection, reader.id, reader.subscriptions[0].id, False, site.now)
    moves(site, bill, "While paused")
    passes(site)
    with writing(site.engine) as connection:
        people.leave(connection, reader.id)
    moves(site, bill, "After leaving")
    passes(site)
    assert hook.summaries == ["While paused"]


def test_removed_means_forgotten(site: Site, hook: Receiver) -> None:
    here = switched_on(site, hook)
    moves(site, add_bill(site.engine))
    passes(site)
    site.pages.post(f"{here}/remove")
    with reading(site.engine) as session:
        assert session.scalars(select(WebhookEndpoint)).all() == []
        assert session.scalars(select(WebhookDelivery)).all() == []


def test_another_address_has_to_prove_itself_again(site: Site, hook: Receiver) -> None:
    here = switched_on(site, hook)
    site.pages.post(here, data={"url": hook.url + "2"})
    moves(site, add_bill(site.engine))
    assert passes(site) == []
    assert endpoint(site).status == "pending"


def test_an_address_we_do_not_send_to_is_refused_and_changes_nothing(site: Site) -> None:
    site.subscribe()
    here, before = page(site), site.stored()
    for url, why in (
        ("", "start with https://"),
        ("ftp://8.8.8.8/", "start with https://"),
        ("http://8.8.8.8/", "start with https://"),
        ("https://192.168.1.1/", "not on the public internet"),
        ("https://169.254.169.254/latest/meta-data/", "not on the public internet"),
        ("https://[::1]/", "not on the public internet"),
        ("https://user:pass@8.8.8.8/", "no user name or password"),
        ("https://8.8.8.8/" + "a" * 5000, "too long"),
        ("javascript:alert(1)", "start with https://"),
    ):
        answer = site.pages.post(here, data={"url": url})
        assert answer.status_code == 422
        assert why in answer.text
    assert site.stored() == before


def test_tests_are_counted(site: Site, hook: Receiver) -> None:
    site.subscribe()
    here = page(site)
    hook.echoes = False
    site.pages.post(here, data={"url": hook.url})
    said = [site.pages.post(f"{here}/test").text for _ in range(21)]
    assert "At most 20 tests an hour" in said[-1]
    assert len(hook.asked) == 20


def test_networks_of_ones_own_are_named_in_the_settings() -> None:
    assert [
        str(one) for one in own_networks(Settings(webhook_networks="10.1.0.0/16, fd00::/8"))
    ] == [
        "10.1.0.0/16",
        "fd00::/8",
    ]
    assert own_networks(Settings()) == []
    with pytest.raises(ValueError, match="BILLTRACKER_WEBHOOK_NETWORKS"):
        own_networks(Settings(webhook_networks="10.1.0.0/99"))
