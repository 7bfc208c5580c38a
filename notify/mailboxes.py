"""Messages of a Maildir, an mbox file or an IMAP folder, one after another.

Asking for the next message says that the last one is dealt with: only then is it marked as seen.
A reader that stops, or crashes, finds the message again next time.
"""

from __future__ import annotations

import imaplib
import ipaddress
import mailbox
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from notify.reports import LARGEST

SECONDS = 60.0


class BadMailbox(ValueError):
    """The place cannot be read; the message says why and what to do."""


def messages(place: str, password: str = "") -> Iterator[bytes]:
    """Unseen messages, each at most :data:`notify.reports.LARGEST` bytes.

    ``place`` is a folder (Maildir), a file (mbox) or ``imaps://user@host/FOLDER``; ``imap://``
    asks for STARTTLS unless the host is this machine. An mbox has no marks: all are given.
    """
    if place.startswith(("imap://", "imaps://")):
        yield from _imap(place, password)
        return
    path = Path(place)
    try:
        if path.is_dir():
            yield from _maildir(path)
        elif path.is_file():
            yield from _mbox(path)
        else:
            raise BadMailbox(f"{path} is neither a Maildir folder nor an mbox file")
    except OSError as error:
        raise BadMailbox(f"{path}: {error}") from error


def _maildir(path: Path) -> Iterator[bytes]:
    if not (path / "new").is_dir() or not (path / "cur").is_dir():
        raise BadMailbox(f"{path} is a folder but no Maildir: it has no new/ and cur/ in it")
    for file in sorted([*(path / "new").iterdir(), *(path / "cur").iterdir()]):
        name, _, flags = file.name.partition(":2,")
        if "S" in flags or name.startswith("."):
            continue
        with suppress(FileNotFoundError):  # another mail program has moved it meanwhile
            with file.open("rb") as opened:
                yield opened.read(LARGEST)
            file.rename(path / "cur" / f"{name}:2,{''.join(sorted({*flags, 'S'}))}")


def _mbox(path: Path) -> Iterator[bytes]:
    box = mailbox.mbox(path, create=False)
    try:
        keys = box.keys()
        if not keys and path.stat().st_size:
            raise BadMailbox(f"{path} is no mbox file: no line begins with 'From '")
        for key in keys:
            with box.get_file(key) as file:
                yield file.read(LARGEST)
    finally:
        box.close()


def _imap(place: str, password: str) -> Iterator[bytes]:
    parts = urlsplit(place)
    user, host = unquote(parts.username or ""), parts.hostname or ""
    if not user or not host:
        raise BadMailbox(f"{place} names no user or host; write imaps://user@host/FOLDER")
    if parts.password is not None:
        raise BadMailbox("keep the password out of the URL: set BILLTRACKER_IMAP_PASSWORD(_FILE)")
    folder = unquote(parts.path.strip("/")) or "INBOX"
    try:
        with _connected(parts.scheme, host, parts.port) as server:
            server.login(user, password)
            quoted = folder.replace("\\", r"\\").replace('"', r"\"")
            _ok(server.select(f'"{quoted}"'), f"no folder {folder!r}")
            found = _ok(server.uid("SEARCH", "UNSEEN"), "search refused")
            for uid in (found[0] or b"").split():
                part = f"(BODY.PEEK[]<0.{LARGEST}>)"
                fetched = _ok(server.uid("FETCH", uid.decode(), part), "fetch refused")
                yield from (piece[1] for piece in fetched if isinstance(piece, tuple))
                _ok(server.uid("STORE", uid.decode(), "+FLAGS", r"(\Seen)"), "mark refused")
    except (imaplib.IMAP4.error, OSError) as error:
        raise BadMailbox(f"{host}: {error}") from error


def _connected(scheme: str, host: str, port: int | None) -> imaplib.IMAP4:
    tls = ssl.create_default_context()
    if scheme == "imaps":
        return imaplib.IMAP4_SSL(host, port or 993, ssl_context=tls, timeout=SECONDS)
    server = imaplib.IMAP4(host, port or 143, timeout=SECONDS)
    if not _this_machine(host):
        server.starttls(tls)
    return server


def _this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _ok(answer: tuple[str, list[Any]], otherwise: str) -> list[Any]:
    status, data = answer
    if status != "OK":
        said = b" ".join(piece for piece in data if isinstance(piece, bytes))
        raise BadMailbox(f"{otherwise}: {said.decode('utf-8', 'replace')}")
    return data
