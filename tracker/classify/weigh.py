"""From what the rules found in a bill to the verdict: is it on topic, on which, and which way."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from tracker.classify.book import Book
from tracker.classify.changes import Changes, overlap
from tracker.classify.clauses import Kind as ClauseKind
from tracker.classify.clean import INVISIBLE, clean
from tracker.classify.find import Hit, Passage, Span, passages
from tracker.classify.judgement import EvidenceSpan, Judgement, Level, Stance, TopicScore
from tracker.items import TextMark

# How much words count by the kind of sentence they stand in. What only restates the law that is,
# or says what it does not touch, shows the subject but not what the bill does.
SAYS: dict[ClauseKind, float] = {
    "law": 1.0, "title": 1.0, "amended": 0.8, "finding": 0.5, "existing": 0.6, "definition": 0.7,
    "saving": 0.5,
}  # fmt: skip
TURNS_THE_BILL: dict[ClauseKind, float] = {
    "law": 1.0, "title": 1.0, "amended": 0.0, "finding": 0.3, "existing": 0.0, "definition": 0.0,
    "saving": 0.0,
}  # fmt: skip
SAYS_BY_FIELD = {"title": 4.0, "abstract": 3.0, "subject": 1.0, "text": 1.0}
"""Votes on the stance: a title sums up what many sections say one by one."""

UNCHANGED_LAW = 0.5
"""Weight of words that a bill with marked changes only reprints …"""
UNCHANGED_VOTE = 0.2
"""… and of what such a statement says of the stance."""
MIXED_FROM = 0.4
"""Share of the weaker side from which a bill goes both ways …"""
SURE = 0.6
"""… if each side has a statement that is so sure."""
LEANING = 0.2
"""Votes of the words that bills of one side use, in one statement."""
NEUTRAL_FROM = 2.0
"""What a bill only reports on outweighs what it does from so many times as much."""
TOPIC_LINE = 0.35
BESIDE_THE_BEST = 0.6
"""A topic claimed this much less than the best one is only touched on."""
OFTEN = 800
"""Letters of a text within which what is said once is not said in passing …"""
SELDOM = 0.5
"""… and the weight of what is said hardly ever."""
_BLANK = rf"[\s\d{INVISIBLE}]+"
RESOLVES = re.compile(rf"\bresolved(?:,|{_BLANK}by|{_BLANK}that){_BLANK}", re.I)
"""A resolution says this of itself; looked for in texts as they are stored."""
REPEALS = re.compile(r"\brepeal", re.I)
REPLACES = re.compile(r"\b(?:in lieu|substitut|re-?enact|read as follows)", re.I)
SAID_BEFORE = 300
"""Characters before struck words that tell whether their section goes or is only replaced."""
NO_LETTERS = re.compile(r"[^A-Za-z]+")
"""Numbers and blanks of a print make no text longer."""
LONGEST_QUOTE = 500
MOST_QUOTES = 8
"""Evidence kept of one rule in one bill."""


SIGNS: dict[str, int] = {"expands": 1, "limits": -1, "neutral": 0}
SIDES = {sign: cast(Stance, side) for side, sign in SIGNS.items()}


@dataclass(frozen=True, slots=True)
class Finding:
    """A hit weighed. ``sign`` 1 widens cooperation, -1 limits it, 0 only reports on it."""

    rule: str
    topic: str
    field: str
    span: Span
    clause: tuple[str, int]
    """Which statement it stands in: the passage's field and place, and the clause."""
    weight: float
    claim: float
    sign: int
    told: bool
    """Whether the words of the sentence tell the sign."""
    vote: float
    passing: bool
    leaning: int
    """Which way the words of the statement lean, as ``sign``; 0 neither."""
    struck: bool

    @property
    def stance(self) -> Stance:
        if not self.vote:
            return "neutral"
        return SIDES[self.sign]


def weigh(
    book: Book,
    fields: Sequence[tuple[str, str]],
    text: str,
    marks: Sequence[TextMark] | None,
) -> Judgement:
    """``fields``: (name, words) of the title, the abstract and each subject (``subject:0`` …)."""
    found: list[Finding] = []
    adjacent = settled = technical = False
    for name, words in fields:
        kind = name.partition(":")[0]
        for passage in passages(book, kind, words, short=True):
            found += findings_of(passage, name)
            adjacent |= passage.has_any(book.file.adjacent)
            settled |= passage.has_any(book.file.settled)
            technical |= passage.has_any(book.file.technical)
    if text:
        for passage, changes in _of_text(book, text, marks):
            found += findings_of(passage, "text", changes)
            adjacent |= passage.has_any(book.file.adjacent)
            technical |= passage.has_any(book.file.technical)
        found = [*_less_in_passing(found, text), *_struck(book, text, marks)]
    # Struck words do not make a bill relevant.
    score = _together((one.rule, one.weight) for one in found if not one.struck)
    if technical:
        found = [replace(one, sign=0) for one in found]
    relevant = score >= book.file.threshold
    return Judgement(
        level=_level(book, score, relevant, adjacent, settled, bool(text)),
        score=round(score, 3),
        stance=_stance(found) if relevant else None,
        topics=tuple(_topics(found, relevant)),
        evidence=tuple(_evidence(found, dict(fields) | {"text": text})),
    )


