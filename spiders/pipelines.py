from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from spiders.base import BillSpider
from spiders.errors import FailureKind
from tracker.items import BillItem


class Store:
    """Hands each bill to the tracker, in its own transaction, before the next one is parsed."""

    def __init__(self, spider: BillSpider) -> None:
        self.spider = spider

    @classmethod
    def from_crawler(cls, crawler: Any) -> Store:
        return cls(crawler.spider)

    def process_item(self, item: BillItem) -> BillItem:
        try:
            self.spider.run.record(item)
            if item.detail == "full":
                self.spider.awaited.discard((item.session, item.identifier))
            if self.spider.items_to:
                self.spider.items_to.write(item.model_dump_json() + "\n")
        except (ValidationError, ValueError) as error:
            self.spider.fail(FailureKind.BAD_ROW, item.fetched_from, f"{item.identifier}: {error}")
        return item
