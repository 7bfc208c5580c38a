"""Sending over real sockets: accepted, refused, cut off; each digest once as far as SMTP allows."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from notify import ledger
from notify.compose import compose
from notify.deliver import run_digests
from notify.match import plan
from notify.people import forget, leave
from notify.send import CANARY, REFUSED, Report, send
from notify.smtp import BadMailSettings, fault
from notify.tokens import digest_of_return_path
from tests.notify.relay import DROP, Script, at, relay, settings_for
from tests.notify.stories import NOW, add_bill, add_change, add_reader
from tracker.db import reading, writer, writing
from tracker.models import Digest, Outbox, Subscriber, Suppression
from tracker.settings import Settings


def later(**delta: float) -> Callable[[], dt.datetime]:
    return lambda: NOW + dt.timedelta(**delta)


def make_digests(engine: Engine, settings: Settings, *addresses: str) -> None:
    for address in addresses or ("ann@example.org",):
        add_reader(engine, address)
    add_change(engine, add_bill(engine))
    plan(engine, NOW)
    assert len(compose(engine, settings, NOW)) == (len(addresses) or 1)


def statuses(engine: Engine) -> list[str]:
    with reading(engine) as session:
        return list(session.scalars(select(Digest.status).order_by(Digest.id)))


def rows(engine: Engine) -> list[str]:
    with reading(engine) as session:
        return list(session.scalars(select(Outbox.status).order_by(Outbox.subscriber_id)))


def suppressed(engine: Engine) -> list[str]:
    with reading(engine) as session:
        return list(session.scalars(select(Suppression.address_key)))


def test_accepted_is_marked_and_never_sent_again(engine: Engine) -> None:
    with relay() as inbox:
        settings = settings_for(inbox)
        make_digests(engine, settings, "ann@example.org", "bob@example.org")
        report = send(engine, settings, clock=later())
        assert (report.counts["sent"], report.failed, report.stopped) == (2, 0, "")
        assert send(engine, settings, clock=later(days=5)).counts.total() == 0
        assert run_digests(engine, settings, clock=later(days=1)).digests == 0
    assert inbox.recipients == ["ann@example.org", "bob@example.org"]
    assert statuses(engine) == ["sent", "sent"]
    assert rows(engine) == ["sent", "sent"]


def test_the_message_is_what_mail_programs_ask_of_a_list(engine: Engine) -> None:
    with relay() as inbox:
        settings = settings_for(inbox, mail_bounces="bounces@bills.example.org")
        make_digests(engine, settings)
        send(engine, settings, clock=later())
    sender, _, _ = inbox.kept[0]
    message = inbox.message()
    with reading(engine) as session:
        digest = session.scalars(select(Digest)).one()
        token = session.scalars(select(Subscriber.token)).one()
    assert digest_of_return_path("secret", sender, "bounces@bills.example.org") == digest.id
    assert digest_of_return_path("other", sender, "bounces@bills.example.org") is None
    assert message["Message-ID"] == digest.message_id
    assert message["List-Unsubscribe"] == f"<https://bills.example.org/unsubscribe/{token}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "<digest.bills.example.org>" in message["List-Id"]
    assert (message["Auto-Submitted"], message["Precedence"]) == ("auto-generated", "bulk")
    text = message.get_body(("plain",))
    html = message.get_body(("html",))
    assert text is not None
    assert html is not None
    for part in (text.get_content(), html.get_content()):
        assert "Third Reading Passed (99-38)" in part
        assert f"https://bills.example.org/unsubscribe/{token}" in part
        assert f"https://bills.example.org/digests/{digest.token}" in part
        assert "@@" not in part


@pytest.mark.parametrize("step", ["mail", "rcpt", "data", "stored"])
def test_a_temporary_refusal_is_retried_with_the_same_message_id(engine: Engine, step: str) -> None:
    with relay(at(step, "451 4.3.0 try again later")) as inbox:
        settings = settings_for(inbox)
        make_digests(engine, settings)
        assert send(engine, settings, clock=later()).counts == {"deferred": 1}
        assert send(engine, settings, clock=later(minutes=1)).counts == {}, "too early"
        assert send(engine, settings, clock=later(minutes=6)).counts == {"sent": 1}
    with reading(engine) as session:
        digest = session.scalars(select(Digest)).one()
    assert inbox.message_ids == [digest.message_id]
    assert digest.attempts == 2


def test_after_three_days_of_refusals_the_news_waits_for_the_next_digest(engine: Engine) -> None:
    with relay(at("rcpt", "452 4.2.2 mailbox full", times=99)) as inbox:
        settings = settings_for(inbox)
        make_digests(engine, settings)
        attempts = 0
        for hours in range(0, 80):
            attempts += send(engine, settings, clock=later(hours=hours)).counts.total()
        assert 10 < attempts < 30
    assert statuses(engine) == ["bounced"]
    assert rows(engine) == ["waiting"]
    assert suppressed(engine) == []


@pytest.mark.parametrize("step", ["rcpt", "stored"])
def test_a_mailbox_that_is_not_there_is_mailed_no_more(engine: Engine, step: str) -> None:
    with relay(at(step, "550 5.1.1 no such user")) as inbox:
        settings = settings_for(inbox)
        make_digests(engine, settings)
        assert send(engine, settings, clock=later()).counts == {"bounced": 1}
        add_change(engine, add_bill(engine, "va", "SB 1"))
        run_digests(engine, settings, clock=later(days=1))
    assert suppressed(engine) == ["ann@example.org"]
    assert (statuses(engine), inbox.kept) == (["bounced"], [])


@pytest.mark.parametrize(
    ("step", "answer", "counts"),
    [
        ("rcpt", "554 5.7.1 relay access denied", {"deferred": 1}),
        ("stored", "554 5.6.0 we do not like this message", {"bounced": 1}),
        ("stored", "550 5.4.5 Daily user sending limit exceeded", {"deferred": 1}),
    ],
)
def test_other_refusals_suppress_nobody(
    engine: Engine, step: str, answer: str, counts: dict[str, int]
) -> None:
    with relay(at(step, answer)) as inbox:
        settings = settings_for(inbox)
        make_digests(engine, settings)
        assert send(engine, settings, clock=later()).counts == counts
    assert suppressed(engine) == []


def test_a_relay_that_refuses_our_sender_ends_the_run(engine: Engine) -> None:
    with relay(at("mail", "550 5.7.1 not your domain", times=99)) as inbox:
        settings = settings_for(inbox)
        make_digests(engine, settings, *(f"reader{n}@example.org" for n in range(9)))
        report = send(engine, settings, clock=later())
    assert "not your domain" in report.stopped
    assert set(statuses(engine)) == {"queued"}
    assert suppressed(engine) == []


@pytest.mark.parametrize("step", ["connect", "ehlo", "mail", "rcpt", "data"])
def test_a_connection_lost_before_the_message_left_is_made_again(engine: Engine, step: str) -> None:
    with relay(at(step, DROP)) as inbox:
        settings = settings_for(inbox, smtp_connections=1)
        make_digests(engine, settings)
        send(engine, settings, clock=later())
        send(engine, settings, clock=later(minutes=30))
    assert inbox.recipients == ["ann@example.org"]
    assert statuses(engine) == ["sent"]


@pytest.mark.parametrize(("step", "accepted"), [("body", 0), ("stored", 1)])
def test_without_an_answer_nothing_is_sent_again_until_a_person_settles_it(
    engine: Engine, step: str, accepted: int
) -> None:
    with relay(at(step, DROP)) as inbox:
        settings = settings_for(inbox)
        make_digests(engine, settings)
        assert send(engine, settings, clock=later()).counts == {"unknown": 1}
        for days in range(1, 5):
            run_digests(engine, settings, clock=later(days=days))
        assert len(inbox.kept) == accepted
        assert (statuses(engine), rows(engine)) == (["unknown"], ["claimed"])
        with reading(engine) as session:
            number, message_id = session.execute(select(Digest.id, Digest.message_id)).one()
        assert ledger.settle(engine, number, arrived=bool(accepted), now=NOW)
        assert not ledger.settle(engine, number, arrived=True, now=NOW), "only once"
        run_digests(engine, settings, clock=later(days=5))
    assert (statuses(engine), rows(engine)) == (["sent"], ["sent"])
    assert inbox.message_ids == [message_id]


def test_the_cap_stops_a_run_before_the_first_message(engine: Engine) -> None:
    with relay() as inbox:
        settings = settings_for(inbox, mail_cap=2)
        make_digests(engine, settings, *(f"reader{n}@example.org" for n in range(3)))
        report = send(engine, settings, clock=later())
        assert "3 digests are due" in report.stopped
        assert inbox.kept == []
        assert send(engine, settings, yes=True, clock=later()).counts == {"sent": 3}


def test_the_canary_stops_a_run_that_goes_wrong(engine: Engine) -> None:
    def blocked(step: str, recipient: str) -> str | None:
        wrong = step == "rcpt" and recipient.endswith("blocking.org")
        return "550 5.7.1 you are on our block list" if wrong else None

    domains = ("example.org", "blocking.org")
    addresses = [f"reader{n}@{domains[n % 2]}" for n in range(CANARY + 15)]
    with relay(blocked) as inbox:
        settings = settings_for(inbox)
        make_digests(engine, settings, *addresses)
        report = send(engine, settings, clock=later())
    assert f"{CANARY // 2} of the first {CANARY}" in report.stopped
    assert report.counts == {"deferred": CANARY // 2, "sent": CANARY // 2}


def from_the(first: int, step: str, answer: str) -> Script:
    """Takes the first few and then refuses at this step."""
    kept = 0

    def script(now: str, recipient: str) -> str | None:
        nonlocal kept
        if now == step and kept >= first:
            return answer
        kept += now == "stored"
        return None

    return script


QUOTA = "550 5.4.5 Daily user sending limit exceeded"


def test_a_relay_that_refuses_all_from_some_point_on_ends_the_run(engine: Engine) -> None:
    """However sound the canary was; nobody's news is lost."""
    with relay(from_the(CANARY + 5, "stored", QUOTA)) as inbox:
        settings = settings_for(inbox)
        make_digests(engine, settings, *(f"reader{n}@example.org" for n in range(45)))
        report = send(engine, settings, clock=later())
    assert f"refused {REFUSED} digests in a row, last: {QUOTA}" in report.stopped
    assert report.counts["deferred"] < REFUSED + settings.smtp_connections
    assert len(inbox.kept) == CANARY + 5
    assert statuses(engine).count("queued") == 45 - len(inbox.kept)
    with relay() as inbox:
        send(engine, settings_for(inbox), clock=later(hours=1))
    assert len(inbox.kept) == 45 - CANARY - 5


