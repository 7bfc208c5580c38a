"""Which way a sentence turns an act: required or allowed, or forbidden, refused and punished.

From the act back to the verb that settles it ("shall", "may not", "The bill prohibits") every
word that turns things around counts once: "prohibits … policies that restrict …" turns twice.
Verbs like "requires" lead on without turning. An item of a list goes on reading in the words
that lead to it. Where nothing before the act settles it, what follows does: "… is void".
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from tracker.classify.clauses import Clause, Clauses

Kind = Literal[
    "ignored", "forbids", "requires", "leads", "turns", "ends", "afterwards", "reports",
    "excepts", "only_if",
]  # fmt: skip
KINDS: tuple[Kind, ...] = Kind.__args__  # type: ignore[attr-defined]
BEFORE: frozenset[Kind] = frozenset(
    ("ignored", "forbids", "requires", "leads", "turns", "ends", "reports", "excepts", "only_if")
)
AFTER: frozenset[Kind] = frozenset(
    ("ignored", "forbids", "requires", "turns", "ends", "afterwards", "only_if", "reports")
)
FINITE = ("forbids", "requires")
TURNS = ("turns", "ends")
WEAK = 0.3
"""How much a direction counts that no word states."""
NEAR_AFTER = 160
"""Characters after an act within which a condition speaks of it."""

JOINED = re.compile(
    r"[\s,/]*(?:(?:or|and|and/or|nor|otherwise|in any way|in any manner|materially|to|attempt to"
    r"|unreasonably|from|a|the|that|which)[\s,]*)*",
    re.I,
)
RELATIVE = re.compile(
    r"\b(?:that|whose|where|if|when|whenever|unless)(?:(?! and\b) [\w'-]+,?){0,6} $"
    r"|\b(?:which|who|whom|whereby|whoever)(?: [\w'-]+){0,14} $",
    re.I,
)
ASIDE = re.compile(r"\b(?:if|when|where|unless|because|although)\b[^,]*$", re.I)
# A verb here opens a statement of its own: what stands before does not govern it.
OPENS = re.compile(
    r"(?:[;:.]|\band(?: to)?|\b(?:bill|act|measure|resolution|title|ordinance|section|it|would|also"
    r"|further|concerning|regarding|relates? to|relating to|relative to|provides? for|so as to"
    r"|in order to|and for|by))"
    r",?\s*(?:the |a )?$|^[\W\d]*(?:an act |a bill |bill |act |to |the )*$",
    re.I,
)
# "Before agents may …": what is allowed only later.
NOT_BEFORE = re.compile(r"^[\W\d]*(?:\(?\w{1,3}[.)] )*(?:before|until) [^,]*$", re.I)
# An act here is told of as a condition or a mark of somebody: the verb that follows is not its own.
SUBORDINATE = re.compile(
    r"^[\W\d]*(?:\(?\w{1,3}[.)] )*(?:if|when|whenever|where|upon|on|before|after|once|during|following"
    r"|ahead of|prior to|in the case of)"
    r"\b[^,]*$|\b(?:that|which|who|whom|whoever)(?: [\w'-]+){0,3} $",
    re.I,
)
AND = re.compile(r"\band (?:to )?$", re.I)
# A participle after a noun tells which one: "an agency refusing to …".
WHICH_ONE = re.compile(r"[a-z]{3,} $")
PARTICIPLE = re.compile(r"ing\b", re.I)
NO = re.compile(r"\bno (?:[\w-]+ )?$", re.I)
NOBODY = re.compile(r"(?:^|[.,:;] |\bthat )[\W\d]*(?:\(?\w{1,3}[.)] )*(?:no|neither|none|nor)\b", re.I)

THAT_LAW = (
    r"\w*\b[^.;]{0,60}?\b(?:that|those|these|this|the above|the foregoing|such) (?:[\w-]+ ){0,3}?(?:provision"
    r"|requirement|prohibition|law|exception|authori|dut|limit|restriction|program|section|exemption)"
)
ENDS = re.compile(rf"\b(?:repeal|delet|eliminat|remov|strik|rescind|end|abolish){THAT_LAW}", re.I)
EXTENDS = re.compile(
    rf"\b(?:expand|extend|appl|broaden|recast|strengthen|additionally|further|also|instead|includ)"
    rf"{THAT_LAW}", re.I,
)  # fmt: skip
SENTENCES_ON = 2
"""A bill says within so many sentences what it does with the existing law it told of."""
LAST_WORD = re.compile(r"\W*(?:$|(?:and|under|for|in|with|except|by|certain)\b)|[,.;]", re.I)


@dataclass(frozen=True, slots=True)
class Turn:
    """A word of direction; offsets in the cleaned text."""

    start: int
    end: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class Direction:
    """``sign`` 1: the act is required, allowed or happens; -1: it is forbidden; 0: only reported.

    ``stated`` is false where no word tells; ``turns`` are the words it was read from, innermost
    first.
    """

    sign: int
    strength: float
    turns: tuple[Turn, ...] = ()

    @property
    def stated(self) -> bool:
        return bool(self.turns)

    @property
    def ended(self) -> bool:
        """The act is no longer to be: repealed, abolished."""
        return any(turn.kind == "ends" for turn in self.turns)


class Turns:
    """All words of direction in a text: those that speak of what follows, and of what precedes."""

    def __init__(self, text: str, found: Sequence[Turn]) -> None:
        self.text = text
        self.before = _InOrder([one for one in found if one.kind in BEFORE])
        self.after = _InOrder([one for one in found if one.kind in AFTER])

    def read(
        self, clauses: Clauses, act: tuple[int, int], own: Sequence[tuple[int, int]] = ()
    ) -> Direction:
        """The direction of the act at this span; ``own``: words that say with it what is done."""
        n = clauses.at(act[0])
        clause = clauses[n]
        reading = _Reading(self.text, own)
        turns = [_cut(one, act[0]) for one in self.before.between(clause.start, act[0])]
        inside = [one for one in self.before.between(*act) if one.kind in FINITE]
        before = self.text[clause.start : act[0]]
        if AND.search(before[-8:]):
            turns = [one for one in turns if one.kind != "reports"]
        settled = reading.none(before) or reading.back(
            [*turns, *inside], clause.start, act[0], bool(clause.lead)
        )
        for lead in reversed(clause.lead):
            if settled:
                break
            first = clauses[lead]
            turns = self.before.between(first.start, first.end)
            settled = reading.back(turns, first.start, first.end, lead != clause.lead[0])
        follows = clause.follows
        while not settled and not reading.turns and follows is not None:
            earlier = clauses[follows]
            settled = reading.elliptical(self.before.between(earlier.start, earlier.end), earlier)
            follows = earlier.follows
        after = self.after.between(act[1], clause.end)
        if not settled:
            told_of = SUBORDINATE.search(before[-300:]) is not None
            reading.forward(after, before, act[1], told_of)
        elif reading.told_apart:
            reading.told_to_report(after)
        if clause.kind == "title" and n + 1 < len(clauses.all):
            following = clauses[n + 1]
            reading.next_clause(self.after.between(following.start, following.end), following)
        reading.conditions(after, act[1])
        return reading.direction()


def _cut(turn: Turn, act: int) -> Turn:
    """``shall not release`` is a duty to hold; but "release" may be the act itself."""
    return replace(turn, kind="forbids") if turn.kind == "requires" and turn.end > act else turn


class _InOrder:
    """Turns in order and without overlaps: the earlier one stands, of two in one place the longer."""

    def __init__(self, found: Sequence[Turn]) -> None:
        kept: list[Turn] = []
        for turn in sorted(found, key=lambda one: (one.start, -one.end, KINDS.index(one.kind))):
            if not kept or turn.start >= kept[-1].end:
                kept.append(turn)
        self.all = [one for one in kept if one.kind != "ignored"]
        self.starts = [one.start for one in self.all]

    def between(self, start: int, end: int) -> list[Turn]:
        return self.all[bisect_left(self.starts, start) : bisect_left(self.starts, end)]


class _Reading:
    def __init__(self, text: str, own: Sequence[tuple[int, int]]) -> None:
        self.text, self.own = text, own
        self.turns: list[Turn] = []
        self.sign = 1
        self.reported = self.excepted = self.denied = self.told_apart = False

    def direction(self) -> Direction:
        if self.reported:
            return Direction(0, 1.0, tuple(self.turns))
        strength = 1.0 if self.turns or self.denied else WEAK
        return Direction(self.sign, strength * (WEAK if self.excepted else 1.0), tuple(self.turns))

    def _take(self, turn: Turn, flips: bool) -> None:
        self.turns.append(turn)
        if flips:
            self.sign = -self.sign

    def none(self, before: str) -> bool:
        """``no referral``"""
        if found := NO.search(before):
            self.sign = -self.sign
            self.denied = True
        return found is not None

    def back(self, turns: Sequence[Turn], start: int, until: int, led: bool) -> bool:
        """Read backwards; true when the direction is settled.

        ``led``: the clause is an item whose own first verb may hang on words before the list.
        """
        nearer: Turn | None = None
        for turn in reversed(turns):
            before = self.text[max(start, turn.start - 300) : turn.start]
            if any(first < turn.end and turn.start < last for first, last in self.own):
                nearer = turn
                continue
            if ASIDE.search(before) and "," in self.text[turn.end : until]:
                continue
            if turn.kind == "reports":
                self.reported = True
                self.turns.append(turn)
                return True
            if turn.kind == "only_if":
                self._take(turn, self.sign > 0)
                return True
            if turn.kind == "excepts":
                self.excepted = True
                continue
            if turn.kind in TURNS and self._same(turn, nearer):
                nearer = turn
                continue
            self._take(turn, turn.kind in ("forbids", *TURNS) or self._denied(turn, before))
            nearer = turn
            if RELATIVE.search(before):
                self.told_apart = True
            elif turn.kind in FINITE or self._opens(turn, before, led and turn.start - start < 12):
                return True
        return False

    def _opens(self, turn: Turn, before: str, led: bool) -> bool:
        """Whether a statement of its own begins here; not so if it hangs on a list's lead."""
        if PARTICIPLE.search(self.text, turn.start, turn.end):
            if before.endswith(", "):
                return True
            self.told_apart |= WHICH_ONE.search(before) is not None
        return not led and OPENS.search(before) is not None

    def _denied(self, turn: Turn, before: str) -> bool:
        """``No officer shall …``"""
        if turn.kind != "requires":
            return False
        return bool(NOBODY.search(before) or NOT_BEFORE.search(before))

    def _same(self, turn: Turn, nearer: Turn | None) -> bool:
        """``prohibit or restrict`` turns once."""
        return (
            nearer is not None
            and nearer.kind in TURNS
            and JOINED.fullmatch(self.text, turn.end, nearer.start) is not None
        )

    def elliptical(self, turns: Sequence[Turn], clause: Clause) -> bool:
        """``shall not ask …; hold …``: the verb of the clause before speaks here too."""
        for turn in turns:
            before = self.text[clause.start : turn.start]
            if turn.kind == "reports" and clause.kind == "title":
                self.reported = True
                self.turns.append(turn)
                return True
            if turn.kind in FINITE or (
                turn.kind in (*TURNS, "leads") and self._opens(turn, before, False)
            ):
                self._take(turn, turn.kind in ("forbids", *TURNS) or self._denied(turn, before))
                return True
        return False

    def told_to_report(self, turns: Sequence[Turn]) -> None:
        """``an agency refusing to … shall report it``"""
        for turn, following in pairwise(turns[:3]):
            if turn.kind == "requires" and following.kind == "reports":
                self.reported = True

    def forward(self, turns: Sequence[Turn], before: str, act_end: int, told_of: bool) -> None:
        """What is said after an act that nothing before it settles.

        ``told_of``: the act is no subject of the verb that follows, so only its fate counts.
        """
        open_before = bool(self.turns)
        for n, turn in enumerate(turns):
            if turn.kind == "afterwards":
                self._take(turn, True)
                return
            if turn.kind in FINITE:
                if RELATIVE.search(self.text, act_end, turn.start):
                    continue
                following = turns[n + 1] if n + 1 < len(turns) else None
                ends = following is not None and following.start - turn.end < 14
                ends = ends and following.kind in (*TURNS, "afterwards")  # type: ignore[union-attr]
                if told_of and not open_before:
                    return
                if open_before and turn.kind == "requires" and not ends:
                    return
                self._take(turn, (turn.kind == "forbids" or self._denied(turn, before)) != ends)
                return

    def next_clause(self, turns: Sequence[Turn], clause: Clause) -> None:
        """``Sanctuary policies; prohibit.``: a title says at the end what is done."""
        for turn in turns[:1]:
            after = self.text[turn.end : clause.end]
            if turn.start - clause.start > 1 or not LAST_WORD.match(after):
                return
            if turn.kind in (*TURNS, "afterwards"):
                self._take(turn, True)
            elif turn.kind == "reports" and not self.turns:
                self.reported = True
                self.turns.append(turn)

    def conditions(self, turns: Sequence[Turn], act_end: int) -> None:
        """``may hold … only if``: what is allowed on a condition is held back."""
        if self.sign > 0 and not self.reported:
            for turn in turns:
                if turn.kind == "only_if" and turn.start - act_end < NEAR_AFTER:
                    self._take(turn, True)
                    return


def carried_on(text: str, clauses: Clauses, n: int) -> int:
    """``Existing law requires … . This bill would repeal that provision.``"""
    for clause in clauses.all[n + 1 :]:
        if clause.sentence > clauses[n].sentence + SENTENCES_ON:
            return 0
        if clause.sentence == clauses[n].sentence or clause.kind == "existing":
            continue
        words = text[clause.start : clause.end]
        if ENDS.search(words):
            return -1
        if EXTENDS.search(words):
            return 1
    return 0
