"""What is said to a relay that has let us in: envelopes, messages, and its answers in order.

Where the relay takes several commands at once (PIPELINING, RFC 2920), a message leaves together
with the envelope of the next, so that each costs one round trip. The answers are the same, and
every one of them is read.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from typing import Literal, NamedTuple

from aiosmtplib import SMTPResponse, SMTPResponseException

SECONDS = 60.0
ANSWER_SECONDS = 600.0
"""For the answer to a whole message (RFC 5321 4.5.3.2.6): who gives up earlier, and sends again,
makes duplicates.
"""
MOST_HEARD = 32_768
"""Bytes of answers, whole or not: no mail relay talks like that."""
CLOSING = 421
GO_AHEAD = 354
_LEADING_DOT = re.compile(rb"\r\n\.")
Step = Literal["connect", "mail", "rcpt", "data"]


class Refused(SMTPResponseException):
    """The relay said no, at this step; ``data`` is the command and the whole message."""

    def __init__(self, step: Step, code: int, message: str) -> None:
        super().__init__(code, message)
        self.step = step


class Envelope(NamedTuple):
    sender: str
    recipient: str

    def commands(self) -> tuple[bytes, bytes, bytes]:
        """What comes before the message."""
        if not (self.sender + self.recipient).isprintable():
            raise ValueError(f"an address would break out of its line: {self!r}")
        return (
            f"MAIL FROM:<{self.sender}>\r\n".encode("ascii"),
            f"RCPT TO:<{self.recipient}>\r\n".encode("ascii"),
            b"DATA\r\n",
        )


STEPS: tuple[tuple[Step, int], ...] = (("mail", 2), ("rcpt", 2), ("data", 3))
"""Each with the first digit of the answer that lets us go on."""


class Conversation(asyncio.Protocol):
    """Takes over a connection on which nothing is unanswered.

    For each message: ``announce`` its envelope, wait until it is ``invited``, ``hand_over``, wait
    until it is ``taken``. A loss at any time is an ``OSError``.
    """

    def __init__(self, transport: asyncio.Transport, pipelining: bool) -> None:
        self.pipelining = pipelining
        self.announced: Envelope | None = None
        self._transport = transport
        self._commands: tuple[bytes, ...] = ()
        self._heard = bytearray()
        self._owed = 0
        self._lost = False
        self._waiter: asyncio.Future[None] | None = None
        transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        return not self._lost and not self._transport.is_closing()

    def announce(self, envelope: Envelope) -> None:
        self._say(*self._announcing(envelope))

    def hand_over(self, message: bytes, following: Envelope | None = None) -> None:
        """Lines end in CRLF, the last one too. Announces the ``following`` if that can be."""
        quoted = _LEADING_DOT.sub(b"\r\n..", message)
        self.announced = None
        ahead = self._announcing(following) if following and self.pipelining else ()
        self._say(quoted + b".\r\n", *ahead)

    def _announcing(self, envelope: Envelope) -> tuple[bytes, ...]:
        """The commands to be sent at once; the others follow when the one before is answered."""
        self.announced = envelope
        self._commands = envelope.commands()
        return self._commands if self.pipelining else ()

    async def invited(self) -> None:
        """Until the relay wants the message. Raises :class:`Refused`; another may be announced."""
        refused: Refused | None = None
        wanted = False
        for (step, good), command in zip(STEPS, self._commands, strict=True):
            if not self.pipelining:
                self._say(command)
            try:
                said = await self._answer(SECONDS)
            except OSError:
                if refused is None:
                    raise
                self.close()
                break
            wanted = said.code == GO_AHEAD
            if refused is None and said.code // 100 != good:
                refused = Refused(step, *said)
                if not self.pipelining or said.code == CLOSING:
                    break
        if refused is not None:
            await self._withdraw(refused, wanted)
            raise refused

    async def _withdraw(self, refused: Refused, wanted: bool) -> None:
        """``wanted``: the relay asks for the message although it refused what came before.

        Without a recipient a lone dot ends that (RFC 2920 3.1). With one it would be an empty
        message to them, so we hang up.
        """
        self.announced = None
        if refused.code == CLOSING or (wanted and refused.step != "rcpt"):
            self.close()
        with suppress(OSError):
            self._say(b".\r\n" if wanted else b"RSET\r\n")
            await self._answer(SECONDS)

    async def taken(self) -> SMTPResponse:
        """The answer to the whole message. Raises :class:`Refused`."""
        said = await self._answer(ANSWER_SECONDS)
        if said.code == CLOSING:
            self.close()
        if said.code // 100 != 2:
            raise Refused("data", *said)
        return said

    async def quit(self) -> None:
        """In good order, if it is still open."""
        with suppress(OSError):
            self._say(b"QUIT\r\n")
            await self._answer(SECONDS)
        self._transport.close()

    def close(self) -> None:
        """At once: what has not left yet does not leave any more."""
        self._transport.abort()

    def _say(self, *lines: bytes) -> None:
        """One write; each of them will be answered."""
        if not self.is_open:
            raise ConnectionError("the connection is closed")
        if not self._owed:
            self._heard.clear()  # said to nobody, before it closes an idle connection
        self._owed += len(lines)
        if lines:
            self._transport.write(b"".join(lines))

    async def _answer(self, seconds: float) -> SMTPResponse:
        while (said := self._next_answer()) is None:
            if not self.is_open:
                raise ConnectionError("the relay closed the connection")
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(seconds):
                    await self._waiter
            except TimeoutError:
                raise TimeoutError(f"no answer for {seconds:.0f} seconds") from None
        self._owed -= 1
        return said

    def _next_answer(self) -> SMTPResponse | None:
        """If it is all there."""
        words: list[str] = []
        start = 0
        while (end := self._heard.find(b"\n", start)) >= 0:
            line = self._heard[start:end].decode("utf-8", "replace").strip()
            start = end + 1
            words.append(line[4:])
            if line[3:4] != "-":
                del self._heard[:start]
                code = line[:3]
                if not (code.isascii() and code.isdigit()):
                    raise ConnectionError(f"this is no answer of a mail relay: {line[:60]!r}")
                return SMTPResponse(int(code), "\n".join(words))
        return None

    def data_received(self, data: bytes) -> None:
        self._heard += data
        if len(self._heard) > MOST_HEARD:
            self.close()
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        self._lost = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
