"""The words of a cleaned text, and what may stand between two of them.

Letters that scanning mixes up are read as one, here and in the rules: "irnmigratlon" is
"immigration".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

TOKEN = re.compile(
    r"(?:[A-Za-z]\.){2,}"
    r"|(?:[Ss]ecs?|[Nn]os?|[Aa]rts?|[Cc]h|[Dd]ept|[Ss]ubds?|[Ss]ubsecs?|[Ss]tat)\.(?= )"
    r"|\( ?\w{1,5} ?\)"
    r"|\d+(?:[.,]\d+)*[A-Za-z]?(?![A-Za-z0-9|])"
    r"|[A-Za-z0-9|]+(?:'[A-Za-z0-9]+)*"
)
JOINED, SOFT, BROKEN = 0, 1, 2
"""What stands before a word: a blank or hyphen; a comma, slash or parenthesis; more than that."""
NEAR = re.compile(r"[ \n-]{0,2}")
APART = re.compile(r"[ \n,/()-]{0,4}")
LINE_NUMBER = re.compile(r"\d{1,3}")
BLANKED = "~"


@dataclass(frozen=True, slots=True)
class Words:
    """Word ``n`` of a text stands at ``starts[n]`` to ``ends[n]``; ``joins[n]`` tells how it is
    joined to the word before; ``forms[n]`` is how rules see it."""

    starts: list[int]
    ends: list[int]
    forms: list[str]
    joins: list[int]


class _Joins(dict[str, int]):
    """What is between two words → how they are joined; most are a blank."""

    def __missing__(self, between: str) -> int:
        join = BROKEN
        if APART.fullmatch(between):
            join = JOINED if NEAR.fullmatch(between) else SOFT
        if len(between) <= LONGEST_KEPT:
            self[between] = join
        return join


LONGEST_KEPT = 4
_joins = _Joins()


def words_of(text: str) -> Words:
    found = [(*one.span(), one[0]) for one in TOKEN.finditer(text)]
    starts = [one[0] for one in found]
    ends = [one[1] for one in found]
    before = [0, *ends]
    joins = [_joins[text[end:start]] for end, start in zip(before, starts, strict=False)]
    return Words(starts, ends, [one[2] for one in found], joins)


@lru_cache(maxsize=200_000)
def plain_form(word: str) -> str:
    """Small letters, no dots or apostrophes, one letter for those that scanning mixes up."""
    word = word.lower().replace(".", "").replace("'", "").replace(" ", "")
    if word in NAMES or sum(one.isalpha() or one == "|" for one in word) < 3:
        return word
    return word.replace("rn", "m").replace("0", "o").translate(_SCANNED)


_SCANNED = str.maketrans("l1|", "iii")
NAMES = ("allen", "allens")
"""More often names than "alien" badly scanned."""
