"""Where a text says what the rules look for: phrases, their distances, and who is related to whom.

Long texts are read in windows around the anchors of the rules (:mod:`tracker.classify.book`), so
that the cost of a bill follows what it says of the subject, not its length.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from tracker.classify.book import Book, ReadyRule, Unless
from tracker.classify.clauses import Clauses, cut
from tracker.classify.clean import Clean, clean, page_headers
from tracker.classify.direction import Direction, carried_on, read_direction
from tracker.classify.grammar import Place, Reading
from tracker.classify.phrases import Chain, Connector
from tracker.classify.run_together import set_apart
from tracker.classify.turns import Turn, Turns

Span = tuple[int, int]

NEAR = 1800
"""Characters looked at around an anchor: no rule joins words farther apart."""
BEFORE, AFTER = 5000, 2500
"""Characters read where a rule found something: enough for the words a list hangs on."""
# Words that may stand between two phrases that a sentence or a section joins.
SENTENCE_WORDS, SECTION_WORDS = 70, 250
LONGEST = 40_000
"""Characters of a window: more are read as several, so that no text costs more memory."""
MOST_READ = 500_000
"""Characters read of what is on topic: a bill that says still more says no more by it."""
MOST_LOOKED_AT = 4 * MOST_READ
"""Characters around anchors of which all is looked at …"""
ONE_IN = 10
"""… and one character in so many, the middle of a window, around still more of them."""
MOST_SAID = 30
"""Hits of one rule in one clause: what is said again there says no more."""
NEIGHBOURS = 2
"""Clauses of one sentence this far apart speak of one thing."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that found its words, the act first."""

    ready: ReadyRule
    places: tuple[Place, ...]
    clause: int

    @property
    def act(self) -> Span:
        return self.places[0].start, self.places[0].end

    @property
    def whole(self) -> Span:
        return min(one.start for one in self.places), max(one.end for one in self.places)


class Passage:
    """A field of a bill, or a window of its text, ready to be searched.

    ``kind``: title, abstract, subject or text. Look-alikes are read as words no rule knows.
    """

    def __init__(self, book: Book, kind: str, cleaned: Clean) -> None:
        self.book, self.kind = book, kind
        self.clean = set_apart(cleaned, book.grammar.spelled)
        self.text = self.clean.text
        self.reading = Reading(book.grammar, self.text)
        self._blank_look_alikes()

    @cached_property
    def clauses(self) -> Clauses:
        return cut(self.text, title=self.kind in ("title", "subject"))

    @cached_property
    def turns(self) -> Turns:
        found = {
            Turn(place.start, place.end, kind)
            for key in self.reading.present() & self.book.turns.keys()
            for phrase, kind in self.book.turns[key]
            for place in self.reading.places(phrase)
        }
        return Turns(found)

    def hits(self) -> Iterator[Hit]:
        has = self.reading.has
        said: Counter[tuple[str, int]] = Counter()
        for phrase, chains in self.book.chains.items():
            if not has(phrase):
                continue
            for ready, one in chains:
                if self.kind in ready.fields and all(has(other) for other in one.rarest[1:]):
                    for hit in self._chained(ready, one.chain):
                        said[ready.rule.id, hit.clause] += 1
                        if said[ready.rule.id, hit.clause] <= MOST_SAID:
                            yield hit

    def has_any(self, phrases: Sequence[str]) -> bool:
        return any(self.reading.has(phrase) for phrase in phrases)

    def direction(self, hit: Hit) -> Direction:
        own = [(place.start, place.end) for place in hit.places[1:]]
        return read_direction(self.text, self.turns, self.clauses, hit.act, own)

    @cached_property
    def _leanings(self) -> Counter[int]:
        """Clause → words of bills that expand, less those of bills that limit."""
        leanings = self.book.file.leanings
        found: Counter[int] = Counter()
        for sign, phrases in ((1, leanings.expands), (-1, leanings.limits)):
            for phrase in phrases:
                for place in self.reading.places(phrase):
                    found[self.clauses.at(place.start)] += sign
        return found

    def leaning(self, n: int) -> int:
        """Of clause ``n``: 1 where its words are of bills that expand, -1 limit, 0 neither."""
        return (self._leanings[n] > 0) - (self._leanings[n] < 0)

    def carried_on(self, hit: Hit) -> int:
        """See :func:`tracker.classify.direction.carried_on`."""
        return carried_on(self.text, self.clauses, hit.clause)

    def original(self, span: Span) -> Span:
        """The span in the field as it is stored."""
        return self.clean.start(span[0]), self.clean.end(span[1])

    def _chained(self, ready: ReadyRule, chain: Chain) -> Iterator[Hit]:
        for first in self.reading.places(chain.phrases[0]):
            group = [first]
            for connector, phrase in zip(chain.connectors, chain.phrases[1:], strict=True):
                joined = self._nearest(group[-1], connector, self.reading.places(phrase))
                if joined is None:
                    break
                group.append(joined)
            else:
                if not any(self._holds(one, group) for one in ready.unless):
                    yield Hit(ready, tuple(group), self.clauses.at(first.start))

    def _nearest(self, here: Place, connector: Connector, places: Sequence[Place]) -> Place | None:
        """The closest of ``places`` that the connector allows."""
        n = bisect_left(places, here)
        around = [*places[max(0, n - 6) : n][::-1], *places[n : n + 6]]
        fitting = [one for one in around if self._joined(here, one, connector)]
        return min(fitting, key=lambda one: abs(one.start - here.start), default=None)

    def _joined(self, here: Place, there: Place, connector: Connector) -> bool:
        first, second = (here, there) if here <= there else (there, here)
        if second.first < first.after:
            # Words in the gap of a phrase ("share _8 information") are near; shared words are not.
            within = first.first < second.first and second.after < first.after
            return within and connector.kind != "then"
        if connector.kind == "then" and first is there:
            return False
        between = second.first - first.after
        if connector.kind == "section":
            clauses = self.clauses
            sections = [clauses[clauses.at(one.start)].section for one in (first, second)]
            return sections[0] == sections[1] and between <= SECTION_WORDS
        if connector.kind == "sentence":
            return between <= SENTENCE_WORDS and self.related(first.start, second.start)
        return between <= (connector.words or 0) and self.related(first.start, second.start)

    def related(self, one: int, other: int) -> bool:
        """Whether two places speak together: in one sentence, or in a list and its lead."""
        clauses = self.clauses
        n, m = sorted((clauses.at(one), clauses.at(other)))
        if n == m or n in clauses[m].lead:
            return True
        return clauses[n].sentence == clauses[m].sentence and m - n <= NEIGHBOURS

    def _holds(self, unless: Unless, group: Sequence[Place]) -> bool:
        """Whether words are near, or in it, that make this something else."""
        connector = Connector(unless.kind, unless.words)
        return any(
            self._joined(one, place, connector)
            or (place.first < one.after and one.first < place.after)
            for place in self.reading.places(unless.phrase)
            for one in group
        )

    def _blank_look_alikes(self) -> None:
        reading = self.reading
        for one in self.book.file.look_alikes:
            if not (places := reading.places(one.phrase)):
                continue
            if one.if_any and not self.has_any(one.if_any):
                continue
            if not self.has_any(one.unless_any):
                reading.blank(places)


