"""What sources said, word for word. Only ``stage`` and ``classification`` columns are derived."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tracker.models.base import Base


class Bill(Base):
    __tablename__ = "bill"
    __table_args__ = (
        UniqueConstraint("source", "session", "identifier_key"),
        Index("ix_bill_jurisdiction_session", "jurisdiction", "session"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str]
    jurisdiction: Mapped[str]
    session: Mapped[str]
    identifier: Mapped[str]
    """As printed by the source."""
    identifier_key: Mapped[str]
    """Normalised, e.g. ``HB 1222``; also how the bill is shown and linked."""
    chamber: Mapped[str | None]
    bill_types: Mapped[list[str]] = mapped_column(default=list)
    """The source's classification (bill, resolution …)."""
    title: Mapped[str] = mapped_column(default="")
    abstract: Mapped[str] = mapped_column(default="")
    subjects: Mapped[list[str]] = mapped_column(default=list)
    sources: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    source_id: Mapped[str] = mapped_column(default="")

    listing_hash: Mapped[str] = mapped_column(default="")
    """sha256 of what the last listing said of this bill."""
    detail_hash: Mapped[str] = mapped_column(default="")
    """``listing_hash`` at the time the detail page was last read; differs = detail is due."""
    content_hash: Mapped[str] = mapped_column(default="")
    """sha256 of the last full item; equal = nothing to compare."""
    detail_at: Mapped[dt.datetime | None]

    stage: Mapped[str] = mapped_column(default="")
    stage_on: Mapped[dt.date | None]
    latest_action_on: Mapped[dt.date | None]
    latest_action_text: Mapped[str] = mapped_column(default="")
    """Derived from the action rows, as ``stage`` is, by tracker.progress."""

    first_seen_at: Mapped[dt.datetime]
    first_seen_run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"))
    last_seen_at: Mapped[dt.datetime]
    last_seen_run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"))
    changed_at: Mapped[dt.datetime]
    vanished_at: Mapped[dt.datetime | None]
    fetched_from: Mapped[str] = mapped_column(default="")
    body_sha256: Mapped[str] = mapped_column(default="")

    actions: Mapped[list[Action]] = relationship(
        order_by="Action.position", back_populates="bill", viewonly=True
    )
    sponsorships: Mapped[list[Sponsorship]] = relationship(
        order_by="Sponsorship.position", viewonly=True
    )
    versions: Mapped[list[Version]] = relationship(order_by="Version.position", viewonly=True)
    votes: Mapped[list[VoteEvent]] = relationship(order_by="VoteEvent.id", viewonly=True)
    hearings: Mapped[list[Hearing]] = relationship(order_by="Hearing.date", viewonly=True)
    related: Mapped[list[RelatedBill]] = relationship(order_by="RelatedBill.id", viewonly=True)


