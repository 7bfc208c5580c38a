"""FTP for sources whose sanctioned route it is: a path ending in ``/`` answers with its LIST.

Scrapy's own handler fetches files only; ``ftplib`` in a thread does both.
"""

from __future__ import annotations

import ftplib
from io import BytesIO
from typing import Any
from urllib.parse import unquote, urlsplit

from scrapy import Request
from scrapy.http import Response
from scrapy.responsetypes import responsetypes
from scrapy.utils.defer import maybe_deferred_to_future
from twisted.internet.threads import deferToThread

TIMEOUT = 60


class FtpHandler:
    lazy = True

    def __init__(self, crawler: Any) -> None:
        self.user = crawler.settings["FTP_USER"]
        self.password = crawler.settings["FTP_PASSWORD"]

    @classmethod
    def from_crawler(cls, crawler: Any) -> FtpHandler:
        return cls(crawler)

    async def download_request(self, request: Request) -> Response:
        status, body = await maybe_deferred_to_future(
            deferToThread(_fetch, request.url, self.user, self.password)
        )
        kind = responsetypes.from_args(url=request.url, body=body)
        return kind(request.url, status=status, body=body)

    async def close(self) -> None:
        """Every request closes its own connection."""


def _fetch(url: str, user: str, password: str) -> tuple[int, bytes]:
    """A dropped connection or a server too busy is an ``OSError``, so that Scrapy tries again."""
    try:
        return _ask(url, user, password)
    except (EOFError, ftplib.error_temp) as error:
        raise ConnectionError(f"FTP: {error or 'the connection was closed'}") from error


def _ask(url: str, user: str, password: str) -> tuple[int, bytes]:
    parts = urlsplit(url)
    path = unquote(parts.path)
    with ftplib.FTP(timeout=TIMEOUT, encoding="latin-1") as ftp:
        ftp.connect(parts.hostname or "", parts.port or 21)
        ftp.login(user, password)
        try:
            if path.endswith("/"):
                lines: list[str] = []
                ftp.retrlines(f"LIST {path}", lines.append)
                return 200, "\n".join(lines).encode("latin-1")
            body = BytesIO()
            ftp.retrbinary(f"RETR {path}", body.write)
            return 200, body.getvalue()
        except ftplib.error_perm as error:
            return (404 if str(error).startswith("550") else 403), str(error).encode()
