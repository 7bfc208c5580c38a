"""Bounces and complaints about real digests, from where they arrive to who is mailed no more."""

from __future__ import annotations

import datetime as dt
import mailbox
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from notify.bounces import read_bounces
from notify.deliver import run_digests
from notify.mailboxes import BadMailbox
from notify.message import envelope_sender
from notify.people import NotPossible, add_subscriber
from notify.suppression import SOFT_BOUNCES
from tests.notify.relay import DROP, at, relay, settings_for
from tests.notify.site import open_site
from tests.notify.stories import NOW, add_bill, add_change, add_reader
from tracker.db import reading, writing
from tracker.models import Digest, MailReport, Notice, Outbox, Subscriber, Suppression
from tracker.settings import Settings

REPORTS = Path(__file__).with_name("reports")
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    folder = tmp_path / "bounces"
    mailbox.Maildir(folder, create=True)
    return settings_for(mail_bounces="bounces@bills.example.org", bounce_mailbox=str(folder))


def arrives(settings: Settings, name: str, return_path: str, extra: str = "") -> None:
    """A report in the bounce mailbox, as servers word it, about a message of ours."""
    text = (REPORTS / f"{name}.eml").read_text(encoding="utf-8") + extra
    raw = text.replace("RETURN-PATH", return_path).encode()
    mailbox.Maildir(settings.bounce_mailbox).add(raw)


def sent_digest(engine: Engine, settings: Settings, address: str = "ann@example.org") -> str:
    """The envelope sender of a digest that a relay has accepted."""
    reader = add_reader(engine, address)
    add_change(engine, add_bill(engine, "md", f"HB {reader}"))
    with relay() as inbox:
        one_relay = settings.model_copy(
            update={"smtp_host": f"127.0.0.1:{inbox.port}", "bounce_mailbox": ""}
        )
        run_digests(engine, one_relay, clock=lambda: NOW)
    return inbox.kept[-1][0]


def suppressions(engine: Engine) -> dict[str, str]:
    with reading(engine) as session:
        rows = session.execute(select(Suppression.address_key, Suppression.reason))
        return {row.address_key: row.reason for row in rows}


def states(engine: Engine) -> tuple[list[str], list[str]]:
    with reading(engine) as session:
        return (
            list(session.scalars(select(Subscriber.status).order_by(Subscriber.id))),
            list(session.scalars(select(Digest.status).order_by(Digest.id))),
        )


@pytest.mark.parametrize(
    ("name", "reason", "digest"),
    [
        ("postfix-unknown-user", "hard bounce", "bounced"),
        ("feedback-abuse", "complaint", "sent"),
    ],
)
def test_a_hard_bounce_or_complaint_ends_mail_at_once(
    engine: Engine, settings: Settings, name: str, reason: str, digest: str
) -> None:
    arrives(settings, name, sent_digest(engine, settings))
    add_reader(engine, "bob@example.org")
    tally = read_bounces(engine, settings, NOW + HOUR)
    assert (tally.counts.total(), tally.suppressed) == (1, 1)
    assert suppressions(engine) == {"ann@example.org": reason}
    assert states(engine) == (["suppressed", "active"], [digest])
    with writing(engine) as connection, pytest.raises(NotPossible, match="suppression list"):
        add_subscriber(connection, "Ann@Example.org", NOW, evidence="asked", confirmed_at=NOW)


def asked_for(engine: Engine, settings: Settings, address: str) -> str:
    """The envelope sender of a mail that asks to confirm what somebody typed on the page."""
    with open_site(engine, mail_bounces=settings.mail_bounces) as site:
        site.ask(address)
    return site.inbox.kept[-1][0]


@pytest.mark.parametrize(
    ("name", "reason", "status"),
    [
        ("postfix-unknown-user", "hard bounce", "failed"),
        ("feedback-abuse", "complaint", "sent"),
    ],
)
def test_a_report_on_a_mail_to_confirm_ends_mail_to_its_address(
    engine: Engine, settings: Settings, name: str, reason: str, status: str
) -> None:
    sender = asked_for(engine, settings, "ann@example.org")
    arrives(settings, name, sender.replace("+n1-", "+n2-"))
    arrives(settings, name, sender)
    tally = read_bounces(engine, settings, NOW)
    assert (tally.counts["stranger"], tally.suppressed) == (1, 1)
    assert suppressions(engine) == {"ann@example.org": reason}
    with reading(engine) as session:
        assert session.scalars(select(Notice.status)).all() == [status]
    with open_site(engine) as site:
        site.ask("ann@example.org")
        assert site.inbox.kept == []


