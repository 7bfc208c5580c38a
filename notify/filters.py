"""What a reader wants to hear about.

Empty fields leave open; several values in a field are alternatives; the fields must all agree.
Two filters that mean the same have the same :func:`filter_hash`, and are matched and rendered
once for all their readers.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, field_validator

from notify.kinds import KINDS, kind_label
from tracker.models import Bill
from tracker.stages import STAGES, stage
from tracker.states import jurisdictions
from tracker.web.topics import GROUP_LABELS, GROUPS, members, topic_label

TOPICS = (*GROUP_LABELS, *(topic for topics in GROUPS.values() for topic in topics))
STANCES = ("expands", "limits", "neutral", "mixed")
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
        chosen = set(_among(values, TOPICS, "topic"))
        for group, topics in GROUPS.items():
            if group in chosen or chosen.issuperset(topics):
                chosen = (chosen - set(topics)) | {group}
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
            if not re.fullmatch(r"[a-z]{2}:[^:]+:[^:]+", value):
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


def in_words(chosen: Filter) -> str:
    """For people: ``Detainers (limits) in Maryland or Virginia; Hearing set``."""
    topics = _either(topic_label(slug) for slug in chosen.topics)
    parts = [topics or ("bills you follow" if chosen.bills else "every topic")]
    if chosen.stances:
        parts.append(f"({_either(chosen.stances)})")
    if chosen.bills:
        parts.append(f"({_either(key.split(':')[-1] for key in chosen.bills)})")
    parts.append(f"in {_either(jurisdictions()[code].name for code in chosen.states)}")
    if not chosen.states:
        parts[-1] = "" if chosen.bills else "in every state"
    said = " ".join(part for part in parts if part)
    narrower = [
        _either(stage(slug).label for slug in chosen.stages),
        _either(kind_label(kind) for kind in chosen.kinds),
        chosen.keywords and f"with the words {_either(chosen.keywords)}",
        chosen.sponsors and f"sponsored by {_either(chosen.sponsors)}",
        chosen.committees and f"before {_either(chosen.committees)}",
    ]
    return "; ".join([said, *(part for part in narrower if part)])


def _either(values: Any) -> str:
    listed = list(values)
    return " or ".join([", ".join(listed[:-1]), listed[-1]] if len(listed) > 2 else listed)
