"""The stage rules as data: ``rules/stages/_common.yaml`` and one file per jurisdiction.

A rule reads one action's text. Rules are tried in order, a jurisdiction's own before the common
ones; the first that matches decides, unless it says ``more: true``: then what it says is kept and
the next may add to it. Patterns are RE2 and ignore case; ``{chamber}`` stands for the name of a
chamber, which is then taken as the one that acted. Where a state names its chambers otherwise, a
pattern may have groups ``(?P<lower>…)`` and ``(?P<upper>…)``; ``by`` says it outright.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from tracker.scan import BadPattern, Pattern, PatternSet

Classification = Literal[
    "filing",
    "introduction",
    "reading-1",
    "reading-2",
    "reading-3",
    "referral",
    "referral-committee",
    "receipt",
    "committee-passage",
    "committee-passage-favorable",
    "committee-passage-unfavorable",
    "committee-failure",
    "passage",
    "failure",
    "withdrawal",
    "substitution",
    "deferral",
    "carried-over",
    "amendment-introduction",
    "amendment-amendment",
    "amendment-passage",
    "amendment-withdrawal",
    "amendment-failure",
    "amendment-deferral",
    "concurrence",
    "enrolled",
    "executive-receipt",
    "executive-signature",
    "executive-veto",
    "executive-veto-line-item",
    "veto-override-passage",
    "veto-override-failure",
    "became-law",
]
"""Open Civic Data's words for actions."""

Step = Literal[
    "",
    "prefiled",
    "introduced",
    "in-committee",
    "passed",
    "passed-both",
    "to-governor",
    "became-law",
    "filed",
    "vetoed",
    "overridden",
    "veto-overridden",
    "failed",
    "withdrawn",
    "reconsidered",
    "carried-over",
    "restart",
]
"""What an action does to its bill. Most are stages; the others:

- ``passed``: one chamber passed or adopted it; ``passed-both``: both have agreed to one text.
- ``filed``: filed with the secretary of state: ends a resolution, makes a bill law.
- ``overridden``: one chamber voted to override; ``veto-overridden``: the override is complete.
- ``reconsidered``: the last passage or failure no longer counts.
- ``carried-over``: goes on next year; revives what the end of the year had killed.
- ``restart``: begins again in its own chamber's committee, earlier passages no longer count.
"""

CHAMBER = (
    r"\(?\b(?:(?P<lower#>house of delegates|house of representatives|house|general assembly"
    r"|assembly|h\b)|(?P<upper#>senate|s\b))\)?"
)
MEMORY = 64 << 20
"""Of the patterns of one jurisdiction, in bytes; see :mod:`tracker.scan`."""
LONGEST_TEXT = 4000
"""Characters of an action that rules look at; real ones stay far below."""


class Means(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    classification: tuple[Classification, ...] = Field((), alias="class")
    step: Step = ""


class StageRule(Means):
    """``actor``: only for these actors as the source names them, ``""`` where it names none.

    ``matches`` and ``not`` are examples, run by the tests: this rule does, or does not, decide
    (or, with ``more``, add to) what such an action means.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    pattern: str
    actor: tuple[str, ...] = ()
    by: Literal["", "lower", "upper"] = ""
    more: bool = False
    matches: tuple[str, ...] = Field(min_length=1)
    not_: tuple[str, ...] = Field((), alias="not")

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            Pattern(expanded(pattern))
        except BadPattern as error:
            raise ValueError(f"not a pattern RE2 can run: {error}") from None
        return pattern


class StageRuleFile(BaseModel):
    """``codes``: what a source's own classification words mean; they outrank the text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    codes: dict[str, Means] = {}
    rules: tuple[StageRule, ...] = ()


class BadRules(ValueError):
    """A rule file that cannot be used; names the file and the field."""


def expanded(pattern: str) -> str:
    """The pattern RE2 runs; RE2 wants every group name once, so those of chambers are numbered."""
    first, *rest = pattern.split("{chamber}")
    named = (CHAMBER.replace("#", str(n)) + part for n, part in enumerate(rest))
    return "(?i)" + first + "".join(named)


def _folder() -> Any:
    return resources.files("tracker") / "rules" / "stages"


def rule_file_names() -> tuple[str, ...]:
    """``_common`` and the jurisdictions that have rules of their own."""
    names = (path.name for path in _folder().iterdir())
    return tuple(sorted(name[:-5] for name in names if name.endswith(".yaml")))


@cache
def load(name: str) -> StageRuleFile:
    """One rule file by stem. Raises :class:`BadRules` naming the file and what is wrong in it."""
    where = f"rules/stages/{name}.yaml"
    try:
        content = yaml.safe_load((_folder() / f"{name}.yaml").read_bytes())
        return StageRuleFile.model_validate(content)
    except yaml.YAMLError as error:
        raise BadRules(f"{where} is no YAML: {error}") from None
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()
        )
        raise BadRules(f"{where}: {problems}") from None


class RuleSet:
    """The rules of one jurisdiction, ready to run: all patterns in one pass over a text."""

    def __init__(self, files: tuple[StageRuleFile, ...]) -> None:
        self.rules = tuple(rule for file in files for rule in file.rules)
        self.codes: dict[str, Means] = {}
        for file in reversed(files):
            self.codes.update(file.codes)
        self._set = PatternSet([expanded(rule.pattern) for rule in self.rules], MEMORY)
        self._chamber_patterns = {
            rule.pattern: Pattern(expanded(rule.pattern))
            for rule in self.rules
            if "{chamber}" in rule.pattern or "(?P<" in rule.pattern
        }

    def read(self, text: str, actor: str | None) -> tuple[StageRule, ...]:
        """The rules that speak on this action, in order; the last one decides."""
        spoken = []
        for index in self._set.hits(text.encode()):
            rule = self.rules[index]
            if rule.actor and (actor or "") not in rule.actor:
                continue
            spoken.append(rule)
            if not rule.more:
                break
        return tuple(spoken)

    def chamber_named(self, spoken: tuple[StageRule, ...], text: str) -> str | None:
        """The chamber that the wording says acted; the deciding rule knows best."""
        for rule in reversed(spoken):
            if rule.by:
                return rule.by
            pattern = self._chamber_patterns.get(rule.pattern)
            for name, words in pattern.groups(text.encode()).items() if pattern else ():
                if words:
                    return name[:5]
        return None


def combined(meanings: Sequence[Means]) -> Means:
    """What several rules or codes say together: all classes, and the last step named."""
    if len(meanings) == 1:
        return meanings[0]
    classes = dict.fromkeys(name for means in meanings for name in means.classification)
    step: Step = next((means.step for means in reversed(meanings) if means.step), "")
    return Means.model_construct(classification=tuple(classes), step=step)


@cache
def rule_set(jurisdiction: str) -> RuleSet:
    """A jurisdiction's rules, then the common ones."""
    names = [jurisdiction] if jurisdiction in rule_file_names() else []
    return RuleSet(tuple(load(name) for name in (*names, "_common")))


@cache
def rules_hash() -> str:
    """sha256 of all stage rule files in force."""
    digest = sha256()
    for name in rule_file_names():
        digest.update(name.encode() + b"\0" + (_folder() / f"{name}.yaml").read_bytes())
    return digest.hexdigest()
