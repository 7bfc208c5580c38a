"""The search for anchors, which must see through all that cleaning takes out of a text.

It reads texts as they are stored: cleaning all of them would take longer than everything else. It
rather finds too much, for what it passes over is never read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from tracker.classify.clean import INVISIBLE, LETTERS, PAGE_LINE, SPACES
from tracker.classify.prefix_tree import prefix_tree
from tracker.scan import Pattern

CONFUSED = {"i": "[iIlL1|]", "l": "[iIlL1|]", "o": "[oO0]", "m": "(?:[mM]|rn|RN)"}
"""Letters that scanning mixes up, either way round."""
PAGE_LINES = Pattern(rf"(?im)^[ \t]*(?:{PAGE_LINE.pattern})[ \t]*\r?$|\f[ \t]*\r?\n?[^\n]{{1,80}}$")
"""What a page ends and begins with; behind a form feed whatever it is."""


class Anchors:
    """The anchors of a rule file, compiled. Texts are bytes."""

    def __init__(self, stems: Sequence[str]) -> None:
        self._pattern = Pattern(prefix_tree(anchor_pattern(stems)))

    def found(self, text: bytes) -> bool:
        return self._pattern.found(text) or (
            PAGE_LINES.found(text) and self._pattern.found(_without_page_lines(text))
        )

    def starts(self, text: bytes) -> list[int]:
        found = {start for start, _ in self._pattern.spans(text)}
        if PAGE_LINES.found(text):
            found |= {start for start, _ in self._pattern.spans(_without_page_lines(text))}
        return sorted(found)


def _without_page_lines(text: bytes) -> bytes:
    """Blanks for them, so that all else stays where it is."""
    parts, at = [], 0
    for start, end in PAGE_LINES.spans(text):
        parts += [text[at:start], b" " * (end - start)]
        at = end
    return b"".join([*parts, text[at:]])


# -- spelling -------------------------------------------------------------------------------


def _either(characters: Iterable[str]) -> str:
    """No class: patterns are bytes, of which a character may be several."""
    return f"(?:{'|'.join(re.escape(one) for one in characters)})"


def _each(ranges: str) -> Iterator[str]:
    """The characters of a class."""
    for first, last in re.findall("(.)(?:-(.))?", ranges, re.DOTALL):
        yield from map(chr, range(ord(first), ord(last or first) + 1))


def _read_as(sign: str) -> list[str]:
    return [sign, *(one for one, plain in LETTERS.items() if plain.strip() == sign)]


UNSEEN = _either(_each(INVISIBLE))
WIDE = _either(one for one in _each(SPACES) if one > " ")
DASH = _either(_read_as("-"))
HYPHEN = _either([*_read_as("-"), "\u00ad"])
GAP = rf"(?:[\s\d]|{WIDE}|{DASH}|{UNSEEN})"
"""Between two words: blanks, and the numbers of lines."""
WITHIN = rf"(?:{UNSEEN}|{HYPHEN}(?:[ \t\d]|{WIDE})*[\r\n](?:[\s\d]|{WIDE})*)*"
"""What may stand inside a word, above all the end of a line. No character of it can be read in two
ways, or an engine that backtracks would try them all."""
SIGNS = {
    " ": f"{GAP}*",
    "-": f"{GAP}{{1,3}}",
    "(": rf"(?:{GAP}{{0,3}}\({GAP}?|{GAP}{{1,3}})",
    ")": r"(?:\)|\b)",
    "'": _either(_read_as("'")),
}
LIGATURES = {
    spelled: one for one, spelled in LETTERS.items() if len(spelled) > 1 and spelled.isalpha()
}
PART = re.compile("|".join([*sorted(LIGATURES, key=len, reverse=True), "."]))


def anchor_pattern(stems: Sequence[str]) -> str:
    return "|".join(_in_capitals(one[1:]) if one[0] == "=" else _spelled(one) for one in stems)


def _in_capitals(name: str) -> str:
    """``ICE``, also as ``I.C.E.``"""
    between = rf"\.?{WITHIN}"
    return rf"\b{between.join(re.escape(one) for one in name)}s?\b"


def _spelled(stem: str) -> str:
    parts = PART.findall(stem)
    written = [_letters(part) for part in parts]
    for n in range(1, len(parts)):
        if not {parts[n - 1], parts[n]} & SIGNS.keys():
            written[n] = WITHIN + written[n]
    return "".join(written)


def _letters(part: str) -> str:
    """A letter or sign, or letters that may be printed as one."""
    if len(part) == 1:
        plain = f"[{part}{part.upper()}]" if part.isalpha() else re.escape(part)
        return SIGNS.get(part) or CONFUSED.get(part) or plain
    ways = [_letters(part[0]) + WITHIN + _letters(part[1:])]
    for spelled, one in LIGATURES.items():
        if part.startswith(spelled):
            ways.append(one + (_letters(part[len(spelled) :]) if part != spelled else ""))
    return f"(?:{'|'.join(ways)})"
