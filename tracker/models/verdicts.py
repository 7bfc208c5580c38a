"""What the rules, or a person, decided a bill is about."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from tracker.models.base import Base


class Verdict(Base):
    """The current verdict on a bill; replaced whenever rules or words change.

    ``level`` and ``score`` are the rules' own; ``relevant`` and ``stance``, and the topics, are a
    person's where there is a decision (tracker.judging).
    """

    __tablename__ = "verdict"

    bill_id: Mapped[int] = mapped_column(
        ForeignKey("bill.id", ondelete="CASCADE"), primary_key=True
    )
    level: Mapped[str] = mapped_column(index=True)
    """relevant, uncertain, adjacent or off."""
    relevant: Mapped[bool] = mapped_column(index=True)
    stance: Mapped[str | None]
    score: Mapped[float]
    rules_hash: Mapped[str]
    judged_at: Mapped[dt.datetime]


class TopicVerdict(Base):
    __tablename__ = "topic_verdict"
    __table_args__ = (Index("ix_topic_verdict_topic", "topic", "bill_id"),)

    bill_id: Mapped[int] = mapped_column(
        ForeignKey("bill.id", ondelete="CASCADE"), primary_key=True
    )
    topic: Mapped[str] = mapped_column(primary_key=True)
    stance: Mapped[str | None]
    score: Mapped[float]


class Evidence(Base):
    """The words that made a rule fire: ``quote == field text[start:end]``.

    ``field``: title, abstract, subject:N (index) or text; for text, ``text_sha256`` names the
    stored text the span points into. ``told``: whether its sentence says which way it cuts, or
    ``stance`` is a guess; unknown of what was judged before that was kept.
    """

    __tablename__ = "evidence"
    __table_args__ = (Index("ix_evidence_bill_id", "bill_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    bill_id: Mapped[int] = mapped_column(ForeignKey("bill.id", ondelete="CASCADE"))
    rule: Mapped[str]
    topic: Mapped[str]
    stance: Mapped[str | None]
    told: Mapped[bool | None]
    field: Mapped[str]
    text_sha256: Mapped[str | None]
    start: Mapped[int]
    end: Mapped[int]
    quote: Mapped[str]


class Decision(Base):
    """A person's own verdict; the newest per bill wins over the rules and survives replays."""

    __tablename__ = "decision"
    __table_args__ = (Index("ix_decision_bill_id", "bill_id", "decided_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    bill_id: Mapped[int] = mapped_column(ForeignKey("bill.id", ondelete="CASCADE"))
    relevant: Mapped[bool]
    topics: Mapped[list[str]] = mapped_column(default=list)
    stance: Mapped[str | None]
    note: Mapped[str] = mapped_column(default="")
    decided_by: Mapped[str]
    decided_at: Mapped[dt.datetime]
