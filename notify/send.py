"""Queued digests → relays, over several connections at once.

Rules: a run that is larger than the cap sends nothing; the first digests of a run are a canary
whose results are awaited; a relay that does not let us send, or refuses one digest after the other,
gets no more of them in this run, and is no reader's fault; what was handed over without an answer
is never sent again by itself.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Engine

from notify import ledger
from notify.conversation import CLOSING, Conversation, Envelope, Refused
from notify.journal import Journal
from notify.message import Letter, check_settings, envelope_sender, message_bytes
from notify.smtp import NoRelay, Relay, answer, connected, fault, relays, trusted
from notify.tokens import random_token, secret_key
from tracker.db import writer
from tracker.settings import Settings

Clock = Callable[[], dt.datetime]

CANARY = 20
CANARY_FAILURES = 5
"""So many of the canary that did not go out stop the run."""
IN_HAND = 100
"""Digests claimed at once, for all connections."""
REFUSED = 10
"""So many in a row, without a digest that the relay took between them, and it gets no more."""
LOST_CONNECTIONS = 5
"""The same."""


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
class _Turn:
    """A letter, and when it may leave by ``time.monotonic``."""

    letter: Letter
    at: float
    _made: bytes = b""

    def message(self, settings: Settings) -> bytes:
        if not self._made:
            self._made = message_bytes(self.letter, settings)
        return self._made


@dataclass(slots=True)
class _Line:
    """A connection and the relay at its other end."""

    talk: Conversation
    relay: Relay


@dataclass(slots=True)
class _Run:
    engine: Engine
    settings: Settings
    clock: Clock
    relays: list[Relay]
    trusted: ssl.SSLContext | None
    secret: str
    lease: str
    report: Report
    journal: Journal
    left: int = 0
    hand: deque[Letter] = field(default_factory=deque)
    idle: list[_Line] = field(default_factory=list)
    tried_twice: set[int] = field(default_factory=set)
    free_at: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    refused: Counter[Relay] = field(default_factory=Counter)
    lost: Counter[Relay] = field(default_factory=Counter)

    def stop(self, why: str) -> None:
        self.report.stopped = self.report.stopped or why

    def give_up_on(self, relay: Relay, why: str) -> None:
        """The other relays go on, if there are any."""
        if relay in self.relays:
            self.relays.remove(relay)
        if not self.relays:
            self.stop(f"{relay} {why}")

    def next_turn(self) -> _Turn | None:
        """From those in hand; claims more when they are out, up to what this stage may send."""
        if self.report.stopped:
            return None
        if not self.hand and self.left:
            most = min(self.left, IN_HAND)
            ids = ledger.claim(self.engine, self.lease, most, self.clock())
            self.hand.extend(ledger.letters(self.engine, ids))
            self.left = self.left - len(ids) if ids else 0
        if not self.hand:
            return None
        letter = self.hand.popleft()
        return _Turn(letter, self._in_pace(letter.domain))

    def _in_pace(self, domain: str) -> float:
        """Digests to one domain leave evenly, at most so many a minute."""
        rate = self.settings.mail_domain_rate
        if not rate:
            return 0
        at = max(time.monotonic(), self.free_at[domain])
        self.free_at[domain] = at + 60 / rate
        return at


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
    lease = random_token()
    with writer(engine) as database:
        run = _Run(
            engine=engine,
            settings=settings,
            clock=clock,
            relays=relays(settings),
            trusted=trusted(settings),
            secret=secret_key(settings),
            lease=lease,
            report=report,
            journal=Journal(database, lease, clock, settings.smtp_connections),
        )
        asyncio.run(_both_stages(run, waiting))
    report.stopped = report.stopped or ledger.stopped(engine)
    return report


async def _both_stages(run: _Run, waiting: int) -> None:
    """The canary, and the rest over the same connections."""
    report = run.report
    try:
        await _stage(run, min(waiting, CANARY))
        if waiting > CANARY and report.failed >= CANARY_FAILURES:
            run.stop(
                f"{report.failed} of the first {report.counts.total()} digests did not go out; "
                "the others wait. See why: billtracker digest list"
            )
        if waiting > CANARY and not report.stopped:
            await _stage(run, waiting - CANARY)
    finally:
        await asyncio.gather(*(line.talk.quit() for line in run.idle))


async def _stage(run: _Run, left: int) -> None:
    """Several connections share what the stage may send; what is left in hand is given back."""
    run.left = left
    try:
        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(min(run.settings.smtp_connections, left)):
                    tasks.create_task(_connection(run))
        finally:
            await run.journal.closed()
    finally:
        ledger.release(run.engine, [letter.digest_id for letter in run.hand], run.lease)
        run.hand.clear()


async def _connection(run: _Run) -> None:
    """One connection's work, made anew when it is lost, and kept when it is done."""
    line = run.idle.pop() if run.idle else None
    turn = run.next_turn()
    try:
        while turn is not None and not run.report.stopped:
            if line is None or not line.talk.is_open or line.relay not in run.relays:
                line = await _made_anew(run, line)
            if line is not None:
                turn = await _deliver(run, line, turn)
    except BaseException:
        if line is not None:
            line.talk.close()
        raise
    if turn is not None:
        run.hand.appendleft(turn.letter)
    if line is not None and line.talk.announced is None:
        run.idle.append(line)
    elif line is not None:
        line.talk.close()


