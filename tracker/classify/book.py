"""The rules ready for use: every phrase compiled once, and where to look at all.

Most bills are read by one search for a few word stems (the *anchors*) and put aside. Each way of
finding something must have a phrase that cannot occur without an anchor (checked here), so a rule
never misses what the first pass has put aside.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from tracker.classify.direction import Kind
from tracker.classify.phrases import (
    SCANNED,
    Chain,
    PhraseError,
    phrase_pattern,
    read_chain,
    written_out,
)
from tracker.classify.scan import Pattern, PatternSet
from tracker.rules.schema import Lines, Problem, Rule, RuleFile, RulesError


@dataclass(frozen=True, slots=True)
class Unless:
    """``words`` apart at most; ``None`` with kind sentence or section."""

    phrase: str
    kind: str
    words: int | None


@dataclass(frozen=True, slots=True)
class ReadyRule:
    rule: Rule
    chains: tuple[Chain, ...]
    unless: tuple[Unless, ...]
    fields: frozenset[str]


@dataclass
class Book:
    """A rule file compiled. ``hash`` names it: sha256 of the file."""

    file: RuleFile
    hash: str
    rules: tuple[ReadyRule, ...]
    phrases: tuple[str, ...]
    patterns: dict[str, Pattern]
    finder: PatternSet
    turns: dict[Kind, Pattern]
    look_alike: dict[str, Pattern]
    anchors: Pattern
    """Also with what a line end or a soft hyphen leaves inside a word."""
    lexicon: Lexicon = field(repr=False)

    def may_say_something(self, words: str) -> bool:
        """False for what no rule can match: most bills are put aside by this one search."""
        return bool(words) and self.anchors.found(words.encode("utf-8", "replace"))


class Lexicon:
    """The words of all phrases, asked for whole words; ``immigra*`` knows every ending."""

    def __init__(self, words: Sequence[str]) -> None:
        self.whole = frozenset(word for word in words if not word.endswith("*"))
        self.stems = tuple({word[:-1] for word in words if len(word) > 4 and word.endswith("*")})

    def __contains__(self, word: object) -> bool:
        return word in self.whole or str(word).startswith(self.stems)


def compile_book(file: RuleFile, content: str, lines: Lines) -> Book:
    """Everything compiled; :class:`RulesError` names each phrase that cannot be."""
    problems: list[Problem] = []
    rules: list[ReadyRule] = []
    patterns: dict[str, Pattern] = {}

    def add(phrase: str, loc: tuple[object, ...]) -> None:
        if phrase not in patterns:
            try:
                patterns[phrase] = Pattern(phrase_pattern(phrase, file.words))
            except (PhraseError, ValueError, re.error) as error:
                problems.append(lines.problem(loc, str(error)))

    for name in file.words:
        add(f"<{name}>", ("words", name))
    for n, rule in enumerate(file.rules):
        chains = []
        for m, written in enumerate(rule.find):
            try:
                chains.append(read_chain(written))
            except PhraseError as error:
                problems.append(lines.problem(("rules", n, "find", m), str(error)))
                continue
            for phrase in chains[-1].phrases:
                add(phrase, ("rules", n, "find", m))
            understood = all(phrase in patterns for phrase in chains[-1].phrases)
            if understood and (loose := _unanchored(chains[-1], file)):
                reason = f"no word of 'anchors' is in {loose}: add it there, or join rarer words"
                problems.append(lines.problem(("rules", n, "find", m), reason))
        unless = tuple(_unless(one) for one in rule.unless)
        for m, one in enumerate(unless):
            add(one.phrase, ("rules", n, "unless", m))
        rules.append(ReadyRule(rule, tuple(chains), unless, frozenset(rule.fields)))
    for n, phrase in enumerate(file.adjacent):
        add(phrase, ("adjacent", n))
    for n, phrase in enumerate(file.settled):
        add(phrase, ("settled", n))
    look_alike = _look_alikes(file, lines, problems)
    turns = _turns(file, lines, problems)
    if problems:
        raise RulesError(problems)
    return Book(
        file=file,
        hash=hashlib.sha256(content.encode()).hexdigest(),
        rules=tuple(rules),
        phrases=tuple(patterns),
        patterns=patterns,
        finder=PatternSet([phrase_pattern(one, file.words) for one in patterns]),
        turns=turns,
        look_alike=look_alike,
        anchors=Pattern(_anchor_pattern(file.anchors, BROKEN)),
        lexicon=Lexicon(_lexicon(file)),
    )


def _unless(written: str) -> Unless:
    found = re.match(r"(?:/(\d{1,2})|/([sp]))\s+(.+)", written)
    if not found:
        return Unless(written, "sentence", None)
    if found[1]:
        return Unless(found[3], "near", int(found[1]))
    return Unless(found[3], {"s": "sentence", "p": "section"}[found[2]], None)


def _look_alikes(file: RuleFile, lines: Lines, problems: list[Problem]) -> dict[str, Pattern]:
    found = {}
    for n, one in enumerate(file.look_alikes):
        for phrase in (one.phrase, *one.if_any, *one.unless_any):
            try:
                found[phrase] = Pattern(phrase_pattern(phrase, file.words))
            except (PhraseError, ValueError, re.error) as error:
                problems.append(lines.problem(("look-alikes", n), str(error)))
    return found


def _turns(file: RuleFile, lines: Lines, problems: list[Problem]) -> dict[Kind, Pattern]:
    found: dict[Kind, Pattern] = {}
    for kind in Kind.__args__:  # type: ignore[attr-defined]
        # Of two phrases that begin in one place the longer is meant.
        phrases = sorted(getattr(file.direction, kind), key=lambda one: -len(one.split()))
        try:
            body = "|".join(phrase_pattern(one, file.words) for one in phrases)
            found[kind] = Pattern(body)
        except (PhraseError, ValueError, re.error) as error:
            problems.append(lines.problem(("direction", kind.replace("_", "-")), str(error)))
    return found


def _lexicon(file: RuleFile) -> list[str]:
    phrases = [one for entries in file.words.values() for one in entries]
    phrases += [one for rule in file.rules for one in rule.find]
    words = " ".join(phrases).lower().replace("|", " ").split()
    return [one.removesuffix("?") for one in words if one[0].isalpha()]


BROKEN = (
    "(?:\u00ad|\u200b|\u200c|\u200d|\u2060|\ufeff|\u0336"
    "|(?:-|\u2010|\u00ad)[ \t]*\r?\n[ \t\r\n0-9]*)*"
)


def _anchor_pattern(stems: Sequence[str], between: str) -> str:
    def letters(stem: str) -> str:
        if stem.startswith("="):
            return rf"\b{re.escape(stem[1:])}s?\b"
        return between.join(_letter(one) for one in stem)

    return "|".join(letters(stem) for stem in stems)


def _letter(one: str) -> str:
    if one == " ":
        return r"[\s\d-]{1,16}"
    return SCANNED.get(one) or (f"[{one}{one.upper()}]" if one.isalpha() else re.escape(one))


def _unanchored(chain: Chain, file: RuleFile) -> str:
    """What in a chain could be found in a text that has none of the file's anchors."""
    loose = [_without_anchor(phrase, file) for phrase in chain.phrases]
    if not all(loose):
        return ""
    fewest = min(loose, key=len)
    return ", ".join(repr(one) for one in fewest[:5]) + (" …" if len(fewest) > 5 else "")


def _without_anchor(phrase: str, file: RuleFile) -> list[str]:
    return [
        one
        for one in written_out(phrase, file.words)
        if not any(
            stem in one.split() or (stem[0] != "=" and stem in one) for stem in file.anchors
        )
    ]