# -- reading --------------------------------------------------------------------------------


def _of_text(
    book: Book, text: str, marks: Sequence[TextMark] | None
) -> Iterator[tuple[Passage, Changes]]:
    """The text as it will read: without what the bill strikes."""
    changes = Changes(text, marks)
    for passage in passages(book, "text", text, _deleted(marks)):
        yield passage, changes


def _struck(book: Book, text: str, marks: Sequence[TextMark] | None) -> list[Finding]:
    """What the bill takes out of the law: a duty struck is a duty ended.

    Of a section that it says it repeals, the words show what the bill is about.
    """
    gone = _deleted(marks)
    if not gone:
        return []
    edges = [0, *(at for span in gone for at in span), len(text)]
    kept = [(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if start < end]
    repealed = [span for span in gone if _repeals(_said_before(text, span[0]))]
    return [
        replace(finding, struck=not any(_within(finding.span, span) for span in repealed))
        for passage in passages(book, "text", text, kept)
        for finding in findings_of(passage, "text", struck=True)
    ]


def _said_before(text: str, at: int) -> str:
    return clean(text, start=max(0, at - SAID_BEFORE), end=at, headers=frozenset()).text


def _repeals(before: str) -> bool:
    return REPEALS.search(before) is not None and REPLACES.search(before) is None


def _within(span: Span, other: Span) -> bool:
    return other[0] <= span[0] and span[1] <= other[1]


def _deleted(marks: Sequence[TextMark] | None) -> list[Span]:
    """In order and without overlaps."""
    spans: list[Span] = []
    for start, end in sorted((m.start, m.end) for m in marks or () if m.kind == "delete"):
        if spans and start <= spans[-1][1]:
            spans[-1] = spans[-1][0], max(end, spans[-1][1])
        else:
            spans.append((start, end))
    return spans


def findings_of(
    passage: Passage, field: str, changes: Changes | None = None, struck: bool = False
) -> list[Finding]:
    return [_weighed(passage, hit, field, changes, struck) for hit in passage.hits()]


def _weighed(
    passage: Passage, hit: Hit, field: str, changes: Changes | None, struck: bool
) -> Finding:
    rule = hit.ready.rule
    kind = passage.clauses[hit.clause].kind
    span = passage.original(hit.whole)
    if span[1] - span[0] > LONGEST_QUOTE:
        span = passage.original(hit.act)
    says = SAYS[kind]
    sign, strength = _turned(passage, hit)
    told = strength == 1.0
    if changes is not None and changes.marked:
        says *= 1.0 if changes.near(span) else UNCHANGED_LAW
        strength *= 1.0 if changes.touch(passage, hit.clause) else UNCHANGED_VOTE
        sign = changes.turned(passage, hit, sign)
    if kind == "existing":
        if sign:
            fate = passage.carried_on(hit)
            sign, strength = sign * fate, strength * abs(fate)
    else:
        strength *= TURNS_THE_BILL[kind]
    return Finding(
        rule=rule.id,
        topic=rule.topic,
        field=field,
        span=span,
        clause=(field, passage.original((passage.clauses[hit.clause].start,) * 2)[0]),
        weight=rule.weight * says,
        claim=(rule.weight if rule.claim is None else rule.claim) * says,
        sign=-sign if struck else sign,
        told=told,
        vote=(rule.weight if rule.votes is None else rule.votes) * says * strength,
        passing=rule.passing,
        leaning=passage.leaning(hit.clause),
        struck=struck,
    )


def _less_in_passing(found: Sequence[Finding], text: str) -> Iterator[Finding]:
    """What a long text says seldom it says in passing, and a resolution most of what it says, if
    it is of a rule that asks for this."""
    if not any(one.passing for one in found):
        yield from found
        return
    resolution = RESOLVES.search(text) is not None
    letters = len(NO_LETTERS.sub("", text))
    places: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for one in found:
        if one.passing and one.field == "text":
            places[one.rule].add(one.clause)
    for one in found:
        if not one.passing or (one.field != "text" and not resolution):
            yield one
            continue
        often = 0.0 if resolution else min(1.0, len(places[one.rule]) * OFTEN / max(1, letters))
        share = SELDOM + (1 - SELDOM) * often
        yield replace(one, weight=one.weight * share, claim=one.claim * share)


def _turned(passage: Passage, hit: Hit) -> tuple[int, float]:
    rule = hit.ready.rule
    direction = passage.direction(hit)
    if rule.stance in SIGNS:
        sign = SIGNS[rule.stance]
        return 0 if not direction.sign else -sign if direction.ended else sign, 1.0
    if not direction.stated and rule.otherwise is not None:
        return SIGNS[rule.otherwise], direction.strength
    return direction.sign if rule.stance == "cooperation" else -direction.sign, direction.strength


# -- adding up ------------------------------------------------------------------------------


def _together(found: Iterable[tuple[str, float]]) -> float:
    """How sure rules make us together, each counted once, at its best."""
    best: dict[str, float] = {}
    for rule, weight in found:
        best[rule] = max(best.get(rule, 0.0), weight)
    doubt = 1.0
    for weight in best.values():
        doubt *= 1 - min(weight, 0.99)
    return 1 - doubt


def _level(
    book: Book, score: float, relevant: bool, adjacent: bool, settled: bool, has_text: bool
) -> Level:
    if relevant:
        return "relevant"
    if not has_text and (score >= book.file.uncertain or (adjacent and not settled)):
        return "uncertain"
    return "adjacent" if adjacent or settled or score >= book.file.uncertain else "off"


def _topics(found: Sequence[Finding], relevant: bool) -> Iterator[TopicScore]:
    """Best first; of a relevant bill those whose best rule claims enough, at least one."""
    if not relevant:
        return
    by_topic: dict[str, list[Finding]] = defaultdict(list)
    for one in found:
        by_topic[one.topic].append(one)
    claims: dict[str, tuple[float, float]] = {}
    for topic, those in by_topic.items():
        made = [(one.rule, one.claim) for one in those if not one.struck]
        claims[topic] = max((claim for _, claim in made), default=0.0), _together(made)
    ordered = sorted(claims, key=lambda topic: (*(-one for one in claims[topic]), topic))
    line = max(TOPIC_LINE, BESIDE_THE_BEST * claims[ordered[0]][0])
    for n, topic in enumerate(ordered):
        if n == 0 or claims[topic][0] >= line:
            yield TopicScore(topic, _stance(by_topic[topic]), round(claims[topic][1], 3))


def _stance(found: Sequence[Finding]) -> Stance:
    """The side with more votes; ``mixed`` where the other has nearly as many.

    Each statement has one vote, for the side that its rules take in sum.
    """
    statements: dict[tuple[str, int], dict[tuple[str, int], float]] = defaultdict(dict)
    for one in found:
        votes, rule = statements[one.clause], (one.rule, one.sign)
        votes[rule] = max(votes.get(rule, 0.0), one.vote)
        if one.leaning and (one.sign or not one.told):
            votes["", one.leaning] = LEANING
    sides: dict[int, float] = defaultdict(float)
    surest: dict[int, float] = defaultdict(float)
    for (field, _), votes in statements.items():
        sign, vote = _said_by(votes)
        surest[sign] = max(surest[sign], vote)
        sides[sign] += vote * SAYS_BY_FIELD[field.partition(":")[0]]
    most, least = max(sides[1], sides[-1]), min(sides[1], sides[-1])
    if most == 0 or sides[0] > NEUTRAL_FROM * most:
        return "neutral"
    if least >= MIXED_FROM * most and min(surest[1], surest[-1]) >= SURE:
        return "mixed"
    return "expands" if sides[1] > sides[-1] else "limits"


def _said_by(votes: Mapping[tuple[str, int], float]) -> tuple[int, float]:
    """Which way a statement goes, and how sure that is, to 1."""
    sides: dict[int, float] = defaultdict(float)
    for (_, sign), vote in votes.items():
        sides[sign] += vote
    if sides[0] > max(sides[1], sides[-1]):
        return 0, min(1.0, sides[0])
    net = sides[1] - sides[-1]
    return (1 if net > 0 else -1), min(1.0, abs(net))


def _evidence(found: Sequence[Finding], fields: dict[str, str]) -> Iterator[EvidenceSpan]:
    """In the order of the bill; of each rule at most a few, the weightiest, none overlapping."""
    by_rule: dict[str, list[Finding]] = defaultdict(list)
    for one in sorted(found, key=lambda one: (-one.weight, one.span[1] - one.span[0])):
        same = by_rule[one.rule]
        if len(same) < MOST_QUOTES and not any(
            overlap(one.span, other.span) for other in same if other.field == one.field
        ):
            same.append(one)
    order = {name: n for n, name in enumerate(fields)}
    kept = [one for same in by_rule.values() for one in same]
    for one in sorted(kept, key=lambda one: (order[one.field], one.span, one.rule)):
        start, end = one.span
        yield EvidenceSpan(
            rule=one.rule,
            topic=one.topic,
            stance=one.stance,
            told=one.told,
            leaning=SIDES[one.leaning] if one.leaning else None,
            field=one.field,
            start=start,
            end=end,
            quote=fields[one.field][start:end],
        )
