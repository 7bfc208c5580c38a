"""What a bill whose source marks its additions and deletions does to a statement of the law."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence

from tracker.classify.find import Hit, Passage, Span
from tracker.items import TextMark

NEAR = 400
NEXT = 3
"""Characters between what goes and what comes in its place."""
DUTY = re.compile(r"\b(?:shall|must)\b(?! not)", re.I)
CHOICE = re.compile(r"\bmay\b(?! not)", re.I)
EXCEPTION = re.compile(r"\b(?:except|unless|other than)\b", re.I)
ONE_MORE_CONDITION = re.compile(r"\W*and\b", re.I)


class Changes:
    """The places where a text adds or strikes; ``marked`` is false where it adds nothing."""

    def __init__(self, text: str, marks: Sequence[TextMark] | None) -> None:
        self.text = text
        self.spans = sorted((mark.start, mark.end) for mark in marks or ())
        self.ends = [end for _, end in self.spans]
        self.added = _spans(marks, "insert")
        self.struck = _spans(marks, "delete")
        self.marked = bool(self.added)
        self.made_free = self._made_free()

    def near(self, span: Span, distance: int = NEAR) -> bool:
        """At most so many characters away; -1: one of its own is changed."""
        n = bisect_left(self.ends, span[0] - distance)
        return n < len(self.spans) and self.spans[n][0] <= span[1] + distance

    def touch(self, passage: Passage, n: int) -> bool:
        """Whether a character of clause ``n``, or of one that leads to it, is changed."""
        those = [passage.clauses[one] for one in (*passage.clauses[n].lead, n)]
        return any(self.near(passage.original((one.start, one.end)), -1) for one in those)

    def turned(self, passage: Passage, hit: Hit, sign: int) -> int:
        """The sign of what is said as it reads, turned where the change goes the other way."""
        clause = passage.clauses[hit.clause]
        whole = passage.original((clause.start, clause.end))
        if sign > 0 and any(overlap((at, at + 1), whole) for at in self.made_free):
            return -1
        return -sign if self._excepted_more(passage, hit) else sign

    def _made_free(self) -> list[int]:
        """Starts of additions by which a duty becomes a choice: "may" comes where "shall" was."""
        return [
            first
            for first, last in self.added
            if CHOICE.search(self.text[first:last])
            and not DUTY.search(self.text[first:last])
            and any(
                end <= first <= end + NEXT and DUTY.search(self.text[start:end])
                for start, end in self.struck
            )
        ]

    def _excepted_more(self, passage: Passage, hit: Hit) -> bool:
        """Whether all that is new is in the exception: "… except as required by law *or …*"."""
        clause = passage.clauses[hit.clause]
        exception = EXCEPTION.search(passage.text, hit.act[1], clause.end)
        if exception is None:
            return False
        rest = passage.original((exception.start(), clause.end))
        if not self.near(rest, -1):
            return False
        rule = passage.original((clause.start, exception.start()))
        if any(overlap(span, rule) for span in self.added):
            return False
        if any(overlap(span, (rest[0] - NEXT, rest[1])) for span in self.struck):
            return False
        added = [span for span in self.added if overlap(span, rest)]
        return bool(added) and not ONE_MORE_CONDITION.match(self.text, added[0][0])


def _spans(marks: Sequence[TextMark] | None, kind: str) -> list[Span]:
    return sorted((mark.start, mark.end) for mark in marks or () if mark.kind == kind)


def overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]
