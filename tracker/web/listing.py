"""What a reader asked the list of bills for, to and from the address of the page."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from tracker.search import LEVELS, LONGEST_QUERY, SORTS, BillFilter
from tracker.stages import STAGES
from tracker.states import jurisdictions
from tracker.topics import CHOICES, members
from tracker.web.wording import STANCES

BILLS_PER_PAGE = 50
FARTHEST_PAGE = 10_000


@dataclass(frozen=True, slots=True)
class Listing:
    """``topic`` is a topic or a group of them; ``sort`` is empty for the usual order."""

    words: str = ""
    states: tuple[str, ...] = ()
    session: str = ""
    topic: str = ""
    stance: str = ""
    stage: str = ""
    level: str = "relevant"
    since: dt.date | None = None
    sort: str = ""
    page: int = field(default=1)

    @property
    def where(self) -> BillFilter:
        return BillFilter(
            words=self.words,
            states=self.states,
            session=self.session,
            topics=members(self.topic) if self.topic else (),
            stance=self.stance,
            stage=self.stage,
            level=self.level,
            moved_since=self.since,
        )

    @property
    def order(self) -> str:
        """Who typed words wants the best match first."""
        return self.sort or ("match" if self.words else "moved")

    @property
    def narrowed(self) -> bool:
        return replace(self, level="relevant", sort="", page=1) != Listing()

    def but(self, **changes: Any) -> Listing:
        """The same question with one thing different, from its first page."""
        return replace(self, **{"page": 1, **changes})

    def toggled(self, state: str) -> Listing:
        """With one state more, or less; sessions are a state's own, so that choice ends."""
        chosen = set(self.states) ^ {state}
        return self.but(states=tuple(sorted(chosen)), session="")

    def url(self, path: str = "/bills") -> str:
        given = {
            "q": self.words,
            "state": self.states,
            "session": self.session,
            "topic": self.topic,
            "stance": self.stance,
            "stage": self.stage,
            "level": "" if self.level == "relevant" else self.level,
            "since": self.since.isoformat() if self.since else "",
            "sort": self.sort,
            "page": "" if self.page == 1 else self.page,
        }
        query = urlencode({name: value for name, value in given.items() if value}, doseq=True)
        return f"{path}?{query}" if query else path


def read_listing(given: QueryParams) -> Listing:
    """Never an error: what is unknown or no date restricts nothing."""
    states = {code.lower() for code in given.getlist("state")} & set(jurisdictions())
    return Listing(
        words=given.get("q", "")[:LONGEST_QUERY].strip(),
        states=tuple(sorted(states)),
        session=given.get("session", "")[:100] if states else "",
        topic=_one_of(CHOICES, given.get("topic")),
        stance=_one_of(STANCES, given.get("stance")),
        stage=_one_of({stage.slug for stage in STAGES}, given.get("stage")),
        level=_one_of(LEVELS, given.get("level")) or "relevant",
        since=_date(given.get("since", "")),
        sort=_one_of(SORTS, given.get("sort")),
        page=_page(given.get("page", "")),
    )


def _one_of(known: Any, value: str | None) -> str:
    return value if value and value in known else ""


def _date(value: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(value)
    except ValueError:
        return None


def _page(value: str) -> int:
    return min(int(value), FARTHEST_PAGE) if value.isdecimal() and int(value[:9]) > 0 else 1
