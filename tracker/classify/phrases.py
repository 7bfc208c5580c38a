"""The phrases of a rule file: how staff write them.

A phrase is words. ``word*`` is any ending, ``word?`` may be missing, ``a|b`` is either word
(``one phrase | another phrase``, with blanks, is either phrase),
``=ICE`` counts only in these capitals, ``_4`` is up to four words of any kind and ``<agency>``
stands for any phrase of that word list.
Between phrases stand the connectors lawyers know from legal research: ``/8`` within eight words
in any order, ``+8`` within eight words in this order, ``/s`` in the same sentence, ``/p`` in the
same section.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CONNECTOR = re.compile(r"(?:^|(?<=\s))(/s|/p|/\d{1,2}|\+\d{1,2})(?=\s|$)")
ANY_WORDS = re.compile(r"_(\d{1,2})")
WORD = re.compile(r"[a-z0-9.,'$%&/()-]+")
MOST_ANY_WORDS = 30
MOST_WAYS = 20_000
"""A phrase that can be written in more ways than this is a slip of the pen."""


class PhraseError(ValueError):
    """A phrase that cannot be read; the message says why, for the person who wrote it."""


@dataclass(frozen=True, slots=True)
class Connector:
    """``words`` is how many words may stand between; ``None`` for a sentence or a section."""

    kind: str
    words: int | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """Phrases and the connectors between them; ``connectors[n]`` joins phrase n + 1."""

    phrases: tuple[str, ...]
    connectors: tuple[Connector, ...]


def read_chain(written: str) -> Chain:
    parts = [part.strip() for part in CONNECTOR.split(written)]
    phrases, connectors = parts[::2], parts[1::2]
    if not all(phrases):
        raise PhraseError(f"a connector needs a phrase on both sides: {written!r}")
    return Chain(tuple(phrases), tuple(_connector(one) for one in connectors))


def _connector(written: str) -> Connector:
    if written in ("/s", "/p"):
        return Connector({"/s": "sentence", "/p": "section"}[written])
    return Connector({"/": "near", "+": "then"}[written[0]], int(written[1:]))


@dataclass(frozen=True, slots=True)
class Word:
    """One place in a phrase: any of ``choices`` (words as written, or ``<list>``).

    ``gap`` above 0 is that many words of any kind instead.
    """

    choices: tuple[str, ...] = ()
    optional: bool = False
    gap: int = 0


def read_phrase(phrase: str) -> list[tuple[Word, ...]]:
    """The phrase's alternatives, each a sequence of places."""
    return [_sequence(one) for one in phrase.split(" | ")]


def _sequence(phrase: str) -> tuple[Word, ...]:
    read = tuple(_read_word(one) for one in phrase.split())
    sure = [one for one in read if one.choices and not one.optional]
    if not sure:
        raise PhraseError(f"{phrase!r} has no word that must be there")
    if read[0].gap or read[-1].gap:
        raise PhraseError(f"{phrase!r}: any words (_4) must stand between words")
    return read


def _read_word(written: str) -> Word:
    if some := ANY_WORDS.fullmatch(written):
        if not 0 < int(some[1]) <= MOST_ANY_WORDS:
            raise PhraseError(f"{written!r}: from _1 to _{MOST_ANY_WORDS} words are possible")
        return Word(gap=int(some[1]))
    choices = tuple(written.removesuffix("?").split("|"))
    for one in choices:
        _check(one)
    return Word(choices, written.endswith("?"))


def _check(word: str) -> None:
    if word.startswith(("/", "+")):
        raise PhraseError(
            f"{word!r} joins nothing here: between phrases of 'find' stand /1 to /99, +1 to +99, /s"
            " or /p; before the one phrase of 'unless' may stand /1 to /99, /s or /p"
        )
    if re.fullmatch(r"<[a-z0-9-]+>|=[A-Za-z0-9.]+", word):
        return
    stem = word.removesuffix("*").lower()
    if not WORD.fullmatch(stem):
        raise PhraseError(f"{word!r}: only letters, digits and . , ' $ % & / ( ) - are possible")
    if word.endswith("*") and len(stem) < 2:
        raise PhraseError(f"{word!r}: at least two letters before the *")


Lists = Mapping[str, Sequence[str]]


class Writer:
    """Every way to write a phrase, without what may be missing; ``=`` stays, ``*`` goes.

    For phrases that the grammar has taken: it has looked whether their lists are there.
    """

    def __init__(self, lists: Lists) -> None:
        self._lists = lists
        self._of_list: dict[str, list[str]] = {}

    def ways(self, phrase: str) -> list[str]:
        found: list[str] = []
        count = 0
        for sequence in read_phrase(phrase):
            ways = [""]
            for word in sequence:
                if word.choices and not word.optional:
                    more = [way for one in word.choices for way in self._of_word(one)]
                    ways = [f"{way} {one}".strip() for way in ways for one in more]
                count += len(ways)
                if count > MOST_WAYS:
                    raise PhraseError(f"{phrase!r} can be written in more than {MOST_WAYS:,} ways")
            found += ways
        return found

    def _of_word(self, word: str) -> list[str]:
        if not word.startswith("<"):
            return [word if word.startswith("=") else word.removesuffix("*").lower()]
        name = word[1:-1]
        if name not in self._of_list:
            self._of_list[name] = [way for one in self._lists[name] for way in self.ways(one)]
        return self._of_list[name]
