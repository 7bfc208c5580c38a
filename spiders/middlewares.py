"""What happens to every request and response of every spider."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.http import Response
from scrapy.robotstxt import RobotParser
from twisted.internet.defer import Deferred

from spiders.base import BillSpider
from spiders.errors import FailureKind, NotModified, SourceError, UnusableResponse
from spiders.parse import without_secrets

# Words of the interstitial pages of the common bot walls, in title or body. Only pages served as
# HTML are looked at, and only their first part: a bill may say "captcha" too.
CHALLENGE = re.compile(
    rb"<title>\s*(Just a moment|Attention Required|Access Denied|Are you a robot|Request Rejected"
    rb"|Pardon Our Interruption|Human Verification|Security Check)"
    rb"|cf-browser-verification|cf_chl_|/_Incapsula_Resource|_pxCaptcha|px-captcha|datadome"
    rb"|g-recaptcha|h-captcha|hcaptcha\.com|awswaf|Radware Bot Manager"
    rb"|The requested URL was rejected",
    re.IGNORECASE,
)
CHALLENGE_LOOKS_AT = 20_000

# Seconds and times; a source that asks for more is left alone until the next run.
DEFAULT_WAIT = 30
LONGEST_WAIT = 300
MOST_WAITS = 3


class ForSpider:
    """A component that belongs to one BillSpider."""

    def __init__(self, spider: BillSpider) -> None:
        self.spider = spider

    @classmethod
    def from_crawler(cls, crawler: Any) -> Any:
        return cls(crawler.spider)


class Robots(RobotsTxtMiddleware):
    """As RFC 9309 has it: a robots.txt that is not there (4xx) allows everything, one that cannot
    be had (5xx, no answer) nothing."""

    async def robot_parser(self, request: Request) -> RobotParser | None:
        """Two requests may wait for one robots.txt, and only the first is handed its parser."""
        await super().robot_parser(request)
        parser = self._parsers[urlsplit(request.url).netloc]
        assert not isinstance(parser, Deferred)
        return parser

    def process_request_2(self, rp: RobotParser | None, request: Request) -> None:
        if rp is None:
            raise UnusableResponse(
                "robots.txt cannot be had, so nothing else is asked there", FailureKind.SOURCE_DOWN
            )
        super().process_request_2(rp, request)

    async def _parse_robots(self, response: Response, netloc: str, request: Request) -> None:
        if response.status >= 500:
            raise UnusableResponse(f"HTTP {response.status}", FailureKind.SOURCE_DOWN)
        await super()._parse_robots(response, netloc, request)


class ConditionalRequests(ForSpider):
    """Sends If-None-Match / If-Modified-Since for requests that asked for it."""

    def process_request(self, request: Request) -> None:
        known = request.meta.get("conditional") and self.spider.run.validator(
            without_secrets(request.url)
        )
        if not known:
            return
        if known.etag:
            request.headers["If-None-Match"] = known.etag
        if known.last_modified:
            request.headers["If-Modified-Since"] = known.last_modified

    def process_response(self, request: Request, response: Response) -> Response:
        if not request.meta.get("conditional"):
            return response
        if response.status == 304:
            raise NotModified(f"not modified: {without_secrets(request.url)}")
        if response.status == 200:
            self.spider.run.keep_validator(
                without_secrets(request.url),
                _header(response, "ETag"),
                _header(response, "Last-Modified"),
                hashlib.sha256(response.body).hexdigest(),
            )
        return response


class ResponseCheck(ForSpider):
    """A challenge page or an empty body is never a page; each real page is written down."""

    def process_response(self, request: Request, response: Response) -> Response:
        if request.meta.get("dont_obey_robotstxt") and request.url.endswith("/robots.txt"):
            return response
        self.spider.page_read(request, response)
        start = response.body[:CHALLENGE_LOOKS_AT]
        html = b"<html" in start[:2000].lower() or b"<!doctype html" in start[:2000].lower()
        if html and CHALLENGE.search(start):
            raise UnusableResponse(
                f"HTTP {response.status} with a bot-challenge page, not the page asked for",
                FailureKind.CHALLENGE,
            )
        if response.status == 200 and not response.body.strip(b" \t\r\n\0"):
            raise UnusableResponse("HTTP 200 with an empty body", FailureKind.EMPTY_BODY)
        return response


class WaitWhenAsked(ForSpider):
    """HTTP 429 (or 503 with Retry-After): the whole crawl pauses as long as it was asked to."""

    def __init__(self, spider: BillSpider, crawler: Crawler) -> None:
        super().__init__(spider)
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Any) -> WaitWhenAsked:
        return cls(crawler.spider, crawler)

    async def process_response(self, request: Request, response: Response) -> Response | Request:
        asked = _header(response, "Retry-After").strip()
        if response.status != 429 and not (response.status == 503 and asked.isdigit()):
            return response
        seconds = int(asked) if asked.isdigit() else DEFAULT_WAIT
        waits = request.meta.get("waits", 0)
        if waits >= MOST_WAITS or seconds > LONGEST_WAIT or self.spider.replay:
            return response
        engine = self.crawler.engine
        assert engine is not None
        engine.pause()
        try:
            await asyncio.sleep(seconds)
        finally:
            engine.unpause()
        return request.replace(meta={**request.meta, "waits": waits + 1})


class CallbackErrors(ForSpider):
    """A callback that raises fails by name, with its page; the rest of the run goes on."""

    def process_spider_exception(
        self, response: Response, exception: Exception
    ) -> Iterable[Any] | None:
        kind = exception.kind if isinstance(exception, SourceError) else FailureKind.BUG
        detail = str(exception) if isinstance(exception, SourceError) else repr(exception)
        self.spider.fail(kind, response.url, detail)
        if response.request is not None:
            self.spider.lost(response.request)
        if kind is FailureKind.BUG:
            self.spider.logger.error(
                "%s: bug while reading %s",
                self.spider.name,
                without_secrets(response.url),
                exc_info=exception,
            )
        return ()


def _header(response: Response, name: str) -> str:
    value = response.headers.get(name)
    return value.decode("latin-1") if value else ""
