"""billtracker digest …, as an operator types it."""

from __future__ import annotations

import datetime as dt
import mailbox
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update

from notify.deliver import run_digests
from notify.filters import Filter
from notify.notices import want
from notify.people import Wish, change_subscription
from tests.commands import billtracker
from tests.notify.relay import DROP, Inbox, at, relay, settings_for
from tests.notify.stories import EARLIER, add_bill, add_change, add_reader, judge
from tracker.db import reading, writing
from tracker.models import Digest, Subscription, Suppression
from tracker.settings import get_settings

NOW = dt.datetime.now(dt.UTC)
REPORTS = Path(__file__).with_name("reports")


@pytest.fixture
def shell(database: Engine, monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(monkeypatch)


class Shell:
    """Runs commands on the test's database and gives what they print."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.set(
            mail_from="Bill Watch <digest@bills.example.org>",
            public_url="https://bills.example.org",
            secret_key="secret",
        )

    def set(self, **values: str) -> None:
        for name, value in values.items():
            self.monkeypatch.setenv(f"BILLTRACKER_{name.upper()}", value)
        get_settings.cache_clear()

    def use(self, inbox: Inbox) -> None:
        self.set(smtp_host=f"127.0.0.1:{inbox.port}", smtp_tls="none")

    def __call__(self, *words: str, fails: bool = False) -> str:
        result = billtracker("digest", *words)
        assert (result.exit_code != 0) == fails, result.output
        assert not isinstance(result.exception, AssertionError | TypeError), result.exception
        return result.output


@pytest.fixture
def news(engine: Engine) -> int:
    """A reader who is due, and a change for them."""
    add_reader(engine, since=NOW - dt.timedelta(days=3))
    with writing(engine) as connection:
        connection.execute(update(Subscription).values(next_due_at=NOW))
    return add_change(engine, add_bill(engine), released_at=NOW - dt.timedelta(hours=1))


@pytest.mark.usefixtures("news")
def test_sending_says_what_became_of_it(shell: Shell) -> None:
    assert shell("plan") == "1 change matched, 1 row for readers\n"
    assert "no mail relay is set up" in shell("send", fails=True)
    with relay() as inbox:
        shell.use(inbox)
        assert shell("send") == "0 changes matched, 1 digest made; sent 1\n"
        assert shell("send") == "0 changes matched, 0 digests made; none sent\n"
    assert len(inbox.kept) == 1
    assert shell("list") == ""
    assert "  sent  " in shell("list", "--all")


@pytest.mark.usefixtures("news")
def test_behind_plain_http_news_and_sign_ups_wait(engine: Engine, shell: Shell) -> None:
    with relay() as inbox:
        shell.use(inbox)
        shell.set(public_url="http://bills.example.org")
        with writing(engine) as connection:
            want(connection, "link", "ann@example.org", NOW, get_settings())
        assert "mail goes out only with https://" in shell("send", fails=True)
        passed = billtracker("run", "--no-crawl")
        assert passed.exit_code == 1
        assert passed.output.count("mail goes out only with https://") == 2
        assert shell("list", "--all") == "", "no digest with links that are wrong"
        assert inbox.kept == []
        shell.set(public_url="https://bills.example.org")
        assert billtracker("run", "--no-crawl").exit_code == 0
    assert inbox.recipients == ["ann@example.org"] * 2


@pytest.mark.usefixtures("news")
def test_more_than_the_cap_needs_a_yes(engine: Engine, shell: Shell) -> None:
    add_reader(engine, "bob@example.org", Wish(Filter(), "immediate"), since=EARLIER)
    with relay() as inbox:
        shell.use(inbox)
        shell.set(mail_cap="1")
        assert "billtracker digest send --yes" in shell("send", fails=True)
        assert inbox.kept == []
        assert "sent 2" in shell("send", "--yes")


@pytest.mark.usefixtures("news")
def test_the_kill_switch(shell: Shell) -> None:
    with relay() as inbox:
        shell.use(inbox)
        shell("stop", "a subject was wrong")
        assert "a subject was wrong" in shell("send", fails=True)
        assert "mail is stopped: a subject was wrong" in shell("list")
        assert inbox.kept == []
        shell("start")
        assert "sent 1" in shell("send")


@pytest.mark.usefixtures("news")
def test_a_digest_in_doubt_is_listed_and_settled(engine: Engine, shell: Shell) -> None:
    with relay(at("stored", DROP)) as inbox:
        shell.use(inbox)
        shell("send")
        listed = shell("list")
        number = listed.split()[0]
        assert "  unknown  " in listed
        assert inbox.message_ids[0] in listed, "to be looked for in the relay's log"
        assert "is not in status unknown" in shell("settle", "99", "--arrived", fails=True)
        assert "noted as sent" in shell("settle", number, "--arrived")
        assert "is not in status unknown" in shell("settle", number, "--resend", fails=True)
    with reading(engine) as session:
        assert session.scalars(select(Digest.status)).all() == ["sent"]


@pytest.mark.usefixtures("news")
def test_a_preview_is_shown_and_written(shell: Shell, tmp_path: Path) -> None:
    html, eml = tmp_path / "a.html", tmp_path / "a.eml"
    shown = shell("preview", "ann@example.org", f"--html={html}", f"--eml={eml}")
    assert "Subject: MD HB 1222 moved — Immigration Enforcement" in shown
    assert "Third Reading Passed (99-38)" in shown
    assert "Third Reading Passed (99-38)" in html.read_text()
    assert "@@" not in shown + html.read_text()
    message = message_from_bytes(eml.read_bytes(), policy=policy.default)
    assert message["To"] == "ann@example.org"
    yesterday = (NOW - dt.timedelta(days=1)).isoformat()
    assert "no subscription is due" in shell(
        "preview", "ann@example.org", f"--as-of={yesterday}", fails=True
    )


def test_a_preview_without_a_time_is_of_the_next_digest(engine: Engine, shell: Shell) -> None:
    add_reader(engine, "bob@example.org", Wish(Filter(), "monthly"), since=NOW)
    add_change(engine, add_bill(engine), released_at=NOW + dt.timedelta(seconds=1))
    shown = shell("preview", "bob@example.org")
    assert shown.splitlines()[0].startswith("On ")
    assert shown.splitlines()[0][3:13] > NOW.date().isoformat()
    assert "MD HB 1222" in shown


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["preview", "nobody@example.org"], "nobody subscribes as nobody@example.org"),
        (["preview", "not an address"], "not an address"),
        (["preview", "ann@example.org", "--as-of=soon"], "'soon' is no time"),
        (["explain", "nobody@example.org", "1"], "nobody subscribes"),
        (["explain", "ann@example.org", "999"], "no change 999"),
        (["explain", "ann@example.org", "md HB 9"], "no bill 'md HB 9'"),
        (["explain", "ann@example.org", "nonsense"], "begins with no state"),
        (["bounces"], "set BILLTRACKER_BOUNCE_MAILBOX"),
        (["bounces", "/nowhere"], "neither a Maildir folder nor an mbox file"),
    ],
)
@pytest.mark.usefixtures("news")
def test_what_cannot_be_done_is_explained(shell: Shell, words: list[str], says: str) -> None:
    assert says in " ".join(shell(*words, fails=True).replace("│", " ").split())


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        (Wish(Filter()), "matches."),
        (Wish(Filter(states="va")), "leaves it out: Maryland is not among its states"),
        (Wish(Filter(topics="detainers")), "leaves it out: the bill is about 287(g) agreements"),
        (Wish(Filter(stances="expands")), "the bill's stance is limits"),
        (Wish(Filter(stages="became-law")), "the change reached no stage"),
        (Wish(Filter(kinds="vote")), "it is of the kind New action"),
        (Wish(Filter(keywords="ice rinks")), "its words have none of: ice rinks"),
        (Wish(Filter(bills="va:2026:SB 1")), "the filter follows other bills"),
    ],
)
def test_an_explanation_names_the_reason(
    engine: Engine, shell: Shell, wish: Wish, why: str
) -> None:
    add_reader(engine, "ann@example.org", wish)
    change = add_change(engine, add_bill(engine), released_at=NOW)
    assert why in shell("explain", "ann@example.org", str(change))


def test_an_explanation_follows_a_change_to_the_message(
    engine: Engine, shell: Shell, news: int
) -> None:
    assert "It has not been matched yet" in shell("explain", "ann@example.org", "md HB 1222")
    shell("plan")
    assert "In their outbox: waiting, due " in shell("explain", "ann@example.org", str(news))
    with relay() as inbox:
        shell.use(inbox)
        shell("send")
    told = shell("explain", "ann@example.org", "md HB 1222")
    assert "In their outbox: sent, in digest 1 (sent)." in told
    assert "The server said: 250 2.0.0 kept" in told
    held = add_change(engine, 1, summary="Held", status="held")
    assert "Its run has not proved sound" in shell("explain", "ann@example.org", str(held))


def test_an_explanation_tells_what_changed_since_it_was_matched(
    engine: Engine, shell: Shell
) -> None:
    reader = add_reader(engine, "ann@example.org", Wish(Filter(states="va")))
    bill = add_bill(engine)
    change = add_change(engine, bill, released_at=NOW - dt.timedelta(hours=1))
    shell("plan")
    with writing(engine) as connection:
        (one,) = connection.scalars(select(Subscription.id))
        change_subscription(connection, reader, one, Wish(), NOW)
    told = shell("explain", "ann@example.org", str(change))
    assert "matches." in told
    assert "what counts is how filter and bill were when it was matched" in told
    with writing(engine) as connection:
        judge(connection, bill, relevant=True, topics=["287g"], stance="expands")
    told = shell("explain", "ann@example.org", str(change))
    assert "judged otherwise since, and the next run matches it again" in told


def test_bounces_are_read_from_a_place(
    engine: Engine, shell: Shell, news: int, tmp_path: Path
) -> None:
    with relay() as inbox:
        settings = settings_for(inbox)
        run_digests(engine, settings, clock=lambda: NOW)
    raw = (REPORTS / "postfix-unknown-user.eml").read_text()
    box = mailbox.Maildir(tmp_path / "bounces", create=True)
    box.add(raw.replace("RETURN-PATH", inbox.kept[0][0]).encode())
    place = str(tmp_path / "bounces")
    assert shell("bounces", place) == "1 report: hard 1; 1 address suppressed\n"
    assert shell("bounces", place) == "0 reports: nothing new; 0 addresses suppressed\n"
    with reading(engine) as session:
        assert session.scalars(select(Suppression.reason)).all() == ["hard bounce"]
    assert "ann@example.org is suppressed" in shell("explain", "ann@example.org", str(news))


def test_a_wrong_setting_stops_before_the_first_message(shell: Shell, news: int) -> None:
    with relay() as inbox:
        shell.use(inbox)
        shell.set(mail_from="Bill Watch")
        assert "BILLTRACKER_MAIL_FROM names no address" in " ".join(
            shell("send", fails=True).replace("│", " ").split()
        )
    assert inbox.kept == []
