"""Text of a PDF, read in a child process with little memory and little time.

PDFium is C++ fed by strangers: a file that unpacks to gigabytes, loops or crashes it ends that
child (``spiders.pdf_process``), and here a named failure.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from spiders.errors import FailureKind, SourceError
from spiders.pdf_process import MOST_MEMORY, MOST_SECONDS, TOO_BIG, UNREADABLE


def pages(body: bytes) -> list[str]:
    """The text of each page. Raises ``SourceError`` (DOCUMENT, TOO_BIG or TRUNCATED).

    PDFium repairs a file that was cut off and would give its first pages as if they were all.
    """
    if b"%%EOF" not in body[-4096:]:
        raise SourceError(
            f"the PDF breaks off after {len(body):,} bytes, before its end mark",
            FailureKind.TRUNCATED,
        )
    try:
        child = subprocess.run(
            [sys.executable, "-m", "spiders.pdf_process"],
            input=body,
            capture_output=True,
            timeout=MOST_SECONDS,
            cwd=Path(__file__).parents[1],
        )
    except subprocess.TimeoutExpired as error:
        raise SourceError(
            f"the PDF took longer than {MOST_SECONDS} s to read", FailureKind.TOO_BIG
        ) from error
    said = child.stderr.decode("utf-8", "replace").strip().splitlines()
    last = said[-1][:300] if said else "it said nothing"
    if child.returncode == 0:
        texts: list[str] = json.loads(child.stdout)
        return texts
    if child.returncode == TOO_BIG:
        raise SourceError(last, FailureKind.TOO_BIG)
    if child.returncode == UNREADABLE:
        raise SourceError(last, FailureKind.DOCUMENT)
    raise SourceError(
        f"the PDF reader broke down (exit {child.returncode}: {last});"
        f" it may use {MOST_MEMORY // 1_000_000} MB and {MOST_SECONDS} s",
        FailureKind.DOCUMENT,
    )


# -- from printed lines to paragraphs -----------------------------------------------------------

# Line numbers stand before the line (most states) or after it (Maryland).
NUMBERED = (
    re.compile(r"^\s*(?P<number>\d{1,2})(?:\s+(?P<line>\S.*)|\s*)$"),
    re.compile(r"^(?P<line>.*\S)\s+(?P<number>\d{1,2})\s*$"),
)
# PDFium writes U+0002 (or U+FFFE) for a hyphen that ends a printed line, and no line end.
PDFIUM_HYPHEN = re.compile(r"[\x02\ufffe]\s*")
HYPHEN_AT_BREAK = re.compile(r"(\w+)-[ \t]*\n\s*(\w+)")
SENTENCE_END = (".", ":", ";", "!", "?")
# A printed line this full (of the longest) ended because the next word did not fit.
FULL = 0.85
SHORT_LINES = 40


def paragraphs(texts: Iterable[str]) -> Iterator[str]:
    """Lines of all pages without line numbers, with words and sentences put together again."""
    lines = [line for page in texts for line in PDFIUM_HYPHEN.sub("-\n", page).splitlines()]
    text = "\n".join(without_line_numbers(lines))
    words = Counter(re.findall(r"[\w-]+", text.lower()))

    def joined(match: re.Match[str]) -> str:
        """A word broken at a line end; its hyphen stays where the text elsewhere prints it."""
        left, right = match.groups()
        hyphenated, whole = f"{left}-{right}", f"{left}{right}"
        printed_so = words[hyphenated.lower()] and not words[whole.lower()]
        new_word = not right[0].islower() and not (left + right).isupper()
        return hyphenated if printed_so or new_word else whole

    text = HYPHEN_AT_BREAK.sub(joined, text)
    return _sentences(text.splitlines())


def _sentences(lines: list[str]) -> Iterator[str]:
    """Printed lines that were only broken because the page is narrow become one."""
    full = max(FULL * max(map(len, lines), default=0), SHORT_LINES)
    said = printed = ""
    for line in map(str.strip, lines):
        room_needed = len(printed) + 1 + len(line.partition(" ")[0])
        goes_on = line[:1].islower() or room_needed > full
        if said and line and goes_on and not said.endswith(SENTENCE_END):
            said += f" {line}"
        else:
            yield said
            said = line
        printed = line
    yield said


def without_line_numbers(lines: list[str]) -> list[str]:
    """A number goes only where it counts the lines up with its neighbours."""
    for numbered in NUMBERED:
        found = {at: match for at, line in enumerate(lines) if (match := numbered.match(line))}
        numbers = [int(match["number"]) for match in found.values()]
        counting = {
            at
            for at, before, number, after in zip(
                found, [-1, *numbers], numbers, [*numbers[1:], -1], strict=False
            )
            if number in (before + 1, after - 1)
        }
        if len(counting) >= max(4, 0.8 * len(found)):
            counted = (
                (found[at]["line"] if at in counting else line) for at, line in enumerate(lines)
            )
            return [line for line in counted if line is not None]
    return lines
