"""A real IMAP server for one test: ``python imap_server.py FOLDER [CERTIFICATE]``.

Serves the ``*.eml`` files of a folder as the folder Bounces of reader:secret, prints its port,
and notes flags as files ``<name>.flags``. Twisted comes with Scrapy.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

from twisted.cred import checkers, portal
from twisted.internet import defer, protocol, reactor, ssl
from twisted.mail import imap4
from zope.interface import implementer


@implementer(imap4.IMessage, imap4.IMessageFile)
class StoredMessage:
    def __init__(self, path: Path, uid: int) -> None:
        self.path, self.uid = path, uid

    def getUID(self) -> int:
        return self.uid

    def getFlags(self) -> list[str]:
        noted = self.path.with_suffix(".flags")
        return noted.read_text().split() if noted.exists() else []

    def getInternalDate(self) -> str:
        return "02-Mar-2026 12:00:00 +0000"

    def getSize(self) -> int:
        return self.path.stat().st_size

    def open(self) -> io.BytesIO:
        return io.BytesIO(self.path.read_bytes())

    def getBodyFile(self) -> io.BytesIO:
        return self.open()

    def getHeaders(self, negate: bool, *names: str) -> dict[str, str]:
        return {}

    def isMultipart(self) -> bool:
        return False


@implementer(imap4.IMailbox)
class StoredFolder:
    def __init__(self, folder: Path) -> None:
        files = sorted(folder.glob("*.eml"))
        self.messages = [StoredMessage(path, uid) for uid, path in enumerate(files, 100)]

    def getUIDValidity(self) -> int:
        return 1

    def getUIDNext(self) -> int:
        return 100 + len(self.messages)

    def getUID(self, number: int) -> int:
        return 99 + number

    def getMessageCount(self) -> int:
        return len(self.messages)

    def getRecentCount(self) -> int:
        return 0

    def getUnseenCount(self) -> int:
        return sum(r"\Seen" not in message.getFlags() for message in self.messages)

    def isWriteable(self) -> bool:
        return True

    def getFlags(self) -> list[str]:
        return [r"\Seen"]

    def getHierarchicalDelimiter(self) -> str:
        return "/"

    def addListener(self, listener: Any) -> None: ...

    def removeListener(self, listener: Any) -> None: ...

    def _chosen(self, numbers: Any, uid: int) -> list[tuple[int, StoredMessage]]:
        numbers.last = 99 + len(self.messages) if uid else len(self.messages)
        return [
            (number, message)
            for number, message in enumerate(self.messages, 1)
            if (message.uid if uid else number) in numbers
        ]

    def fetch(self, numbers: Any, uid: int) -> list[tuple[int, StoredMessage]]:
        return self._chosen(numbers, uid)

    def store(self, numbers: Any, flags: Any, mode: int, uid: int) -> dict[int, list[str]]:
        done = {}
        for number, message in self._chosen(numbers, uid):
            kept = {*message.getFlags(), *flags}
            message.path.with_suffix(".flags").write_text(" ".join(sorted(kept)))
            done[number] = sorted(kept)
        return done


class Account(imap4.MemoryAccount):
    def __init__(self, folder: Path) -> None:
        super().__init__("reader")
        self.addMailbox("Bounces", StoredFolder(folder))


class Realm:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def requestAvatar(self, _name: Any, _mind: Any, *_interfaces: Any) -> Any:
        account = Account(self.folder)
        return defer.succeed((imap4.IAccount, account, lambda: None))


def main(folder: str, certificate: str = "") -> None:
    known = checkers.InMemoryUsernamePasswordDatabaseDontUse()
    known.addUser(b"reader", b"secret")
    site = portal.Portal(Realm(Path(folder)), [known])
    factory = protocol.ServerFactory()
    factory.buildProtocol = lambda _address: _server(site)  # type: ignore[method-assign]
    if certificate:
        context = ssl.DefaultOpenSSLContextFactory(certificate, certificate)
        port = reactor.listenSSL(0, factory, context, interface="127.0.0.1")  # type: ignore[attr-defined]
    else:
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")  # type: ignore[attr-defined]
    print(port.getHost().port, flush=True)
    reactor.run()  # type: ignore[attr-defined]


def _server(site: Any) -> imap4.IMAP4Server:
    server = imap4.IMAP4Server()
    server.portal = site
    return server


if __name__ == "__main__":
    main(*sys.argv[1:])
