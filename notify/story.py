"""What a digest says and in which order: one context for its text, its HTML and its subject."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

from notify.filters import Filter, in_words
from notify.links import bill_link
from notify.snapshot import HearingNote, Quote, RedlineRun, Snapshot, short
from tracker.changes import (
    ABSTRACT,
    ACTION,
    COMPANION,
    HEARING_CANCELLED,
    HEARING_MOVED,
    HEARING_SET,
    INTRODUCED,
    SPONSOR_ADDED,
    SPONSOR_REMOVED,
    STAGE,
    TITLE,
    VERSION,
    VERSION_TEXT,
    VOTE,
)
from tracker.compare import folded
from tracker.hearing_times import day_and_time
from tracker.models import Bill
from tracker.stages import stage
from tracker.topics import topic_label
from tracker.web import wording

LONGEST_SUBJECT = 120
LONGEST_GIST = 70
MOST_HEARINGS = 3
LONGEST_LINK = 1000
LINK_CHARACTERS = "%/:=&?~#+!$,;'@()*[]"
LONGEST_WISH = 240
MOST_WISHES = 5
SOON = dt.timedelta(days=1)
"""A hearing today or tomorrow is urgent."""

# Most important first; kinds and stages that are not named come after all of these.
_IMPORTANCE = {
    name: rank
    for rank, names in enumerate(
        (
            ("became-law", "veto-overridden"),
            ("vetoed",),
            ("to-governor", "passed-second-chamber", "adopted"),
            ("passed-first-chamber",),
            ("soon",),
            ("failed", "withdrawn"),
            (HEARING_SET, HEARING_MOVED, HEARING_CANCELLED),
            (INTRODUCED, "introduced", "prefiled"),
            (VERSION, VERSION_TEXT),
            (VOTE,),
            ("in-committee",),
            (ACTION,),
            (TITLE, ABSTRACT),
            (COMPANION,),
            (SPONSOR_ADDED, SPONSOR_REMOVED),
        )
    )
    for name in names
}
_LEAST = len(_IMPORTANCE)

_STAGE_PHRASES = {
    "prefiled": "was filed for the coming session",
    "introduced": "was introduced",
    "in-committee": "went to committee",
    "passed-first-chamber": "passed its first chamber",
    "passed-second-chamber": "passed both chambers",
    "to-governor": "went to the governor",
    "adopted": "was adopted",
    "became-law": "became law",
    "vetoed": "was vetoed",
    "veto-overridden": "became law over a veto",
    "failed": "failed",
    "withdrawn": "was withdrawn",
}
_KIND_PHRASES = {
    INTRODUCED: "was introduced",
    VERSION: "has a new version",
    VERSION_TEXT: "has a new text",
    VOTE: "was voted on",
    ACTION: "moved",
    TITLE: "has a new title",
    ABSTRACT: "has a new summary",
    COMPANION: "has a companion bill",
    SPONSOR_ADDED: "gained a sponsor",
    SPONSOR_REMOVED: "lost a sponsor",
    HEARING_SET: "has a hearing",
    HEARING_MOVED: "has its hearing moved",
    HEARING_CANCELLED: "has its hearing cancelled",
    "action_corrected": "has a corrected history",
    "action_retracted": "has an action taken back",
    "vanished": "is gone from its legislature's list",
    "reappeared": "is back on its legislature's list",
}

_HEARING_LEADS = {
    HEARING_SET: "Hearing set",
    HEARING_MOVED: "Hearing moved",
    HEARING_CANCELLED: "Hearing cancelled",
}
_COUNTED = re.compile(r"(\d+) (?:yes|no)\b")
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Correction:
    """What we told, and what the source says now (empty: nothing any more)."""

    told: Snapshot
    now: str


@dataclass(frozen=True)
class Content:
    """All that an edition is made of; ``today`` is the readers' date.

    ``quiet_since``: nothing moved since then, and the reader wants to know that.
    """

    today: dt.date
    filters: tuple[Filter, ...]
    news: tuple[Snapshot, ...]
    corrections: tuple[Correction, ...] = ()
    quiet_since: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that changed: ``lead`` in our words, ``words`` the source's."""

    date: dt.date | None
    lead: str
    words: str


