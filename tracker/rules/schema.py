"""Shape of ``topics.yaml``, and errors that tell the line to look at.

The file is read by people who write no programs: see the comments at its head.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from tracker.topics import TOPICS

RuleStance = Literal["cooperation", "resistance", "expands", "limits", "neutral"]
FieldName = Literal["title", "abstract", "subject", "text"]
TOPICS_FILE = Path(__file__).with_name("topics.yaml")


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class LookAlike(Strict):
    """Words that are read as if they were not there.

    ``if_any``: only where one of these stands in the same field or text; ``unless_any``: not where
    one of these does.
    """

    phrase: str
    if_any: list[str] = []
    unless_any: list[str] = []


class Direction(Strict):
    """Words that tell which way an act is turned; see ``tracker.classify.direction``."""

    ignored: list[str]
    forbids: list[str]
    requires: list[str]
    leads: list[str]
    turns: list[str]
    ends: list[str]
    """Turning words that end what is there, such as a crime, whatever a rule's stance."""
    afterwards: list[str]
    reports: list[str]
    excepts: list[str]
    only_if: list[str] = Field(alias="only-if")


class Leanings(Strict):
    """Words that bills of one side use."""

    expands: list[str]
    limits: list[str]


class Example(Strict):
    """What a rule must say of a passage. A bare string is a passage that must match."""

    text: str
    stance: Literal["expands", "limits", "neutral"] | None = None
    field: FieldName = "text"


class Rule(Strict):
    """One way of drafting one topic.

    ``weight``: how sure it makes us by itself that a bill is relevant, 0 to 1; ``claim``: how
    much it says of the topic, and ``votes`` on the bill's stance (``weight`` where not given).
    ``otherwise``: the stance where no word turns the act. ``passing``: it weighs
    less in a long text that says it seldom, and in a resolution.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    topic: str
    says: str = Field(min_length=1)
    weight: float = Field(gt=0, le=1)
    claim: float | None = Field(ge=0, le=1, default=None)
    votes: float | None = Field(ge=0, le=1, default=None)
    stance: RuleStance
    passing: bool = False
    otherwise: Literal["expands", "limits", "neutral"] | None = None
    find: list[str] = Field(min_length=1)
    unless: list[str] = []
    fields: list[FieldName] = ["title", "abstract", "subject", "text"]
    match: list[Example | str] = Field(min_length=1)
    no_match: list[Example | str] = Field(alias="no-match", default=[])

    def must(self) -> Iterator[Example]:
        for one in self.match:
            yield Example(text=one) if isinstance(one, str) else one

    def must_not(self) -> Iterator[Example]:
        for one in self.no_match:
            yield Example(text=one) if isinstance(one, str) else one


def _anchor(written: str) -> str:
    if not any(one.isalnum() for one in written):
        raise ValueError("an anchor needs letters; one without would be in every text")
    return written if written.startswith("=") else written.lower()


class RuleFile(Strict):
    threshold: float = Field(gt=0, le=1)
    uncertain: float = Field(gt=0, le=1)
    anchors: list[Annotated[str, AfterValidator(_anchor)]]
    """In small letters, but for those that count only in capitals (``=ICE``)."""
    words: dict[str, list[str]]
    look_alikes: list[LookAlike] = Field(alias="look-alikes")
    direction: Direction
    leanings: Leanings
    adjacent: list[str]
    settled: list[str]
    """Adjacent subjects that need no second look at the bill's text."""
    technical: list[str]
    """Said by bills of themselves that change nothing."""
    rules: list[Rule]


class Problem(BaseModel):
    """``line`` counts from 1; ``rule`` is empty where the problem is not inside a rule."""

    file: str
    line: int
    rule: str
    reason: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}"
        return f"{where}: {f'rule {self.rule}: ' if self.rule else ''}{self.reason}"


