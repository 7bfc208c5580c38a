"""Words that lost the blanks between them, as some PDFs are read, set apart again.

``Asheriffshallhonor`` is cut where the words of the rules make it up with the fewest letters left
over. Letters left over are words that no rule knows, so that it hardly matters where they end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tracker.classify.clean import Clean

LONGER_THAN_WORDS = 25
RUN = re.compile(rf"\S{{{LONGER_THAN_WORDS},}}")
LETTERS = re.compile(r"[A-Za-z]+")
EDGE = re.compile(
    r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z]{2}|[A-Z]\.)"
    r"|(?<=[a-z\d)][;:,])(?=[A-Za-z(])|(?<=[a-z)]\.)(?=[A-Z(\d])|(?<=\d\.)(?=[A-Z])"
)
"""Where words end whatever they are."""
WORD = 1.2
"""What a word of the rules costs; a letter left over costs 1."""


def set_apart(cleaned: Clean, spelled: Mapping[str, bool | None]) -> Clean:
    """With blanks in long runs of letters. ``spelled``: the words of the rules; true for stems,
    which may have any ending, and ``None`` for what only begins a word."""
    cuts: list[int] = []
    for run in RUN.finditer(cleaned.text):
        if any(len(one) >= LONGER_THAN_WORDS for one in LETTERS.findall(run[0])):
            cuts += [run.start() + cut for cut in sorted(_cuts(run[0], spelled))]
    return cleaned.with_blanks(cuts) if cuts else cleaned


def _cuts(run: str, spelled: Mapping[str, bool | None]) -> Iterator[int]:
    edges = [found.start() for found in EDGE.finditer(run)]
    yield from edges
    for start, end in zip([0, *edges], [*edges, len(run)], strict=True):
        for letters in LETTERS.finditer(run, start, end):
            for cut in _words(letters[0], spelled):
                yield letters.start() + cut


def _words(letters: str, spelled: Mapping[str, bool | None]) -> Iterator[int]:
    """Where words begin, but the first. ``best[n]`` tells of the first ``n`` letters what they
    cost, where their last part begins, and of a word of the rules whether it is a stem."""
    small, count = letters.lower(), len(letters)
    best: list[tuple[float, int, bool | None]] = [(float(n), n - 1, None) for n in range(count + 1)]
    for start in range(count):
        price = best[start][0] + WORD
        if best[start][0] + 1 < best[start + 1][0]:
            best[start + 1] = best[start][0] + 1, start, None
        for end in range(start + 1, count + 1):
            word = small[start:end]
            if word not in spelled:
                break
            if (stem := spelled[word]) is not None and price < best[end][0]:
                best[end] = price, start, stem
    end, known_behind = count, False
    while end:
        _, start, stem = best[end]
        if known_behind or (stem is False and end < count):
            yield end
        end, known_behind = start, stem is not None