@dataclass(frozen=True)
class BillStory:
    """A bill and all its news of this digest, the most important first."""

    snapshots: tuple[Snapshot, ...]
    today: dt.date
    public_url: str

    @cached_property
    def latest(self) -> Snapshot:
        return max(self.snapshots, key=lambda snapshot: snapshot.change_id)

    @property
    def name(self) -> str:
        return f"{self.latest.jurisdiction.upper()} {self.latest.identifier}"

    @property
    def link(self) -> str:
        return bill_link(self.public_url, self.latest.bill_id)

    @property
    def source_url(self) -> str:
        """Only what a mail reader may open, and with nothing in it that ends a link in text."""
        url = self.latest.source_url
        usable = url.startswith(("https://", "http://")) and len(url) <= LONGEST_LINK
        return quote(url, safe=LINK_CHARACTERS) if usable else ""

    @cached_property
    def rank(self) -> tuple[int, dt.date]:
        """Lower comes first; of equals the bill whose hearing is nearer."""
        ranks = [_rank(snapshot) for snapshot in self.snapshots]
        if self.soon:
            ranks.append(_IMPORTANCE["soon"])
        return min(ranks), min((one.date for one in self.hearings), default=dt.date.max)

    @cached_property
    def hearings(self) -> tuple[HearingNote, ...]:
        return tuple(one for one in self.latest.hearings if one.date >= self.today)

    @property
    def soon(self) -> HearingNote | None:
        near = (one for one in self.hearings if one.date <= self.today + SOON)
        return next(near, None)

    @cached_property
    def headline(self) -> str:
        """``MD HB 1222 passed the House of Delegates``, ``MD HB 3: Referred to Judiciary``."""
        first = min(self._told, key=lambda snapshot: (_rank(snapshot), -snapshot.change_id))
        if self.soon and _rank(first) > _IMPORTANCE["soon"]:
            when = "today" if self.soon.date == self.today else "tomorrow"
            return f"{self.name} has a hearing {when}"
        if first.hearing:
            return f"{self.name} {_hearing_phrase(first, first.hearing, self.today)}"
        if first.kind == ACTION and first.words and not first.reached:
            return f"{self.name}: {short(first.words, LONGEST_GIST)}"
        return f"{self.name} {_phrase(first)}"

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        below = self.hearings[:MOST_HEARINGS]
        return tuple(_line(s, self.today, below) for s in self._told)

    @cached_property
    def _told(self) -> tuple[Snapshot, ...]:
        """The most important first, and nothing twice: a stage reached quotes a line of the
        history, and that line or the stage may tell a vote.
        """
        ordered = sorted(self.snapshots, key=lambda s: (_rank(s), s.change_id))
        stages = [s for s in ordered if s.kind == STAGE]
        quoted = {(s.occurred_on, s.words) for s in stages}
        reached = {s.reached for s in stages}
        history = [s for s in ordered if s.kind in (STAGE, ACTION)]
        votes = [
            vote
            for vote in ordered
            if vote.kind == VOTE and not any(_tells(line, vote) for line in history)
        ]
        motions = {(vote.occurred_on, folded(vote.words)) for vote in votes if vote.words}

        def is_told(s: Snapshot) -> bool:
            if s.kind == ACTION:
                said = (s.occurred_on, s.words)
                return said in quoted or (s.occurred_on, folded(s.words)) in motions
            if s.kind == INTRODUCED:
                return "introduced" in reached
            return s.kind == VOTE and s not in votes

        return tuple(s for s in ordered if not is_told(s))

    @cached_property
    def stage_words(self) -> str:
        latest = self.latest
        bill = Bill(jurisdiction=latest.jurisdiction, chamber=latest.chamber, stage=latest.stage)
        return wording.stage_sentence(bill)

    @property
    def steps(self) -> tuple[int, int]:
        """How far along the way of six steps; (0, 6) where nothing is known."""
        return (stage(self.latest.stage).position if self.latest.stage else 0), 6

    @property
    def ended(self) -> str:
        """``law``, ``dead`` or empty while it is under way."""
        if self.latest.stage in ("became-law", "veto-overridden", "adopted"):
            return "law"
        return "dead" if self.latest.stage in ("failed", "withdrawn", "vetoed") else ""

    @cached_property
    def stance(self) -> str:
        return wording.STANCES.get(self.latest.stance or "", "")

    @cached_property
    def topics(self) -> tuple[str, ...]:
        return tuple(topic_label(slug) for slug in self.latest.topics)

    @property
    def quote(self) -> Quote | None:
        return self.latest.quote

    @cached_property
    def redlines(self) -> tuple[tuple[RedlineRun, ...], ...] | None:
        """Of the newest version compared; empty: compared, and nothing near the evidence moved."""
        compared = [s for s in self.snapshots if s.redline is not None]
        return compared[-1].redline if compared else None


