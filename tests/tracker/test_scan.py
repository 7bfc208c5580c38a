"""Without google-re2 the same is found: slower, but without a text that takes it for ever."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.tracker.classify.small_rules import small_rules
from tracker.classify.force import read_book
from tracker.classify.prefix_tree import prefix_tree
from tracker.rules.schema import TOPICS_FILE
from tracker.scan import Pattern
from tracker.stage_rules import RuleSet, load, rule_file_names

GOLD = Path(__file__).parent / "rules" / "gold" / "drafted.jsonl"


def stage_rules() -> dict[str, RuleSet]:
    return {name: RuleSet((load(name), load("_common"))) for name in rule_file_names()}


@pytest.mark.slow
def test_anchors_are_found_where_re2_finds_them(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("re2")
    passages = [json.loads(line)["text"] or "" for line in GOLD.open(encoding="utf-8")]
    text = "\n\n".join(passages).encode()
    found = read_book(TOPICS_FILE).anchors.starts(text)
    monkeypatch.setenv("BILLTRACKER_NO_RE2", "1")
    assert read_book(TOPICS_FILE).anchors.starts(text) == found
    assert len(found) > len(passages)


@pytest.mark.slow
def test_actions_are_read_as_with_re2(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("re2")
    with_re2 = stage_rules()
    monkeypatch.setenv("BILLTRACKER_NO_RE2", "1")
    for name, rules in stage_rules().items():
        actions = {text for rule in rules.rules for text in (*rule.matches, *rule.not_)}
        for text in actions:
            told = []
            for one in (with_re2[name], rules):
                spoken = one.read(text, "")
                told.append(([rule.id for rule in spoken], one.chamber_named(spoken, text)))
            assert told[0] == told[1], text


@pytest.mark.slow
def test_no_text_takes_it_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLTRACKER_NO_RE2", "1")
    anchors = read_book(TOPICS_FILE).anchors
    rules = stage_rules()["md"]
    start = time.process_time()
    for text in (
        "The board may adopt rules. ",
        "homelan-\n",
        "order of \n 1",
        "im\u00admi\u00adgr ",
    ):
        assert not anchors.found((text * (500_000 // len(text))).encode())
    for text in ("veto objections ", "on passage ", "house senate ", "floor committee ", "A, "):
        rules.read(text * (4_000 // len(text)), None)
    assert time.process_time() - start < 10


def test_a_tree_of_beginnings_finds_the_same() -> None:
    flat = r"de(?:t|\|)*ain|dex{2}[)|]|de|\bICE\b|\bIX"
    text = b"de|ttain dexx) dexx| dea ICE IX ICEs"
    assert list(Pattern(prefix_tree(flat)).spans(text)) == list(Pattern(flat).spans(text))


def test_everything_runs_where_re2_has_no_wheel(tmp_path: Path) -> None:
    rules, bills, answers = (tmp_path / name for name in ("rules.yaml", "bills.jsonl", "out.jsonl"))
    rules.write_text(small_rules(), encoding="utf-8")
    title = "Sheriffs shall honor immigration detainers"
    bills.write_text(json.dumps({"id": 1, "title": title}), encoding="utf-8")
    code = """if True:
        import sys
        sys.modules["re2"] = None
        from tracker.cli import app
        from tracker.stages import classify_action
        assert classify_action("md", "Third Reading Passed (47-0)", "upper").step == "passed"
        app(sys.argv[1:])
    """
    command = ("classify", "--rules", rules, "--input", bills, "--output", answers)
    subprocess.run([sys.executable, "-c", code, *command], check=True, timeout=120)
    assert json.loads(answers.read_text(encoding="utf-8"))["topics"] == ["detainer-holds"]
