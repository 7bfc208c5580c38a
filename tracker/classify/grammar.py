"""Phrases compiled, and where they stand in the words of a text.

A phrase is matched word by word from each word that can begin it; word lists are matched once at
each place. There is nothing to backtrack over, so that no phrase can make a text slow.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from tracker.classify.phrases import Lists, PhraseError, Word, read_phrase
from tracker.classify.words import (
    BROKEN,
    JOINED,
    LINE_NUMBER,
    SOFT,
    TOKEN,
    Words,
    plain_form,
    words_of,
)

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
class Rule:
    """A phrase or word list: ``ways`` are (sequence, whether any words may stand in it)."""

    ways: list[tuple[tuple[Step, ...], bool]] = field(default_factory=list)
    first: frozenset[int] = frozenset()


class Grammar:
    """Phrases over one set of word lists."""

    def __init__(self, lists: Lists) -> None:
        self.lists = lists
        self.rules: dict[str, Rule] = {}
        self._whole: dict[str, int] = {}
        self._stems: dict[str, int] = {}
        self._exact: dict[str, int] = {}
        self._known: dict[str, tuple[int, ...]] = {}
        self._stem_lengths: list[int] = []

    def add(self, phrase: str) -> Rule:
        """Compile a phrase once; raises :class:`PhraseError`."""
        return self._rule(phrase, ())

    def keys_of(self, word: str) -> tuple[int, ...]:
        """The numbers of all words of the rules that this word of a text is."""
        known = self._known.get(word)
        if known is None:
            known = tuple(self._look_up(word))
            if len(self._known) > 100_000:
                self._known.clear()
            self._known[word] = known
        return known

    def __contains__(self, word: object) -> bool:
        """Whether a rule knows the word."""
        return bool(self.keys_of(str(word)))

    def ready(self) -> None:
        self._stem_lengths = sorted({len(stem) for stem in self._stems})

    def _look_up(self, word: str) -> Iterator[int]:
        for form in {word, word.strip("() ")}:
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
            rule = Rule()
            for sequence in read_phrase(phrase):
                rule.ways.append(self._way(sequence, inside))
            rule.first = frozenset().union(*(_first(way) for way, _ in rule.ways))
            self.rules[phrase] = rule
        return self.rules[phrase]

    def _way(
        self, sequence: Sequence[Word], inside: tuple[str, ...]
    ) -> tuple[tuple[Step, ...], bool]:
        steps = tuple(step for word in sequence for step in self._steps(word, inside))
        gaps = any(step.gap for step in steps)
        inner = (rule for step in steps for rule in step.inner)
        return steps, gaps or any(some for rule in inner for _, some in rule.ways)

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
        if (known := self.rules.get(f"<{name}>")) is not None and known.ways:
            return known
        rule = Rule()
        for phrase in self.lists[name]:
            rule.ways += self._rule(phrase, (*inside, name)).ways
        rule.first = frozenset().union(*(_first(way) for way, _ in rule.ways))
        self.rules[f"<{name}>"] = rule
        return rule

    def _parts(self, words: Sequence[str]) -> Rule:
        """A word of the rules that texts may write as several: ``non-citizen``, ``287(g)``."""
        steps = tuple(Step(frozenset([self._key(one)]), (), False, 0) for one in words)
        return Rule([(steps, False)], steps[0].keys)

    def _key(self, word: str) -> int:
        table = self._stems if word.endswith("*") else self._whole
        return table.setdefault(plain_form(word.removesuffix("*")), self._number())

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


class Reading:
    """The words of one text, asked for phrases; each phrase is looked for once."""

    def __init__(self, grammar: Grammar, text: str, words: Words | None = None) -> None:
        self.grammar, self.text = grammar, text
        self.words = words or words_of(text)
        self.keys = [grammar.keys_of(form) for form in self.words.forms]
        self._at: dict[int, list[int]] = defaultdict(list)
        for n, keys in enumerate(self.keys):
            for key in keys:
                self._at[key].append(n)
        self._found: dict[str, list[Place]] = {}
        self._ends: dict[tuple[int, int], frozenset[int]] = {}

    def blank(self, places: Iterable[Place]) -> None:
        """Read these words as if they were none that a rule knows."""
        for place in places:
            for n in range(place.first, place.after):
                for key in self.keys[n]:
                    self._at[key].remove(n)
                self.keys[n] = ()
        self._found.clear()
        self._ends.clear()

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

    def begins(self, first: frozenset[int]) -> list[int]:
        """The words with which something may begin."""
        keys = first & self._at.keys()
        if len(keys) == 1:
            return self._at[next(iter(keys))]
        return sorted({n for key in keys for n in self._at[key]})

    def _places(self, rule: Rule) -> Iterator[Place]:
        free = 0
        for n in self.begins(rule.first):
            if n < free:
                continue
            if (after := self._longest(rule, n)) is not None:
                yield Place(self.words.starts[n], self.words.ends[after - 1], n, after)
                free = after

    def _longest(self, rule: Rule, n: int) -> int | None:
        """The longest way a phrase matches; the shortest, if only any words make it longer."""
        tight: set[int] = set()
        loose: set[int] = set()
        for way, gaps in rule.ways:
            (loose if gaps else tight).update(self._walk(way, n))
        return max(tight) if tight else min(loose, default=None)

    def _ends_of(self, rule: Rule, n: int) -> frozenset[int]:
        known = self._ends.get((id(rule), n))
        if known is None:
            found: set[int] = set()
            if not rule.first.isdisjoint(self.keys[n]):
                for way, _ in rule.ways:
                    found |= self._walk(way, n)
            known = self._ends[id(rule), n] = frozenset(found)
        return known

    def _walk(self, way: Sequence[Step], start: int) -> set[int]:
        """Every word behind which the sequence, begun at ``start``, can end."""
        joins, keys, count = self.words.joins, self.keys, len(self.keys)
        states = {(start, ANYTHING)}
        for step in way:
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
                    after |= {(end, JOINED) for end in self._ends_of(rule, n)}
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
