"""A digest as bytes for SMTP: headers, text and HTML parts, optional DKIM signature."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from urllib.parse import urlsplit

from notify.links import unsubscribe_link
from notify.render import personal
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


def envelope_sender(settings: Settings, secret: str, digest_id: int) -> str:
    """Bounces come back to an address of this digest alone."""
    address = settings.mail_bounces or parseaddr(settings.mail_from)[1]
    return return_path(secret, digest_id, address)


def message_bytes(letter: Letter, settings: Settings) -> bytes:
    """The same bytes at each attempt, whenever it is (but for the DKIM signature)."""
    url = settings.public_url
    leave = unsubscribe_link(url, letter.reader_token)
    host = urlsplit(url).hostname or "localhost"
    message = EmailMessage(policy=SMTP)
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
        settings.dkim_key.encode(),
        include_headers=list(SIGNED_HEADERS),
    )
    return signature + raw