def passages(
    book: Book, kind: str, text: str, gone: Sequence[Span] = (), *, short: bool = False
) -> Iterator[Passage]:
    """The parts of a field that may say something; ``gone`` are spans not to be read.

    ``short`` fields are read whole. Of long ones those where nothing is found are read narrowly.
    """
    if short:
        yield Passage(book, kind, clean(text, book.grammar, gone=gone))
        return
    headers = page_headers(text)

    def read(span: Span) -> Passage:
        return Passage(book, kind, clean(text, book.grammar, *span, gone, headers))

    found, length = [], 0
    for span in _looked_at(text, windows(text, anchors(book, text), NEAR, NEAR)):
        narrow = read(span)
        if next(narrow.hits(), None) is None:
            yield narrow
            continue
        found.append(span)
        length += span[1] - span[0]
        if length > MOST_READ:
            break
    for span in windows(text, found, BEFORE, AFTER):
        yield read(span)


def _looked_at(text: str, spans: Iterable[Span]) -> Iterator[Span]:
    length = 0
    for start, end in spans:
        length += end - start
        if length <= MOST_LOOKED_AT:
            yield start, end
        else:
            middle, reach = (start + end) // 2, (end - start) // (2 * ONE_IN)
            yield _line_start(text, middle - reach), _line_end(text, middle + reach)


def anchors(book: Book, text: str) -> Iterator[Span]:
    data = text.encode("utf-8", "replace")
    places = book.anchors.starts(data)
    for place in _characters(data, places) if len(data) != len(text) else places:
        yield place, place


def windows(text: str, spans: Iterable[Span], before: int, after: int) -> Iterator[Span]:
    """Stretches of text around spans, as whole lines, none overlapping."""
    start = end = 0
    for first, last in spans:
        until = _line_end(text, min(len(text), last + after))
        if end and first - before <= end and until - start <= LONGEST:
            end = max(end, until)
            continue
        if end:
            yield start, end
        start = max(end, _line_start(text, max(0, first - before)))
        end = until
    if end:
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