async def _made_anew(run: _Run, line: _Line | None) -> _Line | None:
    """Nothing, and the run is stopped, when no relay lets us in."""
    if line is not None:
        line.talk.close()
    try:
        return _Line(*await connected(run.settings, run.relays, run.trusted))
    except NoRelay as error:
        run.stop(f"no mail relay lets us in: {error}")
        return None


async def _deliver(run: _Run, line: _Line, turn: _Turn) -> _Turn | None:
    """One digest, from MAIL to the answer to its last byte; gives the next.

    Whose turn it is by then is announced together with the message.
    """
    talk, letter = line.talk, turn.letter
    following: _Turn | None = None
    begun = False
    try:
        if talk.announced is None:
            await asyncio.sleep(turn.at - time.monotonic())
            talk.announce(_envelope(run, letter))
        raw = turn.message(run.settings)
        await talk.invited()
        begun = await run.journal.begun(letter)
        if not begun:
            talk.close()  # without its message, which the relay is waiting for
            run.stop(ledger.stopped(run.engine))
            ledger.release(run.engine, [letter.digest_id], run.lease)
            return run.next_turn()
        following = run.next_turn()
        ready = following is not None and following.at <= time.monotonic()
        talk.hand_over(raw, _envelope(run, following.letter) if following and ready else None)
        if following is not None:  # made while the relay is busy with this one
            asyncio.get_running_loop().call_soon(following.message, run.settings)
        said = await talk.taken()
    except Refused as error:
        _refused(run, line.relay, letter, begun, error)
    except OSError as error:
        talk.close()
        _lost(run, line.relay, letter, begun, error)
    else:
        run.journal.accepted(letter, str(line.relay), f"{said.code} {said.message}")
        run.report.counts["sent"] += 1
        run.refused[line.relay] = run.lost[line.relay] = 0
    return following or run.next_turn()


def _envelope(run: _Run, letter: Letter) -> Envelope:
    return Envelope(envelope_sender(run.settings, run.secret, letter.digest_id), letter.address)


def _refused(run: _Run, relay: Relay, letter: Letter, begun: bool, error: Refused) -> None:
    if begun and error.code < 400:
        _lost(run, relay, letter, begun, error)
        return
    said = answer(error)
    kind = fault(error.step, error.code, said)
    anybodys = kind == "ours" or error.step == "mail" or error.code == CLOSING
    others = any(other != relay for other in run.relays)
    if (anybodys and others) or (kind == "ours" and error.step == "mail"):
        if begun:
            ledger.take_back(run.engine, letter, run.lease)
        run.hand.appendleft(letter)
        run.give_up_on(relay, f"does not let us send: {said}")
        return
    if kind in ("later", "ours"):
        soft = not anybodys
        later = ledger.defer(run.engine, letter, run.lease, said, soft, run.clock())
        run.report.counts["deferred" if later else "bounced"] += 1
    else:
        hard = kind == "reader"
        ledger.bounce(run.engine, letter, run.lease, said, hard, run.clock())
        run.report.counts["bounced"] += 1
    run.refused[relay] += 1
    if run.refused[relay] >= REFUSED:
        run.give_up_on(relay, f"refused {REFUSED} digests in a row, last: {said}")


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
        ledger.defer(run.engine, letter, run.lease, said, False, run.clock())
        run.report.counts["deferred"] += 1
    run.lost[relay] += 1
    if run.lost[relay] >= LOST_CONNECTIONS:
        run.give_up_on(relay, f"broke off {LOST_CONNECTIONS} times in a row, last: {said}")
