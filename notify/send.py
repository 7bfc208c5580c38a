"""Queued digests → relays, over several connections at once.

Rules: a run that is larger than the cap sends nothing; the first digests of a run are a canary
whose results are awaited; a relay that does not let us send ends the run, and is no reader's
fault; what was handed over without an answer is never sent again by itself.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from aiosmtplib import SMTP, SMTPException, SMTPResponseException
from sqlalchemy import Engine

from notify import ledger
from notify.message import Letter, check_settings, envelope_sender, message_bytes
from notify.smtp import (
    ANSWER_SECONDS,
    NoRelay,
    Relay,
    Step,
    answer,
    connected,
    fault,
    relays,
)
from notify.tokens import random_token, secret_key
from tracker.settings import Settings

Clock = Callable[[], dt.datetime]

CANARY = 20
CANARY_FAILURES = 5
"""So many of the canary that did not go out stop the run."""
IN_HAND = 10
"""Digests claimed at once for each connection."""
LOST_CONNECTIONS = 5
"""So many in a row, without a digest between them, stop the run."""


def utcnow() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@dataclass(slots=True)
class Report:
    """``counts``: sent, deferred, bounced, unknown. ``stopped``: why the run ended early."""

    counts: Counter[str] = field(default_factory=Counter)
    stopped: str = ""

    @property
    def failed(self) -> int:
        return self.counts.total() - self.counts["sent"]


@dataclass(slots=True)
class _Run:
    engine: Engine
    settings: Settings
    clock: Clock
    relays: list[Relay]
    secret: str
    lease: str
    left: int
    report: Report
    hand: deque[Letter] = field(default_factory=deque)
    tried_twice: set[int] = field(default_factory=set)
    free_at: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    lost_connections: int = 0

    def stop(self, why: str) -> None:
        self.report.stopped = self.report.stopped or why

    def give_up_on(self, relay: Relay, said: str) -> None:
        """It refuses our sender: the other relays go on, if there are any."""
        if relay in self.relays:
            self.relays.remove(relay)
        if not self.relays:
            self.stop(f"{relay} does not let us send: {said}")

    def next_letter(self) -> Letter | None:
        """From those in hand; claims more when they are out, up to what this stage may send."""
        if self.report.stopped:
            return None
        if not self.hand and self.left:
            most = min(self.left, IN_HAND * self.settings.smtp_connections)
            ids = ledger.claim(self.engine, self.lease, most, self.clock())
            self.hand.extend(ledger.letters(self.engine, ids))
            self.left = self.left - len(ids) if ids else 0
        return self.hand.popleft() if self.hand else None


def send(engine: Engine, settings: Settings, *, yes: bool = False, clock: Clock = utcnow) -> Report:
    """Send what is queued and due. ``yes`` lifts the cap. Raises ``BadMailSettings``."""
    ledger.sweep(engine, clock())
    waiting = ledger.queued(engine, clock())
    report = Report(stopped=ledger.stopped(engine))
    if report.stopped or not waiting:
        return report
    if waiting > settings.mail_cap and not yes:
        report.stopped = (
            f"{waiting:,} digests are due, more than BILLTRACKER_MAIL_CAP={settings.mail_cap:,}; "
            "nothing was sent. Is that right? Then: billtracker digest send --yes"
        )
        return report
    check_settings(settings)
    run = _Run(
        engine,
        settings,
        clock,
        relays(settings),
        secret_key(settings),
        random_token(),
        min(waiting, CANARY),
        report,
    )
    asyncio.run(_stage(run))
    if waiting > CANARY and report.failed >= CANARY_FAILURES and not report.stopped:
        report.stopped = (
            f"{report.failed} of the first {report.counts.total()} digests did not go out; "
            "the others wait. See why: billtracker digest list"
        )
    if not report.stopped and waiting > CANARY:
        run.left = waiting - CANARY
        asyncio.run(_stage(run))
    report.stopped = report.stopped or ledger.stopped(engine)
    return report


async def _stage(run: _Run) -> None:
    """Several connections share what the stage may send; what is left in hand is given back."""
    connections = min(run.settings.smtp_connections, run.left)
    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(max(1, connections)):
                tasks.create_task(_connection(run))
    finally:
        ledger.release(run.engine, [letter.digest_id for letter in run.hand], run.lease)
        run.hand.clear()


async def _connection(run: _Run) -> None:
    """One connection's work, made anew when it is lost."""
    client: SMTP | None = None
    relay = run.relays[0]
    try:
        while (letter := run.next_letter()) is not None:
            await _in_pace(run, letter.domain)
            if client is None or not client.is_connected or relay not in run.relays:
                if client is not None:
                    client.close()
                try:
                    client, relay = await connected(run.settings, run.relays)
                except NoRelay as error:
                    run.hand.appendleft(letter)
                    run.stop(f"no mail relay lets us in: {error}")
                    return
            await _deliver(run, client, relay, letter)
    finally:
        if client is not None and client.is_connected:
            with suppress(SMTPException, OSError):
                await client.quit()


