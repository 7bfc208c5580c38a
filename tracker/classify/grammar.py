"""Phrases compiled, and where they stand in the words of a text.

A phrase is matched word by word from each word that can begin it; word lists are matched once at
each place. There is nothing to backtrack over, so that no phrase can make a text slow.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple

from tracker.classify.phrases import Lists, PhraseError, Word, read_phrase
from tracker.classify.words import (
    BROKEN,
    JOINED,
    LINE_NUMBER,
    SOFT,
    TOKEN,
    plain_form,
    words_of,
)

MOST_KNOWN = 100_000
"""Words of texts whose meaning is kept."""
MOST_PLACES = 800
"""Places of one word, the first of a text, with which phrases may begin: no sentences have more in
a window (:mod:`tracker.classify.find`), but what is no sentence may."""
MANY = 4
"""With fewer places where a sequence may begin they are all tried."""
ANYTHING = BROKEN + 1
"""What may stand before the first word of a phrase."""


class Place(NamedTuple):
    """Where a phrase stands: characters, and words (``after`` is the first word behind it)."""

    start: int
    end: int
    first: int
    after: int


@dataclass(slots=True)
class Step:
    """One place in a phrase, compiled: words by number, and phrases that may stand there."""

    keys: frozenset[int]
    inner: tuple[Rule, ...]
    optional: bool
    gap: int


@dataclass(slots=True, eq=False)
class Way:
    """A sequence. ``gaps``: any words may stand in it; ``reach``: the most words it can take;
    ``needs``: for each place the words of which one must occur if the sequence stands anywhere.
    """

    steps: tuple[Step, ...]
    gaps: bool
    reach: int
    first: frozenset[int]
    needs: tuple[frozenset[int], ...]

    @classmethod
    def of(cls, steps: tuple[Step, ...]) -> Way:
        gaps = any(step.gap or any(rule.gaps for rule in step.inner) for step in steps)
        reach = sum(
            step.gap or max((rule.reach for rule in step.inner), default=1) for step in steps
        )
        sure = [_first([step]) for step in steps if not step.gap and not step.optional]
        return cls(steps, gaps, reach, _first(steps), tuple(sure))


@dataclass(slots=True, eq=False)
class Rule:
    """A phrase or word list: single words, other lists, and sequences."""

    single: frozenset[int]
    lists: tuple[Rule, ...]
    ways: tuple[Way, ...]
    first: frozenset[int]
    gaps: bool
    reach: int

    @classmethod
    def of(cls, ways: Iterable[Way]) -> Rule:
        single: set[int] = set()
        lists: list[Rule] = []
        others: list[Way] = []
        for way in ways:
            if len(way.steps) == 1:
                single |= way.steps[0].keys
                lists += way.steps[0].inner
            else:
                others.append(way)
        parts: list[Rule | Way] = [*lists, *others]
        return cls(
            frozenset(single),
            tuple(lists),
            tuple(others),
            frozenset().union(single, *(one.first for one in parts)),
            any(one.gaps for one in parts),
            max((one.reach for one in parts), default=1),
        )


class Grammar:
    """Phrases over one set of word lists."""

    def __init__(self, lists: Lists) -> None:
        self.lists = lists
        self.rules: dict[str, Rule] = {}
        self._lists: dict[str, Rule] = {}
        self._whole: dict[str, int] = {}
        self._stems: dict[str, int] = {}
        self._exact: dict[str, int] = {}
        self.spelled: dict[str, bool | None] = {"a": False}
        """Its words, true for stems; ``None`` for what only begins a word."""
        self.known = _Known(self._look_up)
        self._stem_lengths: list[int] = []

    def add(self, phrase: str) -> Rule:
        """Compile a phrase once; raises :class:`PhraseError`."""
        return self._rule(phrase, ())

    def __contains__(self, word: object) -> bool:
        """Whether a rule knows the word."""
        return bool(self.known[str(word)])

    def ready(self) -> None:
        self._stem_lengths = sorted({len(stem) for stem in self._stems})

    def _look_up(self, word: str) -> Iterator[int]:
        for form in {word, word.strip("() "), word.replace(".", "")}:
            for exact in (form, form.removesuffix("'s").removesuffix("s")):
                if exact in self._exact:
                    yield self._exact[exact]
            plain = plain_form(form)
            if plain in self._whole:
                yield self._whole[plain]
            for length in self._stem_lengths:
                if length <= len(plain) and (key := self._stems.get(plain[:length])) is not None:
                    yield key

    # -- compiling ---------------------------------------------------------------------------

    def _rule(self, phrase: str, inside: tuple[str, ...]) -> Rule:
        if phrase not in self.rules:
            self.rules[phrase] = Rule.of(self._ways(phrase, inside))
        return self.rules[phrase]

    def _ways(self, phrase: str, inside: tuple[str, ...]) -> Iterator[Way]:
        for sequence in read_phrase(phrase):
            yield Way.of(tuple(step for word in sequence for step in self._steps(word, inside)))

    def _steps(self, word: Word, inside: tuple[str, ...]) -> Iterator[Step]:
        if word.gap:
            yield Step(frozenset(), (), False, word.gap)
            return
        keys: set[int] = set()
        inner: list[Rule] = []
        for choice in word.choices:
            if choice.startswith("<"):
                inner.append(self._list(choice[1:-1], inside))
            elif choice.startswith("="):
                keys.add(self._exact.setdefault(choice[1:], self._number()))
                self._spell(choice[1:].lower(), stem=False)
            else:
                whole, parts = _spelled(choice)
                keys |= {self._key(one) for one in whole}
                inner += [self._parts(one) for one in parts]
        yield Step(frozenset(keys), tuple(inner), word.optional, 0)

    def _list(self, name: str, inside: tuple[str, ...]) -> Rule:
        if name not in self.lists:
            raise PhraseError(f"no word list <{name}>")
        if name in inside:
            raise PhraseError(f"word list <{name}> holds itself: {' in '.join((*inside, name))}")
        if name not in self._lists:
            entries = self.lists[name]
            self._lists[name] = Rule.of(
                way for phrase in entries for way in self._ways(phrase, (*inside, name))
            )
        return self._lists[name]

    def _parts(self, words: Sequence[str]) -> Rule:
        """A word of the rules that texts may write as several: ``non-citizen``; ``287(g)``, also
        as ``287-g``."""
        keys = [self._key(one.strip("()")) for one in words]
        steps = tuple(Step(frozenset([key]), (), False, 0) for key in keys)
        return Rule.of([Way.of(steps)])

    def _key(self, word: str) -> int:
        stem = word.removesuffix("*")
        self._spell(stem, stem=word.endswith("*"))
        table = self._stems if word.endswith("*") else self._whole
        return table.setdefault(plain_form(stem), self._number())

    def _spell(self, word: str, *, stem: bool) -> None:
        if len(word) > 1 and word.isalpha():
            self.spelled[word] = stem or bool(self.spelled.get(word))
            for n in range(1, len(word)):
                self.spelled.setdefault(word[:n])

    def _number(self) -> int:
        return len(self._whole) + len(self._stems) + len(self._exact)


def _spelled(word: str) -> tuple[list[str], list[list[str]]]:
    """A written word as single words, and as words one after the other."""
    ending = "*" if word.endswith("*") else ""
    parts = [found.group() for found in TOKEN.finditer(word.removesuffix("*").lower())]
    if not parts:
        raise PhraseError(f"{word!r} has no letter or digit")
    parts[-1] += ending
    if len(parts) == 1:
        return parts, []
    joined = [] if any(one.isdigit() for one in word) else ["".join(parts)]
    return joined, [parts]


def _first(way: Sequence[Step]) -> frozenset[int]:
    """The words that can begin a sequence."""
    found: set[int] = set()
    for step in way:
        found |= step.keys
        for rule in step.inner:
            found |= rule.first
        if not step.optional:
            break
    return frozenset(found)


class _Known(dict[str, tuple[int, ...]]):
    """A word as it stands in a text → the numbers of all words of the rules that it is."""

    def __init__(self, look_up: Callable[[str], Iterable[int]]) -> None:
        super().__init__()
        self._look_up = look_up

    def __missing__(self, word: str) -> tuple[int, ...]:
        if len(self) >= MOST_KNOWN:
            self.clear()
        keys = self[word] = tuple(set(self._look_up(word)))
        return keys


Ends = tuple[set[int], set[int]]
"""Words behind which something ends: as it is written, and with any words in its gaps."""


class Reading:
    """The words of one text, asked for phrases; each phrase and list is looked for once."""

    def __init__(self, grammar: Grammar, text: str) -> None:
        self.grammar = grammar
        self.words = words_of(text)
        known = grammar.known
        self.keys = [known[form] for form in self.words.forms]
        self._at: dict[int, list[int]] = {}
        self._found: dict[str, list[Place]] = {}
        self._tables: dict[int, dict[int, Ends]] = {}
        self._index()

    def _index(self) -> None:
        at: dict[int, list[int]] = defaultdict(list)
        for n, keys in enumerate(self.keys):
            if keys:
                for key in keys:
                    at[key].append(n)
        for places in at.values():
            del places[MOST_PLACES:]
        self._at = dict(at)

    def blank(self, places: Iterable[Place]) -> None:
        """Read these words as if they were none that a rule knows."""
        for place in places:
            for n in range(place.first, place.after):
                self.keys[n] = ()
        self._index()
        self._found.clear()
        self._tables.clear()

    def present(self) -> Set[int]:
        """The numbers of the rules' words that occur."""
        return self._at.keys()

    def has(self, phrase: str) -> bool:
        return bool(self.places(phrase))

    def places(self, phrase: str) -> list[Place]:
        """Where the phrase stands, left to right, none overlapping."""
        found = self._found.get(phrase)
        if found is None:
            found = self._found[phrase] = list(self._places(self.grammar.rules[phrase]))
        return found

    def _places(self, rule: Rule) -> Iterator[Place]:
        """Of each the longest; the shortest, where only any words make it longer."""
        free = 0
        table = self._table(rule)
        for n in sorted(table):
            if n >= free:
                tight, loose = table[n]
                free = max(tight) if tight else min(loose)
                yield Place(self.words.starts[n], self.words.ends[free - 1], n, free)

    def _table(self, rule: Rule) -> dict[int, Ends]:
        """Where the rule's phrases begin, and where each can end."""
        known = self._tables.get(id(rule))
        if known is None:
            known = self._tables[id(rule)] = {}
            if not rule.first.isdisjoint(self._at):
                self._fill(known, rule)
        return known

    def _fill(self, table: dict[int, Ends], rule: Rule) -> None:
        at = self._at
        for key in rule.single & at.keys():
            for n in at[key]:
                table.setdefault(n, (set(), set()))[0].add(n + 1)
        for inner in rule.lists:
            for n, (tight, loose) in self._table(inner).items():
                here = table.setdefault(n, (set(), set()))
                here[0].update(tight)
                here[1].update(loose)
        for way in rule.ways:
            if not any(need.isdisjoint(at) for need in way.needs):
                for n in self._starts(way):
                    if ends := self._walk(way.steps, n):
                        table.setdefault(n, (set(), set()))[way.gaps].update(ends)

    def _starts(self, way: Way) -> list[int]:
        """The words with which a sequence may begin, near enough to its rarest word."""
        starts = self._all(way.first)
        if len(starts) < MANY:
            return starts
        at = self._at
        rarest = min(way.needs, key=lambda need: sum(len(at.get(key, ())) for key in need))
        places = self._all(rarest)
        return [n for n in starts if bisect_left(places, n) < bisect_left(places, n + way.reach)]

    def _all(self, keys: frozenset[int]) -> list[int]:
        present = keys & self._at.keys()
        if len(present) == 1:
            return self._at[next(iter(present))]
        return sorted({n for key in present for n in self._at[key]})

    def _walk(self, steps: Sequence[Step], start: int) -> set[int]:
        """Every word behind which the sequence, begun at ``start``, can end."""
        joins, keys, count = self.words.joins, self.keys, len(self.keys)
        states = {(start, ANYTHING)}
        for step in steps:
            after: set[tuple[int, int]] = set()
            for n, between in states:
                if step.gap:
                    after.add((n, SOFT))
                    for m in range(n, min(count, n + step.gap)):
                        if joins[m] > SOFT:
                            break
                        after.add((m + 1, SOFT))
                    continue
                if step.optional:
                    after.add((n, between))
                if n < count and joins[n] > between:
                    continue
                if between == JOINED and self._is_line_number(n):
                    n += 1
                if n >= count:
                    continue
                if not step.keys.isdisjoint(keys[n]):
                    after.add((n + 1, JOINED))
                for rule in step.inner:
                    if (ends := self._table(rule).get(n)) is not None:
                        after.update((end, JOINED) for some in ends for end in some)
            if not after:
                return set()
            states = after
        return {n for n, _ in states if n > start}

    def _is_line_number(self, n: int) -> bool:
        """A number of a bill's printed line that was left there when lines were joined."""
        return (
            n + 1 < len(self.keys)
            and not self.keys[n]
            and self.words.joins[n + 1] == JOINED
            and LINE_NUMBER.fullmatch(self.words.forms[n]) is not None
        )
