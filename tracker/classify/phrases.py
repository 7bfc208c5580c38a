"""The phrases of a rule file: how staff write them, and the patterns they become.

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
# What may stand between two words of a phrase: a space or hyphen, at times with the number of a
# bill's printed line that was left there when the lines were joined.
GAP = r"(?:[ \n]\d{1,3})?[ \n-]{1,2}"

ANY_WORDS = re.compile(r"_(\d{1,2})")
ANY_WORD = r"[\w'()-]+,?"

# Letters that scanning mixes up, either way round.
SCANNED = {"i": "[iIlL1|]", "l": "[iIlL1|]", "o": "[oO0]", "m": "(?:[mM]|rn|RN)"}


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


def phrase_pattern(phrase: str, lists: Mapping[str, Sequence[str]]) -> str:
    """A regular expression over cleaned text (see :mod:`tracker.classify.clean`)."""
    either = (_sequence(one, lists, ()) for one in phrase.split(" | "))
    return rf"\b(?:{'|'.join(either)})"


def _sequence(phrase: str, lists: Mapping[str, Sequence[str]], inside: tuple[str, ...]) -> str:
    pattern, started = "", False
    for word in phrase.split():
        if some := ANY_WORDS.fullmatch(word):
            pattern += rf",?(?:{GAP}{ANY_WORD}){{0,{some[1]}}}"
            continue
        one = _word(word.removesuffix("?"), lists, inside)
        if started:
            one = GAP + one
            pattern += f"(?:{one})?" if word.endswith("?") else one
        elif word.endswith("?"):
            pattern += f"(?:{one}{GAP})?"
        else:
            pattern += one
            started = True
    if not started:
        raise PhraseError(f"{phrase!r} has no word that must be there")
    return pattern


def _word(word: str, lists: Mapping[str, Sequence[str]], inside: tuple[str, ...]) -> str:
    if "|" in word:
        return f"(?:{'|'.join(_word(one, lists, inside) for one in word.split('|'))})"
    if word.startswith("<") and word.endswith(">"):
        return _any_of(word[1:-1], lists, inside)
    if word.startswith("="):
        return rf"{re.escape(word[1:])}s?\b"
    stem = word.removesuffix("*").lower()
    if not re.fullmatch(r"[a-z0-9.,'$%&/()-]+", stem):
        raise PhraseError(f"{word!r}: only letters, digits and . , ' $ % & / ( ) - are possible")
    if len(stem) < 2 and word.endswith("*"):
        raise PhraseError(f"{word!r}: at least two letters before the *")
    ending = r"[\w'-]*" if word.endswith("*") else r"\b" if stem[-1].isalnum() else ""
    if any(one.isdigit() for one in stem):
        return "".join(_digit_or_sign(one) for one in stem) + ending
    return "".join(_character(one) for one in stem) + ending


def _any_of(name: str, lists: Mapping[str, Sequence[str]], inside: tuple[str, ...]) -> str:
    if name not in lists:
        raise PhraseError(f"no word list <{name}>")
    if name in inside:
        raise PhraseError(f"word list <{name}> holds itself: {' in '.join((*inside, name))}")
    return f"(?:{'|'.join(_sequence(one, lists, (*inside, name)) for one in lists[name])})"


def _character(one: str) -> str:
    if one in SCANNED:
        return SCANNED[one]
    if one.isalpha():
        return f"[{one}{one.upper()}]"
    if one in "()":
        return rf" ?\{one} ?" if one == "(" else r" ?\)"
    return r"[ -]?" if one == "-" else re.escape(one)


def _digit_or_sign(one: str) -> str:
    """In ``i-247`` a 1 is no scanned i, and the hyphen stays."""
    return "[ -]" if one == "-" else _character(one) if one in "()" or not one.isalpha() else (
        f"[{one}{one.upper()}]"
    )


def written_out(phrase: str, lists: Mapping[str, Sequence[str]]) -> list[str]:
    """Every way to write a phrase, without what may be missing; ``=`` stays, ``*`` goes."""
    return [way for one in phrase.split(" | ") for way in _written_out(one, lists)]


def _written_out(phrase: str, lists: Mapping[str, Sequence[str]]) -> list[str]:
    ways = [""]
    for word in phrase.split():
        if word.endswith("?") or ANY_WORDS.fullmatch(word):
            continue
        ways = [f"{way} {one}".strip() for way in ways for one in _ways(word, lists)]
    return ways


def _ways(word: str, lists: Mapping[str, Sequence[str]]) -> list[str]:
    if "|" in word:
        return [way for one in word.split("|") for way in _ways(one, lists)]
    if word.startswith("<") and word.endswith(">"):
        return [way for one in lists[word[1:-1]] for way in _written_out(one, lists)]
    return [word if word.startswith("=") else word.removesuffix("*").lower()]
