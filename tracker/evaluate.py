"""How good the topic rules are: their verdicts beside those of people who read the bills."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from tracker.classify import Judgement, classify
from tracker.classify.book import Book
from tracker.items import TextMark

WORDS_ALONE, WITH_TEXT = "title and summary alone", "with text"


class Case(BaseModel):
    """One line of a gold file. ``basis`` text: title and summary alone do not tell."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    relevant: bool
    topics: tuple[str, ...] = ()
    stance: str | None = None
    level: str = ""
    part: str = ""
    basis: str = ""
    marks: tuple[tuple[int, int, Literal["insert", "delete"]], ...] = ()

    @property
    def text_marks(self) -> tuple[TextMark, ...]:
        return tuple(TextMark(start=start, end=end, kind=kind) for start, end, kind in self.marks)


class BadGold(ValueError):
    """A gold file that cannot be read; names file and line."""


@dataclass(frozen=True, slots=True)
class Judged:
    case: Case
    found: Judgement

    @property
    def topics(self) -> set[str]:
        return {one.topic for one in self.found.topics}


@dataclass(frozen=True, slots=True)
class Tally:
    """Right and wrong positives and negatives of one yes-or-no question."""

    both: int
    only_rules: int
    only_gold: int

    @property
    def precision(self) -> Rate:
        return Rate(self.both, self.both + self.only_rules)

    @property
    def recall(self) -> Rate:
        return Rate(self.both, self.both + self.only_gold)

    @property
    def f1(self) -> float:
        total = 2 * self.both + self.only_rules + self.only_gold
        return 2 * self.both / total if total else 1.0


@dataclass(frozen=True, slots=True)
class Rate:
    hits: int
    of: int

    @property
    def value(self) -> float:
        return self.hits / self.of if self.of else 1.0

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval by Wilson's score, which holds for few cases and rates near 1 too."""
        if not self.of:
            return 0.0, 1.0
        z = 1.96
        n, p = self.of, self.value
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return max(0.0, middle - half), min(1.0, middle + half)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.value:.3f} [{low:.3f}–{high:.3f}] ({self.hits}/{self.of})"


def read_gold(path: Path) -> list[Case]:
    """Raises :class:`BadGold`, naming the line."""
    cases = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            cases.append(Case.model_validate_json(line))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise BadGold(f"{path}:{number}: {where or 'line'}: {first['msg']}") from None
    return cases


def judged(cases: Iterable[Case], mode: str, book: Book | None = None) -> list[Judged]:
    """Cases that have words to judge in this mode, with what the rules say."""
    return [
        Judged(case, classify(case.title, case.summary, text, marks=case.text_marks, book=book))
        for case in cases
        if (text := case.text if mode == WITH_TEXT else None) or case.title or case.summary
    ]


def relevance(done: Sequence[Judged]) -> Tally:
    return _tally((one.case.relevant, one.found.relevant) for one in done)


def of_topic(done: Sequence[Judged], topic: str) -> Tally:
    return _tally((topic in one.case.topics, topic in one.topics) for one in done)


def stance(done: Sequence[Judged]) -> Rate:
    """Of bills that both call relevant: how often the stance agrees."""
    both = [one for one in done if one.case.relevant and one.found.relevant and one.case.stance]
    return Rate(sum(one.case.stance == one.found.stance for one in both), len(both))


def errors(done: Sequence[Judged]) -> Iterator[str]:
    """A line for each bill on which rules and people differ."""
    for one in done:
        case, found = one.case, one.found
        named = f"{case.id}: {(case.title or case.summary or case.text or '')[:110]!r}"
        rules = ", ".join(sorted({span.rule for span in found.evidence})) or "no rule"
        if case.relevant != found.relevant:
            kind = "missed" if case.relevant else f"false alarm ({case.level or 'off topic'})"
            yield f"{kind} [{found.score:.2f}; {rules}] {named}"
        elif case.relevant and case.stance and case.stance != found.stance:
            yield f"stance {found.stance} for {case.stance} [{rules}] {named}"


def _tally(pairs: Iterable[tuple[bool, bool]]) -> Tally:
    both = only_rules = only_gold = 0
    for gold, rules in pairs:
        both += gold and rules
        only_rules += rules and not gold
        only_gold += gold and not rules
    return Tally(both, only_rules, only_gold)
