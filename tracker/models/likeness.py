"""Bills that say the same: sketches of their texts, and the pairs found by them."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from tracker.models.base import Base


class BillSketch(Base):
    """Which text of a bill was last compared with those of all others."""

    __tablename__ = "bill_sketch"

    bill_id: Mapped[int] = mapped_column(
        ForeignKey("bill.id", ondelete="CASCADE"), primary_key=True
    )
    text_sha256: Mapped[str]


class SketchHash(Base):
    """One hash of a bill's sketch (tracker.likeness); bills with many in common are alike."""

    __tablename__ = "sketch_hash"
    __table_args__ = ({"sqlite_with_rowid": False},)

    hash: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    bill_id: Mapped[int] = mapped_column(
        ForeignKey("bill.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class Likeness(Base):
    """Two bills with common text, the lower id first; ``share`` 0 to 1 of their words."""

    __tablename__ = "likeness"
    __table_args__ = (CheckConstraint("bill_id < other_id", name="ordered"),)

    bill_id: Mapped[int] = mapped_column(
        ForeignKey("bill.id", ondelete="CASCADE"), primary_key=True
    )
    other_id: Mapped[int] = mapped_column(
        ForeignKey("bill.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    share: Mapped[float]
