"""Where a text says what the rules look for: phrases, their distances, and who is related to whom.

Long texts are read in windows around the anchors of the rules (:mod:`tracker.classify.book`), so
that the cost of a bill follows what it says of the subject, not its length.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from tracker.classify.book import Book, ReadyRule, Unless
from tracker.classify.clauses import Clauses, cut
from tracker.classify.clean import Clean, clean, page_headers
from tracker.classify.direction import Direction, Turn, Turns, carried_on
from tracker.classify.phrases import Chain, Connector

Span = tuple[int, int]

# Characters of context read before and after an anchor: enough for the words a list hangs on.
BEFORE, AFTER = 5000, 2500
# Words that may stand between two phrases that a sentence or a section joins.
SENTENCE_WORDS, SECTION_WORDS = 70, 250
NEIGHBOURS = 2
"""Clauses of one sentence this far apart speak of one thing."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that found its words. ``act`` is its first phrase; spans are in the cleaned text."""

    ready: ReadyRule
    act: Span
    spans: tuple[Span, ...]
    clause: int

    @property
    def whole(self) -> Span:
        return min(one[0] for one in self.spans), max(one[1] for one in self.spans)


@dataclass
class Passage:
    """A field of a bill, or a window of its text, ready to be searched."""

    book: Book
    kind: str
    """title, abstract, subject or text."""
    clean: Clean
    text: str = field(init=False)
    """As cleaned, with look-alikes blanked."""

    def __post_init__(self) -> None:
        self.text = _without_look_alikes(self.book, self.clean.text)

    @cached_property
    def clauses(self) -> Clauses:
        return cut(self.text, title=self.kind in ("title", "subject"))

    @cached_property
    def spans(self) -> dict[str, list[Span]]:
        """Every phrase of the rules that occurs, with its places."""
        data = self.text.encode("ascii", "replace")
        found = (self.book.phrases[n] for n in self.book.finder.hits(data))
        return {phrase: list(self.book.patterns[phrase].spans(data)) for phrase in found}

    @cached_property
    def turns(self) -> Turns:
        data = self.text.encode("ascii", "replace")
        found = [
            Turn(start, end, kind)
            for kind, pattern in self.book.turns.items()
            for start, end in pattern.spans(data)
        ]
        return Turns(self.text, found)

    def hits(self) -> Iterator[Hit]:
        spans = self.spans
        for ready in self.book.rules:
            if self.kind not in ready.fields:
                continue
            for chain in ready.chains:
                if all(phrase in spans for phrase in chain.phrases):
                    yield from self._chained(ready, chain)

    def direction(self, hit: Hit) -> Direction:
        return self.turns.read(self.clauses, hit.act, hit.spans[1:])

    def carried_on(self, hit: Hit) -> int:
        """What this bill does with existing law told of: 1 extends it, -1 ends it, 0 unsaid."""
        return carried_on(self.text, self.clauses, hit.clause)

    def original(self, span: Span) -> Span:
        """The span in the field as it is stored."""
        return self.clean.start(span[0]), self.clean.end(span[1])

    def _chained(self, ready: ReadyRule, chain: Chain) -> Iterator[Hit]:
        for first in self.spans[chain.phrases[0]]:
            group = [first]
            for connector, phrase in zip(chain.connectors, chain.phrases[1:], strict=True):
                joined = self._nearest(group[-1], connector, self.spans[phrase])
                if joined is None:
                    break
                group.append(joined)
            else:
                if not any(self._holds(one, group) for one in ready.unless):
                    yield Hit(ready, first, tuple(group), self.clauses.at(first[0]))

    def _nearest(self, here: Span, connector: Connector, places: Sequence[Span]) -> Span | None:
        """The closest of ``places`` that the connector allows."""
        n = bisect_left(places, here)
        around = [*places[max(0, n - 6) : n][::-1], *places[n : n + 6]]
        fitting = [one for one in around if self._joined(here, one, connector)]
        return min(fitting, key=lambda one: abs(one[0] - here[0]), default=None)

    def _joined(self, here: Span, there: Span, connector: Connector) -> bool:
        first, second = sorted((here, there))
        if second[0] < first[1]:
            # Words in the gap of a phrase ("share _8 information") are near; shared words are not.
            return first[0] < second[0] and second[1] < first[1] and connector.kind != "then"
        if connector.kind == "then" and first == there:
            return False
        between = self.words_between(first, second)
        if connector.kind == "section":
            clauses = self.clauses
            same = clauses[clauses.at(first[0])].section == clauses[clauses.at(second[0])].section
            return same and between <= SECTION_WORDS
        if connector.kind == "sentence":
            return between <= SENTENCE_WORDS and self.related(first[0], second[0])
        return between <= (connector.words or 0) and self.related(first[0], second[0])

    def words_between(self, first: Span, second: Span) -> int:
        between = self.text[first[1] : second[0]]
        return len(between.split())

    def related(self, one: int, other: int) -> bool:
        """Whether the clauses at two places speak together: one sentence, or a list and its lead."""
        clauses = self.clauses
        n, m = sorted((clauses.at(one), clauses.at(other)))
        if n == m or n in clauses[m].lead:
            return True
        return clauses[n].sentence == clauses[m].sentence and m - n <= NEIGHBOURS

    def _holds(self, unless: Unless, group: Sequence[Span]) -> bool:
        """Whether words are near, or in it, that make this something else."""
        connector = Connector(unless.kind, unless.words)
        return any(
            self._joined(span, place, connector) or (place[0] < span[1] and span[0] < place[1])
            for place in self.spans.get(unless.phrase, ())
            for span in group
        )


