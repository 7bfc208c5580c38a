"""The rules ready for use: every phrase compiled once, and where to look at all.

Most bills are read by one search for a few word stems (the *anchors*) and put aside. Each way of
finding something must have a phrase that cannot occur without an anchor (checked here), so a rule
never misses what the first pass has put aside.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tracker.classify.anchors import Anchors
from tracker.classify.grammar import Grammar
from tracker.classify.grammar import Rule as Compiled
from tracker.classify.phrases import Chain, PhraseError, Writer, read_chain
from tracker.classify.prefix_tree import prefix_tree
from tracker.classify.turns import KINDS, Kind
from tracker.rules.schema import Lines, Problem, Rule, RuleFile, RulesError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unless:
    """``words`` apart at most; ``None`` with kind sentence or section."""

    phrase: str
    kind: str
    words: int | None


@dataclass(frozen=True, slots=True)
class ReadyChain:
    """``rarest`` are its phrases, the one that needs an anchor first."""

    chain: Chain
    rarest: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadyRule:
    rule: Rule
    chains: tuple[ReadyChain, ...]
    unless: tuple[Unless, ...]
    fields: frozenset[str]


@dataclass(frozen=True, slots=True)
class Book:
    """A rule file compiled. ``hash`` names it: sha256 of the file.

    ``chains`` are the ways of finding something by their rarest phrase; ``turns`` the words of
    direction by the words they begin with.
    """

    file: RuleFile
    hash: str
    rules: tuple[ReadyRule, ...]
    chains: dict[str, list[tuple[ReadyRule, ReadyChain]]]
    grammar: Grammar
    turns: dict[int, list[tuple[str, Kind]]]
    anchors: Anchors

    def may_say_something(self, words: str) -> bool:
        """False for what no rule can match: most bills are put aside by this one search."""
        return bool(words) and self.anchors.found(words.encode("utf-8", "replace"))


def compile_book(file: RuleFile, content: bytes, lines: Lines) -> Book:
    """Everything compiled; :class:`RulesError` names each phrase that cannot be."""
    making = _Making(file, lines)
    for name in file.words:
        making.phrase(f"<{name}>", ("words", name))
    rules = tuple(making.rule(n, rule) for n, rule in enumerate(file.rules))
    plain = {
        ("adjacent",): file.adjacent,
        ("settled",): file.settled,
        ("technical",): file.technical,
        ("leanings", "expands"): file.leanings.expands,
        ("leanings", "limits"): file.leanings.limits,
    }
    for place, phrases in plain.items():
        for n, phrase in enumerate(phrases):
            making.phrase(phrase, (*place, n))
    for n, one in enumerate(file.look_alikes):
        for phrase in (one.phrase, *one.if_any, *one.unless_any):
            making.phrase(phrase, ("look-alikes", n))
    turns = making.turns()
    if making.problems:
        raise RulesError(making.problems)
    making.grammar.ready()
    return Book(
        file=file,
        hash=hashlib.sha256(content).hexdigest(),
        rules=rules,
        chains=_by_rarest(rules),
        grammar=making.grammar,
        turns=turns,
        anchors=Anchors(file.anchors),
    )


def _by_rarest(rules: Sequence[ReadyRule]) -> dict[str, list[tuple[ReadyRule, ReadyChain]]]:
    found: dict[str, list[tuple[ReadyRule, ReadyChain]]] = defaultdict(list)
    for rule in rules:
        for chain in rule.chains:
            found[chain.rarest[0]].append((rule, chain))
    return dict(found)


class _Making:
    def __init__(self, file: RuleFile, lines: Lines) -> None:
        self.file, self.lines = file, lines
        self.grammar = Grammar(file.words)
        self.writer = Writer(file.words)
        plain = [re.escape(one) for one in file.anchors if not one.startswith("=")]
        self.anchored = re.compile(prefix_tree("|".join(plain)) if plain else "(?!)")
        self.anchors_in_capitals = {one for one in file.anchors if one.startswith("=")}
        self.loose: dict[str, list[str]] = {}
        self.problems: list[Problem] = []

    def phrase(self, phrase: str, loc: tuple[object, ...]) -> Compiled | None:
        return self._tried(lambda: self.grammar.add(phrase), loc)

    def rule(self, n: int, rule: Rule) -> ReadyRule:
        chains = [
            self._chain(written, ("rules", n, "find", m)) for m, written in enumerate(rule.find)
        ]
        unless = tuple(_unless(one) for one in rule.unless)
        for m, one in enumerate(unless):
            self.phrase(one.phrase, ("rules", n, "unless", m))
        ready = tuple(chain for chain in chains if chain is not None)
        return ReadyRule(rule, ready, unless, frozenset(rule.fields))

    def turns(self) -> dict[int, list[tuple[str, Kind]]]:
        found: dict[int, list[tuple[str, Kind]]] = defaultdict(list)
        for kind in KINDS:
            for n, phrase in enumerate(getattr(self.file.direction, kind)):
                loc = ("direction", kind.replace("_", "-"), n)
                if (compiled := self.phrase(phrase, loc)) is not None:
                    for key in compiled.first:
                        found[key].append((phrase, kind))
        return dict(found)

    def _chain(self, written: str, loc: tuple[object, ...]) -> ReadyChain | None:
        chain = self._tried(lambda: read_chain(written), loc)
        compiled = [self.phrase(one, loc) for one in chain.phrases] if chain is not None else []
        if chain is None or None in compiled:
            return None
        loose = self._tried(lambda: [self._without_anchor(one) for one in chain.phrases], loc)
        if loose is None:
            return None
        if all(loose):
            fewest = min(loose, key=len)
            named = ", ".join(repr(one) for one in fewest[:5]) + (" …" if len(fewest) > 5 else "")
            reason = f"no word of 'anchors' is in {named}: add it there, or join rarer words"
            self.problems.append(self.lines.problem(loc, reason))
        rarest = sorted(range(len(loose)), key=lambda m: len(loose[m]))
        return ReadyChain(chain, tuple(chain.phrases[m] for m in rarest))

    def _without_anchor(self, phrase: str) -> list[str]:
        """What of a phrase could stand in a text that has none of the file's anchors."""
        if phrase not in self.loose:
            self.loose[phrase] = [
                one
                for one in self.writer.ways(phrase)
                if not self.anchored.search(one)
                and self.anchors_in_capitals.isdisjoint(one.split())
            ]
        return self.loose[phrase]

    def _tried(self, work: Callable[[], T], loc: tuple[object, ...]) -> T | None:
        try:
            return work()
        except PhraseError as error:
            self.problems.append(self.lines.problem(loc, str(error)))
            return None


def _unless(written: str) -> Unless:
    found = re.match(r"(?:/(\d{1,2})|/([sp]))\s+(.+)", written)
    if not found:
        return Unless(written, "sentence", None)
    if found[1]:
        return Unless(found[3], "near", int(found[1]))
    return Unless(found[3], {"s": "sentence", "p": "section"}[found[2]], None)
