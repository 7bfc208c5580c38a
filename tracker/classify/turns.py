"""The words of direction in a text: "shall", "may not", "prohibits", "is void" …

The rule file lists them by kind (its section ``direction``).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "ignored", "forbids", "requires", "leads", "afterwards", "turns", "ends", "reports",
    "excepts", "only_if",
]  # fmt: skip
KINDS: tuple[Kind, ...] = (
    "ignored", "forbids", "requires", "leads", "afterwards", "turns", "ends", "reports",
    "excepts", "only_if",
)  # fmt: skip
"""Of two words in one place that of the earlier kind stands."""
FINITE: tuple[Kind, ...] = ("forbids", "requires")
TURNING: tuple[Kind, ...] = ("turns", "ends")
SPEAK_OF_WHAT_PRECEDES: tuple[Kind, ...] = (
    *FINITE, *TURNING, "afterwards", "reports", "only_if",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Turn:
    """A word of direction; offsets in the cleaned text."""

    start: int
    end: int
    kind: Kind


class Turns:
    """Those that speak of what follows them (``before`` it), and of what precedes them."""

    def __init__(self, found: Iterable[Turn]) -> None:
        found = list(found)
        self.before = InOrder([one for one in found if one.kind != "afterwards"])
        self.after = InOrder(found, SPEAK_OF_WHAT_PRECEDES)


class InOrder:
    """The earlier of two that overlap stands, and of two that begin in one place the longer."""

    def __init__(self, found: Sequence[Turn], kinds: Sequence[Kind] = KINDS) -> None:
        kept: list[Turn] = []
        for turn in sorted(found, key=lambda one: (one.start, -one.end, KINDS.index(one.kind))):
            if not kept or turn.start >= kept[-1].end:
                kept.append(turn)
        self.all = [one for one in kept if one.kind in kinds and one.kind != "ignored"]
        self.starts = [one.start for one in self.all]

    def between(self, start: int, end: int) -> list[Turn]:
        return self.all[bisect_left(self.starts, start) : bisect_left(self.starts, end)]