def test_after_days_of_a_relays_own_refusals_no_mailbox_is_blamed(sqlite_engine: Engine) -> None:
    with relay(from_the(0, "stored", QUOTA)) as inbox:
        settings = settings_for(inbox)
        make_digests(sqlite_engine, settings)
        for days in range(4):
            send(sqlite_engine, settings, clock=later(days=days))
    assert (statuses(sqlite_engine), rows(sqlite_engine)) == (["bounced"], ["waiting"])
    with reading(sqlite_engine) as session:
        assert session.scalars(select(Subscriber.soft_bounces)).all() == [0]


@pytest.mark.parametrize("pipelining", [True, False])
def test_all_go_out_after_a_sound_canary(engine: Engine, pipelining: bool) -> None:
    addresses = [f"reader{n}@example.org" for n in range(CANARY + 15)]
    with relay(pipelining=pipelining) as inbox:
        settings = settings_for(inbox)
        make_digests(engine, settings, *addresses)
        assert send(engine, settings, clock=later()).counts == {"sent": CANARY + 15}
    assert inbox.recipients == sorted(addresses)


def stopped_after(engine: Engine, stored: int) -> Script:
    """Somebody stops all mail when a relay has kept so many."""
    kept = 0

    def script(step: str, recipient: str) -> str | None:
        nonlocal kept
        if step == "stored":
            kept += 1
            if kept == stored:
                ledger.stop(engine, "a subject was wrong", NOW)
        return None

    return script


