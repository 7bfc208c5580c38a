"""Whether the examples inside a rule file hold: each rule says of them what it should."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tracker.classify.book import Book, ReadyRule, compile_book
from tracker.classify.find import passages
from tracker.classify.weigh import findings_of
from tracker.rules.schema import Example, Lines, Problem, RulesError, read_rules


def check_rules(path: Path, content: bytes | None = None) -> Book:
    """The rules of a file, compiled, their examples run.

    ``content`` is what the file holds, where the caller has read it already. Raises
    :class:`RulesError` with every problem found: file, line, rule and reason.
    """
    content = path.read_bytes() if content is None else content
    file, lines = read_rules(path, content)
    book = compile_book(file, content, lines)
    if problems := list(_failing(book, lines)):
        raise RulesError(problems)
    return book


def _failing(book: Book, lines: Lines) -> Iterator[Problem]:
    for n, ready in enumerate(book.rules):
        if not ready.rule.no_match:
            yield lines.problem(("rules", n), "no example of what it must not match (no-match)")
        for m, example in enumerate(ready.rule.must()):
            if reason := _misread(book, ready, example):
                yield lines.problem(("rules", n, "match", m), f"{reason}: {example.text!r}")
        for m, example in enumerate(ready.rule.must_not()):
            if _stances(book, ready, example):
                reason = f"matches what it must not: {example.text!r}"
                yield lines.problem(("rules", n, "no-match", m), reason)


def _misread(book: Book, ready: ReadyRule, example: Example) -> str:
    found = _stances(book, ready, example)
    if not found:
        return "does not match what it must"
    if not book.may_say_something(example.text):
        return "no anchor is in what it must match"
    if example.stance and example.stance not in found:
        return f"reads {' and '.join(sorted(found))} where it must read {example.stance}"
    return ""


def _stances(book: Book, ready: ReadyRule, example: Example) -> set[str]:
    """The ways in which the rule reads the example; empty if it does not match."""
    return {
        finding.stance
        for passage in passages(book, example.field, example.text, short=True)
        for finding in findings_of(passage, example.field)
        if finding.rule == ready.rule.id
    }
