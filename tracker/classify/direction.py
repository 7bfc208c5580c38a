"""Which way a sentence turns an act: required or allowed, or forbidden, refused and punished.

From the act back to the verb that settles it ("shall", "may not", "The bill prohibits") every
word that turns things around counts once: "prohibits … policies that restrict …" turns twice.
Verbs like "requires" lead on without turning. An item of a list goes on reading in the words
that lead to it. Where nothing before the act settles it, what follows does: "… is void".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from tracker.classify import english
from tracker.classify.clauses import Clause, Clauses
from tracker.classify.turns import FINITE, TURNING, Turn, Turns

WEAK = 0.3
"""How much a direction counts that no word states."""
NEAR_AFTER = 160
"""Characters after an act within which a condition speaks of it."""
CONTEXT = 300
"""Characters before a word that tell how it is meant."""
NEXT_WORD = 14
"""Characters from "shall not be" to a word that belongs to it."""
ITEM_START = 12
"""Characters from the start of a list's item to its own first verb."""
SENTENCES_ON = 2
"""A bill says within so many sentences what it does with the existing law it told of."""


@dataclass(frozen=True, slots=True)
class Direction:
    """``sign`` 1: the act is required, allowed or happens; -1: it is forbidden; 0: only reported.

    ``turns`` are the words it was read from, innermost first.
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


def read_direction(
    text: str,
    turns: Turns,
    clauses: Clauses,
    act: tuple[int, int],
    own: Sequence[tuple[int, int]] = (),
) -> Direction:
    """The direction of the act at this span; ``own``: words that say with it what is done."""
    reading = _Reading(text, turns, own)
    n = clauses.at(act[0])
    clause = clauses[n]
    before = text[max(clause.start, act[0] - CONTEXT) : act[0]]
    within = [one for one in turns.after.between(*act) if one.kind == "afterwards"]
    behind = turns.after.between(act[1], clause.end)
    after = [one for one in (*within, *behind) if not reading.is_own(one)]
    if english.IN_PASSING.search(before[-90:]):
        reading.in_passing(turns.before.between(clause.start, act[0]), after, act[1])
        return reading.direction()
    settled = reading.none(before) or reading.own_clause(clause, act, before)
    for lead in reversed(clause.lead):
        if settled:
            break
        first = clauses[lead]
        found = turns.before.between(first.start, first.end)
        settled = reading.back(found, first.start, first.end, lead != clause.lead[0])
    follows = None if clause.kind == "title" else clause.follows
    while not settled and not reading.turns and follows is not None:
        earlier = clauses[follows]
        settled = reading.elliptical(turns.before.between(earlier.start, earlier.end), earlier)
        follows = earlier.follows
    if settled and english.RELATES_ANYWHERE.search(before):
        reading.repealed(behind)
    if not settled or reading.goes_on:
        told_of = english.CONDITION.search(before) is not None
        reading.forward(after, before, act[1], told_of)
    if reading.told_apart:
        reading.told_to_report(after)
    if english.TO_REPORT.match(text, act[1], clause.end):
        reading.reported = True
    if clause.kind == "title" and n + 1 < len(clauses.all):
        following = clauses[n + 1]
        span = following.start, following.end
        reading.next_clause(turns.after.between(*span) or turns.before.between(*span), following)
    reading.conditions(after, act[1])
    return reading.direction()


def _cut(turn: Turn, act: int) -> Turn:
    """``shall not release`` is a duty to hold; but "release" may be the act itself."""
    return replace(turn, kind="forbids") if turn.kind == "requires" and turn.end > act else turn


class _Reading:
    """``told_apart``: a turning word told which one is meant ("an officer who refuses …")."""

    def __init__(self, text: str, turns: Turns, own: Sequence[tuple[int, int]]) -> None:
        self.text, self.all, self.own = text, turns, own
        self.turns: list[Turn] = []
        self.sign = 1
        self.reported = self.excepted = self.denied = self.told_apart = False

    def direction(self) -> Direction:
        if self.reported:
            return Direction(0, 1.0, tuple(self.turns))
        strength = 1.0 if self.turns or self.denied else WEAK
        return Direction(self.sign, strength * (WEAK if self.excepted else 1.0), tuple(self.turns))

    @property
    def goes_on(self) -> bool:
        """``Provides that a sheriff who declines …``: what is said of the sheriff is to come."""
        if not self.turns or self.turns[-1].kind != "leads":
            return False
        return self.told_apart or english.THAT.match(self.text, self.turns[-1].end) is not None

    # -- before the act ------------------------------------------------------------------------

    def in_passing(self, before: Sequence[Turn], after: Sequence[Turn], act_end: int) -> None:
        self.reported = any(one.kind == "reports" for one in before)
        self.forward(after, "", act_end, told_of=True)

    def none(self, before: str) -> bool:
        """``no referral``"""
        self.denied = english.NO.search(before) is not None
        self.sign = -self.sign if self.denied else self.sign
        return self.denied

    def own_clause(self, clause: Clause, act: tuple[int, int], before: str) -> bool:
        found = [_cut(one, act[0]) for one in self.all.before.between(clause.start, act[0])]
        if english.AND.search(before[-8:]):
            found = [one for one in found if one.kind != "reports"]
        within = self.all.before.between(*act)
        if not (found and self._governs(found[-1], act[0])):
            found += [one for one in within if one.kind in FINITE]
        itself = next((one for one in within[:1] if one.start == act[0]), None)
        return self.back(found, clause.start, act[0], bool(clause.lead), itself)

    def back(
        self,
        turns: Sequence[Turn],
        start: int,
        until: int,
        led: bool,
        nearer: Turn | None = None,
    ) -> bool:
        """Read backwards; true when the direction is settled.

        ``led``: the clause is an item whose own first verb may hang on words before the list;
        ``nearer``: the act, where it is itself a word that turns ("limit or restrict").
        """
        for n, turn in reversed([*enumerate(turns)]):
            before = self.text[max(start, turn.start - CONTEXT) : turn.start]
            aside = (
                english.ASIDE.search(before) or english.AFTER.search(before)
            ) and "," in self.text[turn.end : until]
            own = turn.kind not in FINITE and self.is_own(turn)
            if own or (turn.kind in TURNING and self._same(turn, nearer)):
                nearer = turn
            elif turn.kind == "excepts":
                self.excepted = True
            elif aside:
                continue
            elif turn.kind in ("reports", "only_if"):
                self.reported = turn.kind == "reports"
                self._take(turn, turn.kind == "only_if" and self.sign > 0)
                return True
            else:
                nearer = turn
                self._take(turn, self._turns(turn, before, turns[:n]))
                hangs = turn.start - start < ITEM_START or english.RELATES.search(before)
                if self._settles(turn, before, led and bool(hangs)):
                    return True
        return False

    def _governs(self, turn: Turn, act: int) -> bool:
        """``shall not enter into``: the verb just before the act, not one inside it."""
        between = self.text[max(turn.end, act - CONTEXT) : act]
        return turn.kind in FINITE and not between.strip()

    def _since_verb(self, earlier: Sequence[Turn], before: str, turn: Turn) -> str:
        """What stands before a verb and belongs to no other: "no person shall … who are to"."""
        verb = next((one for one in reversed(earlier) if one.kind in FINITE), None)
        if verb is None:
            return before
        lead = self.text[max(0, verb.start - CONTEXT) : verb.start]
        if english.WHICH.search(lead):
            return before
        return self.text[max(verb.end, turn.start - CONTEXT) : turn.start]

    def is_own(self, turn: Turn) -> bool:
        return any(first < turn.end and turn.start < last for first, last in self.own)

    def _same(self, turn: Turn, nearer: Turn | None) -> bool:
        """``prohibit or restrict`` turns once; ``repeals the prohibition`` twice."""
        return (
            nearer is not None
            and nearer.kind in TURNING
            and english.JOINED.fullmatch(self.text, turn.end, nearer.start) is not None
            and (
                nearer.kind == turn.kind
                or english.OR.search(self.text, turn.end, nearer.start) is not None
            )
        )

    def _turns(self, turn: Turn, before: str, earlier: Sequence[Turn] = ()) -> bool:
        """Whether the word turns things around; also "shall" in "No officer shall"."""
        if turn.kind == "requires":
            before = self._since_verb(earlier, before, turn)
            return bool(english.NOBODY.search(before) or english.NOT_BEFORE.search(before))
        return turn.kind in ("forbids", *TURNING)

    def _settles(self, turn: Turn, before: str, led: bool) -> bool:
        if english.WHICH.search(before):
            self.told_apart = True
            return False
        return turn.kind in FINITE or self._opens(turn, before, led)

    def _opens(self, turn: Turn, before: str, led: bool) -> bool:
        """Whether a statement of its own begins here; not so if it hangs on a list's lead."""
        if english.PARTICIPLE.search(self.text, turn.start, turn.end):
            if before.endswith(", "):
                return True
            self.told_apart |= english.NOUN.search(before) is not None
        return (
            not led
            and english.OPENS.search(before) is not None
            and not english.REPEALS.search(before)
        )

    def elliptical(self, turns: Sequence[Turn], clause: Clause) -> bool:
        """``shall not ask …; hold …``: the verb of the clause before speaks here too."""
        for turn in turns:
            before = self.text[max(clause.start, turn.start - CONTEXT) : turn.start]
            opens = turn.kind in (*TURNING, "leads") and self._opens(turn, before, False)
            if turn.kind in FINITE or opens:
                self._take(turn, self._turns(turn, before))
                return True
        return False

    # -- after the act -------------------------------------------------------------------------

    def forward(self, turns: Sequence[Turn], before: str, act_end: int, told_of: bool) -> None:
        """What is said after an act that nothing before it settles.

        ``told_of``: the act is no subject of the verb that follows, so only its fate counts.
        """
        fate_counts = bool(self.turns)
        for n, turn in enumerate(turns):
            following = turns[n + 1] if n + 1 < len(turns) else None
            if turn.kind == "afterwards":
                ended = n and turns[n - 1].kind == "ends"
                return self._take(turn, not (ended and turn.start - turns[n - 1].end < NEXT_WORD))
            if turn.kind not in FINITE or english.WHICH.search(self.text, act_end, turn.start):
                continue
            undone = (
                following is not None
                and following.kind in (*TURNING, "afterwards")
                and following.start - turn.end < NEXT_WORD
            )
            if fate_counts and (turn.kind == "forbids" or undone):
                return self._take(turn, (turn.kind == "forbids") != undone)
            if not fate_counts and not told_of:
                return self._take(turn, self._turns(turn, before) != undone)
            return None
        return None

    def repealed(self, turns: Sequence[Turn]) -> None:
        """``Section 5, relating to the prohibition of …, is repealed.``"""
        for turn in turns:
            if turn.kind == "afterwards" and english.REPEALED.match(self.text, turn.start):
                self._take(replace(turn, kind="ends"), True)
                return

    def told_to_report(self, turns: Sequence[Turn]) -> None:
        """``an agency refusing to … shall report it``"""
        for turn, following in pairwise(turns[:3]):
            if turn.kind == "requires" and following.kind == "reports":
                self.reported = True

    def next_clause(self, turns: Sequence[Turn], clause: Clause) -> None:
        """``Sanctuary policies; prohibit.``: a title says at the end what is done."""
        if not turns:
            return
        turn = turns[0]
        behind = self.text[turn.end : clause.end]
        opens = english.PARTICIPLE.search(self.text, turn.start, turn.end)
        if turn.start - clause.start > 1 or opens or not english.LAST_WORD.match(behind):
            return
        if turn.kind in (*TURNING, "afterwards"):
            self._take(turn, True)
        elif turn.kind in ("reports", "leads") and not self.turns:
            self.reported = turn.kind == "reports"
            self._take(turn, False)

    def conditions(self, turns: Sequence[Turn], act_end: int) -> None:
        """``may hold … only if``: what is allowed on a condition is held back."""
        if self.sign > 0 and not self.reported:
            for turn in turns:
                if turn.start - act_end >= NEAR_AFTER:
                    return None
                if turn.kind in TURNING and english.AND_THEN.search(self.text, act_end, turn.start):
                    return None
                if turn.kind == "only_if":
                    return self._take(turn, True)
        return None

    def _take(self, turn: Turn, flips: bool) -> None:
        self.turns.append(turn)
        if flips:
            self.sign = -self.sign


def carried_on(text: str, clauses: Clauses, n: int) -> int:
    """What a bill does with the existing law of clause ``n``: 1 extends it, -1 ends it, 0 unsaid.

    ``Existing law requires … . This bill would repeal that provision.``
    """
    for clause in clauses.all[n + 1 :]:
        if clause.sentence > clauses[n].sentence + SENTENCES_ON:
            return 0
        if clause.sentence == clauses[n].sentence or clause.kind == "existing":
            continue
        words = text[clause.start : clause.end]
        if english.ENDS_THAT_LAW.search(words):
            return -1
        if english.EXTENDS_THAT_LAW.search(words):
            return 1
    return 0