def test_the_kill_switch_stops_a_running_sender(engine: Engine) -> None:
    with relay(stopped_after(engine, 4)) as inbox:
        settings = settings_for(inbox, smtp_connections=1)
        make_digests(engine, settings, *(f"reader{n}@example.org" for n in range(15)))
        report = send(engine, settings, clock=later())
        assert "a subject was wrong" in report.stopped
        assert len(inbox.kept) == 4, "the one that was on its way"
        assert "a subject was wrong" in send(engine, settings, clock=later()).stopped
        ledger.start(engine)
        send(engine, settings, clock=later())
    assert len(inbox.kept) == len(set(inbox.recipients)) == 15


def test_the_kill_switch_stops_what_is_only_announced(sqlite_engine: Engine) -> None:
    """Each connection may end the message that is on its way; no other is begun."""
    before = CANARY + 5
    with relay(stopped_after(sqlite_engine, before + 1)) as inbox:
        settings = settings_for(inbox, smtp_connections=3)
        make_digests(sqlite_engine, settings, *(f"reader{n}@example.org" for n in range(50)))
        report = send(sqlite_engine, settings, clock=later())
        assert "a subject was wrong" in report.stopped
        assert len(inbox.kept) <= before + 3
    assert statuses(sqlite_engine).count("sent") == len(inbox.kept)
    assert set(statuses(sqlite_engine)) == {"sent", "queued"}, "nothing stays claimed or unknown"