@dataclass(frozen=True)
class StateStory:
    name: str
    bills: tuple[BillStory, ...]


@dataclass(frozen=True)
class Story:
    """The whole digest; states and the bills in them come most important first."""

    content: Content
    public_url: str

    @cached_property
    def bills(self) -> tuple[BillStory, ...]:
        grouped: defaultdict[int, list[Snapshot]] = defaultdict(list)
        for snapshot in self.content.news:
            grouped[snapshot.bill_id].append(snapshot)
        stories = [
            BillStory(tuple(snapshots), self.content.today, self.public_url)
            for snapshots in grouped.values()
        ]
        return tuple(sorted(stories, key=lambda bill: (bill.rank, bill.name)))

    def states(self, most: int | None = None) -> tuple[StateStory, ...]:
        """The ``most`` important bills by state."""
        grouped: defaultdict[str, list[BillStory]] = defaultdict(list)
        for bill in self.bills[:most]:
            grouped[wording.state_name(bill.latest.jurisdiction)].append(bill)
        return tuple(StateStory(name, tuple(bills)) for name, bills in grouped.items())

    @cached_property
    def subject(self) -> str:
        if not self.bills:
            return self._subject_without_news
        lead, *others = self.bills
        if not others:
            title = lead.latest.title
            return short(f"{lead.headline} — {title}" if title else lead.headline, LONGEST_SUBJECT)
        return short(f"{lead.headline}; {len(others)} more{self._where(others)}", LONGEST_SUBJECT)

    @property
    def _subject_without_news(self) -> str:
        if self.content.corrections:
            count = wording.count(len(self.content.corrections), "correction")
            return f"{count} to what we told you"
        since = self.content.quiet_since
        return f"Nothing moved since {day(since, self.content.today)}" if since else ""

    @cached_property
    def summary(self) -> tuple[str, ...]:
        """At most three lines that hold the news for who reads no further."""
        return tuple(
            f"{bill.headline} — {short(bill.latest.title, LONGEST_GIST)}"
            if bill.latest.title and len(self.bills) > 1
            else f"{bill.headline}."
            for bill in self.bills[: self._named]
        ) + tuple(self._rest)

    @property
    def preheader(self) -> str:
        """What inboxes show after the subject, which has the first bill already."""
        others = [f"{bill.headline}." for bill in self.bills[1 : self._named]]
        first = [f"{bill.stage_words}." for bill in self.bills[:1]]
        return " ".join([*others, *self._rest] or first)

    @property
    def _named(self) -> int:
        return 3 if len(self.bills) <= 3 else 2

    @property
    def _rest(self) -> list[str]:
        rest = self.bills[self._named :]
        return [f"{wording.count(len(rest), 'more bill')}{self._where(rest)}."] if rest else []

    def _where(self, bills: Iterable[BillStory]) -> str:
        """Nothing to say where the whole digest is about one state: the lead names it."""
        if len({bill.latest.jurisdiction for bill in self.bills}) == 1:
            return ""
        places = {bill.latest.jurisdiction for bill in bills}
        states = places - {"us"}
        named = ["Congress"] if "us" in places else []
        if len(states) == 1:
            named.insert(0, wording.state_name(*states))
        elif states:
            named.insert(0, wording.count(len(states), "state"))
        return f" in {' and '.join(named)}"

    @property
    def wishes(self) -> tuple[str, ...]:
        """What the reader asked for; long lists of words are cut."""
        told = [short(in_words(chosen), LONGEST_WISH) for chosen in self.content.filters]
        more = len(told) - MOST_WISHES
        return (*told[:MOST_WISHES], f"{more} more") if more > 0 else tuple(told)


