"""Everything that can go wrong between us and a relay, at every step, and a sender killed there.

Whatever happened, passes go on later; what is *unknown* is settled by what the relay's own log
says, as an operator would. Then each reader has the news once. The table is printed.
"""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from notify import ledger
from notify.deliver import run_digests
from tests.notify.relay import DROP, STEPS, Inbox, at, relay, settings_for
from tests.notify.stories import NOW, add_bill, add_change, add_reader
from tracker.db import reading, writing
from tracker.models import Base, Digest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
READERS = ("ann@example.org", "bob@example.net", "cy@example.com")


@dataclass(frozen=True)
class Row:
    step: str
    fault: str
    after: str
    """States of the digests after the pass in which it happened."""
    in_the_end: str
    duplicates: int
    lost: int

    def __str__(self) -> str:
        return (
            f"{self.step:12} {self.fault:22} {self.after:32} {self.in_the_end:24} "
            f"{self.duplicates:10} {self.lost:5}"
        )


HEADING = f"{'step':12} {'fault':22} {'then':32} {'in the end':24} {'duplicates':>10} {'lost':>5}"


def show(title: str, rows: list[Row], capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\n\n{title}\n{HEADING}", *rows, sep="\n")
    assert sum(row.duplicates for row in rows) == 0
    assert sum(row.lost for row in rows) == 0


def prepare(engine: Engine, *addresses: str) -> None:
    """News for these readers, and nothing else in the database."""
    with writing(engine) as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())
    for address in addresses:
        add_reader(engine, address)
    add_change(engine, add_bill(engine))


def digests(engine: Engine) -> list[Digest]:
    with reading(engine) as session:
        return list(session.scalars(select(Digest).order_by(Digest.id)))


def states(engine: Engine) -> str:
    counted = Counter(one.status for one in digests(engine))
    return ", ".join(f"{count} {status}" for status, count in sorted(counted.items())) or "none yet"


def go_on(engine: Engine, inbox: Inbox) -> None:
    """Passes every quarter of an hour, and an operator who settles what is unknown."""
    settings = settings_for(inbox)
    for quarter in range(1, 9):
        moment = NOW + quarter * dt.timedelta(minutes=15)
        for one in digests(engine):
            if one.status == "unknown":
                arrived = one.message_id in inbox.message_ids
                assert ledger.settle(engine, one.id, arrived, moment)
        run_digests(engine, settings, clock=lambda at=moment: at)


def finished(
    engine: Engine, inbox: Inbox, step: str, fault: str, after: str, addresses: tuple[str, ...]
) -> Row:
    go_on(engine, inbox)
    copies = Counter(inbox.recipients)
    bounced = {one.subscriber_id for one in digests(engine) if one.status == "bounced"}
    return Row(
        step,
        fault,
        after,
        states(engine),
        duplicates=sum(count - 1 for count in copies.values() if count > 1),
        lost=len(addresses) - len(bounced) - len(copies),
    )


FAULTS = [
    (step, fault, answer)
    for step in STEPS
    for fault, answer in (
        ("421 closing", "421 4.3.2 closing"),
        ("451 later", "451 4.3.0 try later"),
        ("550 no such user", "550 5.1.1 no such user"),
        ("552 mailbox full", "552 5.2.2 mailbox full"),
        ("554 not wanted", "554 5.7.1 not wanted"),
        ("connection lost", DROP),
    )
    if answer == DROP or step not in ("body", "answered")
]


@pytest.mark.parametrize("pipelining", [True, False])
def test_every_answer_at_every_step(
    engine: Engine, pipelining: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = []
    for step, fault, answer in FAULTS:
        prepare(engine, READERS[0])
        with relay(at(step, answer), pipelining=pipelining) as inbox:
            run_digests(engine, settings_for(inbox, smtp_connections=1), clock=lambda: NOW)
            rows.append(finished(engine, inbox, step, fault, states(engine), READERS[:1]))
    together = "several commands at once" if pipelining else "one command at a time"
    show(f"Answers of the relay ({engine.dialect.name}, {together})", rows, capsys)
    assert {row.in_the_end for row in rows} == {"1 sent", "1 bounced"}
    assert all(row.in_the_end == "1 sent" for row in rows if not row.fault.startswith("5"))


class Killer:
    """A script of the relay that kills the sender when it comes to a step."""

    def __init__(self, step: str, recipient: str = "") -> None:
        self.step, self.recipient = step, recipient
        self.victim: subprocess.Popen[str] | None = None

    def __call__(self, step: str, recipient: str) -> str | None:
        if self.victim is None or step != self.step:
            return None
        os.kill(self.victim.pid, signal.SIGKILL)
        self.victim.wait()
        self.victim = None
        return DROP if step == "body" else None


def sender(engine: Engine, inbox: Inbox, *last: str) -> subprocess.Popen[str]:
    url = engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.notify.sender", url, str(inbox.port), *last]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_sender_killed_at_every_step(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    rows = []
    for step in STEPS:
        prepare(engine, *READERS)
        killer = Killer(step)
        with relay(killer) as inbox:
            killer.victim = child = sender(engine, inbox)
            child.communicate(timeout=60)
            assert child.returncode == -signal.SIGKILL, f"not killed at {step}"
            rows.append(finished(engine, inbox, step, "kill -9", states(engine), READERS))
    show(f"The sender killed while it talks ({engine.dialect.name})", rows, capsys)
    assert {row.in_the_end for row in rows} == {"3 sent"}


def test_a_sender_killed_before_every_commit(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    """From matching to the last note that a message was accepted."""
    rows = []
    for number in range(1, 99):
        prepare(engine, *READERS)
        with relay() as inbox:
            child = sender(engine, inbox, str(number))
            _, said = child.communicate(timeout=60)
            if child.returncode == 0:
                break
            assert child.returncode == -signal.SIGKILL, said
            name = f"commit {number}"
            rows.append(finished(engine, inbox, name, "kill -9", states(engine), READERS))
    show(f"The sender killed before each commit ({engine.dialect.name})", rows, capsys)
    assert len(rows) >= 8, "plan, compose, claim, and what is begun and accepted together"
    assert {row.in_the_end for row in rows} == {"3 sent"}
