"""Mail relays: which, how secured, and what their answers mean."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import ssl
from dataclasses import dataclass
from typing import Literal

from aiosmtplib import SMTP, SMTPException, SMTPHeloError, SMTPResponseException

from notify.conversation import SECONDS, Conversation, Step
from tracker.settings import Settings

ANSWER_SHOWN = 300
Fault = Literal["later", "reader", "message", "ours"]
_ENHANCED = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_TOO_MUCH = ("2.2", "2.3", "3.4")
"""The mailbox is full, or the message too long for it or for the system."""
_SENDERS_ADDRESS = ("1.7", "1.8")
_DISABLED = "2.1"


class BadMailSettings(ValueError):
    """Mail cannot be sent as it is set up; the message names the setting."""


class NoRelay(RuntimeError):
    """No relay took us; the message has each one's reason."""


@dataclass(frozen=True, slots=True)
class Relay:
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def relays(settings: Settings) -> list[Relay]:
    """In order of preference. Raises :class:`BadMailSettings`."""
    if settings.smtp_tls not in ("starttls", "tls", "none"):
        raise BadMailSettings(
            f"BILLTRACKER_SMTP_TLS is {settings.smtp_tls!r}; use starttls, tls or none"
        )
    found = []
    for named in settings.smtp_host.split(","):
        host, _, port = named.strip().partition(":")
        if not host:
            continue
        if port and not (port.isascii() and port.isdigit()):
            raise BadMailSettings(f"BILLTRACKER_SMTP_HOST: {named.strip()!r} is no host:port")
        if settings.smtp_tls == "none" and not this_machine(host):
            raise BadMailSettings(
                f"BILLTRACKER_SMTP_TLS=none is only for a relay on this machine, not {host}"
            )
        found.append(Relay(host, int(port) if port else settings.smtp_port))
    if not found:
        raise BadMailSettings("no mail relay is set up: set BILLTRACKER_SMTP_HOST")
    return found


def this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def connected(
    settings: Settings, choices: list[Relay], trusted: ssl.SSLContext | None
) -> tuple[Conversation, Relay]:
    """The first relay that lets us in, secured as set up. Raises :class:`NoRelay`."""
    reasons = []
    for relay in choices:
        client = SMTP(
            hostname=relay.host,
            port=relay.port,
            username=settings.smtp_user or None,
            password=settings.smtp_password or None,
            use_tls=settings.smtp_tls == "tls",
            start_tls=settings.smtp_tls == "starttls",
            tls_context=trusted,
            timeout=SECONDS,
        )
        try:
            await client.connect()
            await _greet(client)
        except (SMTPException, OSError, ssl.SSLError) as error:
            client.close()
            reasons.append(f"{relay}: {answer(error)}")
            continue
        assert isinstance(client.transport, asyncio.Transport)
        return Conversation(client.transport, client.supports_extension("pipelining")), relay
    raise NoRelay("; ".join(reasons))


async def _greet(client: SMTP) -> None:
    """Unless that was done on the way in; HELO where EHLO is not known."""
    if client.is_ehlo_or_helo_needed:
        try:
            await client.ehlo()
        except SMTPHeloError:
            await client.helo()


def trusted(settings: Settings) -> ssl.SSLContext | None:
    """Certificates are always verified; the operator may name whose to trust.

    Reading them takes as long as sending a hundred messages: once a run is enough.
    """
    if settings.smtp_tls == "none":
        return None
    return ssl.create_default_context(cafile=settings.smtp_ca_file or None)


def answer(error: BaseException) -> str:
    """A server's words, or ours for what went wrong, on one short line."""
    if isinstance(error, SMTPResponseException):
        said = f"{error.code} {error.message}"
    else:
        said = str(error) or type(error).__name__
    return " ".join(said.split())[:ANSWER_SHOWN]


def fault(step: Step, code: int, said: str) -> Fault:
    """Whose fault a refusal is.

    ``later``: try again; ``reader``: the mailbox is not there; ``message``: this one is not
    wanted; ``ours``: the relay does not let us send, or does not say why, which is no reader's
    fault. Enhanced codes: RFC 3463; x.1 addressing, x.2 mailbox, x.6 content.
    """
    if code < 500:
        return "later"
    if step not in ("rcpt", "data"):
        return "ours"
    enhanced = _ENHANCED.search(said)
    if enhanced is None:
        return "reader" if step == "rcpt" and code in (550, 551, 553) else "ours"
    _, subject, detail = enhanced.groups()
    status = f"{subject}.{detail}"
    if status in _TOO_MUCH or (step == "data" and subject == "6"):
        return "message"
    if status in _SENDERS_ADDRESS:
        return "ours"
    # After the message, a vague code may as well mean us.
    gone = subject in ("0", "1", "2") if step == "rcpt" else subject == "1" or status == _DISABLED
    return "reader" if gone else "ours"
