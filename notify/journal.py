"""What many connections have to write down, gathered into one transaction.

It is written once all connections wait for it, or none has come for a moment (turns of the event
loop, not time): the busier the relays, the more share one, and a lone connection waits for nobody.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable

from sqlalchemy import Connection

from notify import ledger
from notify.message import Letter

QUIET_TURNS = 2
"""A connection that an answer reached is heard of two turns later."""


class Journal:
    """Of one sender. What could not be written down is told to all who ask from then on."""

    def __init__(
        self, database: Connection, lease: str, clock: Callable[[], dt.datetime], connections: int
    ) -> None:
        self._database, self._lease, self._clock = database, lease, clock
        self._connections = connections
        self._accepted: list[ledger.Acceptance] = []
        self._beginning: list[Letter] = []
        self._next: asyncio.Future[set[int]] | None = None
        """The transaction to come: which letters may begin."""
        self._failure: Exception | None = None

    def accepted(self, letter: Letter, relay: str, said: str) -> None:
        """A relay has taken it; written down before anything else begins."""
        self._accepted.append(ledger.Acceptance(letter, relay, said))
        self._shared()

    async def begun(self, letter: Letter) -> bool:
        """True once it is written down that a relay may have it from here on."""
        self._beginning.append(letter)
        shared = self._shared()
        if len(self._beginning) == self._connections:
            self._write(shared)
        written = await asyncio.shield(shared)
        self._check()
        return letter.digest_id in written

    async def closed(self) -> None:
        """Once all is written down."""
        if self._next is not None:
            await asyncio.shield(self._next)
        self._check()

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _shared(self) -> asyncio.Future[set[int]]:
        if self._next is None:
            loop = asyncio.get_running_loop()
            self._next = loop.create_future()
            loop.call_soon(self._gather, self._next)
        return self._next

    def _gather(self, written: asyncio.Future[set[int]], before: int = 0, quiet: int = 0) -> None:
        if written.done():
            return
        come = len(self._accepted) + len(self._beginning)
        quiet = quiet + 1 if come == before else 0
        if quiet < QUIET_TURNS:
            asyncio.get_running_loop().call_soon(self._gather, written, come, quiet)
        else:
            self._write(written)

    def _write(self, written: asyncio.Future[set[int]]) -> None:
        accepted, self._accepted = self._accepted, []
        beginning, self._beginning = self._beginning, []
        self._next = None
        begun: set[int] = set()
        try:
            if self._failure is None:
                begun = ledger.note(self._database, self._lease, self._clock(), accepted, beginning)
        except Exception as error:
            self._failure = error
            self._database.close()  # else what has failed would keep everybody from writing
        written.set_result(begun)
