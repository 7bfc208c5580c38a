"""Linear-time pattern search: google-re2, or the standard library where it has no wheel.

Patterns and subjects are bytes: offsets need no translation and text is encoded once. The
standard library can be slow on a pattern it backtracks over, but :mod:`tracker.classify.phrases`
only ever writes patterns without nested repetition, so it cannot hang on one either.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

try:
    import re2
except ImportError:  # no wheel for this platform
    re2 = None

MEMORY = 256 << 20
"""Bytes an automaton may grow to before re2 falls back to its slower engine."""


def using_re2() -> bool:
    return re2 is not None and os.environ.get("BILLTRACKER_NO_RE2") != "1"


def _compile(pattern: str) -> Any:
    if not using_re2():
        return re.compile(pattern.encode())
    options = re2.Options()
    options.max_mem = MEMORY
    options.log_errors = False
    return re2.compile(pattern.encode(), options)


class Pattern:
    """One pattern; its spans in a text, left to right, not overlapping."""

    def __init__(self, pattern: str) -> None:
        self._compiled = _compile(pattern)

    def spans(self, text: bytes) -> Iterator[tuple[int, int]]:
        for match in self._compiled.finditer(text):
            yield match.span()

    def found(self, text: bytes) -> bool:
        return self._compiled.search(text) is not None


class PatternSet:
    """Which of many patterns occur in a text, in one pass over it."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._set: Any = None
        self._loop: list[Any] = []
        if not using_re2():
            self._loop = [re.compile(pattern.encode()) for pattern in patterns]
            return
        options = re2.Options()
        options.max_mem = MEMORY
        options.log_errors = False
        self._set = re2.Set.SearchSet(options)
        for pattern in patterns:
            self._set.Add(pattern.encode())
        self._set.Compile()

    def hits(self, text: bytes) -> list[int]:
        """Indexes of the patterns found, ascending."""
        if self._set is not None:
            return sorted(self._set.Match(text) or ())
        return [n for n, pattern in enumerate(self._loop) if pattern.search(text)]
