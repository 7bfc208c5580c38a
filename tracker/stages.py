"""Action text → Open Civic Data classification, and the stage a bill has reached.

What a wording means is data (:mod:`tracker.stage_rules`); here is how actions add up. Nothing a
source says of a bill's progress is trusted to be complete: a bill that the second chamber passed
has passed the first, though the page may not show it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from tracker.stage_rules import LONGEST_TEXT, combined, rule_set, rules_hash

__all__ = [
    "STAGES",
    "ActionStage",
    "DatedAction",
    "Progress",
    "Stage",
    "bill_stage",
    "classify_action",
    "rules_hash",
    "stage",
]


@dataclass(frozen=True, slots=True)
class Stage:
    """``position``: how far along the usual way, 0 to 6, for a progress bar; 6 is an end."""

    slug: str
    label: str
    position: int

    @property
    def final(self) -> bool:
        return self.position == 6


STAGES: tuple[Stage, ...] = (
    Stage("prefiled", "Filed before the session", 0),
    Stage("introduced", "Introduced", 1),
    Stage("in-committee", "In committee", 2),
    Stage("passed-first-chamber", "Passed first chamber", 3),
    Stage("passed-second-chamber", "Passed both chambers", 4),
    Stage("to-governor", "Sent to the governor", 5),
    Stage("adopted", "Adopted", 6),
    Stage("became-law", "Became law", 6),
    Stage("vetoed", "Vetoed", 6),
    Stage("veto-overridden", "Became law over a veto", 6),
    Stage("failed", "Failed", 6),
    Stage("withdrawn", "Withdrawn", 6),
)
"""In order. In a legislature of one chamber its passage counts as that of both. Amendments of the
second chamber do not undo its passage; the bill waits there until both agree."""

_BY_SLUG = {stage.slug: stage for stage in STAGES}
_UNICAMERAL = frozenset({"ne", "dc"})
_LAW = frozenset({"became-law", "veto-overridden"})
_DEAD = frozenset({"failed", "withdrawn"})


def stage(slug: str) -> Stage:
    """Raises ``KeyError`` for a slug that is none of :data:`STAGES`."""
    return _BY_SLUG[slug]


@dataclass(frozen=True, slots=True)
class ActionStage:
    """What one action means by itself.

    ``step`` is what it does to a bill (:data:`tracker.stage_rules.Step`), empty for most;
    ``chamber`` the one that the wording says acted, which outranks the source's actor.
    """

    classification: tuple[str, ...] = ()
    step: str = ""
    chamber: str | None = None


@dataclass(frozen=True, slots=True)
class DatedAction:
    date: dt.date | None
    actor: str | None
    meaning: ActionStage


@dataclass(frozen=True, slots=True)
class Progress:
    """``steps[i]`` is the stage that action *i* brought the bill to, empty if it moved nothing.

    ``stage`` is empty when no action says anything about it.
    """

    stage: str
    on: dt.date | None
    steps: tuple[str, ...]


@lru_cache(maxsize=1 << 16)
def classify_action(
    jurisdiction: str,
    text: str,
    actor: str | None = None,
    source_classification: tuple[str, ...] = (),
) -> ActionStage:
    """What an action means. The source's own codes, where the rules know them, outrank its text.

    Never raises on any text; words no rule knows mean nothing.
    """
    rules = rule_set(jurisdiction)
    known = [rules.codes[code] for code in source_classification if code in rules.codes]
    text = " ".join(text[:LONGEST_TEXT].split())
    spoken = rules.read(text, actor)
    means = combined(known or spoken)
    return ActionStage(means.classification, means.step, rules.chamber_named(spoken, text))


def bill_stage(
    jurisdiction: str,
    origin_chamber: str | None,
    bill_types: Sequence[str],
    actions: Sequence[DatedAction],
) -> Progress:
    """Add up actions into the stage a bill has reached.

    ``origin_chamber`` and ``bill_types`` as in ``BillItem.chamber`` and ``.classification``.
    Actions come as the source orders them; a history printed newest first is read from its end.
    """
    journey = _Journey(
        origin=origin_chamber if origin_chamber in ("lower", "upper") else None,
        chambers=_chambers_needed(jurisdiction, origin_chamber, bill_types),
        resolution=_is_resolution(jurisdiction, bill_types),
    )
    order = range(len(actions))
    dates = [action.date for action in actions if action.date]
    if dates and dates[0] > dates[-1]:
        order = range(len(actions) - 1, -1, -1)
    steps = [""] * len(actions)
    reached_on: dt.date | None = None
    for index in order:
        action = actions[index]
        before = journey.stage
        journey.take(action.meaning.step, action.meaning.chamber or action.actor)
        if journey.stage != before:
            steps[index] = journey.stage
            reached_on = action.date
    return Progress(journey.stage, reached_on, tuple(steps))


def _is_resolution(jurisdiction: str, bill_types: Sequence[str]) -> bool:
    """Resolutions end with adoption; a joint resolution of Congress is a bill by another name."""
    if jurisdiction == "us" and "joint resolution" in bill_types:
        return False
    return any("resolution" in name or "memorial" in name for name in bill_types)


def _chambers_needed(jurisdiction: str, origin: str | None, bill_types: Sequence[str]) -> int:
    one_chamber = {"resolution", "memorial", "simple resolution", "appointment", "nomination"}
    if jurisdiction in _UNICAMERAL or origin == "unicameral" or one_chamber & set(bill_types):
        return 1
    return 2


@dataclass
class _Journey:
    """A bill on its way; ``take`` one action's step after the other."""

    origin: str | None
    chambers: int
    resolution: bool
    stage: str = ""
    passed: set[str] = field(default_factory=set)
    overridden: set[str] = field(default_factory=set)
    where: str | None = None
    undo: tuple[str, set[str], str | None] | None = None
    """Stage and passages before the last passage, failure or presentment, and who did that."""

    def take(self, step: str, actor: str | None) -> None:
        chamber = actor if actor in ("lower", "upper") else None
        self.where = chamber or self.where
        if step == "reconsidered":
            self._reconsider(chamber)
        elif self.stage in _LAW or not step:
            return
        elif self.stage == "vetoed":
            self._after_veto(step, chamber)
        else:
            self._go_on(step, chamber)

    def _go_on(self, step: str, chamber: str | None) -> None:
        match step:
            case "prefiled" | "introduced" | "in-committee":
                self._begin(step, chamber)
            case "passed":
                self._pass(chamber or self.where or self.origin or "first")
            case "passed-both":
                self._move("adopted" if self.resolution else "passed-second-chamber")
            case "filed":
                self._move("adopted" if self.resolution else "became-law")
            case "to-governor" | "became-law" | "vetoed" | "veto-overridden":
                self._move(step)
            case "failed" | "withdrawn":
                if self.stage not in ("adopted", *_DEAD):
                    self._move(step, back=True)
            case "carried-over":
                if self.stage in _DEAD:
                    self._move(self._underway(), back=True)
            case "restart":
                if self.stage != "adopted":
                    self.passed.clear()
                    self._move("in-committee", back=True)
            case "overridden":
                self._after_veto(step, chamber)

    def _begin(self, step: str, chamber: str | None) -> None:
        """A referral revives a dead bill; one in the other chamber means the first has passed."""
        if self.stage in _DEAD:
            if step == "in-committee":
                self._move(self._underway(), back=True)
        elif self.chambers == 2 and self.origin and chamber and chamber != self.origin:
            self._move("passed-first-chamber")
        else:
            self._move(step)

    def _pass(self, chamber: str) -> None:
        before = (self.stage, set(self.passed), chamber)
        self.passed.add(chamber)
        if self.origin and chamber not in (self.origin, "first"):
            self.passed.add(self.origin)
        if len(self.passed) < self.chambers:
            self._move("passed-first-chamber")
        else:
            self._move("adopted" if self.resolution else "passed-second-chamber")
        if self.stage != before[0]:
            self.undo = before

    def _after_veto(self, step: str, chamber: str | None) -> None:
        if step == "overridden":
            self.overridden.add(chamber or self.where or "first")
            if len(self.overridden) >= self.chambers:
                self._move("veto-overridden", back=True)
        elif step in ("veto-overridden", "became-law", "filed"):
            self._move("veto-overridden", back=True)

    def _reconsider(self, chamber: str | None) -> None:
        if self.undo and (chamber is None or self.undo[2] in (None, chamber)):
            self.stage, self.passed, _ = self.undo
            self.undo = None

    def _underway(self) -> str:
        return "passed-first-chamber" if self.passed else "in-committee"

    def _move(self, to: str, back: bool = False) -> None:
        """Forward only, unless ``back`` allows any; from a dead bill every way is forward."""
        if to == self.stage:
            return
        here = -1 if not self.stage or self.stage in _DEAD else _BY_SLUG[self.stage].position
        if not back and _BY_SLUG[to].position <= here and to not in ("became-law", "vetoed"):
            return
        undoable = to in _DEAD or to == "to-governor"
        self.undo = (self.stage, set(self.passed), None) if undoable else None
        self.stage = to
