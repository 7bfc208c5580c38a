"""Which topics a bill's words are about, which way it cuts, and the words that say so.

Reading order: :mod:`clean <tracker.classify.clean>` (text as readers mean it),
:mod:`phrases <tracker.classify.phrases>` and :mod:`book <tracker.classify.book>` (rules
compiled), :mod:`anchors <tracker.classify.anchors>` (what is read at all),
:mod:`find <tracker.classify.find>`, :mod:`clauses <tracker.classify.clauses>` and
:mod:`direction <tracker.classify.direction>`, :mod:`weigh <tracker.classify.weigh>`.
"""

from __future__ import annotations

from collections.abc import Sequence

from tracker.classify.book import Book
from tracker.classify.force import book_in_force
from tracker.classify.judgement import (
    OFF,
    EvidenceSpan,
    Judgement,
    Level,
    Stance,
    TopicScore,
)
from tracker.classify.weigh import weigh
from tracker.items import TextMark

__all__ = [
    "EvidenceSpan", "Judgement", "Level", "Stance", "TopicScore", "classify", "rules_hash",
]  # fmt: skip


def classify(
    title: str | None,
    abstract: str | None = None,
    text: str | None = None,
    subjects: Sequence[str] = (),
    marks: Sequence[TextMark] | None = None,
    *,
    book: Book | None = None,
) -> Judgement:
    """Judge one bill by the rules in force, or by those of ``book``; never raises on any text."""
    book = book or book_in_force()
    fields = [("title", title or ""), ("abstract", abstract or "")]
    fields += [(f"subject:{n}", subject) for n, subject in enumerate(subjects)]
    if not any(book.may_say_something(words) for _, words in (*fields, ("text", text or ""))):
        return OFF
    return weigh(book, fields, text or "", marks)


def rules_hash() -> str:
    """sha256 of the rule file in force; stored with each verdict."""
    return book_in_force().hash