class Action(Base):
    __tablename__ = "action"
    __table_args__ = (Index("ix_action_bill_id", "bill_id", "position"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    bill_id: Mapped[int] = mapped_column(ForeignKey("bill.id", ondelete="CASCADE"))
    position: Mapped[int]
    date: Mapped[dt.date | None]
    date_text: Mapped[str] = mapped_column(default="")
    actor: Mapped[str | None]
    text: Mapped[str]
    source_classification: Mapped[list[str]] = mapped_column(default=list)
    source_id: Mapped[str] = mapped_column(default="")
    from_listing: Mapped[bool] = mapped_column(default=False)
    """Known only as a listing's latest action; the bill's own page may word it otherwise."""
    classification: Mapped[list[str]] = mapped_column(default=list)
    """Open Civic Data action classification, derived by tracker.stages."""
    stage: Mapped[str] = mapped_column(default="")
    """The stage this action brought the bill to, or empty; derived by tracker.stages."""
    first_seen_at: Mapped[dt.datetime]
    first_seen_run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"))
    retracted_at: Mapped[dt.datetime | None]
    """Set when the source took the line back; the row stays."""

    bill: Mapped[Bill] = relationship(back_populates="actions", viewonly=True)


class Sponsorship(Base):
    __tablename__ = "sponsorship"
    __table_args__ = (Index("ix_sponsorship_bill_id", "bill_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    bill_id: Mapped[int] = mapped_column(ForeignKey("bill.id", ondelete="CASCADE"))
    position: Mapped[int]
    name: Mapped[str]
    classification: Mapped[str]
    primary: Mapped[bool]
    entity_type: Mapped[str] = mapped_column(default="")
    chamber: Mapped[str | None]
    party: Mapped[str] = mapped_column(default="")
    source_id: Mapped[str] = mapped_column(default="")
    first_seen_at: Mapped[dt.datetime]
    removed_at: Mapped[dt.datetime | None]


class BillText(Base):
    """Plain text of a version, stored once per content."""

    __tablename__ = "bill_text"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    text: Mapped[str]
    marks: Mapped[list[dict[str, Any]] | None]
    """Spans the bill adds or strikes ({start, end, kind}); NULL = the format does not tell."""


class Version(Base):
    __tablename__ = "version"
    __table_args__ = (Index("ix_version_bill_id", "bill_id", "position"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    bill_id: Mapped[int] = mapped_column(ForeignKey("bill.id", ondelete="CASCADE"))
    position: Mapped[int]
    note: Mapped[str]
    date: Mapped[dt.date | None]
    date_text: Mapped[str] = mapped_column(default="")
    links: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    source_id: Mapped[str] = mapped_column(default="")
    text_sha256: Mapped[str | None] = mapped_column(ForeignKey("bill_text.sha256"))
    text_url: Mapped[str] = mapped_column(default="")
    first_seen_at: Mapped[dt.datetime]
    removed_at: Mapped[dt.datetime | None]

    body: Mapped[BillText | None] = relationship(viewonly=True)


class VoteEvent(Base):
    __tablename__ = "vote_event"
    __table_args__ = (Index("ix_vote_event_bill_id", "bill_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    bill_id: Mapped[int] = mapped_column(ForeignKey("bill.id", ondelete="CASCADE"))
    motion: Mapped[str]
    date: Mapped[dt.date | None]
    date_text: Mapped[str] = mapped_column(default="")
    chamber: Mapped[str | None]
    passed: Mapped[bool | None]
    counts: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    voters: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    source_id: Mapped[str] = mapped_column(default="")
    first_seen_at: Mapped[dt.datetime]
    removed_at: Mapped[dt.datetime | None]


class Hearing(Base):
    __tablename__ = "hearing"
    __table_args__ = (Index("ix_hearing_bill_id", "bill_id"), Index("ix_hearing_date", "date"))

    id: Mapped[int] = mapped_column(primary_key=True)
    bill_id: Mapped[int] = mapped_column(ForeignKey("bill.id", ondelete="CASCADE"))
    committee: Mapped[str]
    date: Mapped[dt.date | None]
    date_text: Mapped[str] = mapped_column(default="")
    time_text: Mapped[str] = mapped_column(default="")
    location: Mapped[str] = mapped_column(default="")
    description: Mapped[str] = mapped_column(default="")
    chamber: Mapped[str | None]
    cancelled: Mapped[bool] = mapped_column(default=False)
    source_id: Mapped[str] = mapped_column(default="")
    first_seen_at: Mapped[dt.datetime]
    removed_at: Mapped[dt.datetime | None]


class RelatedBill(Base):
    __tablename__ = "related_bill"
    __table_args__ = (Index("ix_related_bill_bill_id", "bill_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    bill_id: Mapped[int] = mapped_column(ForeignKey("bill.id", ondelete="CASCADE"))
    identifier: Mapped[str]
    identifier_key: Mapped[str]
    session: Mapped[str] = mapped_column(default="")
    relation: Mapped[str]
    first_seen_at: Mapped[dt.datetime]
    removed_at: Mapped[dt.datetime | None]