def test_the_next_relay_takes_over(engine: Engine) -> None:
    with relay(at("connect", "421 4.3.2 closing", times=99)) as first, relay() as second:
        settings = settings_for(first, second)
        make_digests(engine, settings, "ann@example.org", "bob@example.org")
        assert send(engine, settings, clock=later()).counts == {"sent": 2}
    assert (first.kept, second.recipients) == ([], ["ann@example.org", "bob@example.org"])


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("mail", "550 5.7.1 not your domain"),
        ("mail", "421 4.3.2 shutting down"),
        ("mail", "452 4.3.1 no space left"),
        ("rcpt", "554 5.7.1 relay access denied"),
        ("data", "421 4.3.2 shutting down"),
        ("stored", QUOTA),
    ],
)
def test_the_next_relay_takes_over_from_one_that_refuses_anybodys(
    sqlite_engine: Engine, step: str, answer: str
) -> None:
    with relay(from_the(2, step, answer)) as first, relay() as second:
        settings = settings_for(first, second, smtp_connections=2)
        addresses = [f"reader{n}@example.org" for n in range(8)]
        make_digests(sqlite_engine, settings, *addresses)
        assert send(sqlite_engine, settings, clock=later()).counts == {"sent": 8}
    assert len(first.kept) in (2, 3), "one may be on its way over the other connection"
    assert sorted(first.recipients + second.recipients) == addresses


@pytest.mark.parametrize("answer", ["451 4.3.0 queue full", DROP])
def test_the_next_relay_takes_over_from_one_that_does_nothing_right(
    engine: Engine, answer: str
) -> None:
    with relay(from_the(0, "rcpt", answer)) as first, relay() as second:
        settings = settings_for(first, second)
        make_digests(engine, settings, *(f"reader{n}@example.org" for n in range(CANARY)))
        report = send(engine, settings, clock=later())
        assert (report.stopped, report.counts["unknown"], first.kept) == ("", 0, [])
        assert report.counts["deferred"] < REFUSED + settings.smtp_connections
    assert len(second.kept) == CANARY - report.counts["deferred"]


def test_what_no_relay_takes_waits(engine: Engine) -> None:
    refusing = (from_the(0, "stored", "554 5.7.1 spam"), from_the(0, "mail", "421 4.3.2 closing"))
    with relay(refusing[0]) as first, relay(refusing[1]) as second:
        settings = settings_for(first, second)
        make_digests(engine, settings, "ann@example.org", "bob@example.org")
        assert send(engine, settings, clock=later()).counts == {"deferred": 2}
    assert (statuses(engine), rows(engine)) == (["queued"] * 2, ["claimed"] * 2)
    assert (first.kept, second.kept) == ([], [])


def test_without_any_relay_nothing_is_lost(engine: Engine) -> None:
    with relay() as inbox:
        settings = settings_for(inbox)
    make_digests(engine, settings)
    report = send(engine, settings, clock=later())
    assert "no mail relay lets us in" in report.stopped
    assert statuses(engine) == ["queued"]