async def _in_pace(run: _Run, domain: str) -> None:
    """Digests to one domain leave evenly, at most so many a minute."""
    rate = run.settings.mail_domain_rate
    if not rate:
        return
    now = time.monotonic()
    at = max(now, run.free_at[domain])
    run.free_at[domain] = at + 60 / rate
    await asyncio.sleep(at - now)


async def _deliver(run: _Run, client: SMTP, relay: Relay, letter: Letter) -> None:
    """One digest, from MAIL to the answer to its last byte."""
    raw = message_bytes(letter, run.settings)
    step: Step = "mail"
    begun = False
    try:
        await client.mail(envelope_sender(run.settings, run.secret, letter.digest_id))
        step = "rcpt"
        await client.rcpt(letter.address)
        step = "data"
        begun = ledger.begin(run.engine, letter, run.lease, run.clock())
        if not begun:
            run.stop(ledger.stopped(run.engine))
            ledger.release(run.engine, [letter.digest_id], run.lease)
            await client.rset()
            return
        said = await client.data(raw, timeout=ANSWER_SECONDS)
    except SMTPResponseException as error:
        await _refused(run, client, relay, letter, step, error)
    except (SMTPException, OSError) as error:
        client.close()
        _lost(run, relay, letter, begun, error)
    else:
        ledger.accept(
            run.engine, letter, run.lease, str(relay), f"{said.code} {said.message}", run.clock()
        )
        run.report.counts["sent"] += 1
        run.lost_connections = 0


async def _refused(
    run: _Run, client: SMTP, relay: Relay, letter: Letter, step: Step, error: SMTPResponseException
) -> None:
    said = answer(error)
    kind = fault(step, error.code, said)
    if step == "data" and error.code < 400:
        _lost(run, relay, letter, begun=True, error=error)
    elif kind == "ours" and step == "mail":
        run.hand.appendleft(letter)
        run.give_up_on(relay, said)
    elif kind in ("later", "ours"):
        later = ledger.defer(run.engine, letter, run.lease, said, run.clock())
        run.report.counts["deferred" if later else "bounced"] += 1
    else:
        hard = kind == "reader"
        ledger.bounce(run.engine, letter, run.lease, said, hard, run.clock())
        run.report.counts["bounced"] += 1
    try:
        if error.code == 421:
            client.close()
        else:
            await client.rset()
    except (SMTPException, OSError):
        client.close()


def _lost(run: _Run, relay: Relay, letter: Letter, begun: bool, error: BaseException) -> None:
    """Without an answer: nobody knows once the message was on its way, else it is just later."""
    said = answer(error)
    if not begun and letter.digest_id not in run.tried_twice:
        run.tried_twice.add(letter.digest_id)  # a server may close a connection it finds idle
        run.hand.appendleft(letter)
        return
    if begun:
        ledger.unknown(run.engine, letter, run.lease, str(relay), said)
        run.report.counts["unknown"] += 1
    else:
        ledger.defer(run.engine, letter, run.lease, said, run.clock())
        run.report.counts["deferred"] += 1
    run.lost_connections += 1
    if run.lost_connections >= LOST_CONNECTIONS:
        run.stop(f"{relay} broke off {LOST_CONNECTIONS} times in a row, last: {said}")
