"""Named failure kinds: triage is a table, not log reading."""

from __future__ import annotations

from enum import StrEnum

from scrapy.exceptions import IgnoreRequest


class FailureKind(StrEnum):
    CHALLENGE = "bot-challenge"
    """A page that asks for a browser or a captcha; we never try to get past it."""
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not-found"
    THROTTLED = "throttled"
    SOURCE_DOWN = "source-down"
    """5xx, connection refused or reset, name not found."""
    TIMEOUT = "timeout"
    EMPTY_BODY = "empty-body"
    TRUNCATED = "truncated"
    WRONG_TYPE = "wrong-type"
    """Not the JSON, XML, CSV or PDF it should be, or in an unreadable encoding."""
    LAYOUT = "layout-changed"
    BAD_ROW = "bad-row"
    """One record could not be read; the others could."""
    TOO_BIG = "too-big"
    ROBOTS = "robots-disallowed"
    KEY = "key-refused"
    BUDGET = "budget-used-up"
    """The source's own request allowance is spent; the next run goes on from the cursor."""
    DOCUMENT = "unreadable-document"
    NOT_RECORDED = "not-recorded"
    """A replay folder lacks this URL."""
    BUG = "spider-error"


class SourceError(Exception):
    """What was seen, where: ``kind`` names it, the message is for people."""

    kind = FailureKind.BUG

    def __init__(self, message: str, kind: FailureKind | None = None) -> None:
        super().__init__(message)
        if kind:
            self.kind = kind


class LayoutChanged(SourceError):
    """The page no longer has the shape its spider was written for."""

    kind = FailureKind.LAYOUT


class Nameless(LayoutChanged):
    """A row of a listing that numbers no bill."""


class UnusableResponse(SourceError):
    """A response that is not what was asked for: challenge, empty, truncated, wrong type."""

    kind = FailureKind.WRONG_TYPE


class NotModified(IgnoreRequest):
    """304: the page is as the last sound run saw it."""


class NotRecorded(SourceError):
    kind = FailureKind.NOT_RECORDED
