"""Many connections, one transaction: what is gathered, and what is left when it fails."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest
from sqlalchemy import Connection, Engine, event, select, text

from notify import ledger
from notify.compose import compose
from notify.journal import Journal
from notify.match import plan
from notify.message import Letter
from notify.send import CANARY, send
from tests.notify.relay import Inbox, relay, settings_for
from tests.notify.stories import NOW, add_bill, add_change, add_reader
from tracker.db import reading, writer
from tracker.models import Digest
from tracker.settings import Settings

READERS = CANARY + 40
CONNECTIONS = 5
NORMAL, FULL = 1, 2


def prepare(engine: Engine, settings: Settings) -> None:
    for number in range(READERS):
        add_reader(engine, f"reader{number}@example.org")
    add_change(engine, add_bill(engine))
    plan(engine, NOW)
    assert len(compose(engine, settings, NOW)) == READERS


def by_status(engine: Engine, status: str) -> list[Digest]:
    with reading(engine) as session:
        return list(
            session.scalars(select(Digest).where(Digest.status == status).order_by(Digest.id))
        )


def test_connections_share_a_transaction(engine: Engine) -> None:
    commits = 0

    def count(_connection: object) -> None:
        nonlocal commits
        commits += 1

    async def all_at_once(database: Connection) -> list[bool]:
        journal = Journal(database, "lease", lambda: NOW, CONNECTIONS)

        async def turn(before: Letter, letter: Letter) -> bool:
            journal.accepted(before, "relay", f"250 {before.digest_id}")
            return await journal.begun(letter)

        assert all(await asyncio.gather(*map(journal.begun, first)))
        return await asyncio.gather(*map(turn, first, then))

    prepare(engine, settings_for())
    letters = ledger.letters(engine, ledger.claim(engine, "lease", 2 * CONNECTIONS, NOW))
    first, then = letters[:CONNECTIONS], letters[CONNECTIONS:]
    ledger.release(engine, [then[0].digest_id], "lease")
    event.listen(engine, "commit", count)
    with writer(engine) as database:
        begun = asyncio.run(all_at_once(database))
    assert begun == [False, True, True, True, True], "one is not ours any more"
    assert commits == 2
    assert [(one.id, one.said) for one in by_status(engine, "sent")] == [
        (letter.digest_id, f"250 {letter.digest_id}") for letter in first
    ]


@pytest.mark.parametrize("after", [4, 9, 15])
def test_a_transaction_that_fails_ends_the_run(engine: Engine, after: int) -> None:
    """What relays had taken by then is unknown, as many as there are connections at most."""
    commits = 0

    def fail(_connection: object) -> None:
        nonlocal commits
        commits += 1
        if commits >= after:
            raise RuntimeError("disk full")

    with relay() as inbox:
        settings = settings_for(inbox, smtp_connections=CONNECTIONS)
        prepare(engine, settings)
        event.listen(engine, "commit", fail)
        with pytest.raises(Exception, match=r"disk full|sub-exception"):
            send(engine, settings, clock=lambda: NOW)
        event.remove(engine, "commit", fail)
        written = len(by_status(engine, "sent"))
        assert written <= len(inbox.kept) <= written + CONNECTIONS
        assert len(by_status(engine, "sending")) <= CONNECTIONS

        settled(engine, inbox, settings)
        assert len(by_status(engine, "sent")) == READERS
    assert len(inbox.kept) == len(set(inbox.recipients)) == READERS


def test_what_a_relay_may_have_is_on_the_disk_before(sqlite_engine: Engine) -> None:
    """After a power cut it would be sent again. FULL is the mode in which a commit outlives one."""
    modes = []

    def look(connection: Connection) -> None:
        if connection.scalar(select(Digest.id).where(Digest.status == "sending").limit(1)):
            modes.append(connection.scalar(text("PRAGMA synchronous")))

    with relay() as inbox:
        settings = settings_for(inbox)
        prepare(sqlite_engine, settings)
        event.listen(sqlite_engine, "commit", look)
        send(sqlite_engine, settings, clock=lambda: NOW)
    assert modes
    assert set(modes) == {FULL}
    with sqlite_engine.connect() as connection:
        assert connection.scalar(text("PRAGMA synchronous")) == NORMAL


def settled(engine: Engine, inbox: Inbox, settings: Settings) -> None:
    """Later passes, between which a person settles what is unknown by the relay's log."""
    for hour in (1, 2):
        moment = NOW + dt.timedelta(hours=hour)
        ledger.sweep(engine, moment)
        for one in by_status(engine, "unknown"):
            assert ledger.settle(engine, one.id, one.message_id in inbox.message_ids, moment)
        send(engine, settings, clock=lambda at=moment: at)
