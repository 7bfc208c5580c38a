"""A mail relay on a real socket that does, at any step of the conversation, what a test says."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from tracker.settings import Settings

STEPS = ("connect", "ehlo", "mail", "rcpt", "data", "body", "stored", "answered")
"""``data``: the command, before 354; ``body``: in the middle of it; ``stored``: kept, and now the
answer is due; ``answered``: after 250 has left."""

DROP = "drop"
Script = Callable[[str, str], str | None]
"""(step, recipient or "") → the answer instead of the usual one, DROP, or None."""


def at(step: str, answer: str, times: int = 1) -> Script:
    """Give this answer at a step, so many times."""
    left = [times]

    def script(now: str, recipient: str) -> str | None:
        if now != step or not left[0]:
            return None
        left[0] -= 1
        return answer

    return script


@dataclass
class Inbox:
    """What the relay accepted."""

    port: int
    kept: list[tuple[str, str, bytes]] = field(default_factory=list)
    """(envelope sender, recipient, message)"""
    open: bool = False

    @property
    def recipients(self) -> list[str]:
        return sorted(recipient for _, recipient, _ in self.kept)

    def message(self, index: int = 0) -> EmailMessage:
        parsed = message_from_bytes(self.kept[index][2], policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    @property
    def message_ids(self) -> list[str]:
        return [str(self.message(index)["Message-ID"]) for index in range(len(self.kept))]


class ScriptedSMTP(SMTP):
    inbox: Inbox
    script: Script

    async def _played(self, step: str, recipient: str = "") -> bool:
        """True when the script took over; the command's own handling is then skipped."""
        answer = self.script(step, recipient)
        if answer == DROP:
            assert self.transport is not None
            self.transport.close()
        elif answer is not None:
            await self.push(answer)
        return answer is not None

    def _recipient(self) -> str:
        return self.envelope.rcpt_tos[0] if self.envelope and self.envelope.rcpt_tos else ""

    async def _handle_client(self) -> None:
        if not self.inbox.open or not await self._played(
            "connect"
        ):  # aiosmtpd's own first connection
            await super()._handle_client()
        elif self.transport is not None:
            self.transport.close()

    async def smtp_EHLO(self, hostname: str) -> None:
        if not await self._played("ehlo"):
            await super().smtp_EHLO(hostname)

    async def smtp_MAIL(self, arg: str) -> None:
        if not await self._played("mail"):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str) -> None:
        if not await self._played("rcpt", arg.partition("<")[2].partition(">")[0]):
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str) -> None:
        recipient = self._recipient()
        if await self._played("data", recipient):
            return
        if self.script("body", recipient) == DROP:
            await self.push("354 go ahead")
            await self._reader.read(200)
            assert self.transport is not None
            self.transport.abort()
            return
        await super().smtp_DATA(arg)
        await self._played("answered", recipient)


class Keeper:
    def __init__(self, inbox: Inbox, script: Script, pipelining: bool) -> None:
        self.inbox, self.script, self.pipelining = inbox, script, pipelining

    async def handle_EHLO(
        self, server: SMTP, session: Any, envelope: Any, hostname: str, offers: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return ["250-PIPELINING", *offers] if self.pipelining else offers

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        recipient = envelope.rcpt_tos[0]
        answer = self.script("stored", recipient)
        if answer is None or answer == DROP:
            self.inbox.kept.append((envelope.mail_from, recipient, envelope.content))
        if answer == DROP:
            assert server.transport is not None
            server.transport.abort()
        return answer or "250 2.0.0 kept"


class ScriptedController(Controller):
    def __init__(self, inbox: Inbox, script: Script, pipelining: bool, **options: Any) -> None:
        keeper = Keeper(inbox, script, pipelining)
        super().__init__(keeper, hostname="127.0.0.1", port=inbox.port, **options)
        self._inbox, self._script = inbox, script

    def factory(self) -> SMTP:
        server = ScriptedSMTP(self.handler, **self.SMTP_kwargs)
        server.inbox, server.script = self._inbox, self._script
        return server


@contextmanager
def relay(
    script: Script = lambda step, recipient: None,
    certificate: Path | None = None,
    pipelining: bool = True,
) -> Iterator[Inbox]:
    """Run a relay; with a certificate (and key, PEM) it offers STARTTLS."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        inbox = Inbox(probe.getsockname()[1])
    options: dict[str, Any] = {}
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        options["tls_context"] = context
    controller = ScriptedController(inbox, script, pipelining, **options)
    controller.start()
    inbox.open = True
    try:
        yield inbox
    finally:
        controller.stop()


def settings_for(*inboxes: Inbox, **others: Any) -> Settings:
    return Settings(
        **{
            "smtp_host": ",".join(f"127.0.0.1:{inbox.port}" for inbox in inboxes),
            "smtp_tls": "none",
            "mail_domain_rate": 0,
            "mail_from": "Bill Watch <digest@bills.example.org>",
            "public_url": "https://bills.example.org",
            "secret_key": "secret",
            **others,
        },
    )
