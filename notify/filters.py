"""What a reader wants to hear about.

Empty fields leave open; several values in a field are alternatives; the fields must all agree.
Two filters that mean the same have the same :func:`filter_hash`, and are matched and rendered
once for all their readers.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, field_validator

from notify.kinds import KINDS, kind_label
from tracker.models import Bill
from tracker.stages import STAGES, stage
from tracker.states import jurisdictions
from tracker.topics import CHOICES, GROUPS, members, topic_label
from tracker.web.wording import STANCES as STANCE_LABELS

STANCES = ("expands", "limits", "neutral", "mixed")
BILL_KEY = r"[a-z]{2}:[^:]+:[^:]+"
MOST_VALUES = 100
LONGEST_VALUE = 100


def _words(value: Any) -> Any:
    """``"md, VA"`` (as typed), a list of such, or nothing → distinct values, sorted."""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list | tuple | set | frozenset):
        return value
    if not all(isinstance(one, str) for one in value):
        raise ValueError("only words are possible here")
    cleaned = sorted({" ".join(one.split()) for one in value} - {""})
    if len(cleaned) > MOST_VALUES:
        raise ValueError(f"at most {MOST_VALUES} values, not {len(cleaned)}")
    for one in cleaned:
        if len(one) > LONGEST_VALUE or not one.isprintable():
            raise ValueError(f"{one[:40]!r} is too long or has control characters in it")
    return tuple(cleaned)


Words = Annotated[tuple[str, ...], BeforeValidator(_words)]


def _among(values: tuple[str, ...], known: Any, what: str) -> tuple[str, ...]:
    lowered = tuple(sorted({value.lower() for value in values}))
    for value in lowered:
        if value not in known:
            raise ValueError(f"no {what} {value!r}; known: {', '.join(known)}")
    return lowered


class Filter(BaseModel):
    """``bills`` are ``md:2025RS:HB 1222`` (:func:`bill_key`); a filter that names a bill hears of
    it even where the rules do not call it relevant. Keywords, sponsors and committees are found
    as whole words, in any case.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    states: Words = ()
    topics: Words = ()
    stances: Words = ()
    stages: Words = ()
    kinds: Words = ()
    keywords: Words = ()
    bills: Words = ()
    sponsors: Words = ()
    committees: Words = ()

    @field_validator("states")
    @classmethod
    def _known_states(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        return _among(values, jurisdictions(), "state")

    @field_validator("topics")
    @classmethod
    def _known_topics(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        """A group with all its topics is the group; topics of a chosen group say nothing more."""
        chosen = set(_among(values, CHOICES, "topic"))
        for slug, group in GROUPS.items():
            if slug in chosen or chosen.issuperset(group.topics):
                chosen = (chosen - group.topics.keys()) | {slug}
        return tuple(sorted(chosen))

    @field_validator("stances")
    @classmethod
    def _known_stances(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        return _among(values, STANCES, "stance")

    @field_validator("stages")
    @classmethod
    def _known_stages(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        return _among(values, [one.slug for one in STAGES], "stage")

    @field_validator("kinds")
    @classmethod
    def _known_kinds(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        return _among(tuple(value.replace("-", "_") for value in values), KINDS, "kind of change")

    @field_validator("keywords", "sponsors", "committees")
    @classmethod
    def _any_case(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        folded = tuple(sorted({value.casefold() for value in values}))
        for value in folded:
            if not re.search(r"\w", value):
                raise ValueError(f"{value!r} has no letter or digit in it")
        return folded

    @field_validator("bills")
    @classmethod
    def _bill_keys(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if not re.fullmatch(BILL_KEY, value):
                raise ValueError(f"{value!r} is no bill; write it like md:2025RS:HB 1222")
        return values

    @property
    def wanted_topics(self) -> frozenset[str]:
        """Single topics; empty for any."""
        return frozenset(topic for slug in self.topics for topic in members(slug))


def bill_key(bill: Bill) -> str:
    """How filters name a bill, in whichever source we read it."""
    return f"{bill.jurisdiction}:{bill.session}:{bill.identifier_key}"


def stored(chosen: Filter) -> dict[str, Any]:
    """The canonical form, without what is left open: what ``Subscription.filter`` holds."""
    return {name: list(values) for name, values in chosen.model_dump().items() if values}


def filter_hash(chosen: Filter) -> str:
    """Equal for filters that mean the same."""
    canonical = json.dumps(stored(chosen), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]


def problems(error: ValidationError) -> dict[str, str]:
    """What is wrong with a filter, for people, by field."""
    return {str(one["loc"][0]): one["msg"].removeprefix("Value error, ") for one in error.errors()}


def in_words(chosen: Filter) -> str:
    """For people: ``Detainers (limits cooperation) in Maryland or Virginia, only: hearing set``."""
    said = [
        _topics_in_words(chosen),
        chosen.stances and f"({_either(_stance(slug) for slug in chosen.stances)})",
        _states_in_words(chosen),
    ]
    narrower = [
        chosen.stages and f"once it is: {_either(_lower(stage(s).label) for s in chosen.stages)}",
        chosen.kinds and f"only: {_either(_lower(kind_label(kind)) for kind in chosen.kinds)}",
        chosen.keywords and f"with the words {_either(f'“{one}”' for one in chosen.keywords)}",
        chosen.sponsors and f"sponsored by {_either(chosen.sponsors)}",
        chosen.committees and f"before the committee {_either(chosen.committees)}",
    ]
    return ", ".join([" ".join(part for part in said if part), *(one for one in narrower if one)])


def _topics_in_words(chosen: Filter) -> str:
    topics = _either(topic_label(slug) for slug in chosen.topics)
    if not chosen.bills:
        return topics or "every topic"
    named = _either(_bill_in_words(key) for key in chosen.bills)
    return f"{named} when about {topics}" if topics else named


def _bill_in_words(key: str) -> str:
    state, _, identifier = key.split(":", 2)
    return f"{state.upper()} {identifier}"


def _states_in_words(chosen: Filter) -> str:
    if chosen.states:
        return f"in {_either(jurisdictions()[code].name for code in chosen.states)}"
    return "" if chosen.bills else "in every state"


def _stance(slug: str) -> str:
    return _lower(STANCE_LABELS[slug])


def _lower(label: str) -> str:
    return label[:1].lower() + label[1:]


def _either(values: Iterable[str]) -> str:
    *first, last = [*values] or [""]
    return f"{', '.join(first)} or {last}" if first else last
