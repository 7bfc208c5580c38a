"""Words of bills that staff marked relevant which no rule uses yet."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from math import log

from sqlalchemy import Engine, select

from tracker.classify.book import Book
from tracker.classify.clean import clean
from tracker.classify.force import book_in_force
from tracker.classify.grammar import Reading
from tracker.judging import Words, newest_decisions, read_words
from tracker.models import Bill, Decision

MOST_OTHERS = 20_000
LONGEST_TERM = 3
WORD = re.compile(r"[a-z][a-z'-]+")
# Words that start or end no term worth a rule.
EMPTY = frozenset(
    [
        "a",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "by",
        "for",
        "from",
        "has",
        "have",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "may",
        "no",
        "not",
        "of",
        "on",
        "or",
        "other",
        "shall",
        "such",
        "that",
        "the",
        "their",
        "there",
        "this",
        "to",
        "under",
        "upon",
        "was",
        "which",
        "who",
        "will",
        "with",
        "within",
    ]
)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A term in ``marked`` of ``of_marked`` bills and in ``elsewhere`` others."""

    term: str
    marked: int
    of_marked: int
    elsewhere: int


def suggestions(engine: Engine, most: int) -> list[Suggestion]:
    """Best first: frequent in what people marked relevant, rare elsewhere, unknown to the rules."""
    book = book_in_force()
    with engine.connect() as connection:
        decided = connection.scalars(select(Decision.bill_id).distinct()).all()
        marked = [
            bill_id
            for bill_id, decision in newest_decisions(connection, list(decided)).items()
            if decision.relevant
        ]
        others = connection.scalars(
            select(Bill.id)
            .where(Bill.id.not_in(marked))
            .order_by(Bill.id.desc())
            .limit(MOST_OTHERS)
        ).all()
        here = _count(read_words(connection, marked))
        there = _count(read_words(connection, list(others)))
    found = [
        Suggestion(term, count, len(marked), there[term])
        for term, count in here.items()
        if count > 1 or len(marked) == 1
    ]
    found.sort(key=lambda one: (-_weight(one, len(others)), -len(one.term), one.term))
    new = (one for one in found if not _known(book, one.term))
    return list(islice(_without_parts(new), most))


def _count(bills: Iterator[Words]) -> Counter[str]:
    """In how many bills each term stands."""
    counts: Counter[str] = Counter()
    for words in bills:
        said = "\n".join((words.title, words.abstract, *words.subjects, words.text))
        counts.update(set(_terms(clean(said).text.lower())))
    return counts


def _terms(text: str) -> Iterator[str]:
    words = WORD.findall(text)
    for length in range(1, LONGEST_TERM + 1):
        for start in range(len(words) - length + 1):
            term = words[start : start + length]
            if term[0] not in EMPTY and term[-1] not in EMPTY:
                yield " ".join(term)


def _known(book: Book, term: str) -> bool:
    """Whether a phrase of the rules matches the term, or a part of it."""
    reading = Reading(book.grammar, term)
    return any(reading.has(phrase) for phrase in book.grammar.rules)


def _weight(one: Suggestion, others: int) -> float:
    """Share among the marked against share elsewhere, in bits, times how many are marked."""
    here = (one.marked + 0.5) / (one.of_marked + 1)
    there = (one.elsewhere + 0.5) / (others + 1)
    return one.marked * log(here / there)


def _without_parts(found: Iterable[Suggestion]) -> Iterator[Suggestion]:
    """A term that says no more than a longer one above it is left out."""
    kept: list[Suggestion] = []
    for one in found:
        if not any(
            f" {one.term} " in f" {other.term} " and other.marked == one.marked for other in kept
        ):
            kept.append(one)
            yield one
