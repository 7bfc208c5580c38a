"""The child process of ``spiders.pdf``: a PDF on stdin, a JSON list of page texts on stdout.

Imports nothing of the project, to start fast. Exit code 3 = beyond our limits, 4 = unreadable;
the last line on stderr then says why.
"""

from __future__ import annotations

import json
import sys

MOST_SECONDS = 30
MOST_PAGES = 2_000
MOST_MEMORY = 1_500_000_000
MOST_CHARACTERS = 20_000_000

TOO_BIG, UNREADABLE = 3, 4


def _refuse(code: int, why: str) -> None:
    print(why, file=sys.stderr)
    raise SystemExit(code)


def _limit_this_process() -> None:
    """Memory and processor time; only where the system has such limits (not on Windows)."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _read_stdin() -> None:
    body = sys.stdin.buffer.read()
    _limit_this_process()
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(body)
    except pypdfium2.PdfiumError as error:
        _refuse(UNREADABLE, f"damaged or protected PDF of {len(body):,} bytes: {error}")
    if len(document) > MOST_PAGES:
        _refuse(TOO_BIG, f"a PDF of {len(document):,} pages, more than {MOST_PAGES:,}")
    texts: list[str] = []
    for number in range(len(document)):
        try:
            texts.append(document[number].get_textpage().get_text_range())
        except (pypdfium2.PdfiumError, MemoryError) as error:
            _refuse(UNREADABLE, f"page {number + 1} of {len(document)} cannot be read: {error}")
        if sum(map(len, texts)) > MOST_CHARACTERS:
            _refuse(TOO_BIG, f"a PDF of more than {MOST_CHARACTERS:,} characters")
    json.dump(texts, sys.stdout)


if __name__ == "__main__":
    _read_stdin()
