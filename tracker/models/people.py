"""Who hears, about what, and what became of each message."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tracker.models.base import Base
from tracker.models.runs import Change


class Subscriber(Base):
    """One reader, confirmed (until then: SignUp). ``status``: active → left (unsubscribed) or
    suppressed (bounces, complaint, operator).

    ``hour``, ``minute`` and ``timezone`` are when their digests leave.
    """

    __tablename__ = "subscriber"

    id: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str]
    """As we mail it; see notify.addresses."""
    address_key: Mapped[str] = mapped_column(unique=True)
    """Equal for two spellings of one mailbox."""
    status: Mapped[str] = mapped_column(default="active")
    token: Mapped[str] = mapped_column(unique=True)
    """Unguessable; opens the preferences and unsubscribes, for years, whatever the secret key."""
    timezone: Mapped[str] = mapped_column(default="America/New_York")
    hour: Mapped[int] = mapped_column(default=7)
    minute: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[dt.datetime]
    confirmed_at: Mapped[dt.datetime | None]
    evidence: Mapped[str] = mapped_column(default="")
    """How we know they asked, e.g. "added by operator", "confirmed the mail sent on …"."""
    soft_bounces: Mapped[int] = mapped_column(default=0)
    """In a row; an accepted message does not reset it, a run of days without a report does."""
    soft_bounced_at: Mapped[dt.datetime | None]
    last_digest_at: Mapped[dt.datetime | None]

    subscriptions: Mapped[list[Subscription]] = relationship(
        order_by="Subscription.id", back_populates="subscriber", viewonly=True
    )


class Subscription(Base):
    """A saved filter (notify.filters) and how often its news leaves.

    ``frequency``: immediate, daily, weekly (on ``weekday``, Monday = 0) or monthly (on the 1st).
    Only changes released after ``active_since`` are its news.
    """

    __tablename__ = "subscription"
    __table_args__ = (
        Index("ix_subscription_filter_hash", "filter_hash", "frequency"),
        Index("ix_subscription_next_due_at", "next_due_at"),
        Index("ix_subscription_subscriber_id", "subscriber_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id", ondelete="CASCADE"))
    token: Mapped[str] = mapped_column(unique=True)
    """Unguessable; opens its feed and calendar, and nothing else."""
    filter: Mapped[dict[str, Any]]
    filter_hash: Mapped[str]
    frequency: Mapped[str] = mapped_column(default="daily")
    weekday: Mapped[int] = mapped_column(default=0)
    quiet_note: Mapped[bool] = mapped_column(default=False)
    """Say "nothing moved" once a week when there was nothing."""
    active: Mapped[bool] = mapped_column(default=True)
    """Whether its news is mailed; feed, calendar and webhook work regardless."""
    active_since: Mapped[dt.datetime]
    next_due_at: Mapped[dt.datetime]
    """See notify.schedule; recomputed when a digest is made and when preferences change."""

    subscriber: Mapped[Subscriber] = relationship(back_populates="subscriptions", viewonly=True)


class Suppression(Base):
    """An address we must not mail, kept when the subscriber is deleted; blocks re-import too."""

    __tablename__ = "suppression"

    address_key: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    """hard bounce, soft bounces, complaint or operator."""
    detail: Mapped[str] = mapped_column(default="")
    suppressed_at: Mapped[dt.datetime]


class News(Base):
    """A released change when it was matched, with what was true then (notify.snapshot)."""

    __tablename__ = "news"
    __table_args__ = (Index("ix_news_taken_back_at", "taken_back_at"),)

    change_id: Mapped[int] = mapped_column(
        ForeignKey("change.id", ondelete="CASCADE"), primary_key=True
    )
    planned_at: Mapped[dt.datetime]
    snapshot: Mapped[dict[str, Any]]
    taken_back_at: Mapped[dt.datetime | None]
    """When we learned that the source retracted or corrected it."""
    taken_back_by: Mapped[int | None] = mapped_column(ForeignKey("change.id"))
    """The change that says so, where there is one."""

    change: Mapped[Change] = relationship(foreign_keys=[change_id], viewonly=True)


class Outbox(Base):
    """One change for one reader, ever. ``status``: waiting → claimed (in a digest) → sent,
    or dropped (taken back by the source, or the subscription ended, before it left)."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "ix_outbox_waiting",
            "subscriber_id",
            sqlite_where=text("status = 'waiting'"),
            postgresql_where=text("status = 'waiting'"),
        ),
        {"sqlite_with_rowid": False},
    )

    subscriber_id: Mapped[int] = mapped_column(
        ForeignKey("subscriber.id", ondelete="CASCADE"), primary_key=True
    )
    change_id: Mapped[int] = mapped_column(
        ForeignKey("news.change_id", ondelete="CASCADE"), primary_key=True
    )
    subscription_id: Mapped[int | None] = mapped_column(
        ForeignKey("subscription.id", ondelete="SET NULL")
    )
    status: Mapped[str] = mapped_column(default="waiting")
    digest_id: Mapped[int | None] = mapped_column(ForeignKey("digest.id"))
    corrected_in: Mapped[int | None] = mapped_column(ForeignKey("digest.id"))
    """The digest that told the reader that the source took this back after it was sent."""


class Edition(Base):
    """A rendered digest without anything personal; readers with equal news share it."""

    __tablename__ = "edition"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    """Hash of what it was made from: filters, changes, corrections, date."""
    subject: Mapped[str]
    text: Mapped[str]
    html: Mapped[str]
    page: Mapped[str]
    """The web copy: nothing folded away."""
    created_at: Mapped[dt.datetime]


class Digest(Base):
    """One message to one reader.

    ``status``: queued → claimed (leased by a sender) → sending (handed to a server that has not
    answered yet) → sent; or bounced, cancelled (the reader left, or wants nothing of it any more),
    unknown (the sender died or lost the connection between handing over and the answer:
    ``billtracker digest settle``).
    A claimed digest whose lease ran out is queued again; one that was *sending* never is.
    """

    __tablename__ = "digest"
    __table_args__ = (
        Index("ix_digest_status", "status", "next_attempt_at"),
        Index("ix_digest_subscriber_id", "subscriber_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id", ondelete="CASCADE"))
    edition_id: Mapped[int] = mapped_column(ForeignKey("edition.id"))
    token: Mapped[str] = mapped_column(unique=True)
    """Unguessable; opens the web copy."""
    message_id: Mapped[str] = mapped_column(unique=True)
    """Decided here, before the first attempt, and kept over retries."""
    status: Mapped[str] = mapped_column(default="queued")
    created_at: Mapped[dt.datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    first_attempt_at: Mapped[dt.datetime | None]
    next_attempt_at: Mapped[dt.datetime]
    lease: Mapped[str] = mapped_column(default="")
    """Which sender holds it."""
    leased_until: Mapped[dt.datetime | None]
    sent_at: Mapped[dt.datetime | None]
    relay: Mapped[str] = mapped_column(default="")
    said: Mapped[str] = mapped_column(default="")
    """The server's last answer."""

    subscriber: Mapped[Subscriber] = relationship(viewonly=True)
    edition: Mapped[Edition] = relationship(viewonly=True)


class MailStop(Base):
    """The kill switch: while a row is here nothing is sent."""

    __tablename__ = "mail_stop"

    id: Mapped[int] = mapped_column(primary_key=True)
    stopped_at: Mapped[dt.datetime]
    reason: Mapped[str]
