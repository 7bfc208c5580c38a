"""Messages a second, from queued digests to an accepting relay: ours over one connection and over
ten, and smtplib with a connection for each message, which is what a simple script does.

``python -m tests.bench.bench_send [MESSAGES]``. The relay runs in a process of its own; the
messages are the same. Ours counts everything: claiming, making the message, the conversation and
writing down each step in the database; smtplib only sends bytes made before and notes nothing. The
relay takes several commands at once, as Postfix and others do; ours makes use of that. The limit is
what one open connection carries here when nothing is claimed, made or written down.
"""

from __future__ import annotations

import asyncio
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, update

from notify.compose import compose
from notify.conversation import Envelope
from notify.ledger import claim, letters
from notify.match import plan
from notify.message import envelope_sender, message_bytes
from notify.send import send
from notify.smtp import connected, relays, trusted
from tests.notify.certificates import self_signed
from tests.notify.relay import Inbox, settings_for
from tests.notify.stories import NOW, add_bill, add_change, add_reader
from tracker.db import open_database, writing
from tracker.models import Digest, Outbox
from tracker.settings import Settings

MESSAGES = 1000


@dataclass(frozen=True)
class Distance:
    """``delay``: milliseconds by which each answer is late."""

    name: str
    delay: int
    tls: bool


DISTANCES = (
    Distance("a relay at no distance, in the clear", 0, tls=False),
    Distance("a relay at no distance, over TLS", 0, tls=True),
    Distance("a relay 10 ms away, over TLS", 10, tls=True),
)


@contextmanager
def sink(delay: int, certificate: Path | None) -> Iterator[Inbox]:
    """Accepts and forgets; in a process of its own, so that it takes no time from ours."""
    command = [sys.executable, "-m", "tests.bench.sink", str(delay)]
    command += [str(certificate)] if certificate else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        try:
            yield Inbox(int(child.stdout.readline()))
        finally:
            child.terminate()


def requeue(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(update(Digest).values(status="queued", lease="", leased_until=None))
        connection.execute(update(Outbox).values(status="claimed"))


def ours(engine: Engine, settings: Settings, messages: int) -> float:
    requeue(engine)
    began = time.perf_counter()
    report = send(engine, settings, yes=True, clock=lambda: NOW)
    assert report.counts == {"sent": messages}, report
    return messages / (time.perf_counter() - began)


def made_before(engine: Engine, settings: Settings) -> list[tuple[Envelope, bytes]]:
    requeue(engine)
    waiting = letters(engine, claim(engine, "bench", 10**6, NOW))
    return [
        (
            Envelope(envelope_sender(settings, "secret", one.digest_id), one.address),
            message_bytes(one, settings),
        )
        for one in waiting
    ]


def one_by_one(settings: Settings, port: int, made: list[tuple[Envelope, bytes]]) -> float:
    context = trusted(settings)
    began = time.perf_counter()
    for envelope, raw in made:
        with smtplib.SMTP("localhost", port) as client:
            assert client.sock is not None
            client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # in its favour
            if settings.smtp_tls == "starttls":
                client.starttls(context=context)
            client.sendmail(envelope.sender, [envelope.recipient], raw)
    return len(made) / (time.perf_counter() - began)


async def nothing_noted(settings: Settings, made: list[tuple[Envelope, bytes]]) -> float:
    talk, _ = await connected(settings, relays(settings), trusted(settings))
    began = time.perf_counter()
    talk.announce(made[0][0])
    for (_, raw), following in zip(made, [*made[1:], None], strict=True):
        await talk.invited()
        talk.hand_over(raw, following and following[0])
        await talk.taken()
    rate = len(made) / (time.perf_counter() - began)
    await talk.quit()
    return rate


def prepared(url: str, settings: Settings, messages: int) -> Engine:
    engine = open_database(url)
    for number in range(messages):
        add_reader(engine, f"reader{number}@example{number % 9}.org")
    for number in range(8):
        add_change(engine, add_bill(engine, "md", f"HB {number}"), summary=f"Action {number}")
    plan(engine, NOW)
    assert len(compose(engine, settings, NOW)) == messages
    return engine


def show(name: str, rate: float, simple: float) -> None:
    print(f"  {name:27}{rate:8,.0f} messages/s   {rate / simple:5.1f} x")


def main(messages: int = MESSAGES) -> None:
    with tempfile.TemporaryDirectory() as folder:
        certificate = self_signed("localhost", Path(folder))
        engine = prepared(f"sqlite:///{folder}/bench.sqlite3", settings_for(), messages)
        for distance in DISTANCES:
            with sink(distance.delay, certificate if distance.tls else None) as inbox:
                settings = settings_for(
                    smtp_host=f"localhost:{inbox.port}",
                    smtp_tls="starttls" if distance.tls else "none",
                    smtp_ca_file=str(certificate) if distance.tls else "",
                )
                made = made_before(engine, settings)
                simple = one_by_one(settings, inbox.port, made)
                print(f"{messages:,} digests, {distance.name}")
                show("smtplib, a connection each", simple, simple)
                show("limit of one connection", asyncio.run(nothing_noted(settings, made)), simple)
                for connections in (1, 10):
                    some = settings.model_copy(update={"smtp_connections": connections})
                    show(f"ours, {connections} at once", ours(engine, some, messages), simple)
        engine.dispose()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
