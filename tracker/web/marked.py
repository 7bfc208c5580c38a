"""Texts cut into pieces to be highlighted: where a rule found its words, what a bill strikes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tracker.models import Evidence
from tracker.search import MATCH_END, MATCH_START

AROUND = 180
"""Characters shown on either side of a quote."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text; ``evidence`` found it, ``kind`` is insert or delete if the bill does."""

    text: str
    evidence: tuple[Evidence, ...] = ()
    kind: str = ""
    starts: tuple[int, ...] = ()
    """Ids of the evidence that begins here."""


def pieces(
    text: str, evidence: Sequence[Evidence], marks: Iterable[dict[str, Any]] | None = None
) -> list[Piece]:
    """The whole text in order. Evidence whose quote is not at its place is left out."""
    return _cut(text, 0, len(text), standing(text, evidence), marks or ())


def standing(text: str, evidence: Sequence[Evidence]) -> list[Evidence]:
    """Evidence that still points at its words: a title may have changed since it was judged."""
    return [span for span in evidence if text[span.start : span.end] == span.quote]


def excerpts(text: str, evidence: Sequence[Evidence]) -> list[list[Piece]]:
    """The quotes with some words around each; those near one another share an excerpt."""
    spans = sorted(standing(text, evidence), key=lambda span: span.start)
    windows: list[tuple[int, int, list[Evidence]]] = []
    for span in spans:
        start, end = _whole_words(text, span.start - AROUND, span.end + AROUND)
        if windows and start <= windows[-1][1]:
            first, last, shared = windows[-1]
            windows[-1] = (first, max(last, end), [*shared, span])
        else:
            windows.append((start, end, [span]))
    return [
        [
            *([Piece("… ")] if start else []),
            *_cut(text, start, end, shared, ()),
            *([Piece(" …")] if end < len(text) else []),
        ]
        for start, end, shared in windows
    ]


def matched(text: str) -> list[tuple[str, bool]]:
    """A title or excerpt of a search as (stretch, whether it is what was searched for)."""
    stretches = []
    for part in text.split(MATCH_START):
        hit, mark, rest = part.partition(MATCH_END)
        if not mark:
            hit, rest = "", part
        stretches += [(hit, True), (rest, False)]
    return [(stretch, found) for stretch, found in stretches if stretch]


def _whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    start, end = max(0, start), min(len(text), end)
    if start:
        start = max(start, text.find(" ", start, start + 30) + 1)
    if end < len(text):
        space = text.rfind(" ", end - 30, end)
        end = space if space > 0 else end
    return start, end


def _cut(
    text: str,
    start: int,
    end: int,
    evidence: Sequence[Evidence],
    marks: Iterable[dict[str, Any]],
) -> list[Piece]:
    """Cut at every edge of a span, then say of each stretch which spans hold it."""
    marks = [mark for mark in marks if mark["start"] < end and mark["end"] > start]
    edges = {start, end}
    for span in evidence:
        edges |= {span.start, span.end}
    for mark in marks:
        edges |= {mark["start"], mark["end"]}
    ordered = sorted(edge for edge in edges if start <= edge <= end)
    found, mark_at, current = [], 0, sorted(marks, key=lambda mark: mark["start"])
    for left, right in pairwise(ordered):
        while mark_at < len(current) and current[mark_at]["end"] <= left:
            mark_at += 1
        inside = mark_at < len(current) and current[mark_at]["start"] <= left
        found.append(
            Piece(
                text=text[left:right],
                evidence=tuple(span for span in evidence if span.start <= left < span.end),
                kind=current[mark_at]["kind"] if inside else "",
                starts=tuple(span.id for span in evidence if span.start == left),
            )
        )
    return found
