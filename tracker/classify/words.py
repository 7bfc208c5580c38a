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


def words_of(text: str) -> Words:
    starts, ends, forms, joins = [], [], [], []
    last = 0
    for found in TOKEN.finditer(text):
        start, end = found.span()
        between = text[last:start]
        joins.append(
            JOINED
            if between == " " or NEAR.fullmatch(between)
            else SOFT
            if APART.fullmatch(between)
            else BROKEN
        )
        starts.append(start)
        ends.append(end)
        forms.append(found.group())
        last = end
    return Words(starts, ends, forms, joins)


@lru_cache(maxsize=200_000)
def plain_form(word: str) -> str:
    """Small letters, no dots or apostrophes, one letter for those that scanning mixes up."""
    word = word.lower().replace(".", "").replace("'", "").replace(" ", "")
    if sum(one.isalpha() or one == "|" for one in word) < 3:
        return word
    return word.replace("rn", "m").replace("0", "o").translate(_SCANNED)


_SCANNED = str.maketrans("l1|", "iii")
