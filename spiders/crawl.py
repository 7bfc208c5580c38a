"""One crawl of one source: this process ends with it, for a reactor cannot start twice."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass
from pathlib import Path

from scrapy.crawler import AsyncCrawlerProcess
from scrapy.settings import Settings
from sqlalchemy import Engine

from spiders.catalog import SourceFacts
from spiders.secret import hide_in_logs, key_of
from spiders.settings import scrapy_settings
from spiders.tape import Recorder, Replay
from tracker.models import Run
from tracker.runs import CrawlRun


@dataclass(frozen=True)
class CrawlOptions:
    """``sessions``: ids to read instead of the current ones; ``items``: file for the items."""

    record: Path | None = None
    replay: Path | None = None
    sessions: tuple[str, ...] = ()
    notify_first_run: bool = False
    items: Path | None = None


def crawl(facts: SourceFacts, engine: Engine, options: CrawlOptions) -> Run:
    """Run the spider to its end and close its run; never raises for what a source does."""
    replay = Replay(options.replay) if options.replay else None
    now = replay.now if replay else dt.datetime.now(dt.UTC)
    run = CrawlRun.open(
        engine,
        facts.code,
        facts.expectations,
        provenance=replay.provenance if replay else "live",
        now=now if replay else None,
        notify_first_run=options.notify_first_run,
    )
    key = key_of(facts)
    if facts.key and not key and not replay:
        return run.skip(
            f"needs an API key: set BILLTRACKER_{facts.key.upper()}. {facts.key_help}".strip()
        )
    settings = Settings()
    settings.setdict(scrapy_settings(facts, replaying=replay is not None), priority="cmdline")
    items_to = options.items.open("w", encoding="utf-8") if options.items else None
    process = AsyncCrawlerProcess(settings)
    # It would print the stack of every robots.txt that does not come; the run says so in a line.
    logging.getLogger("scrapy.downloadermiddlewares.robotstxt").setLevel(logging.CRITICAL)
    hide_in_logs(key)
    crawler = process.create_crawler(facts.spider_class())
    process.crawl(
        crawler,
        facts=facts,
        run=run,
        now=now,
        replay=replay,
        recorder=Recorder(options.record) if options.record else None,
        only_sessions=options.sessions,
        items_to=items_to,
    )
    process.start()
    if items_to:
        items_to.close()
    spider = crawler.spider
    reason = crawler.stats.get_value("finish_reason", "") if crawler.stats else ""
    return run.close(
        requests=getattr(spider, "requests_made", 0),
        bytes=getattr(spider, "bytes_read", 0),
        not_modified=getattr(spider, "not_modified", 0),
        finished=reason == "finished" and not getattr(spider, "incomplete", False),
    )
