"""Which topics a bill's words are about, which way it cuts, and the words that say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tracker.items import TextMark

Level = Literal["relevant", "uncertain", "adjacent", "off"]
Stance = Literal["expands", "limits", "neutral", "mixed"]


@dataclass(frozen=True, slots=True)
class EvidenceSpan:
    """``quote == <field>[start:end]``; ``field`` is title, abstract, subject:N or text."""

    rule: str
    topic: str
    stance: Stance | None
    field: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class TopicScore:
    topic: str
    stance: Stance | None
    score: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """``uncertain`` asks for the bill's text; ``adjacent`` is immigration but off topic."""

    level: Level
    score: float
    stance: Stance | None
    topics: tuple[TopicScore, ...]
    evidence: tuple[EvidenceSpan, ...]

    @property
    def relevant(self) -> bool:
        return self.level == "relevant"


def classify(
    title: str | None,
    abstract: str | None = None,
    text: str | None = None,
    subjects: Sequence[str] = (),
    marks: Sequence[TextMark] | None = None,
) -> Judgement:
    """Judge one bill by the rules in ``rules/topics.yaml``."""
    raise NotImplementedError


def rules_hash() -> str:
    """sha256 of the rule file in force; stored with each verdict."""
    raise NotImplementedError
