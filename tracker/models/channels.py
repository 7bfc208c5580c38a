"""Ways to hear besides mail, and what guards the pages: webhooks, reports read, visits counted."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tracker.models.base import Base


class RateCount(Base):
    """How often one key asked in one window of time; see notify.ratelimit."""

    __tablename__ = "rate_count"

    key_hash: Mapped[str] = mapped_column(primary_key=True)
    expires_at: Mapped[int] = mapped_column(index=True)
    """Unix time."""
    count: Mapped[int]


class MailReport(Base):
    """A bounce or complaint already read, so that the same message never counts twice."""

    __tablename__ = "mail_report"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    read_at: Mapped[dt.datetime]
    kind: Mapped[str]
    """hard, soft, complaint, or none for a message that changed nothing."""
    status: Mapped[str]
    said: Mapped[str]


class WebhookEndpoint(Base):
    """A subscription's receiver. ``status``: pending (has not answered our challenge) → active
    → disabled (``reason`` says why; its reader may try again, which makes it pending).

    Its deliveries go out one by one in order, by the sender that holds the lease.
    """

    __tablename__ = "webhook_endpoint"

    id: Mapped[int] = mapped_column(primary_key=True)
    subscription_id: Mapped[int] = mapped_column(
        ForeignKey("subscription.id", ondelete="CASCADE"), unique=True
    )
    url: Mapped[str]
    secret: Mapped[str]
    status: Mapped[str] = mapped_column(default="pending")
    reason: Mapped[str] = mapped_column(default="")
    created_at: Mapped[dt.datetime]
    active_since: Mapped[dt.datetime | None]
    """What was released before is not its news."""
    planned_until: Mapped[dt.datetime | None]
    """When what was news was last written down as deliveries."""
    failures: Mapped[int] = mapped_column(default=0)
    """In a row."""
    failing_since: Mapped[dt.datetime | None]
    next_attempt_at: Mapped[dt.datetime]
    leased_until: Mapped[dt.datetime | None]


class WebhookDelivery(Base):
    """One change for one endpoint, with what was true when it was planned.

    ``type``: change, or retraction when the source took a delivered one back.
    """

    __tablename__ = "webhook_delivery"
    __table_args__ = (UniqueConstraint("endpoint_id", "change_id", "type"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    endpoint_id: Mapped[int] = mapped_column(ForeignKey("webhook_endpoint.id", ondelete="CASCADE"))
    change_id: Mapped[int] = mapped_column(ForeignKey("change.id", ondelete="CASCADE"))
    type: Mapped[str] = mapped_column(default="change")
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[dt.datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    said: Mapped[str] = mapped_column(default="")
    """The last answer, or why there was none."""
    delivered_at: Mapped[dt.datetime | None]