class RulesError(Exception):
    """The rule file cannot be used; ``problems`` say where and why."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(one) for one in problems))
        self.problems = problems


class Lines:
    """Where in the file each part of it stands."""

    def __init__(self, path: Path, root: yaml.Node | None) -> None:
        self.path, self.root = path, root

    def problem(self, loc: tuple[Any, ...], reason: str) -> Problem:
        node, rule = self.root, ""
        line = 1
        for depth, part in enumerate(loc):
            found = _child(node, part)
            if found is None:
                break
            line, node = found
            if depth == 1 and loc[0] == "rules":
                named = _child(node, "id")
                rule = str(named[1].value) if named else f"number {int(part) + 1}"
        return Problem(file=str(self.path), line=line, rule=rule, reason=reason)


def _child(node: yaml.Node | None, part: Any) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line + 1, node.value[part]
    return None


class _Loader(yaml.CSafeLoader):
    """Values that Python cannot make, such as the 45th of a month, keep their line."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError):
            reason = f"{node.value!r} is no date or number; words like these need quotes"
            raise yaml.constructor.ConstructorError(None, None, reason, node.start_mark) from None


def read_rules(path: Path, content: bytes) -> tuple[RuleFile, Lines]:
    """The rules of a file, checked for shape, names and duplicates; :class:`RulesError` if not."""
    try:
        root = yaml.compose(content, Loader=_Loader)
        data = yaml.load(content, Loader=_Loader)
    except yaml.YAMLError as error:
        line, reason = _unread(error, content)
        raise RulesError([Problem(file=str(path), line=line, rule="", reason=reason)]) from None
    lines = Lines(path, root)
    try:
        rules = RuleFile.model_validate(data)
    except ValidationError as error:
        raise RulesError(
            [lines.problem(one["loc"], _reason(one["loc"], one["msg"])) for one in error.errors()]
        ) from None
    problems = [*_names(rules, lines), *_duplicates(root, lines)]
    if problems:
        raise RulesError(problems)
    return rules, lines


def _unread(error: yaml.YAMLError, content: bytes) -> tuple[int, str]:
    """Where in the file the error is, and what to do about it."""
    if isinstance(error, yaml.reader.ReaderError):
        line = content.count(b"\n", 0, error.position) + 1
        if error.reason.startswith("control characters"):
            return line, f"character {error.character:#04x}: {error.reason}"
        return line, f"no UTF-8 text: {error.reason}; save the file as UTF-8"
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or error
    return mark.line + 1 if mark else 1, f"no valid YAML: {problem}"


def _reason(loc: tuple[Any, ...], message: str) -> str:
    name = next((str(part) for part in reversed(loc) if isinstance(part, str)), "the file")
    return f"{name}: {message.removeprefix('Value error, ')}"


def _names(rules: RuleFile, lines: Lines) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for n, rule in enumerate(rules.rules):
        if rule.topic not in TOPICS:
            known = ", ".join(TOPICS)
            yield lines.problem(
                ("rules", n, "topic"), f"no topic {rule.topic!r}; known topics: {known}"
            )
        if rule.id in seen:
            first = lines.problem(("rules", seen[rule.id]), "").line
            yield lines.problem(("rules", n, "id"), f"this id is taken by the rule in line {first}")
        seen.setdefault(rule.id, n)


def _duplicates(root: yaml.Node | None, lines: Lines) -> Iterator[Problem]:
    """Keys written twice in one mapping; YAML itself would silently keep the last."""
    nodes = [root] if root else []
    while nodes:
        node = nodes.pop()
        if isinstance(node, yaml.MappingNode):
            seen = set()
            for key, value in node.value:
                if key.value in seen:
                    yield Problem(
                        file=str(lines.path),
                        line=key.start_mark.line + 1,
                        rule="",
                        reason=f"{key.value!r} is written twice",
                    )
                seen.add(key.value)
                nodes.append(value)
        elif isinstance(node, yaml.SequenceNode):
            nodes.extend(node.value)
