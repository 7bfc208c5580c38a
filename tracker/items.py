"""The contract between spiders and tracker: a bill as one page of one source states it.

Names follow Open Civic Data (https://open-civic-data.readthedocs.io/en/latest/data/bill.html).
Nothing else crosses from spiders to tracker.

Two kinds of emptiness are kept apart everywhere: ``None`` means *this page does not say*, an
empty list or string means *the page says there is none*. A light row from a listing therefore
leaves lists as ``None`` and never erases what a detail page said before.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Chamber = Literal["lower", "upper", "legislature", "executive", "unicameral", "joint"]
"""Who acted, or where a bill began; ``legislature`` where the source names no chamber."""

MarkKind = Literal["insert", "delete"]


class Item(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Link(Item):
    """One file of a version. ``media_type`` as in HTTP, e.g. ``application/pdf``."""

    url: str
    media_type: str = ""


class SponsorItem(Item):
    """A sponsor in the order printed; ``name`` word for word.

    ``classification`` is the source's own word in lower case (``sponsor``, ``cosponsor``,
    ``chief patron``, ``author`` …).
    """

    name: str = Field(min_length=1)
    classification: str = "sponsor"
    primary: bool = False
    entity_type: Literal["person", "organization", ""] = ""
    chamber: Chamber | None = None
    party: str = ""
    source_id: str = ""


class ActionItem(Item):
    """One line of a bill's history, in the source's order.

    ``date`` is ``None`` where the source prints none, or one that is no date; ``date_text`` then
    keeps what it printed. ``source_id`` only where the source gives each action a stable number.
    """

    text: str = Field(min_length=1)
    date: dt.date | None = None
    date_text: str = ""
    actor: Chamber | None = None
    classification: tuple[str, ...] = ()
    source_id: str = ""


class TextMark(Item):
    """A span of a version's text (code points, end exclusive) that the bill adds or strikes."""

    start: int = Field(ge=0)
    end: int = Field(ge=0)
    kind: MarkKind


class VersionItem(Item):
    """A printed version of the bill (introduced, engrossed, enrolled …).

    ``text`` is the plain text when the spider fetched it. ``marks`` is ``None`` where the source's
    format does not tell which words are added or struck.
    """

    note: str
    date: dt.date | None = None
    date_text: str = ""
    links: tuple[Link, ...] = ()
    source_id: str = ""
    text: str | None = None
    text_url: str = ""
    marks: tuple[TextMark, ...] | None = None


class VoteCount(Item):
    option: Literal["yes", "no", "abstain", "not voting", "excused", "absent", "other"]
    value: int = Field(ge=0)


class VoterItem(Item):
    name: str
    option: str


class VoteItem(Item):
    """One roll call. ``passed`` is ``None`` where the source does not say the result."""

    motion: str
    date: dt.date | None = None
    date_text: str = ""
    chamber: Chamber | None = None
    passed: bool | None = None
    counts: tuple[VoteCount, ...] = ()
    voters: tuple[VoterItem, ...] = ()
    source_id: str = ""


class HearingItem(Item):
    """A hearing of the bill. ``time_text`` is local time as printed, e.g. ``1:00 p.m.``.

    ``source_id`` identifies the meeting where the source numbers it, so that a changed date reads
    as *moved* rather than as another hearing.
    """

    committee: str
    date: dt.date | None = None
    date_text: str = ""
    time_text: str = ""
    location: str = ""
    description: str = ""
    cancelled: bool = False
    chamber: Chamber | None = None
    source_id: str = ""


class RelatedBillItem(Item):
    """``relation`` as Open Civic Data names it."""

    identifier: str = Field(min_length=1)
    session: str = ""
    relation: Literal["companion", "prior-session", "replaced-by", "replaces", "related"] = (
        "companion"
    )


class SourceLink(Item):
    """A page a person can open to check us; never holds an API key."""

    url: str
    note: str = ""


class Gap(Item):
    """A field the page should have stated and did not, or stated in a shape we cannot read."""

    field: str
    reason: Literal["missing", "invalid", "oversized", "unexpected"]
    seen: str = ""


class BillItem(Item):
    """A bill as one fetch of one source states it.

    ``detail`` is ``light`` for a listing row and ``full`` for the bill's own page. ``identifier``
    is as printed (``H. B. 1222``); the tracker normalises it. ``latest_action`` is what a listing
    prints as the last action or status; a full item gives ``actions`` instead.
    """

    source: str = Field(min_length=1)
    jurisdiction: str = Field(min_length=2, max_length=2)
    session: str = Field(min_length=1)
    identifier: str = Field(min_length=1)
    detail: Literal["light", "full"] = "light"

    title: str | None = None
    abstract: str | None = None
    classification: tuple[str, ...] | None = None
    chamber: Chamber | None = None
    subjects: tuple[str, ...] | None = None
    sponsors: tuple[SponsorItem, ...] | None = None
    latest_action: ActionItem | None = None
    actions: tuple[ActionItem, ...] | None = None
    versions: tuple[VersionItem, ...] | None = None
    votes: tuple[VoteItem, ...] | None = None
    hearings: tuple[HearingItem, ...] | None = None
    related_bills: tuple[RelatedBillItem, ...] | None = None
    sources: tuple[SourceLink, ...] = ()
    source_id: str = ""
    change_hash: str = ""
    """The source's own fingerprint of the bill, where it has one (LegiScan ``change_hash``)."""

    fetched_from: str
    """URL of the response this was read from, secrets removed."""
    fetched_at: AwareDatetime
    body_sha256: str = ""
    gaps: tuple[Gap, ...] = ()
