"""What says one thing without end costs no more than what says much."""

from __future__ import annotations

import pytest

from tracker.classify import classify, find
from tracker.classify.clean import clean
from tracker.classify.find import MOST_SAID, Passage
from tracker.classify.force import book_in_force
from tracker.classify.grammar import MOST_PLACES, Reading

ENDLESS = "each sheriff shall honor an immigration detainer of ICE and " * 200


def test_of_a_word_said_without_end_the_first_places_are_looked_at() -> None:
    reading = Reading(book_in_force().grammar, "ICE " * 10_000)
    assert len(reading.places("=ICE")) == MOST_PLACES


def test_a_clause_says_one_thing_so_many_times_and_no_more() -> None:
    book = book_in_force()
    hits = list(Passage(book, "text", clean(ENDLESS)).hits())
    rules = {hit.ready.rule.id for hit in hits}
    assert rules
    assert len(hits) <= MOST_SAID * len(rules)
    found = classify(None, None, ENDLESS)
    assert (found.relevant, found.stance) == (True, "expands")


def test_of_a_text_full_of_anchors_that_say_nothing_a_part_is_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(find, "MOST_LOOKED_AT", 50_000)
    text = "A foreign or alien insurer shall maintain a deposit.\n" * 10_000
    read = sum(len(one.text) for one in find.passages(book_in_force(), "text", text))
    assert 80_000 < read < 120_000
    late = text + "The sheriff shall honor every immigration detainer of ICE.\n" * 1_000
    assert classify(None, None, late).relevant
