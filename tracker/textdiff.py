"""What changed between two texts of a bill, word by word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import Literal

from rapidfuzz.distance import Indel

SegmentKind = Literal["equal", "insert", "delete"]
Span = tuple[int, int]

MOST_WORD_PAIRS = 4_000_000_000
"""Old words × new words, about 3 s; bills of 60,000 words still compare."""
NEAR_WORDS = 40
LETTERS_PER_WORD = 7
CONTEXT_WORDS = 12
# A word, or one mark of punctuation, with the space before it: all but trailing space is in one.
_WORD = re.compile(r"\s*(?:\w+(?:[-'’.]\w+)*|[^\w\s])")
_ELLIPSIS = "…"


class TooLong(ValueError):
    """The texts are too long to compare word by word."""


@dataclass(frozen=True, slots=True)
class Segment:
    """``old`` and ``new`` are where it lies in each text (code points, end exclusive); a span is
    empty in the text that does not have it. The text of an equal segment is the new one's.
    """

    kind: SegmentKind
    text: str
    old: Span
    new: Span


def word_diff(old: str, new: str) -> list[Segment]:
    """The smallest word diff; spaces and line breaks do not count as changes.

    Where words are replaced the deletion comes first. Joined, the texts of all but the deletions
    give ``new`` without its trailing spaces. A deletion has the space behind it too where the new
    text goes on without one. Raises :class:`TooLong`.
    """
    old_words, new_words = list(_WORD.finditer(old)), list(_WORD.finditer(new))
    if len(old_words) * len(new_words) > MOST_WORD_PAIRS:
        raise TooLong(f"{len(old_words):,} and {len(new_words):,} words are too many to compare")
    steps = Indel.opcodes(
        [word.group().strip() for word in old_words], [word.group().strip() for word in new_words]
    )
    segments = []
    for same, of in groupby(steps, key=lambda step: step.tag == "equal"):
        run = list(of)
        in_old = _extent(old_words, run[0].src_start, run[-1].src_end)
        in_new = _extent(new_words, run[0].dest_start, run[-1].dest_end)
        if same:
            segments.append(Segment("equal", new[slice(*in_new)], in_old, in_new))
            continue
        if in_old[0] < in_old[1]:
            nowhere = (in_new[0], in_new[0])
            struck = old[slice(*in_old)]
            if _space_at(old, in_old[1]) and not _space_at(new, in_new[0]):
                struck += " "
            segments.append(Segment("delete", struck, in_old, nowhere))
        if in_new[0] < in_new[1]:
            nowhere = (in_old[1], in_old[1])
            segments.append(Segment("insert", new[slice(*in_new)], nowhere, in_new))
    return segments


def _space_at(text: str, place: int) -> bool:
    return text[place : place + 1].isspace()


def _extent(words: Sequence[re.Match[str]], first: int, last: int) -> Span:
    if first < last:
        return words[first].start(), words[last - 1].end()
    at = words[first - 1].end() if first else 0
    return at, at


def passages(
    segments: Sequence[Segment], old_spans: Sequence[Span] = (), new_spans: Sequence[Span] = ()
) -> list[list[Segment]]:
    """Only the changes within :data:`NEAR_WORDS` of a span, each with a few words around it.

    Left-out words show as an ellipsis. Without spans, every change.
    """
    changed = [index for index, segment in enumerate(segments) if segment.kind != "equal"]
    if old_spans or new_spans:
        changed = [index for index in changed if _near(segments, index, old_spans, new_spans)]
    return [_with_context(segments, group) for group in _grouped(segments, changed)]


def _near(
    segments: Sequence[Segment], index: int, old_spans: Sequence[Span], new_spans: Sequence[Span]
) -> bool:
    segment = segments[index]
    reach = NEAR_WORDS * LETTERS_PER_WORD
    return any(
        start < where[1] + reach and where[0] - reach < end
        for where, spans in ((segment.old, old_spans), (segment.new, new_spans))
        for start, end in spans
    )


def _grouped(segments: Sequence[Segment], changed: Sequence[int]) -> Iterator[list[int]]:
    """Changes with at most twice the context between them read as one passage."""
    group: list[int] = list(changed[:1])
    for before, index in pairwise(changed):
        between = sum(len(segment.text.split()) for segment in segments[before + 1 : index])
        if between > 2 * CONTEXT_WORDS:
            yield group
            group = []
        group.append(index)
    if group:
        yield group


def _with_context(segments: Sequence[Segment], group: Sequence[int]) -> list[Segment]:
    first, last = group[0], group[-1]
    passage = list(segments[first : last + 1])
    if first:
        before = segments[first - 1]
        words = before.text.split()
        cut = len(words) > CONTEXT_WORDS
        said = " ".join(([_ELLIPSIS] if cut else []) + words[-CONTEXT_WORDS:])
        passage.insert(0, replace(before, text=said))
    if last + 1 < len(segments):
        after = segments[last + 1]
        words = after.text.split()
        cut = len(words) > CONTEXT_WORDS
        said = " ".join(words[:CONTEXT_WORDS] + ([_ELLIPSIS] if cut else []))
        space = " " if after.text[:1].isspace() else ""
        passage.append(replace(after, text=f"{space}{said}"))
    return passage