def test_a_report_on_a_mail_to_confirm_that_is_forgotten(
    engine: Engine, settings: Settings
) -> None:
    """SQLite gives its number to the next one."""
    sender = asked_for(engine, settings, "ann@example.org")
    with writing(engine) as connection:
        connection.execute(Notice.__table__.delete())  # type: ignore[attr-defined]
    asked_for(engine, settings, "bob@example.org")
    arrives(settings, "feedback-abuse", sender)
    assert read_bounces(engine, settings, NOW).counts == {"stranger": 1}
    assert suppressions(engine) == {}


def test_what_waits_for_a_suppressed_reader_is_not_sent(engine: Engine, settings: Settings) -> None:
    arrives(settings, "postfix-unknown-user", sent_digest(engine, settings))
    add_change(engine, add_bill(engine, "va", "SB 9"), released_at=NOW + HOUR)
    with relay() as inbox:
        one_relay = settings.model_copy(update={"smtp_host": f"127.0.0.1:{inbox.port}"})
        done = run_digests(engine, one_relay, clock=lambda: NOW + dt.timedelta(days=1))
    assert done.bounces == "1 report: hard 1; 1 address suppressed"
    assert inbox.kept == []


def test_soft_bounces_suppress_after_a_set_run(engine: Engine, settings: Settings) -> None:
    sender = sent_digest(engine, settings)
    for number in range(SOFT_BOUNCES):
        assert suppressions(engine) == {}
        arrives(settings, "exchange-mailbox-full", sender, extra=f"\n{number}")
        read_bounces(engine, settings, NOW + number * dt.timedelta(days=7))
    assert suppressions(engine) == {"ann@example.org": "soft bounces"}


def test_soft_bounces_far_apart_suppress_nobody(engine: Engine, settings: Settings) -> None:
    sender = sent_digest(engine, settings)
    for number in range(SOFT_BOUNCES * 2):
        arrives(settings, "gmail-policy", sender, extra=f"\n{number}")
        tally = read_bounces(engine, settings, NOW + number * dt.timedelta(days=40))
        assert tally.counts == {"soft": 1}
    assert suppressions(engine) == {}


