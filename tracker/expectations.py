"""What a sound run of a source looks like; a run outside it is quarantined."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Expectations(BaseModel):
    """Bounds per source, from the YAML beside its spider.

    ``max_lost``: legislatures do not take bills off their lists, a withdrawn bill stays there with
    that status. So a complete listing may lack this share of the bills the last sound one had;
    one bill is always forgiven, more is a fault of the list.

    ``max_changed``: one run may bring news of this share of the bills known before, looked at only
    when it is more than ``changed_floor`` bills: a redesign of the site makes every bill change.

    ``required``: field (as gaps name it) → share of a run's items that may lack it.

    ``max_failed``: share of requests and rows that may fail, counted against the items; three are
    always forgiven. ``fatal``: failure kinds of which one is enough.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_bills: int = Field(0, ge=0, description="Least bills of one session's complete listing.")
    max_bills: int = Field(30_000, ge=1, description="Most bills of one session's listing.")
    max_lost: float = Field(0.001, ge=0, le=1)
    max_changed: float = Field(0.5, gt=0, le=1)
    changed_floor: int = Field(50, ge=0)
    required: dict[str, float] = {"title": 0.02}
    max_failed: float = Field(0.05, ge=0, le=1)
    fatal: tuple[str, ...] = ("not-recorded",)
