"""Asked for on a page by nobody knows whom yet: sign-ups, and the messages that answer them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from tracker.models.base import Base


class SignUp(Base):
    """What someone asked for in the name of an address; its owner confirms it or it is forgotten.

    ``filter`` … ``quiet_note`` are as in Subscription, ``timezone`` … ``minute`` as in Subscriber.
    """

    __tablename__ = "sign_up"

    id: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str]
    address_key: Mapped[str] = mapped_column(index=True)
    filter: Mapped[dict[str, Any]]
    frequency: Mapped[str]
    weekday: Mapped[int]
    quiet_note: Mapped[bool]
    timezone: Mapped[str]
    hour: Mapped[int]
    minute: Mapped[int]
    asked_at: Mapped[dt.datetime]
    used_at: Mapped[dt.datetime | None]


class Notice(Base):
    """One message to one person about their own doing; ``kind``: see notify.notices.

    ``status``: queued → sending → sent; or failed (refused, or no relay for too long), dropped
    (nobody to tell). One whose sender died stays *sending* and is never sent again: its reader
    asks again.
    """

    __tablename__ = "notice"
    __table_args__ = (Index("ix_notice_status", "status", "next_attempt_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    address: Mapped[str]
    address_key: Mapped[str] = mapped_column(index=True)
    sign_up_id: Mapped[int | None] = mapped_column(ForeignKey("sign_up.id", ondelete="CASCADE"))
    message_id: Mapped[str] = mapped_column(unique=True)
    status: Mapped[str] = mapped_column(default="queued")
    created_at: Mapped[dt.datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[dt.datetime]
    said: Mapped[str] = mapped_column(default="")
    """The server's last answer, or ours."""
