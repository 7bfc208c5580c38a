"""The only Scrapy settings: polite by default, no remote doors, every request accounted for."""

from __future__ import annotations

from typing import Any

from spiders.catalog import SourceFacts
from tracker import __version__
from tracker.settings import get_settings


def user_agent() -> str:
    return f"billtracker/{__version__} (+{get_settings().contact})"


def scrapy_settings(facts: SourceFacts, *, replaying: bool = False) -> dict[str, Any]:
    polite = facts.politeness
    return {
        "USER_AGENT": user_agent(),
        "ROBOTSTXT_OBEY": not facts.ignore_robots,
        "DOWNLOAD_DELAY": 0 if replaying else polite.delay,
        "CONCURRENT_REQUESTS": 4,
        "CONCURRENT_REQUESTS_PER_DOMAIN": polite.concurrency,
        "AUTOTHROTTLE_ENABLED": not replaying,
        "AUTOTHROTTLE_START_DELAY": polite.delay,
        "AUTOTHROTTLE_MAX_DELAY": 120.0,
        "AUTOTHROTTLE_TARGET_CONCURRENCY": 1.0,
        "DOWNLOAD_TIMEOUT": polite.timeout,
        "DOWNLOAD_MAXSIZE": polite.max_megabytes * 1024 * 1024,
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "RETRY_TIMES": 3,
        # What the retries end in is written on the run.
        "RETRY_GIVE_UP_LOG_LEVEL": "INFO",
        "RETRY_HTTP_CODES": [500, 502, 503, 504, 522, 524, 408],
        "CLOSESPIDER_PAGECOUNT": polite.max_requests,
        "COOKIES_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "LOG_LEVEL": "WARNING",
        "LOG_FORMAT": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        "DOWNLOADER_MIDDLEWARES": {
            "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
            "spiders.middlewares.Robots": 100,
            "spiders.middlewares.ConditionalRequests": 555,
            "spiders.middlewares.ResponseCheck": 560,
            "spiders.middlewares.WaitWhenAsked": 565,
            "spiders.tape.Tape": 585,
        },
        "SPIDER_MIDDLEWARES": {"spiders.middlewares.CallbackErrors": 50},
        "DOWNLOAD_HANDLERS": {"ftp": "spiders.ftp.FtpHandler"},
        "ITEM_PIPELINES": {"spiders.pipelines.Store": 100},
    }