def test_a_relay_without_tls_is_not_used(sqlite_engine: Engine) -> None:
    with relay() as inbox:
        settings = settings_for(inbox, smtp_tls="starttls")
        make_digests(sqlite_engine, settings)
        assert "STARTTLS" in send(sqlite_engine, settings, clock=later()).stopped.upper()
    assert inbox.kept == []


def test_certificates_are_verified(
    sqlite_engine: Engine, certificate: Callable[[str], Path]
) -> None:
    own = certificate("localhost")
    with relay(certificate=own) as inbox:
        named = {"smtp_host": f"localhost:{inbox.port}", "smtp_tls": "starttls"}
        stranger = settings_for().model_copy(update=named)
        make_digests(sqlite_engine, stranger)
        assert "certificate" in send(sqlite_engine, stranger, clock=later()).stopped.lower()
        assert inbox.kept == []
        trusting = stranger.model_copy(update={"smtp_ca_file": str(own)})
        assert send(sqlite_engine, trusting, clock=later()).counts == {"sent": 1}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"smtp_host": "mail.example.org", "smtp_tls": "none"}, "only for a relay on this machine"),
        ({"smtp_tls": "maybe"}, "use starttls, tls or none"),
        ({"smtp_host": "localhost:smtp"}, "no host:port"),
        ({"smtp_host": ""}, "BILLTRACKER_SMTP_HOST"),
    ],
)
def test_wrong_settings_are_named(
    sqlite_engine: Engine, changes: dict[str, str], says: str
) -> None:
    settings = settings_for().model_copy(update={"smtp_host": "localhost", **changes})
    make_digests(sqlite_engine, settings)
    with pytest.raises(BadMailSettings, match=says):
        send(sqlite_engine, settings, clock=later())


def test_one_domain_gets_so_many_a_minute(sqlite_engine: Engine) -> None:
    with relay() as inbox:
        settings = settings_for(inbox, mail_domain_rate=600)
        make_digests(sqlite_engine, settings, *(f"reader{n}@example.org" for n in range(6)))
        start = time.monotonic()
        assert send(sqlite_engine, settings, clock=later()).counts == {"sent": 6}
    assert 0.5 <= time.monotonic() - start < 5


def test_who_left_after_the_digest_was_made_is_not_mailed(engine: Engine) -> None:
    with relay() as inbox:
        settings = settings_for(inbox)
        make_digests(engine, settings)
        with writing(engine) as connection:
            leave(connection, 1)
        assert send(engine, settings, clock=later()).counts == {}
    assert (statuses(engine), rows(engine), inbox.kept) == (["cancelled"], ["dropped"], [])


def test_who_leaves_while_a_run_is_under_way_is_not_mailed(engine: Engine) -> None:
    addresses = [f"reader{n}@example.org" for n in range(9)]

    def all_but_one_go(step: str, recipient: str) -> str | None:
        if step == "stored":
            with writing(engine) as connection:
                for reader in range(2, 9):
                    leave(connection, reader)
                forget(connection, 9)
        return None

    with relay(all_but_one_go) as inbox:
        settings = settings_for(inbox, smtp_connections=1)
        make_digests(engine, settings, *addresses)
        assert send(engine, settings, clock=later()).counts == {"sent": 1}
        assert send(engine, settings, clock=later(minutes=10)).counts == {}
    assert inbox.recipients == addresses[:1]
    assert statuses(engine) == ["sent", *["cancelled"] * 7]


def test_two_senders_at_once_never_send_one_digest_twice(engine: Engine) -> None:
    addresses = [f"reader{n}@example.org" for n in range(60)]
    with relay() as inbox:
        settings = settings_for(inbox)
        make_digests(engine, settings, *addresses)
        with ThreadPoolExecutor(3) as pool:
            reports: list[Report] = list(
                pool.map(lambda _: send(engine, settings, clock=later()), range(3))
            )
    assert inbox.recipients == sorted(addresses)
    assert sum(report.counts["sent"] for report in reports) == 60
    assert set(statuses(engine)) == {"sent"}


