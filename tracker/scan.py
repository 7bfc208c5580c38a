"""Pattern search in linear time: google-re2, or the standard library where it has no wheel.

Patterns and texts are bytes: offsets need no translation and a text is encoded once. The standard
library backtracks: patterns are kept free of nested repetition and what is searched is bounded, so
that there it is slow and never hangs. ``BILLTRACKER_NO_RE2=1`` chooses it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

try:
    import re2
except ImportError:  # no wheel for this platform
    re2 = None

MEMORY = 256 << 20
"""Bytes an automaton may grow to before re2 falls back to its slower engine."""
ERRORS = (re.error,) if re2 is None else (re.error, re2.error)


class BadPattern(ValueError):
    """No pattern; the message says what is wrong with it."""


def using_re2() -> bool:
    return re2 is not None and os.environ.get("BILLTRACKER_NO_RE2") != "1"


def _options(memory: int) -> Any:
    options = re2.Options()
    options.max_mem = memory
    options.log_errors = False
    return options


class Pattern:
    """One pattern. Raises :class:`BadPattern`."""

    def __init__(self, pattern: str, memory: int = MEMORY) -> None:
        try:
            self._compiled = (
                re2.compile(pattern.encode(), _options(memory))
                if using_re2()
                else re.compile(pattern.encode())
            )
        except ERRORS as error:
            raise BadPattern(str(error)) from None

    def spans(self, text: bytes) -> Iterator[tuple[int, int]]:
        """Left to right, not overlapping."""
        for match in self._compiled.finditer(text):
            yield match.span()

    def found(self, text: bytes) -> bool:
        return self._compiled.search(text) is not None

    def groups(self, text: bytes) -> Mapping[str, bytes | None]:
        """What its named groups hold where it first stands; nothing where it does not."""
        match = self._compiled.search(text)
        # The names too are bytes where re2 found them.
        return {
            name.decode() if isinstance(name, bytes) else name: words
            for name, words in (match.groupdict() if match is not None else {}).items()
        }


class PatternSet:
    """Which of many patterns, each one that :class:`Pattern` takes, occur in a text."""

    def __init__(self, patterns: Sequence[str], memory: int = MEMORY) -> None:
        self._set: Any = None
        self._loop: list[Pattern] = []
        if not using_re2():
            self._loop = [Pattern(pattern) for pattern in patterns]
            return
        self._set = re2.Set.SearchSet(_options(memory))
        for pattern in patterns:
            self._set.Add(pattern.encode())
        self._set.Compile()

    def hits(self, text: bytes) -> list[int]:
        """Indexes of the patterns found, ascending."""
        if self._set is not None:
            return sorted(self._set.Match(text) or ())
        return [n for n, pattern in enumerate(self._loop) if pattern.found(text)]
