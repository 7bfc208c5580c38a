"""A text cut into clauses: where each belongs in a list, and what kind of sentence it is in.

"shall not do any of the following: (1) ask …; (2) hold …" means "shall not" for both items, so an
item knows the clauses that lead to it. What only restates existing law, defines a word, finds a
fact or saves other law says less about what a bill does.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Literal

Kind = Literal["law", "existing", "amended", "finding", "definition", "saving", "title"]

ABBREVIATION = re.compile(
    r"(?:\b(?:U\.S\.C?|U\.S\.C\.A|C\.F\.R|Sec|Secs|No|Nos|Art|Arts|Stat|Sess|Amend|Rev|Ann|Mr|Ms|Mrs"
    r"|Dr|Gov|Gen|Atty|St|Inc|Co|Corp|Ch|ch|Pub|L|art|sec|secs|subd|subsec|par|pars|cl|cf|v|vs|p|pp"
    r"|et seq|subs|Subd|ss|s|Del|Okla|Tex|Cal|Conn|Mass|Ill|Ind|Ore|Wash|Minn|Stats|C\.R\.S"
    r"|R\.S|R\.C\.W|M\.R\.S|O\.C\.G\.A|N\.J\.S\.A|H\.R|S|H|e\.g|i\.e|etc|al|Jan|Feb|Mar|Apr|Aug|Sept|Oct|Nov|Dec"
    r"|[A-Z]))\.$"
)
CUT = re.compile(
    r"\n|;(?: (?:and|or))?(?= |$)|:(?= ?\n| ?\(| (?:1|[aA]|i)[.)] )|[.?!][\"')\]]*(?= )"
    r"|(?<=[;:.,])(?: (?:and|or))? ?(?=\((?:\d{1,2}|[a-zA-Z]|[ivxIVX]{2,4})\) )"
    r"|,(?= (?:so as to|except that) )|:(?= Provided,? )| (?=FOR the purpose of )"
    r"| (?=\((?:a|A|1)\) [\"']?[A-Z][a-z]* | A\. [A-Z][a-z]* )"
    r"|,(?= (?:and|but) (?:(?:an?|no|the|each|every|any|such) (?:[\w-]+ ){1,4}|it )"
    r"(?:shall|may|must)\b)"
    r"|,?(?= and to (?:require|prohibit|authorize|allow|permit|forbid|bar|direct|provide|ban)\b"
    r"| and (?:requires|prohibits|authorizes|permits|forbids|bars|directs|bans)"
    r" (?:an?|the|any|each|every|all|no) )"
)
STARTS = re.compile(r"[\"'\[ ]*(?:[-*] )?(?:\(\w{1,4}\) ?)*[\"'(\[ ]*[A-Z0-9$]")
ENUMERATOR = re.compile(
    r"[\s\"']*\(?(?P<one>\d{1,2}|[a-zA-Z]|[ivx]{2,5}|[IVX]{2,5}|[a-z]{2})[.)] "
    r"|[\s\"']*(?P<bullet>[-*]) "
)
NUMBER = re.compile(r"\s*(?:\d{1,2}|[ivxIVX]{2,5})\.")
"""Of an item that begins "1. "."""
BUT_NOT = re.compile(r" except that ", re.I)
"""What follows is laid down for itself."""
HEADING = re.compile(r"\s*(?:new section|section|sec\.|article|art\.|chapter|§) ?[\dIVX]", re.I)
STATUTE = re.compile(r"\s*\"?\d{1,3}(?:[-:.]\d{1,4}){1,3}[a-zA-Z]?\.\s*$")
"""The number of a section of a code, as "13-1-403."."""
ENACTS = re.compile(r"\b(?:read|follows|adding|inserting|thereof|sections?)\W*$", re.I)
"""Ends of "is amended by adding …" and "to read as follows:", which say nothing of what follows."""
THIS_BILL = re.compile(
    r"\s*(?:and |but |notwithstanding [^,;.]{3,80}, )?(?:this|the) (?:bill|act|measure)\b"
    r"|\s*proposed law"
    r"|\s*(?:now, therefore, )?(?:be it )?(?:further )?resolved\b|\s*so as to\b",
    re.I,
)
AMENDS = re.compile(r".{0,400}\bamend\b.{0,600}\brelat(?:ing|ive) to\b.*,\s*$", re.I | re.S)
"""A long title tells of the law it amends: "to amend chapter 2, relating to …, so as to …"."""
TOLD_ON = 6
"""Clauses between existing law and what the bill does to it."""
KINDS: list[tuple[Kind, re.Pattern[str]]] = [
    (
        "existing",
        re.compile(
            r"(?:under |according to )?(?:existing|current|present|prior) (?:state |federal )?"
            r"(?:law|statutes?|policy|constitution)\b|(?:current|present)ly, |the .{0,60}"
            r"\b(?:values act|trust act)\b.{0,60}\b(?:prohibits|requires|authorizes)\b",
            re.I,
        ),
    ),
    ("saving", re.compile(
        r".{0,80}\b(?:nothing in|no provision of) (?:this|the|section|sections|article)\b"
        r"|.{0,90}\b(?:this|the) (?:[\w()]+ ){0,4}?(?:section|act|chapter|article|subsection|part"
        r"|subdivision|paragraph|law|policy)\b(?: \S+){0,5}? (?:do|does|shall|may|is|are) not"
        r" (?:be )?(?:construed|interpreted|intended|apply|preclude|prevent|affect|supersede)"
        r"|.{0,80}\b(?:this|such) (?:section|act|chapter|article|subsection|part|subdivision"
        r"|paragraph) (?:does|do|shall|may) not (?:prohibit|limit|restrict|require)"
        r"|.{0,120}\bshall not be (?:construed|interpreted)"
        r"|(?:it|(?:this|the) bill) (?:does|would) not (?:restrict|prohibit|prevent|limit|affect)\b"
        r"|.{0,60}\b(?:this|the) (?:section|act|subsection|prohibition|chapter) does not apply",
        re.I | re.S)),
    ("finding", re.compile(
        r"whereas\b|(?:the )?(?:legislature|general assembly|congress|council|people|house|senate)"
        r"(?: of [\w ]{1,40})?(?: hereby)?(?: further)? (?:finds?|declares?|recogni[sz]es?"
        r"|believes?)",
        re.I)),
    ("definition", re.compile(
        r"(?:[\s\w().-]{0,24}?"
        r"|.{0,24}?\b(?:in|for(?: the)? purposes? of) th(?:is|e) [\w ]{1,40},? )"
        r"\"[^\"]{2,80}\"(?:,? or \"[^\"]{2,80}\")*,? (?:shall )?(?:means?"
        r"|includes?|has the (?:same )?meaning|refers? to|do(?:es)? not include)\b"
        r"|[\s\w().-]{0,24}?as used in th"
        r"|\s*\"[^\"]{2,80}\", (?:an?|any|the|each) "
        r"|.{0,60}?\bthe terms? (?:\"|(?:[\w '-]{3,50}? )?(?:means?|includes?|has the meaning)\b)"
        r"|(?:(?:the|this) (?:bill|act|measure)|proposed law|it) (?:would )?(?:also )?defines?\b"
        r"|by \"[^\"]{2,80}\" is meant",
        re.I)),
]  # fmt: skip


@dataclass(slots=True)
class Clause:
    """``start`` and ``end`` in the cleaned text; ``lead`` are clauses it hangs on, outermost first.

    ``sentence`` and ``section`` number them; ``follows`` is the clause before a semicolon.
    """

    start: int
    end: int
    sentence: int
    section: int
    kind: Kind
    lead: tuple[int, ...] = ()
    follows: int | None = None


@dataclass(frozen=True, slots=True)
class Clauses:
    all: list[Clause]
    starts: list[int]

    def at(self, offset: int) -> int:
        """Index of the clause that holds the character at ``offset``."""
        return max(0, bisect_right(self.starts, offset) - 1)

    def __getitem__(self, n: int) -> Clause:
        return self.all[n]


def cut(text: str, title: bool = False) -> Clauses:
    """The clauses of a cleaned text, none overlapping, all of it covered."""
    found: list[Clause] = []
    sentence = section = 0
    kind: Kind | None = None
    lists = _Lists()
    spans = list(_spans(text))
    for start, end in spans:
        words = text[start:end]
        fresh = not found or not _continues(text, found[-1]) or BUT_NOT.match(words) is not None
        if fresh:
            sentence += 1
            kind = None
        if HEADING.match(words):
            section += 1
            lists.clear()
        elif STATUTE.match(words):
            lists.clear()
        n = len(found)
        lead = lists.lead(words, n, text[found[-1].start : found[-1].end] if found else "")
        if kind in (None, "saving") or lead is not None or THIS_BILL.match(words):
            amends = text.startswith(" so as to", end) and AMENDS.match(words)
            kind = "amended" if amends else "title" if title else kind_of(words)
            if lead and kind == "law":
                kind = found[lead[-1]].kind
        if not fresh and lead is None:
            lead = found[-1].lead
        follows = n - 1 if found and not fresh and n - 1 not in (lead or ()) else None
        found.append(Clause(start, end, sentence, section, kind, lead or (), follows))
    if not found:
        found.append(Clause(0, len(text), 0, 0, "title" if title else "law"))
    _tell_on(text, found)
    return Clauses(found, [one.start for one in found])


def _tell_on(text: str, clauses: list[Clause]) -> None:
    """What stands between existing law and "This bill" tells of existing law too."""
    told: list[Clause] | None = None
    for clause in clauses:
        if clause.kind == "existing":
            told = []
        elif told is not None and THIS_BILL.match(text, clause.start, clause.end):
            for one in told:
                one.kind = "existing"
            told = None
        elif told is not None and clause.kind == "law" and len(told) < TOLD_ON:
            told.append(clause)
        else:
            told = None


def kind_of(words: str) -> Kind:
    plain = re.sub(r"^[\s\"']*(?:\(?\w{1,4}[.)] )*", "", words)
    for kind, pattern in KINDS:
        if pattern.match(plain if kind != "definition" else words):
            return kind
    return "law"


def _spans(text: str) -> list[tuple[int, int]]:
    spans, at = [], 0
    for found in CUT.finditer(text):
        end = found.end()
        if found.group()[:1] == "." and (
            ABBREVIATION.search(text, max(0, found.start() - 12), found.start() + 1)
            or not STARTS.match(text, end)
            or NUMBER.fullmatch(text, at, end)
        ):
            continue
        if end > at and text[at:end].strip():
            spans.append((at, end))
            at = end
    if text[at:].strip():
        spans.append((at, len(text)))
    return spans


def _continues(text: str, before: Clause) -> bool:
    """Whether the sentence goes on after ``before``."""
    tail = text[max(before.start, before.end - 8) : before.end].rstrip()
    return bool(re.search(r"[;:,]$|[;,] (?:and|or)$|(?<![.?!\"])\($", tail))


class _Lists:
    """The lists a clause is in: for each, its kind of number and the clauses leading to it."""

    def __init__(self) -> None:
        self.open: list[tuple[str, tuple[int, ...]]] = []
        self.last = ""

    def clear(self) -> None:
        self.open = []

    def lead(self, words: str, n: int, before: str) -> tuple[int, ...] | None:
        """The clauses that clause ``n`` hangs on; ``None`` where it is no item of a list."""
        opened = n > 0 and before.rstrip().endswith(":")
        enumerator = ENUMERATOR.match(words)
        kind = self._kind(enumerator) if enumerator else "inline"
        kinds = [one for one, _ in self.open]
        if opened and kind not in kinds:
            leads = () if ENACTS.search(before) else (n - 1,)
            self.open.append((kind, (*self._top(), *leads)))
        elif kind == "inline":
            return None
        elif kind in kinds:
            del self.open[kinds.index(kind) + 1 :]
        else:
            self.clear()
        return self._top()

    def _top(self) -> tuple[int, ...]:
        return self.open[-1][1] if self.open else ()

    def _kind(self, enumerator: re.Match[str]) -> str:
        one = enumerator["one"]
        before, self.last = self.last, one or "-"
        if one is None:
            return "bullet"
        if one.isdigit():
            return "1"
        roman = bool(re.fullmatch(r"[ivx]+|[IVX]+", one)) and not (
            len(one) == 1 and before.lower() in ("h", "u", "w")
        )
        return ("i" if roman else "a") if one[0].islower() else ("I" if roman else "A")
