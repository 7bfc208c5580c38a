"""A source's API key must be neither stored nor logged, wherever a library repeats it."""

from __future__ import annotations

import logging
from urllib.parse import quote

from spiders.catalog import SourceFacts
from tracker.settings import get_settings

HIDDEN = "SECRET"


def key_of(facts: SourceFacts) -> str:
    """The key in use; empty where the source needs none, or it is not set."""
    return getattr(get_settings(), facts.key) if facts.key else ""


def hide(text: str, key: str) -> str:
    for written in {key, quote(key, safe="")} - {""}:
        text = text.replace(written, HIDDEN)
    return text


class Discreet(logging.Formatter):
    """Formats as another formatter does, without the key: in the message and in its traceback."""

    def __init__(self, inner: logging.Formatter, key: str) -> None:
        super().__init__()
        self.inner = inner
        self.key = key

    def format(self, record: logging.LogRecord) -> str:
        return hide(self.inner.format(record), self.key)


def hide_in_logs(key: str) -> None:
    for handler in logging.getLogger().handlers if key else ():
        handler.setFormatter(Discreet(handler.formatter or logging.Formatter(), key))
