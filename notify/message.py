"""A digest as bytes for SMTP: headers, text and HTML parts, optional DKIM signature."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from email.header import Header
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from typing import Any
from urllib.parse import urlsplit

from notify.links import unsubscribe_link
from notify.render import personal
from notify.smtp import BadMailSettings
from notify.tokens import return_path
from tracker.settings import Settings

SIGNED_HEADERS = (
    b"from",
    b"to",
    b"subject",
    b"date",
    b"message-id",
    b"mime-version",
    b"content-type",
    b"list-id",
    b"list-unsubscribe",
    b"list-unsubscribe-post",
)
"""RFC 8058 wants the one-click headers signed."""
ON_ONE_LINE = ("to", "message-id", "list-id", "list-unsubscribe", "list-unsubscribe-post")
LINE = 76
"""Columns of a line with encoded words (RFC 2047)."""


class _Policy(EmailPolicy):
    """Python's own breaks a long address or link in two and turns the rest into encoded words,
    which no mail program follows; and it reads a subject that looks encoded as if it were.
    """

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        stored = super().header_store_parse(name, value)
        return (name, str(value)) if name.lower() == "subject" else stored

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name.lower() in ON_ONE_LINE:
            return f"{name}: {value}\r\n".encode("ascii")
        if name.lower() == "subject":
            return f"{name}: {_folded(name, value)}\r\n".encode("ascii")
        return super().fold_binary(name, value)


def _folded(name: str, value: str) -> str:
    """As encoded words where it has to be."""
    plain = value.isascii() and "=?" not in value and all(len(w) < LINE for w in value.split())
    charset = "us-ascii" if plain else "utf-8"
    return Header(value, charset, maxlinelen=LINE, header_name=name).encode(linesep="\r\n")


POLICY = _Policy(linesep="\r\n")


@dataclass(frozen=True, slots=True)
class Letter:
    """A claimed digest with all that its message is made of."""

    digest_id: int
    subscriber_id: int
    address: str
    reader_token: str
    digest_token: str
    message_id: str
    created_at: dt.datetime
    first_attempt_at: dt.datetime | None
    attempts: int
    subject: str
    text: str
    html: str

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


def check_settings(settings: Settings) -> None:
    """Raises :class:`BadMailSettings` for what would spoil every message."""
    sender = parseaddr(settings.mail_from)[1]
    for name, address in (("MAIL_FROM", sender), ("MAIL_BOUNCES", bounce_address(settings))):
        local, _, domain = address.rpartition("@")
        if not (local and domain and address.isascii() and address.isprintable()):
            raise BadMailSettings(
                f"BILLTRACKER_{name} names no address we can send from: {address[:60]!r}"
            )
    url = settings.public_url
    if not url.startswith(("http://", "https://")) or not url.isascii() or not url.isprintable():
        raise BadMailSettings(
            f"BILLTRACKER_PUBLIC_URL is {url[:60]!r}; write it like https://bills.example.org "
            "(a name with accents in its xn-- form)"
        )
    if settings.dkim_domain:
        try:
            dkim_signed(b"From: <a@example.org>\r\n\r\n", settings)
        except ImportError:
            raise BadMailSettings(
                "BILLTRACKER_DKIM_DOMAIN is set, but not all of it is installed: "
                "pip install 'billtracker[dkim]'"
            ) from None
        except Exception as error:
            raise BadMailSettings(
                f"BILLTRACKER_DKIM_KEY cannot sign (an RSA key in PEM is needed): {error}"
            ) from error


def bounce_address(settings: Settings) -> str:
    """Whose +tags receive bounces."""
    return settings.mail_bounces or parseaddr(settings.mail_from)[1]


def envelope_sender(settings: Settings, secret: str, digest_id: int) -> str:
    """Bounces come back to an address of this digest alone."""
    return return_path(secret, digest_id, bounce_address(settings))


def message_bytes(letter: Letter, settings: Settings) -> bytes:
    """The same bytes at each attempt, whenever it is (but for the DKIM signature)."""
    url = settings.public_url
    leave = unsubscribe_link(url, letter.reader_token)
    host = urlsplit(url).hostname or "localhost"
    message = EmailMessage(policy=POLICY)
    message["From"] = settings.mail_from
    message["To"] = letter.address
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(letter.created_at)
    message["Message-ID"] = letter.message_id
    message["List-Id"] = f"Bill digest <digest.{host}>"
    message["List-Unsubscribe"] = f"<{leave}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["Auto-Submitted"] = "auto-generated"
    message["Precedence"] = "bulk"
    text = personal(letter.text, url, letter.reader_token, letter.digest_token)
    html = personal(letter.html, url, letter.reader_token, letter.digest_token)
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    message.set_boundary(f"=_{letter.digest_token}")
    return dkim_signed(message.as_bytes(), settings)


def dkim_signed(raw: bytes, settings: Settings) -> bytes:
    """The message as it was where the relay signs."""
    if not settings.dkim_domain:
        return raw
    import dkim

    signature: bytes = dkim.sign(
        raw,
        settings.dkim_selector.encode(),
        settings.dkim_domain.encode(),
        settings.dkim_key.replace("\r\n", "\n").strip().encode(),
        include_headers=list(SIGNED_HEADERS),
    )
    return signature + raw