def correction_lines(correction: Correction, today: dt.date) -> tuple[str, str]:
    """What we told, and how it stands now."""
    told = _line(correction.told, today)
    name = f"{correction.told.jurisdiction.upper()} {correction.told.identifier}"
    when = f", {day(told.date, today)}" if told.date else ""
    said = f"{name}{when}: {told.lead or told.words}"
    return said, correction.now or "The legislature has taken this back."


def _rank(snapshot: Snapshot) -> int:
    return _IMPORTANCE.get(snapshot.reached or snapshot.kind, _LEAST)


def _tells(line: Snapshot, vote: Snapshot) -> bool:
    """The line is of that day, begins with the vote's motion and has its numbers."""
    counted = set(_COUNTED.findall(vote.summary))
    return (
        bool(vote.words)
        and line.occurred_on == vote.occurred_on
        and folded(line.words).startswith(folded(vote.words))
        and counted <= set(_NUMBER.findall(line.words))
    )


def _phrase(snapshot: Snapshot) -> str:
    if not snapshot.reached:
        return _KIND_PHRASES.get(snapshot.kind, "moved")
    where = wording.chamber_name(snapshot.jurisdiction, snapshot.chamber)
    if snapshot.reached == "passed-first-chamber" and where:
        return f"passed the {where}"
    if snapshot.reached == "introduced" and where:
        return f"was introduced in the {where}"
    if snapshot.reached == "to-governor" and snapshot.jurisdiction == "us":
        return "went to the President"
    return _STAGE_PHRASES.get(snapshot.reached, "moved")


def _hearing_phrase(snapshot: Snapshot, hearing: HearingNote, today: dt.date) -> str:
    on, has = day(hearing.date, today), "has" if hearing.date >= today else "had"
    if snapshot.kind == HEARING_SET:
        return f"{has} a hearing on {on}"
    if snapshot.kind == HEARING_CANCELLED:
        return f"{has} its hearing on {on} cancelled"
    was = snapshot.hearing_was
    another_day = was is not None and was.date != hearing.date
    return f"{has} its hearing moved to {on}" if another_day else f"{has} its hearing moved"


def _line(snapshot: Snapshot, today: dt.date, below: Sequence[HearingNote] = ()) -> Line:
    """``below``: hearings that the digest shows under the bill's news anyway."""
    if snapshot.hearing:
        return _hearing_line(snapshot, snapshot.hearing, today, below)
    if snapshot.reached:
        phrase = _phrase(snapshot)
        lead = phrase.removeprefix("was ")
        again = snapshot.words.rstrip(".").casefold() == lead.casefold()
        words = "" if again else snapshot.words
        return Line(snapshot.occurred_on, lead[:1].upper() + lead[1:], words)
    if snapshot.kind == INTRODUCED:
        return Line(snapshot.occurred_on, "Introduced", "")
    return Line(snapshot.occurred_on, "", snapshot.summary)


def _hearing_line(
    snapshot: Snapshot, hearing: HearingNote, today: dt.date, below: Sequence[HearingNote]
) -> Line:
    def held(one: HearingNote) -> str:
        when = day_and_time(one.date, one.time_text, today)
        return ", ".join(filter(None, (when, one.location)))

    words = f"{_HEARING_LEADS[snapshot.kind]}: {hearing.committee}"
    if snapshot.kind == HEARING_CANCELLED or hearing not in below:
        words += f", {held(hearing)}"
    if snapshot.hearing_was:
        words += f" (was {held(snapshot.hearing_was)})"
    return Line(None, "", words)


def day(date: dt.date, today: dt.date) -> str:
    """With the year only where it is another."""
    return f"{date:%b} {date.day}" + (f", {date.year}" if date.year != today.year else "")
