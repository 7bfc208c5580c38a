"""The rules are at least as good as they were when these figures were written down.

The test part has never been looked at, only counted; see ``gold/README.md``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tracker.rules.gold_set import as_row, label_rows, passages
from tests.tracker.rules.recorded_words import words_by_key
from tracker.classify import classify
from tracker.evaluate import WITH_TEXT, WORDS_ALONE, Case, judged, relevance, stance

MICHIGAN = ("legiscan-csv-mi", "2023-2024")


@pytest.mark.parametrize(
    ("part", "mode", "precision", "recall", "same_stance"),
    [
        ("dev", WITH_TEXT, 0.98, 0.98, 0.93),
        pytest.param("dev", WORDS_ALONE, 0.98, 0.95, 0.88, marks=pytest.mark.slow),
        ("test", WITH_TEXT, 0.92, 0.93, 0.82),
        pytest.param("test", WORDS_ALONE, 0.96, 0.94, 0.80, marks=pytest.mark.slow),
        pytest.param("tuned", WITH_TEXT, 0.98, 0.93, 0.84, marks=pytest.mark.slow),
        pytest.param("tuned", WORDS_ALONE, 0.98, 0.93, 0.84, marks=pytest.mark.slow),
    ],
)
def test_passages_are_judged_as_people_judge_them(
    part: str, mode: str, precision: float, recall: float, same_stance: float
) -> None:
    cases = [Case.model_validate(as_row(case)) for case in passages() if case.part == part]
    if mode == WORDS_ALONE:
        cases = [case for case in cases if case.basis == "title"]
    done = judged(cases, mode)
    tally = relevance(done)
    assert tally.precision.value >= precision, tally
    assert tally.recall.value >= recall, tally
    assert stance(done).value >= same_stance, stance(done)


@pytest.mark.recorded
def test_a_whole_biennium_of_titles_raises_no_false_alarm(recorded: Path) -> None:
    on_topic = {
        row["identifier"]
        for row in label_rows()
        if (row["source"], row["session"]) == MICHIGAN and row["relevant"] == "yes"
    }
    titles = {
        identifier: words.title
        for (source, session, identifier), words in words_by_key(recorded).items()
        if (source, session) == MICHIGAN
    }
    assert len(titles) > 4000
    found = {identifier for identifier, title in titles.items() if classify(title).relevant}
    assert found - on_topic == set()
    assert len(found) > len(on_topic) / 2
