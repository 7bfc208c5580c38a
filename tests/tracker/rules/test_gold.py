"""The gold set is well formed; ``test_quality.py`` measures the rules by it."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.tracker.rules import gold_set
from tests.tracker.rules.gold_set import (
    Case,
    Level,
    drafted,
    label_rows,
    load,
    part_of,
    write_gold,
)
from tests.tracker.rules.recorded_words import words_by_key
from tracker.topics import TOPICS

LEAST: dict[Level, int] = {"relevant": 180, "adjacent": 160, "look-alike": 160}
LEAST_STATES = 25
NEGATIVE_LEVELS = {"adjacent", "look-alike", "off"}


@pytest.fixture(scope="module")
def passages() -> list[Case]:
    return list(gold_set.passages())


def faults(case: Case) -> list[str]:
    """What contradicts itself in one case."""
    stances = set(case.topic_stances.values())
    checks = {
        "no words": case.title or case.summary or case.text,
        "no reason": case.reason,
        "unknown topic": set(case.topics) <= set(TOPICS),
        "level": case.relevant == (case.level == "relevant"),
        "topics": bool(case.topics) == case.relevant,
        "stance": (case.stance in {"expands", "limits", "neutral", "mixed"}) == case.relevant,
        "topic stances": set(case.topic_stances) in (set(), set(case.topics)),
        "one stance": len(stances) != 1 or case.stance in stances,
        "both stances": not {"expands", "limits"} <= stances or case.stance == "mixed",
        "basis": case.title or case.summary or case.basis == "text",
        "basis text": case.text or case.basis == "title",
    }
    return [name for name, holds in checks.items() if not holds]


def test_no_passage_contradicts_itself(passages: list[Case]) -> None:
    assert {case.id: faults(case) for case in passages if faults(case)} == {}
    assert len({case.id for case in passages}) == len(passages)
    assert all(case.source for case in passages)


def test_passages_cover_levels_topics_stances_and_states(passages: list[Case]) -> None:
    levels = Counter(case.level for case in passages)
    assert {level: levels[level] for level in LEAST if levels[level] < LEAST[level]} == {}
    named = (re.match(r"[A-Z]{2}\b", case.source) for case in passages)
    assert len({match[0] for match in named if match} - {"US"}) >= LEAST_STATES
    met = {(topic, s) for case in passages for topic, s in case.topic_stances.items()}
    assert met >= {(topic, stance) for topic in TOPICS for stance in ("expands", "limits")}
    assert {case.stance for case in passages} == {"expands", "limits", "neutral", "mixed", ""}


def test_marks_lie_in_the_text_in_order(passages: list[Case]) -> None:
    marked = [case for case in passages if case.marks]
    assert marked
    for case in marked:
        ends = [end for mark in case.marks for end in mark[:2]]
        assert ends == sorted(ends), case.id
        assert all(mark.start < mark.end <= len(case.text or "") for mark in case.marks), case.id


def test_labels_are_whole_and_unique() -> None:
    rows = label_rows()
    keys = [(row["source"], row["session"], row["identifier"]) for row in rows]
    assert len(set(keys)) == len(keys)
    for row in rows:
        relevant = row["relevant"] == "yes"
        assert relevant == (row["level"] == "relevant"), row
        assert relevant or row["level"] in NEGATIVE_LEVELS, row
        assert bool(row["topics"]) == bool(row["stance"]) == relevant, row
        assert set(row["topics"].split()) <= set(TOPICS), row
        assert row["basis"] in {"title", "text"}, row
        assert row["reason"], row


def test_no_case_changes_its_part() -> None:
    """A case that moved from test to dev would have been looked at before it counts."""
    assert part_of("fl-908-11-287g-duty") == "dev"
    assert part_of("legiscan-csv-mi/2023-2024/HB4879") == "test"


def test_each_part_holds_about_half_of_every_level() -> None:
    for level in LEAST:
        parts = Counter(case.part for case in drafted() if case.level == level)
        assert 0.4 < parts["dev"] / parts.total() < 0.6, (level, parts)


def test_written_as_evaluate_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "GOLD.jsonl"
    gold = load("dev")
    write_gold(path, gold)
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [row["id"] for row in rows] == [case.id for case in gold.cases]
    assert {row["part"] for row in rows} == {"dev"}
    names = {"id", "title", "summary", "text", "relevant", "topics", "stance", "level"}
    assert all(names | {"part", "basis"} == set(row) - {"marks"} for row in rows)


def test_real_bills_are_left_out_where_there_are_no_recordings(
    tmp_path: Path, passages: list[Case]
) -> None:
    gold = load(recorded=tmp_path / "absent")
    assert len(gold.unjoined) == len(label_rows())
    assert gold.cases == passages


@pytest.mark.recorded
def test_every_label_finds_its_bill(recorded: Path) -> None:
    gold = load(recorded=recorded)
    assert gold.unjoined == []
    assert {case.id: faults(case) for case in gold.cases if faults(case)} == {}
    labelled_by_text = {row["identifier"] for row in label_rows() if row["basis"] == "text"}
    assert {name.rsplit("/", 1)[1] for name in gold.unread} <= labelled_by_text


@pytest.mark.recorded
def test_nothing_recorded_was_copied(recorded: Path, passages: list[Case]) -> None:
    titles = {words.title.lower() for words in words_by_key(recorded).values() if words.title}
    ours = [case.title for case in passages if case.title]
    ours += [row["reason"] for row in label_rows()]
    # Names of acts and the like are shorter than anything a drafter wrote.
    assert [text for text in ours if len(text) > 40 and text.lower() in titles] == []
