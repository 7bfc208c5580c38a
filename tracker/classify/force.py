"""The rules in force: the operator's file, else the one that comes with the program.

A file that cannot be used does not stop the program: the last good one stays in force, and
what is wrong with the new one goes to standard error.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

from tracker.classify.book import Book, compile_book
from tracker.rules.schema import TOPICS_FILE, RulesError, read_rules
from tracker.settings import get_settings

LAST_GOOD = "topics-last-good.yaml"


def read_book(path: Path) -> Book:
    """Raises :class:`tracker.rules.schema.RulesError`, naming file, line, rule and reason."""
    content = path.read_text(encoding="utf-8")
    file, lines = read_rules(path, content)
    return compile_book(file, content, lines)


def rules_file() -> Path:
    chosen = get_settings().topics_file
    return Path(chosen) if chosen else TOPICS_FILE


@cache
def book_in_force() -> Book:
    return _in_force(rules_file(), get_settings().data_dir / LAST_GOOD)


def _in_force(path: Path, last_good: Path) -> Book:
    try:
        book = read_book(path)
    except (RulesError, OSError) as error:
        standing = last_good if last_good.exists() else TOPICS_FILE
        if path == standing:
            raise
        print(f"{error}\nthe rules of {standing} stay in force", file=sys.stderr)
        return read_book(standing)
    if path != TOPICS_FILE:
        _keep(path, last_good)
    return book


def _keep(path: Path, last_good: Path) -> None:
    content = path.read_bytes()
    if not last_good.exists() or last_good.read_bytes() != content:
        last_good.parent.mkdir(parents=True, exist_ok=True)
        draft = last_good.with_suffix(".new")
        draft.write_bytes(content)
        draft.replace(last_good)
