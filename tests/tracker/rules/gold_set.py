"""The gold set of the rules: real bills labelled by hand and passages drafted after real bills.

``python -m tests.tracker.rules.gold_set GOLD.jsonl [dev|test|tuned]`` writes it in the form that
``billtracker rules evaluate`` reads. What the labels mean and which part may be looked at is in
``gold/README.md``.
"""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

from tests.tracker.rules.recorded_words import Key, Words, words_by_key

Part = Literal["dev", "test", "tuned"]
Level = Literal["relevant", "adjacent", "look-alike", "off"]
Stance = Literal["expands", "limits", "neutral", "mixed", ""]
Basis = Literal["title", "text"]

FOLDER = Path(__file__).parent / "gold"
RECORDED = Path(__file__).parents[4] / "shared" / "recorded"


class Mark(NamedTuple):
    """A span of ``Case.text`` (code points, end exclusive) that the bill adds or strikes."""

    start: int
    end: int
    kind: Literal["insert", "delete"]


@dataclass(frozen=True)
class Case:
    """One labelled bill or passage.

    ``stance`` is empty where ``relevant`` is false. ``basis`` is ``text`` where title and summary
    do not tell what the label says. ``topic_stances`` is empty for real bills of one stance.
    """

    id: str
    title: str | None
    summary: str | None
    text: str | None
    subjects: tuple[str, ...]
    relevant: bool
    level: Level
    topics: tuple[str, ...]
    stance: Stance
    topic_stances: Mapping[str, Stance]
    basis: Basis
    reason: str
    part: Part
    source: str
    """Of a real bill its source, of a passage the bill it is modelled on."""
    style: str = ""
    marks: tuple[Mark, ...] = field(default=())


class GoldSet(NamedTuple):
    """``unjoined``: labels whose bill no recording has; ``unread``: labels that rest on a text
    which the recordings do not hold."""

    cases: list[Case]
    unjoined: list[str]
    unread: list[str]


def part_of(case_id: str) -> Part:
    """Half of all ids each, by the first byte of their SHA-256: no choice, and none to regret."""
    return "dev" if hashlib.sha256(case_id.encode()).digest()[0] < 128 else "test"


def load(part: Part | None = None, recorded: Path = RECORDED) -> GoldSet:
    """The cases of one part (of all without ``part``), real bills only where recordings are."""
    everything = GoldSet([], [], [])
    everything.cases.extend(passages())
    words = words_by_key(recorded) if recorded.is_dir() else {}
    for row in label_rows():
        key = (row["source"], row["session"], row["identifier"])
        name = "/".join(key)
        if key not in words:
            everything.unjoined.append(name)
        elif row["basis"] == "text" and words[key].text is None:
            everything.unread.append(name)
        else:
            everything.cases.append(_labelled(key, row, words[key]))
    return everything._replace(
        cases=[case for case in everything.cases if part in (None, case.part)]
    )


def label_rows() -> list[dict[str, str]]:
    with (FOLDER / "labels.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def passages() -> Iterator[Case]:
    """Of all three parts."""
    yield from drafted()
    for row in _rows("tuned.jsonl"):
        yield _passage(row, "tuned")


def drafted() -> Iterator[Case]:
    for row in _rows("drafted.jsonl"):
        yield _passage(row, part_of(row["id"]))


def _rows(name: str) -> Iterator[dict[str, Any]]:
    with (FOLDER / name).open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def _passage(row: dict[str, Any], part: Part) -> Case:
    return Case(
        id=row["id"],
        title=row["title"],
        summary=row["summary"],
        text=row["text"],
        subjects=(),
        relevant=row["relevant"],
        level=row["level"],
        topics=tuple(row["topics"]),
        stance=row["stance"],
        topic_stances=row["topic_stances"],
        basis=row["basis"],
        reason=row["reason"],
        part=part,
        source=row["modelled_on"],
        style=row["style"],
        marks=tuple(Mark(*mark) for mark in row.get("marks", ())),
    )


def _labelled(key: Key, row: dict[str, str], words: Words) -> Case:
    case_id = "/".join(key)
    stance = cast(Stance, row["stance"])
    topics = tuple(row["topics"].split())
    return Case(
        id=case_id,
        title=words.title,
        summary=words.summary,
        text=words.text,
        subjects=words.subjects,
        relevant=row["relevant"] == "yes",
        level=cast(Level, row["level"]),
        topics=topics,
        stance=stance,
        topic_stances={} if stance == "mixed" else dict.fromkeys(topics, stance),
        basis=cast(Basis, row["basis"]),
        reason=row["reason"],
        part=part_of(case_id),
        source=key[0],
        style="real bill",
    )


def as_row(case: Case) -> dict[str, object]:
    """The case as ``billtracker rules evaluate`` reads it; ``marks`` only where there are any."""
    row: dict[str, object] = {
        name: getattr(case, name)
        for name in ("id", "title", "summary", "text", "relevant", "topics", "stance", "level")
    }
    row |= {"part": case.part, "basis": case.basis}
    if case.marks:
        row["marks"] = case.marks
    return row


def write_gold(path: Path, gold: GoldSet) -> None:
    with path.open("w", encoding="utf-8") as file:
        for case in gold.cases:
            file.write(json.dumps(as_row(case), ensure_ascii=False) + "\n")


def main(arguments: list[str]) -> int:
    if not arguments or arguments[1:] not in ([], ["dev"], ["test"], ["tuned"]):
        print("usage: python -m tests.tracker.rules.gold_set GOLD.jsonl [dev|test|tuned]")
        return 2
    part = cast("Part | None", arguments[1] if len(arguments) > 1 else None)
    gold = load(part)
    write_gold(Path(arguments[0]), gold)
    print(f"{len(gold.cases)} cases: {dict(Counter(case.level for case in gold.cases))}")
    print(f"left out: {len(gold.unjoined)} not recorded, {len(gold.unread)} without their text")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