def test_whole_passes_at_once_tell_everyone_once(engine: Engine) -> None:
    """Matching, composing and sending, by three of each."""
    addresses = [f"reader{n}@example.org" for n in range(40)]
    for address in addresses:
        add_reader(engine, address)
    for number in range(10):
        add_change(engine, add_bill(engine, "md", f"HB {number}"))
    with relay() as inbox:
        settings = settings_for(inbox)
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda _: run_digests(engine, settings, clock=later()), range(3)))
        run_digests(engine, settings, clock=later(minutes=1))
    assert inbox.recipients == sorted(addresses)
    assert len(rows(engine)) == 400
    assert set(rows(engine)) == {"sent"}


def test_a_sender_that_lost_its_lease_sends_nothing(engine: Engine) -> None:
    """It paused (a laptop closed) between claiming and sending; another took over meanwhile."""
    with relay() as inbox:
        settings = settings_for(inbox)
        make_digests(engine, settings)
        ids = ledger.claim(engine, "slow", 10, NOW)
        (letter,) = ledger.letters(engine, ids)
        assert send(engine, settings, clock=later(hours=1)).counts == {"sent": 1}
        hour = NOW + dt.timedelta(hours=1)
        with writer(engine) as database:
            assert ledger.note(database, "slow", hour, beginning=[letter]) == set()
    assert len(inbox.kept) == 1


def test_an_answer_that_comes_late_still_counts(engine: Engine) -> None:
    """Another pass has called the digest unknown meanwhile."""
    with relay() as inbox:
        settings = settings_for(inbox)
        make_digests(engine, settings)
    (letter,) = ledger.letters(engine, ledger.claim(engine, "slow", 10, NOW))
    with writer(engine) as database:
        assert ledger.note(database, "slow", NOW, beginning=[letter]) == {letter.digest_id}
    hour = NOW + dt.timedelta(hours=1)
    ledger.sweep(engine, hour)
    assert statuses(engine) == ["unknown"]
    with writer(engine) as database:
        ledger.note(database, "slow", hour, [ledger.Acceptance(letter, "relay", "250 ok")])
    assert (statuses(engine), rows(engine)) == (["sent"], ["sent"])


def test_what_is_sent_again_has_three_more_days(engine: Engine) -> None:
    with relay(at("stored", DROP)) as inbox:
        settings = settings_for(inbox)
        make_digests(engine, settings)
        send(engine, settings, clock=later())
    assert ledger.settle(engine, 1, arrived=False, now=NOW + dt.timedelta(days=9))
    with relay(at("rcpt", "451 4.7.1 greylisted")) as inbox:
        settings = settings_for(inbox)
        assert send(engine, settings, clock=later(days=9)).counts == {"deferred": 1}
        assert send(engine, settings, clock=later(days=9, hours=1)).counts == {"sent": 1}


@pytest.mark.parametrize(
    ("step", "said", "expected"),
    [
        ("rcpt", "550 5.1.1 unknown", "reader"),
        ("rcpt", "550 no such user here", "reader"),
        ("rcpt", "552 5.2.2 mailbox full", "message"),
        ("rcpt", "550 5.7.26 unauthenticated mail", "ours"),
        ("rcpt", "503 bad sequence", "ours"),
        ("rcpt", "450 4.2.1 greylisted", "later"),
        ("rcpt", "550 5.1.8 sender's domain not found", "ours"),
        ("data", "550 5.1.1 User unknown", "reader"),
        ("data", "550 5.2.1 mailbox disabled", "reader"),
        ("data", "552 5.2.0 rejected", "ours"),
        ("data", "552 5.2.2 mailbox full", "message"),
        ("data", "552 5.3.4 message too big", "message"),
        ("data", "554 5.6.0 not what we take", "message"),
        ("data", "550 5.4.5 Daily user sending limit exceeded", "ours"),
        ("data", "550 5.7.1 spam", "ours"),
        ("data", "554 transaction failed", "ours"),
        ("mail", "530 5.7.0 must issue STARTTLS", "ours"),
    ],
)
def test_whose_fault_a_refusal_is(step: str, said: str, expected: str) -> None:
    assert fault(step, int(said[:3]), said) == expected  # type: ignore[arg-type]