def passages(
    book: Book, kind: str, text: str, gone: Sequence[Span] = (), *, short: bool = False
) -> Iterator[Passage]:
    """The parts of a field that may say something; ``gone`` are spans not to be read.

    ``short`` fields are read whole.
    """
    if short:
        yield Passage(book, kind, clean(text, book.lexicon, gone=gone))
        return
    headers = page_headers(text)
    for start, end in windows(book, text):
        yield Passage(book, kind, clean(text, book.lexicon, start, end, gone, headers))


def windows(book: Book, text: str) -> Iterator[Span]:
    """Stretches of text around anchors, as whole lines, none overlapping."""
    data = text.encode("utf-8", "replace")
    places = [start for start, _ in book.anchors.spans(data)]
    if len(data) != len(text):
        places = _characters(data, places)
    start = end = -1
    for place in places:
        if place + AFTER <= end:
            continue
        if end < 0 or place - BEFORE > end:
            if end >= 0:
                yield start, end
            start = _line_start(text, max(0, place - BEFORE))
        end = _line_end(text, min(len(text), place + AFTER))
    if end >= 0:
        yield start, end


def _characters(data: bytes, places: Sequence[int]) -> list[int]:
    """Byte offsets as offsets of characters."""
    found, at, count = [], 0, 0
    for place in places:
        count += len(data[at:place].decode("utf-8", "ignore"))
        at = place
        found.append(count)
    return found


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", max(0, at - 400), at) + 1 or at


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at, at + 400)
    return at if found < 0 else found


def _without_look_alikes(book: Book, text: str) -> str:
    """Words that mean something else here are blanked, letter by letter."""
    if not book.look_alike:
        return text
    data = text.encode("ascii", "replace")
    for one in book.file.look_alikes:
        pattern = book.look_alike[one.phrase]
        spans = list(pattern.spans(data))
        if not spans:
            continue
        if one.if_any and not any(book.look_alike[p].found(data) for p in one.if_any):
            continue
        if any(book.look_alike[p].found(data) for p in one.unless_any):
            continue
        for start, end in spans:
            text = text[:start] + re.sub(r"\S", "~", text[start:end]) + text[end:]
    return text
