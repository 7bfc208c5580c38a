"""What the rules say of a bill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["relevant", "uncertain", "adjacent", "off"]
Stance = Literal["expands", "limits", "neutral", "mixed"]


@dataclass(frozen=True, slots=True)
class EvidenceSpan:
    """``quote == <field>[start:end]``; ``field`` is title, abstract, subject:N or text.

    ``told``: words of the sentence tell the ``stance``; else it is the rule's guess. ``leaning``:
    the side whose bills use words like those of the statement, if either.
    """

    rule: str
    topic: str
    stance: Stance
    told: bool
    leaning: Stance | None
    field: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class TopicScore:
    """``score`` 0 to 1: how sure the rules are of this topic."""

    topic: str
    stance: Stance
    score: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """``level``: relevant; uncertain, which asks for the bill's text; adjacent, about immigration
    but off topic; or off. ``stance`` is ``None`` and ``topics`` empty unless relevant.
    """

    level: Level
    score: float
    stance: Stance | None
    topics: tuple[TopicScore, ...]
    evidence: tuple[EvidenceSpan, ...]

    @property
    def relevant(self) -> bool:
        return self.level == "relevant"


OFF = Judgement("off", 0.0, None, (), ())
