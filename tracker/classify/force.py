"""The rules in force: the operator's file, else the one that comes with the program.

A file that cannot be used, or whose examples fail, does not stop the program: the last good one
stays in force, and what is wrong with the new one goes to standard error.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

from tracker.classify.book import Book, compile_book
from tracker.classify.check import check_rules
from tracker.rules.schema import TOPICS_FILE, RulesError, read_rules
from tracker.settings import get_settings

LAST_GOOD = "topics-last-good.yaml"
LAST_GOOD_OF_PROGRAM = "topics-last-good-default.yaml"


def read_book(path: Path, content: bytes | None = None) -> Book:
    """The rules of a file as they are, their examples not run.

    Raises :class:`tracker.rules.schema.RulesError`, naming file, line, rule and reason.
    """
    content = path.read_bytes() if content is None else content
    file, lines = read_rules(path, content)
    return compile_book(file, content, lines)


def rules_file() -> Path:
    chosen = get_settings().topics_file
    return Path(chosen) if chosen else TOPICS_FILE


@cache
def book_in_force() -> Book:
    """Raises :class:`RulesError` where a mistake is in the first rules that there ever were."""
    return _in_force(rules_file(), get_settings().data_dir)


def _in_force(path: Path, folder: Path) -> Book:
    last_good = folder / (LAST_GOOD_OF_PROGRAM if path == TOPICS_FILE else LAST_GOOD)
    try:
        return _good(path, last_good)
    except (RulesError, OSError) as error:
        with suppress(RulesError, OSError):
            book = read_book(last_good)
            _tell(error, last_good)
            return book
        if path == TOPICS_FILE:
            raise
        _tell(error, TOPICS_FILE)
    return _in_force(TOPICS_FILE, folder)


def _tell(error: Exception, standing: Path) -> None:
    print(f"{error}\nthe rules of {standing} stay in force", file=sys.stderr)


def _good(path: Path, last_good: Path) -> Book:
    """Examples take time: they are run once after each edit."""
    content = path.read_bytes()
    if last_good.exists() and last_good.read_bytes() == content:
        return read_book(path, content)
    book = check_rules(path, content)
    # Rules are good without a copy; where the folder is not to be written there is none.
    with suppress(OSError):
        _keep(content, last_good)
    return book


def _keep(content: bytes, last_good: Path) -> None:
    """Several processes may do so at once."""
    last_good.parent.mkdir(parents=True, exist_ok=True)
    draft = last_good.with_suffix(f".{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(last_good)