def test_one_report_counts_once_however_often_it_is_read(
    engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    """An mbox has no marks: it is given whole each time."""
    sender = sent_digest(engine, settings)
    raw = (REPORTS / "exchange-mailbox-full.eml").read_text().replace("RETURN-PATH", sender)
    box = tmp_path / "bounces.mbox"
    box.write_text(f"From MAILER-DAEMON Mon Mar  2 12:00:00 2026\n{raw}\n")
    for _ in range(SOFT_BOUNCES + 1):
        read_bounces(engine, settings, NOW, str(box))
    assert suppressions(engine) == {}
    assert read_bounces(engine, settings, NOW, str(box)).counts == {"again": 1}


@pytest.mark.parametrize("name", sorted(path.stem for path in REPORTS.glob("*.eml")))
def test_a_spoofed_report_changes_nothing(engine: Engine, settings: Settings, name: str) -> None:
    """Signed by another key, for another number, without a signature, or to a stranger."""
    real = sent_digest(engine, settings)
    number = real.partition("+")[2].partition("-")[0]
    before = states(engine)
    for forged in (
        envelope_sender(settings, "another secret", int(number)),
        real.replace(f"+{number}-", f"+{int(number) + 1}-"),
        f"bounces+{number}-@bills.example.org",
        f"bounces+{number}@bills.example.org",
        "bounces@bills.example.org",
        real.replace("bills.example.org", "bills.example.com"),
        "ann@example.org",
    ):
        arrives(settings, name, forged)
    tally = read_bounces(engine, settings, NOW)
    assert tally.counts == {"stranger": 7}
    assert (states(engine), suppressions(engine)) == (before, {})
    with reading(engine) as session:
        assert session.scalars(select(MailReport)).all() == [], "nobody fills our database"


def test_a_truncated_report_changes_nothing(engine: Engine, settings: Settings) -> None:
    sender = sent_digest(engine, settings)
    whole = (REPORTS / "postfix-unknown-user.eml").read_text().replace("RETURN-PATH", sender)
    for end in range(0, whole.index("Status: 5.1.1"), 100):
        mailbox.Maildir(settings.bounce_mailbox).add(whole[:end].encode())
    assert set(read_bounces(engine, settings, NOW).counts) <= {"none", "stranger"}
    assert (states(engine), suppressions(engine)) == ((["active"], ["sent"]), {})


@pytest.mark.parametrize("name", ["postfix-delayed", "absence-note", "feedback-not-spam"])
def test_what_is_no_bounce_changes_nothing(engine: Engine, settings: Settings, name: str) -> None:
    arrives(settings, name, sent_digest(engine, settings))
    assert read_bounces(engine, settings, NOW).counts == {"none": 1}
    assert (states(engine), suppressions(engine)) == ((["active"], ["sent"]), {})


@pytest.mark.parametrize(
    ("name", "digest"), [("postfix-unknown-user", "bounced"), ("feedback-abuse", "sent")]
)
def test_a_report_settles_a_digest_in_doubt(
    engine: Engine, settings: Settings, name: str, digest: str
) -> None:
    """Whatever it says, the message had been accepted."""
    add_reader(engine)
    add_change(engine, add_bill(engine))
    with relay(at("stored", DROP)) as inbox:
        one_relay = settings.model_copy(update={"smtp_host": f"127.0.0.1:{inbox.port}"})
        run_digests(engine, one_relay, clock=lambda: NOW)
    assert states(engine)[1] == ["unknown"]
    arrives(settings, name, inbox.kept[0][0])
    read_bounces(engine, settings, NOW + HOUR)
    assert states(engine)[1] == [digest]
    with reading(engine) as session:
        assert session.scalars(select(Outbox.status)).all() == ["sent"]


def test_a_report_with_bytes_no_database_takes_counts_all_the_same(
    engine: Engine, settings: Settings
) -> None:
    sender = sent_digest(engine, settings)
    whole = (REPORTS / "postfix-unknown-user.eml").read_text().replace("RETURN-PATH", sender)
    mailbox.Maildir(settings.bounce_mailbox).add(
        whole.replace("smtp; 550", "smtp; \0 550").encode()
    )
    assert read_bounces(engine, settings, NOW).suppressed == 1


def test_what_a_report_says_is_the_readers_to_see_and_delete(
    engine: Engine, settings: Settings
) -> None:
    with open_site(engine, mail_bounces=settings.mail_bounces) as site:
        own = site.subscribe("ann@reader.example")
        site.digest()
        run_digests(engine, site.settings, clock=site.clock)
        arrives(settings, "postfix-unknown-user", site.inbox.kept[-1][0])
        assert read_bounces(engine, settings, site.now).counts == {"hard": 1}
        assert "<ann@reader.example>: Recipient" in site.pages.get(f"{own}/data.json").text
        site.pages.post(f"{own}/delete")
        left = {table for table, rows in site.stored().items() if "ann@reader" in str(rows)}
        assert left == {"suppression"}


def test_a_report_on_a_reader_who_is_gone(engine: Engine, settings: Settings) -> None:
    sender = sent_digest(engine, settings)
    with writing(engine) as connection:
        connection.execute(Outbox.__table__.delete())  # type: ignore[attr-defined]
        connection.execute(Subscriber.__table__.delete())  # type: ignore[attr-defined]
    arrives(settings, "postfix-unknown-user", sender)
    assert read_bounces(engine, settings, NOW).suppressed == 0
    assert suppressions(engine) == {}


def test_a_place_that_cannot_be_read_does_not_stop_the_digests(
    engine: Engine, settings: Settings
) -> None:
    add_reader(engine)
    add_change(engine, add_bill(engine))
    with relay() as inbox:
        broken = settings.model_copy(
            update={"smtp_host": f"127.0.0.1:{inbox.port}", "bounce_mailbox": "/nowhere"}
        )
        done = run_digests(engine, broken, clock=lambda: NOW)
        assert done.report.counts == {"sent": 1}
    assert "bounces were not read: /nowhere is neither" in done.to_look_at[0]
    with pytest.raises(BadMailbox):
        read_bounces(engine, broken, NOW)
