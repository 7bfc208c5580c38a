"""What policy staff type to try, check, replay and measure the rules, and what they are told."""

from __future__ import annotations

import json
import time
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.commands import billtracker
from tests.tracker.classify.small_rules import small_rules
from tests.tracker.stored_bills import NOW, add_bill
from tracker.db import writing, writing_session
from tracker.judging import decide, judge
from tracker.settings import get_settings

LIMITS = "An Act prohibiting sheriffs from honoring immigration detainers"
TEXT = "SECTION 1. A county shall not enter into a 287(g) agreement with ICE."
RECORDS = "An Act concerning the Nightingale protocol for interpreters"


@pytest.fixture
def stored(database: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setenv("BILLTRACKER_PUBLIC_URL", "https://bills.example.org")
    get_settings.cache_clear()
    with writing_session(database) as session:
        ids = [
            add_bill(session, "HB 1", LIMITS, level=None, text=TEXT).id,
            add_bill(session, "HB 2", "State parks", level=None).id,
            *(add_bill(session, f"SB {n}", RECORDS, level=None).id for n in range(3)),
        ]
    with writing(database) as connection:
        judge(connection, ids, NOW)
        for bill_id in ids[2:]:
            decide(connection, bill_id, relevant=True, note="Read it.", by="kim", now=NOW)
    return database


@pytest.fixture
def fewer_rules(tmp_path: Path) -> Path:
    """One rule, that knows detainers and no 287(g) agreement."""
    path = tmp_path / "fewer.yaml"
    path.write_text(small_rules(), encoding="utf-8")
    return path


def test_bills_in_lines_are_judged_and_a_bad_line_is_named(tmp_path: Path) -> None:
    given, answer = tmp_path / "bills.jsonl", tmp_path / "out.jsonl"
    bills = [
        {"id": "a", "title": LIMITS, "summary": None, "text": TEXT},
        {"id": 2, "title": "State parks", "summary": "Ice rinks.", "text": None},
    ]
    lines = [json.dumps(bills[0]), "{no json", json.dumps(bills[1])]
    given.write_text("\n".join(lines), encoding="utf-8")
    told = billtracker("classify", "--input", given, "--output", answer)
    assert told.exit_code == 1
    assert f"{given}:2:" in told.output
    first, second = map(json.loads, answer.read_text(encoding="utf-8").splitlines())
    assert (first["id"], first["relevant"], first["stance"]) == ("a", True, "limits")
    assert {"287g", "detainer-holds"} <= set(first["topics"])
    for span in first["evidence"]:
        assert span["quote"] == bills[0][span["field"]][span["start"] : span["end"]]
    assert second == {
        "id": 2, "relevant": False, "topics": [], "stance": None, "score": 0.0, "evidence": []
    }  # fmt: skip


def test_the_rules_in_force_are_checked_and_a_broken_file_is_not_taken(tmp_path: Path) -> None:
    assert "their examples hold" in billtracker("rules", "check").output
    broken = tmp_path / "broken.yaml"
    broken.write_text(small_rules().replace("topic: detainer-holds", "topic: detainers"), "utf-8")
    told = billtracker("rules", "check", broken)
    assert told.exit_code == 1
    assert "rule detainer: no topic 'detainers'; known topics: 287g" in told.output


def test_a_text_is_tried_against_the_rules(tmp_path: Path) -> None:
    bill = tmp_path / "bill.txt"
    bill.write_text(TEXT, encoding="utf-8")
    told = billtracker("rules", "test", bill, "--title", "Civil immigration detainers").output
    assert told.startswith("relevant, score ")
    assert "287g.named (limits) in text:" in told
    assert "[[agreement with ICE]]" in told
    assert "detainer.named (perhaps expands, in words of bills that limit) in title:" in told


def test_a_stored_bill_is_explained_with_what_a_person_decided(stored: Engine) -> None:
    assert "detainer.act (limits) in title: … An Act prohibiting" in billtracker(
        "rules", "explain", "md HB 1"
    ).output  # fmt: skip
    assert billtracker("rules", "explain", "md SB 1").output.startswith(
        "kim decided: on topic. Read it.\noff, score 0.00, no stance"
    )
    unknown = billtracker("rules", "explain", "md HB 99")
    assert unknown.exit_code != 0
    assert "HB 99" in unknown.output


def test_other_rules_are_tried_before_they_are_taken(stored: Engine, fewer_rules: Path) -> None:
    told = billtracker("rules", "replay", "--rules", fewer_rules, "--dry-run").output
    assert "5 bills judged, 1 would move" in told
    assert "1 would change topics:" in told
    assert "MD HB 1 An Act prohibiting" in told
    assert "(limits: 287g limits, detainer-holds limits" in told
    assert " → limits: detainer-holds limits)" in told
    assert "https://bills.example.org/bills/" in told
    assert "MD SB 0: kim decided relevant, the rules say off; the decision stands" in told
    refused = billtracker("rules", "replay", "--rules", fewer_rules)
    assert refused.exit_code != 0
    assert "add --dry-run" in refused.output


def test_a_decision_that_leaves_a_bill_without_topic_or_way_says_so(stored: Engine) -> None:
    told = billtracker("decide", "md HB 2", "--relevant").output
    assert "it has no topic" in told
    assert "it cuts no way" in told
    decided = ("decide", "md HB 2", "--relevant", "--topics", "287g", "--stance", "limits")
    assert "it " not in billtracker(*decided).output


@pytest.mark.parametrize("command", [("test",), ("evaluate",), ("explain", "md HB 1", "--rules")])
def test_a_file_that_is_not_there_is_named(command: tuple[str, ...], tmp_path: Path) -> None:
    told = billtracker("rules", *command, tmp_path / "none")
    assert told.exit_code == 2
    assert "does not exist" in told.output


def test_words_of_marked_bills_that_no_rule_uses_are_suggested(stored: Engine) -> None:
    told = billtracker("rules", "suggest", "--most", 5).output
    assert "nightingale" in told
    assert "in 3 of 3 marked, 0 others" in told


def test_a_long_bill_is_no_wait_for_suggestions(database: Engine) -> None:
    """A term is looked for in the rules only when it would be shown: each look takes a while."""
    text = " ".join(
        map("".join, product(("ba", "ke", "lu", "mi", "no", "ti", "zo", "pe"), repeat=4))
    )
    with writing_session(database) as session:
        bill_id = add_bill(session, "HB 1", "An Act", level=None, text=text).id
    with writing(database) as connection:
        decide(connection, bill_id, relevant=True, by="kim", now=NOW)
    start = time.process_time()
    assert len(billtracker("rules", "suggest", "--most", 5).output.splitlines()) == 5
    assert time.process_time() - start < 5


def test_rules_are_measured_and_each_error_is_listed(tmp_path: Path) -> None:
    gold = tmp_path / "gold.jsonl"
    answers = [
        {"id": "hit", "title": LIMITS, "relevant": True, "topics": ["detainer-holds"],
         "stance": "limits"},
        {"id": "wrong way", "title": LIMITS, "relevant": True, "topics": [], "stance": "expands"},
        {"id": "missed", "title": "Parks", "relevant": True, "topics": [], "stance": "limits"},
    ]  # fmt: skip
    gold.write_text("\n".join(map(json.dumps, answers)), encoding="utf-8")
    told = billtracker("rules", "evaluate", gold).output
    assert "precision 1.000 [0.342–1.000] (2/2)  recall 0.667 [0.208–0.939] (2/3)" in told
    assert "stance     0.500" in told
    assert "missed [0.00; no rule] missed: 'Parks'" in told
    assert "stance limits for expands [" in told
    gold.write_text('{"id": "no answer"}\n', encoding="utf-8")
    assert f"{gold}:1: relevant:" in billtracker("rules", "evaluate", gold).output.replace("\n", "")
