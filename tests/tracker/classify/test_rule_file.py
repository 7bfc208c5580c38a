"""The rules that come with the program: whole, and true to their own examples."""

from __future__ import annotations

from tracker.classify.check import check_rules
from tracker.classify.force import read_book
from tracker.rules.schema import TOPICS_FILE
from tracker.topics import TOPICS


def test_every_example_of_every_rule_holds() -> None:
    book = check_rules(TOPICS_FILE)
    assert all(ready.rule.match and ready.rule.no_match for ready in book.rules)


def test_each_topic_has_rules() -> None:
    assert {ready.rule.topic for ready in read_book(TOPICS_FILE).rules} == set(TOPICS)


def test_every_word_list_is_used() -> None:
    content = TOPICS_FILE.read_text(encoding="utf-8")
    unused = [name for name in read_book(TOPICS_FILE).file.words if f"<{name}>" not in content]
    assert unused == []
