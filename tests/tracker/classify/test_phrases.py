"""What staff may write as a phrase, and what it finds."""

from __future__ import annotations

import pytest

from tracker.classify.grammar import Grammar, Reading
from tracker.classify.phrases import PhraseError, read_chain, read_phrase

LISTS = {
    "agency": ["=ICE", "immigration officer*", "border patrol"],
    "share": ["share|sharing", "hand over"],
    "nested": ["<share> _3 data"],
}


def found(phrase: str, text: str) -> list[str]:
    grammar = Grammar(LISTS)
    grammar.add(phrase)
    grammar.ready()
    return [text[place.start : place.end] for place in Reading(grammar, text).places(phrase)]


@pytest.mark.parametrize(
    ("phrase", "text", "quotes"),
    [
        ("detain*", "Detainers and detention; to detain", ["Detainers", "detain"]),
        ("jail", "jails, a jail, jailer", ["jail"]),
        ("a|the sheriff", "the sheriff or a sheriff", ["the sheriff", "a sheriff"]),
        ("city hall | town", "city hall, city, town", ["city hall", "town"]),
        (
            "immigration law? enforcement",
            "immigration enforcement and immigration law enforcement",
            ["immigration enforcement", "immigration law enforcement"],
        ),
        ("=ICE", "ICE or ice, Ice and ICE's agents", ["ICE", "ICE's"]),
        (
            "share _2 data",
            "share the personal data; share all of the many data",
            ["share the personal data"],
        ),
        ("share _8 data", "share, or give, data", ["share, or give, data"]),
        ("share _8 data", "share. The data", []),
        ("<agency>", "immigration officers of ICE", ["immigration officers", "ICE"]),
        ("<nested>", "hand over any such data", ["hand over any such data"]),
        (
            "non-citizen*",
            "noncitizens, non-citizens and non citizens",
            ["noncitizens", "non-citizens", "non citizens"],
        ),
        (
            "law enforcement",
            "law-enforcement\nlaw\nenforcement",
            ["law-enforcement", "law\nenforcement"],
        ),
        ("287(g)", "section 287(g), 287 (g) or 287(h)", ["287(g)", "287 (g)"]),
        ("i-247", "Form I-247, I 247; in 1247 or 247", ["I-247", "I 247"]),
        (
            "8 u.s.c. _2 1373",
            "8 U.S.C. Section 1373 and 8 USC 1373",
            ["8 U.S.C. Section 1373", "8 USC 1373"],
        ),
        ("1373", "31-1373.03 and 13730", []),
        ("immigration detainer", "imrnigration\ndetalner", ["imrnigration\ndetalner"]),
        ("immigration detainer", "immigration 14 detainer", ["immigration 14 detainer"]),
        ("immigration detainer", "immigration; detainer", []),
    ],
)  # fmt: skip
def test_what_a_phrase_finds(phrase: str, text: str, quotes: list[str]) -> None:
    assert found(phrase, text) == quotes


@pytest.mark.parametrize(
    ("phrase", "reason"),
    [
        ("detain[er]", "only letters, digits"),
        ("d*", "at least two letters before the *"),
        ("law? enforcement?", "no word that must be there"),
        ("_4 law", "must stand between words"),
        ("law _40 order", "from _1 to _30 words"),
        ("<agencies> law", "no word list <agencies>"),
        ("<loop>", "holds itself: loop in again in loop"),
        ("$", "no letter or digit"),
    ],
)
def test_what_no_phrase_can_be(phrase: str, reason: str) -> None:
    lists = LISTS | {"loop": ["<again> one"], "again": ["two <loop>"]}
    with pytest.raises(PhraseError, match=reason.replace("*", r"\*")):
        Grammar(lists).add(phrase)


def test_chains_name_phrases_and_connectors() -> None:
    chain = read_chain("hold|holding /8 detainer* +3 <agency> /s jail | prison /p state")
    assert chain.phrases == ("hold|holding", "detainer*", "<agency>", "jail | prison", "state")
    assert [(one.kind, one.words) for one in chain.connectors] == [
        ("near", 8),
        ("then", 3),
        ("sentence", None),
        ("section", None),
    ]
    with pytest.raises(PhraseError, match="a phrase on both sides"):
        read_chain("hold /8 /s jail")


def test_a_phrase_of_many_gaps_is_read_in_time() -> None:
    """The shape on which backtracking engines hang."""
    words = "share " * 4000 + "data"
    assert found("share _30 share _30 share _30 share _30 records", words) == []
    assert read_phrase("share _30 data")
