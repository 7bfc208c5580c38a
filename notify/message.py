"""A digest as bytes for SMTP: headers, text and HTML parts, optional DKIM signature."""

from __future__ import annotations

import datetime as dt
import re
from binascii import b2a_qp
from collections.abc import Mapping
from dataclasses import dataclass
from email.header import Header
from email.utils import format_datetime, parseaddr, quote
from functools import cache, lru_cache
from urllib.parse import urlsplit

from notify.links import unsubscribe_link
from notify.render import PERSONAL, personal_links
from notify.smtp import BadMailSettings, this_machine
from notify.tokens import return_path
from tracker.settings import Settings

SOFT_BREAK = b"=\r\n"
"""The end of a line that goes on, in quoted-printable."""
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
LINE = 76
"""Columns of a line with encoded words (RFC 2047)."""
EDITIONS = 100
"""So many are kept as they stand in a message, for the other readers of the same news."""
_MARK = re.compile(f"({'|'.join(PERSONAL)})")


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
    if url.startswith("http:") and not this_machine(urlsplit(url).hostname or ""):
        raise BadMailSettings(
            f"BILLTRACKER_PUBLIC_URL is {url[:60]!r}; mail goes out only with https://. Over "
            "http:// mail programs refuse to unsubscribe with one click, and whoever listens on "
            "the way can open readers' pages. Put a web server with a certificate before ours"
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
    return settings.mail_bounces or _address(settings.mail_from)


@cache
def _address(named: str) -> str:
    return parseaddr(named)[1]


def envelope_sender(settings: Settings, secret: str, digest_id: int) -> str:
    """Bounces come back to an address of this digest alone."""
    return return_path(secret, digest_id, bounce_address(settings))


def message_bytes(letter: Letter, settings: Settings) -> bytes:
    """The same bytes at each attempt, whenever it is (but for the DKIM signature)."""
    url = settings.public_url
    host = urlsplit(url).hostname or "localhost"
    headers = {
        "To": letter.address,
        "Subject": folded(letter.subject),
        "Date": _date(letter.created_at),
        "Message-ID": letter.message_id,
        "List-Id": f"Bill digest <digest.{host}>",
        "List-Unsubscribe": f"<{unsubscribe_link(url, letter.reader_token)}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Auto-Submitted": "auto-generated",
        "Precedence": "bulk",
    }
    links = {
        mark.encode(): _sealed(link)
        for mark, link in personal_links(url, letter.reader_token, letter.digest_token).items()
    }
    text, html = (
        SOFT_BREAK.join([links.get(piece, piece) for piece in _pieces(words)])
        for words in (letter.text, letter.html)
    )
    return put_together(headers, text, html, letter.digest_token, settings)


_date = lru_cache(maxsize=EDITIONS)(format_datetime)


@lru_cache(maxsize=2 * EDITIONS)
def _pieces(words: str) -> tuple[bytes, ...]:
    """An edition's text or HTML, quoted as far as its readers share it; with the marks between."""
    *pieces, last = _MARK.split(words)
    return (
        *(mark.encode() if _MARK.match(mark) else _sealed(mark) for mark in pieces),
        quoted(last),
    )


def _sealed(words: str) -> bytes:
    """Quoted so that a soft line break may follow: no space at the end, nor a line that is full."""
    return quoted(f"{words}.")[:-1]


def quoted(words: str) -> bytes:
    """As quoted-printable (RFC 2045 6.7)."""
    lines = words.replace("\r\n", "\n").replace("\r", "\n").encode()
    return b2a_qp(lines, istext=True).replace(b"\n", b"\r\n")


def put_together(
    headers: Mapping[str, str], text: bytes, html: bytes, unique: str, settings: Settings
) -> bytes:
    """A message of two ``quoted`` parts, signed if that is set up; ``unique`` is in neither.

    By hand: Python's own classes break long links in two and encode the rest, which no mail
    program follows, and take many times as long, which a large list feels.
    """
    boundary = f"=_{unique}"
    head = [
        _sender(settings.mail_from),
        *(f"{name}: {value}" for name, value in headers.items()),
        "MIME-Version: 1.0",
        f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"',
        "",
    ]
    parts = [
        f'--{boundary}\r\nContent-Type: text/{subtype}; charset="utf-8"\r\n'
        f"Content-Transfer-Encoding: quoted-printable\r\n\r\n".encode()
        + words
        for subtype, words in (("plain", text), ("html", html))
    ]
    whole = ["\r\n".join(head).encode("ascii"), *parts, f"--{boundary}--\r\n".encode()]
    return dkim_signed(b"\r\n".join(whole), settings)


@cache
def _sender(mail_from: str) -> str:
    name, address = parseaddr(mail_from)
    if _plain(name):
        return f'From: "{quote(name)}" <{address}>' if name else f"From: {address}"
    return f"From: {_encoded('From', name)} <{address}>"


@lru_cache(maxsize=EDITIONS)
def folded(subject: str) -> str:
    """As encoded words (RFC 2047) where it has to be."""
    if _plain(subject) and all(len(word) < LINE for word in subject.split()):
        header = Header(subject, "us-ascii", maxlinelen=LINE, header_name="Subject")
        return header.encode(linesep="\r\n")
    return _encoded("Subject", subject)


def _plain(words: str) -> bool:
    """Whether they can stand in a header as they are."""
    return words.isascii() and words.isprintable() and "=?" not in words


def _encoded(name: str, words: str) -> str:
    return Header(words, "utf-8", maxlinelen=LINE, header_name=name).encode(linesep="\r\n")


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
