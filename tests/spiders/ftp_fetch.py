"""Prints what our FTP handler answers for each URL of the command line, one JSON a line."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import scrapy
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.http import Response

from spiders.base import diagnose


class Fetch(scrapy.Spider):
    name = "fetch"

    async def start(self) -> AsyncIterator[Any]:
        for url in sys.argv[1:]:
            yield scrapy.Request(
                url, self.parse, errback=self.failed, meta={"handle_httpstatus_all": True}
            )

    def parse(self, response: Response, **_: Any) -> Iterator[Any]:
        body = response.body.decode("latin-1")
        print(json.dumps({"url": response.url, "status": response.status, "body": body}))
        yield from ()

    def failed(self, failure: Any) -> None:
        print(json.dumps({"url": failure.request.url, "kind": diagnose(failure)[0]}))


if __name__ == "__main__":
    process = AsyncCrawlerProcess(
        {
            "DOWNLOAD_HANDLERS": {"ftp": "spiders.ftp.FtpHandler"},
            "LOG_LEVEL": "CRITICAL",
            "RETRY_TIMES": 3,
        }
    )
    process.crawl(Fetch)
    process.start()
