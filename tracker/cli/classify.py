"""billtracker classify: judge bills from a file, without a database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from tracker.classify import Judgement

FIELDS = ("title", "summary", "text")


def classify(
    input_: Annotated[
        Path,
        typer.Option(
            "--input",
            help="One JSON object a line: id, title, summary, text (any may be null).",
            exists=True,
            dir_okay=False,
        ),
    ],
    output: Annotated[Path, typer.Option(help="Verdicts go here, one JSON object a line.")],
    rules: Annotated[
        Path | None,
        typer.Option(
            help="Use these topic rules instead of those in force.", exists=True, dir_okay=False
        ),
    ] = None,
) -> None:
    """Judge bills by the topic rules and show the words that decided.

    Each line of the output has id, relevant, topics, stance, score and evidence: rule, topic,
    field (title, summary or text), start, end (in characters) and quote. A line that cannot be
    read is named, the others are judged; the exit code is then 1.
    """
    from tracker.classify import classify as judged_words
    from tracker.classify.force import book_in_force, read_book

    book = read_book(rules) if rules else book_in_force()
    bad = done = 0
    with output.open("w", encoding="utf-8", errors="backslashreplace") as out:
        for number, line in _lines(input_):
            try:
                case = _case(line)
            except ValueError as error:
                typer.echo(f"{input_}:{number}: {error}", err=True)
                bad += 1
                continue
            found = judged_words(case["title"], case["summary"], case["text"], book=book)
            out.write(json.dumps(_verdict(case["id"], found), ensure_ascii=False) + "\n")
            done += 1
    typer.echo(f"{done:,} bills judged" + (f", {bad:,} lines left out" if bad else ""), err=True)
    if bad:
        raise typer.Exit(1)


def _verdict(case_id: object, found: Judgement) -> dict[str, Any]:
    return {
        "id": case_id,
        "relevant": found.relevant,
        "topics": [one.topic for one in found.topics],
        "stance": found.stance,
        "score": found.score,
        "evidence": [
            {
                "rule": one.rule,
                "topic": one.topic,
                "field": "summary" if one.field == "abstract" else one.field,
                "start": one.start,
                "end": one.end,
                "quote": one.quote,
            }
            for one in found.evidence
        ],
    }


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield number, line


def _case(line: str) -> dict[str, Any]:
    """Raises ``ValueError`` for a line that is no bill."""
    try:
        case = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise ValueError("no bill: JSON nested too deep") from None
    if not isinstance(case, dict) or "id" not in case:
        raise ValueError("no JSON object with an id")
    for name in FIELDS:
        value = case.setdefault(name, None)
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{name} is {type(value).__name__}, not text")
    return case
