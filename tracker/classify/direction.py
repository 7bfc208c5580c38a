"""Which way a sentence turns an act: required or allowed, or forbidden, refused and punished.

From the act back to the start of its clause every word that turns things around counts once
("prohibits … policies that restrict …" turns twice), up to the finite verb that settles it
("shall", "may not"); verbs like "requires" lead on without turning. An item of a list goes on reading in the words that lead to it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tracker.classify.clauses import Clause, Clauses

Kind = Literal[
    "forbids", "requires", "leads", "turns", "forbids_after", "reports", "excepts", "only_if"
]  # fmt: skip
RANK: dict[Kind, int] = {
    "reports": 0, "only_if": 1, "forbids": 2, "forbids_after": 3, "turns": 4, "excepts": 5,
    "requires": 6, "leads": 7,
}  # fmt: skip
LEADING: frozenset[Kind] = frozenset(
    ("forbids", "requires", "leads", "turns", "reports", "excepts")
)
TRAILING: frozenset[Kind] = frozenset(("forbids_after", "only_if", "forbids", "requires"))
WEAK = 0.3
"""How much a direction counts that no word states."""
JOINED = re.compile(
    r"[\s,/]*(?:(?:or|and|and/or|nor|otherwise|in any way|in any manner|materially|to|attempt to"
    r"|unreasonably|from|a|the)[\s,]*)*",
    re.I,
)
RELATIVE = re.compile(r"(?:\b(?:that|which|who|whose|where|whereby|whom) (?:\w+ ){0,2})$", re.I)


@dataclass(frozen=True, slots=True)
class Turn:
    """A word of direction; offsets in the cleaned text."""

    start: int
    end: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class Direction:
    """``sign`` 1: the act is required, allowed or happens; -1: it is forbidden; 0: only reported.

    ``strength`` 0 to 1; ``turns`` are the words it was read from, outermost last.
    """

    sign: int
    strength: float
    turns: tuple[Turn, ...] = ()


class Turns:
    """All words of direction in a text: those that speak of what follows, and of what precedes."""

    def __init__(self, text: str, found: Sequence[Turn]) -> None:
        self.text = text
        self.leading = _InOrder([one for one in found if one.kind in LEADING])
        self.trailing = _InOrder([one for one in found if one.kind in TRAILING])

    def read(self, clauses: Clauses, act: tuple[int, int]) -> Direction:
        """The direction of the act at this span."""
        n = clauses.at(act[0])
        clause = clauses[n]
        reading = _Reading(self.text)
        settled = reading.back(self.leading.between(clause.start, act[0]), act[0])
        for lead in reversed(clause.lead):
            if settled:
                break
            settled = reading.back(
                self.leading.between(clauses[lead].start, clauses[lead].end), clauses[lead].end
            )
        follows = clause.follows
        while not settled and not reading.turns and follows is not None:
            before = clauses[follows]
            settled = reading.elliptical(self.leading.between(before.start, before.end))
            follows = before.follows
        after = self.trailing.between(act[1], self._reach(clauses, n))
        return reading.forward(after, act[1], settled)

    def _reach(self, clauses: Clauses, n: int) -> int:
        """How far words after the act may speak of it: a title's next clause, else its own."""
        clause: Clause = clauses[n]
        if clause.kind == "title" and n + 1 < len(clauses.all):
            return clauses[n + 1].end
        return clause.end


class _InOrder:
    """Turns in order and without overlaps; of two in one place the one of the lower rank."""

    def __init__(self, found: Sequence[Turn]) -> None:
        self.all: list[Turn] = []
        for turn in sorted(found, key=lambda one: (one.start, RANK[one.kind], -one.end)):
            if self.all and turn.start < self.all[-1].end:
                if RANK[turn.kind] < RANK[self.all[-1].kind]:
                    self.all[-1] = turn
                continue
            self.all.append(turn)
        self.starts = [one.start for one in self.all]

    def between(self, start: int, end: int) -> list[Turn]:
        return self.all[bisect_left(self.starts, start) : bisect_left(self.starts, end)]


class _Reading:
    def __init__(self, text: str) -> None:
        self.text = text
        self.turns: list[Turn] = []
        self.sign = 1
        self.reported = False
        self.excepted = False

    def back(self, turns: Sequence[Turn], until: int) -> bool:
        """Read backwards; true when a finite verb has settled the direction."""
        nearer: Turn | None = None
        for turn in reversed(turns):
            if turn.kind == "reports":
                self.reported = not self.turns
                self.turns.append(turn)
                return True
            if turn.kind == "excepts":
                self.excepted = True
                continue
            if turn.kind == "turns" and self._same(turn, nearer):
                nearer = turn
                continue
            self.turns.append(turn)
            if turn.kind in ("forbids", "turns"):
                self.sign = -self.sign
            nearer = turn
            if turn.kind in ("forbids", "requires") and not self._subordinate(turn):
                return True
        return False

    def _subordinate(self, turn: Turn) -> bool:
        """``a policy that requires …``: what governs the policy is still to come."""
        return RELATIVE.search(self.text, max(0, turn.start - 30), turn.start) is not None

    def _same(self, turn: Turn, nearer: Turn | None) -> bool:
        """``prohibit or restrict`` turns once."""
        return (
            nearer is not None
            and nearer.kind == "turns"
            and JOINED.fullmatch(self.text, turn.end, nearer.start) is not None
        )

    def elliptical(self, turns: Sequence[Turn]) -> bool:
        """``shall not ask …; hold …``: the finite verb of the clause before speaks here too."""
        for turn in turns:
            if turn.kind in ("forbids", "requires"):
                self.turns.append(turn)
                if turn.kind == "forbids":
                    self.sign = -self.sign
                return True
        return False

    def forward(self, after: Sequence[Turn], act_end: int, settled: bool) -> Direction:
        for turn in after:
            if turn.kind == "only_if" and self.sign > 0 and turn.start - act_end < 150:
                self.turns.append(turn)
                return Direction(-1, 1.0, tuple(self.turns))
            if turn.kind == "forbids_after" and not settled:
                self.turns.append(turn)
                self.sign = -self.sign
                settled = True
                break
            if turn.kind in ("forbids", "requires") and not self.turns:
                self.turns.append(turn)
                self.sign = -1 if turn.kind == "forbids" else 1
                settled = True
                break
        if self.reported:
            return Direction(0, 1.0, tuple(self.turns))
        strength = 1.0 if self.turns else WEAK
        return Direction(self.sign, strength * (WEAK if self.excepted else 1.0), tuple(self.turns))
