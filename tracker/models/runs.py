"""Crawls and what they found. A Change is *held* until its run proves sound."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tracker.models.base import Base
from tracker.models.bills import Bill


class Run(Base):
    """One crawl of one source.

    ``status``: running, then one of

    - sound: inside the source's expectations; its changes are released;
    - quarantined: outside; changes are held until a person decides (released, discarded) or the
      next run of the source takes its place (superseded);
    - failed: nothing usable arrived;
    - interrupted: it died or was stopped; what it found passes to the next run;
    - skipped: not tried, e.g. no API key.
    """

    __tablename__ = "run"
    __table_args__ = (Index("ix_run_source", "source", "started_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str]
    status: Mapped[str] = mapped_column(default="running")
    baseline: Mapped[bool] = mapped_column(default=False)
    """The source's first run: what it finds is where we start from, not news."""
    provenance: Mapped[str] = mapped_column(default="live")
    """live, imported (from a file), or what a replay folder says of its pages: recorded,
    reconstructed."""
    started_at: Mapped[dt.datetime]
    ended_at: Mapped[dt.datetime | None]
    requests: Mapped[int] = mapped_column(default=0)
    not_modified: Mapped[int] = mapped_column(default=0)
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    items: Mapped[int] = mapped_column(default=0)
    bills_new: Mapped[int] = mapped_column(default=0)
    bills_changed: Mapped[int] = mapped_column(default=0)
    listed: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """session → number of bills in its complete listing."""
    gaps: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """field → {reason: count}."""
    failure_kind: Mapped[str] = mapped_column(default="")
    failures: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    """[{kind, url, detail}], at most 200."""
    reason: Mapped[str] = mapped_column(default="")
    """For people: why the run is quarantined, failed or skipped, and what to do."""
    decided_by: Mapped[str] = mapped_column(default="")


class BillBefore(Base):
    """A known bill as it stood before a run touched it; goes when the run is settled.

    ``rows``: table name → its rows of this bill, values as :mod:`tracker.undo` writes them.
    """

    __tablename__ = "bill_before"

    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    bill_id: Mapped[int] = mapped_column(
        ForeignKey("bill.id", ondelete="CASCADE"), primary_key=True
    )
    rows: Mapped[dict[str, Any]]


class SourceState(Base):
    """What a source's next run needs to know; written only when a run closes sound."""

    __tablename__ = "source_state"

    source: Mapped[str] = mapped_column(primary_key=True)
    cursor: Mapped[dict[str, Any]] = mapped_column(default=dict)
    rules_hash: Mapped[str] = mapped_column(default="")
    last_sound_run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"))


class HttpValidator(Base):
    """ETag and Last-Modified of a URL, for conditional requests; kept only from sound runs."""

    __tablename__ = "http_validator"

    source: Mapped[str] = mapped_column(primary_key=True)
    url: Mapped[str] = mapped_column(primary_key=True)
    etag: Mapped[str] = mapped_column(default="")
    last_modified: Mapped[str] = mapped_column(default="")
    body_sha256: Mapped[str] = mapped_column(default="")
    run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"))


class FetchedPage(Base):
    """Which responses a run read (secrets removed from the URL), so that a fact can be traced."""

    __tablename__ = "fetched_page"
    __table_args__ = (Index("ix_fetched_page_run_id", "run_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"))
    url: Mapped[str]
    status: Mapped[int]
    bytes: Mapped[int]
    body_sha256: Mapped[str]
    fetched_at: Mapped[dt.datetime]


class Change(Base):
    """One thing that moved. Kinds and the shape of ``before``/``after``: tracker.changes.

    ``status``: held → released | discarded, released → retracted (an operator took the run's news
    back); ``baseline`` for what is no news (a source's first run, a bill whose history is old).
    """

    __tablename__ = "change"
    __table_args__ = (
        UniqueConstraint("bill_id", "key"),
        Index("ix_change_status", "status", "id"),
        Index("ix_change_run_id", "run_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    bill_id: Mapped[int] = mapped_column(ForeignKey("bill.id", ondelete="CASCADE"))
    run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"))
    kind: Mapped[str]
    key: Mapped[str]
    """What makes this change itself: the same key on one bill is never appended twice."""
    status: Mapped[str] = mapped_column(default="held")
    detected_at: Mapped[dt.datetime]
    released_at: Mapped[dt.datetime | None]
    occurred_on: Mapped[dt.date | None]
    """The date the source gives for it."""
    stage: Mapped[str] = mapped_column(default="")
    """For stage changes: the stage reached."""
    summary: Mapped[str]
    """One plain sentence, made of the source's words."""
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]

    bill: Mapped[Bill] = relationship(viewonly=True)
