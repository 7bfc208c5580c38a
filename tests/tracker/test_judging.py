"""Verdicts on stored bills, a person's word against them, and what a replay of rules moves."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, select

from tests.tracker.stored_bills import NOW, add_bill
from tracker.classify.force import book_in_force, read_book
from tracker.db import reading, writing, writing_session
from tracker.judging import decide, judge, newest_texts
from tracker.models import Evidence, TopicVerdict, Verdict
from tracker.rejudge import rejudge
from tracker.review_queue import review_queue
from tracker.rules.schema import TOPICS_FILE
from tracker.web.app import create_app

LATER = NOW + dt.timedelta(days=1)
DETAINERS = "An Act prohibiting sheriffs from honoring immigration detainers"
TEXT = "SECTION 1. A sheriff shall not hold a person on an immigration detainer of ICE."


def verdict(engine: Engine, bill_id: int) -> tuple[str, bool, str | None, list[str]]:
    with reading(engine) as session:
        found = session.get_one(Verdict, bill_id)
        topics = select(TopicVerdict.topic).where(TopicVerdict.bill_id == bill_id)
        return found.level, found.relevant, found.stance, sorted(session.scalars(topics))


@pytest.fixture
def bills(engine: Engine) -> dict[str, int]:
    with writing_session(engine) as session:
        ids = {
            "detainers": add_bill(session, "HB 1", DETAINERS, level=None, text=TEXT).id,
            "parks": add_bill(session, "HB 2", "State parks; ice rinks", level=None).id,
            "vague": add_bill(session, "HB 3", "Public safety; records", level=None).id,
        }
    with writing(engine) as connection:
        judge(connection, list(ids.values()), NOW)
    return ids


def test_a_verdict_shows_its_words_in_the_stored_text(
    engine: Engine, bills: dict[str, int]
) -> None:
    level, relevant, stance, topics = verdict(engine, bills["detainers"])
    assert (level, relevant, stance) == ("relevant", True, "limits")
    assert "detainer-holds" in topics
    with reading(engine) as session:
        spans = session.scalars(select(Evidence).where(Evidence.bill_id == bills["detainers"]))
        words = {"title": DETAINERS, "text": TEXT}
        quoted = [(span.quote, words[span.field][span.start : span.end]) for span in spans]
    assert quoted
    assert all(quote == stored for quote, stored in quoted)
    assert verdict(engine, bills["parks"])[:2] == ("off", False)


def test_a_bills_page_says_where_its_way_is_a_guess(engine: Engine, bills: dict[str, int]) -> None:
    with writing_session(engine) as session:
        bare = add_bill(session, "HB 4", "Civil immigration detainers", level=None).id
    with writing(engine) as connection:
        judge(connection, [bare], NOW)
    with TestClient(create_app(engine)) as pages:
        assert "is a guess" in pages.get(f"/bills/{bare}").text
        assert "is a guess" not in pages.get(f"/bills/{bills['detainers']}").text


def test_only_the_texts_of_the_bills_at_hand_are_read(
    engine: Engine, bills: dict[str, int]
) -> None:
    with writing_session(engine) as session:
        other = add_bill(session, "HB 4", "An Act", level=None, text="Another text.").id
    with reading(engine) as session:
        assert {row.bill_id for row in session.execute(select(newest_texts([other])))} == {other}
        everybody = {row.bill_id for row in session.execute(select(newest_texts()))}
    assert everybody == {bills["detainers"], other}


def test_a_persons_decision_wins_and_survives_replays(
    engine: Engine, bills: dict[str, int]
) -> None:
    with writing(engine) as connection:
        decide(connection, bills["detainers"], relevant=False, by="kim", now=LATER)
        decide(
            connection,
            bills["vague"],
            relevant=True,
            topics=["government-data"],
            stance="limits",
            by="kim",
            now=LATER,
        )
    report = rejudge(engine, LATER)
    assert verdict(engine, bills["detainers"])[:2] == ("relevant", False)
    assert verdict(engine, bills["vague"]) == ("off", True, "limits", ["government-data"])
    assert {(one.bill_id, one.decided, one.rules_say) for one in report.disagreements} == {
        (bills["detainers"], "not relevant", "relevant"),
        (bills["vague"], "relevant", "off"),
    }
    assert report.moved == []


def test_other_topics_and_another_stance_than_a_person_decided_are_listed(
    engine: Engine, bills: dict[str, int]
) -> None:
    with writing_session(engine) as session:
        ids = [add_bill(session, f"SB {n}", DETAINERS, level=None).id for n in range(4)]
    decisions: list[dict[str, Any]] = [
        {"topics": ["data-brokers"], "stance": "expands"},
        {"topics": ["detainer-holds"], "stance": "expands"},
        {"topics": ["detainer-holds"], "stance": "limits"},
        {},
    ]
    with writing(engine) as connection:
        for bill_id, decided in zip(ids, decisions, strict=True):
            decide(connection, bill_id, relevant=True, by="kim", now=LATER, **decided)
    report = rejudge(engine, LATER, dry_run=True)
    assert [(one.bill_id, one.decided, one.rules_say) for one in report.disagreements] == [
        (ids[0], "data-brokers, expands", "detainer-holds, limits"),
        (ids[1], "expands", "limits"),
    ]
    with reading(engine) as session:
        waiting = review_queue(session)
    assert [one.bill.id for one in waiting] == ids[:2]
    assert "kim decided data-brokers, the rules found words of detainer-holds" in waiting[0].why
    assert waiting[1].why == "kim decided expands, what the rules found says limits"


def test_a_decision_on_an_unknown_topic_changes_nothing(
    engine: Engine, bills: dict[str, int]
) -> None:
    before = verdict(engine, bills["parks"])
    with (
        pytest.raises(ValueError, match="no topic 'detainer'; known: 287g"),
        writing(engine) as connection,
    ):
        decide(connection, bills["parks"], relevant=True, topics=["detainer"], by="kim", now=LATER)
    assert verdict(engine, bills["parks"]) == before


def other_rules(tmp_path: Path) -> Path:
    """The rules in force, but "ice rinks" is what they look for in place of detainers."""
    content = TOPICS_FILE.read_text(encoding="utf-8")
    content = content.replace("\nanchors:\n", "\nanchors:\n  - rink\n", 1)
    start = content.index("\nrules:\n") + len("\nrules:\n")
    rule = (
        "- {id: rinks, topic: detainer-holds, says: Ice rinks., weight: 0.9, stance: limits,"
        " find: [ice rinks], match: [ice rinks]}\n"
    )
    path = tmp_path / "topics.yaml"
    path.write_text(content[:start] + rule, encoding="utf-8")
    return path


def test_a_dry_run_tells_what_an_edit_would_move_and_writes_nothing(
    engine: Engine, bills: dict[str, int], tmp_path: Path
) -> None:
    before = {name: verdict(engine, bill_id) for name, bill_id in bills.items()}
    report = rejudge(engine, LATER, book=read_book(other_rules(tmp_path)), dry_run=True)
    assert [one.bill_id for one in report.of("in")] == [bills["parks"]]
    assert [one.bill_id for one in report.of("out")] == [bills["detainers"]]
    assert {name: verdict(engine, bill_id) for name, bill_id in bills.items()} == before
    with pytest.raises(ValueError, match="dry_run"):
        rejudge(engine, LATER, book=read_book(other_rules(tmp_path)))


def test_only_stale_verdicts_are_judged_anew_when_asked(
    engine: Engine, bills: dict[str, int]
) -> None:
    assert rejudge(engine, LATER, stale_only=True).bills == 0
    with writing_session(engine) as session:
        session.get_one(Verdict, bills["detainers"]).rules_hash = "older rules"
        add_bill(session, "HB 4", DETAINERS, level=None)
    report = rejudge(engine, LATER, stale_only=True)
    assert report.bills == 2
    assert [one.identifier for one in report.of("in")] == ["HB 4"]
    with reading(engine) as session:
        hashes = set(session.scalars(select(Verdict.rules_hash)))
    assert hashes == {book_in_force().hash}


def test_the_review_queue_names_disagreements_once(engine: Engine, bills: dict[str, int]) -> None:
    with writing(engine) as connection:
        decide(connection, bills["vague"], relevant=True, by="kim", now=LATER)
    with reading(engine) as session:
        waiting = review_queue(session)
    assert [(one.bill.id, one.why) for one in waiting] == [
        (bills["vague"], "kim decided on topic, the rules say off")
    ]
