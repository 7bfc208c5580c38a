"""What printing and scanning put into a text never changes a verdict."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracker.rules.gold_set import passages
from tracker.classify import Judgement, classify

PASSAGES = [
    "SECTION 1. A law enforcement agency shall not detain an individual on the basis of a civil"
    " immigration detainer after the individual becomes eligible for release from custody.\n\n"
    "SECTION 2. A county jail may not enter into or renew an agreement under 8 U.S.C. Section"
    " 1357(g) with United States Immigration and Customs Enforcement.",
    "SECTION 1. Each sheriff shall comply with every immigration detainer request and shall notify"
    " federal immigration authorities of the release date of the inmate.",
    "SECTION 1. A landlord may bring an action in unlawful detainer after the notice to quit has"
    " expired. The forcible entry and detainer statute is amended.",
    "SECTION 1. The department shall adopt rules for hockey rinks. The ice must be inspected each"
    " year by the county.",
    "SECTION 1. A public school shall keep a register of attendance and report it to the board.",
]
GOLD = [one.text for one in passages() if one.text and not one.marks and one.part != "test"]
Furnish = Callable[[str, random.Random], str]
HEADERS = ["Page 7 of 12", "HB 1222 - As Introduced", "- 3 -", "S.B. No. 8"]


def meaning(found: Judgement) -> tuple[object, ...]:
    return found.relevant, found.stance, sorted(one.topic for one in found.topics)


def words_of(text: str) -> list[str]:
    return re.findall(r"\S+|\n+", text)


def soft_hyphens(text: str, chance: random.Random) -> str:
    return re.sub(
        r"[a-z]{7,}",
        lambda found: found[0][:3] + "\u00ad" + found[0][3:] if chance.random() < 0.5 else found[0],
        text,
    )


def ligatures(text: str, chance: random.Random) -> str:
    return text.replace("ffi", "ﬃ").replace("fi", "ﬁ").replace("fl", "ﬂ")


def odd_blanks(text: str, chance: random.Random) -> str:
    return re.sub(r" ", lambda _: chance.choice(["\u00a0", "  ", " \u200b", "\u2009"]), text)


def marks_of_direction(text: str, chance: random.Random) -> str:
    return re.sub(r"\w+", lambda found: f"\u202a{found[0]}\u200e\u202c", text)


def lines_of(text: str, chance: random.Random) -> list[str]:
    """A few words each."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        words = paragraph.split()
        while len(words) > 9:
            take = chance.randint(4, 9)
            lines.append(" ".join(words[:take]))
            words = words[take:]
        lines.append(" ".join(words))
    return lines


def numbered(text: str, chance: random.Random, layout: str, restart: str = "") -> str:
    """Each line with its number; ``restart`` is what a page ends with, behind which they begin
    anew."""
    lines, n = [], 0
    for line in lines_of(text, chance):
        n += bool(line)
        lines.append(layout.format(n=n, line=line) if line else "")
        if restart and line and n == 24:
            lines.append(restart)
            n = 0
    return "\n".join(lines)


def line_numbers(text: str, chance: random.Random) -> str:
    return numbered(text, chance, "{n:>3}  {line}")


def line_numbers_of_pages(text: str, chance: random.Random) -> str:
    return numbered(text, chance, "{n:>2} {line}", "\nHB 1222            - 3 -\n")


def line_numbers_on_the_right(text: str, chance: random.Random) -> str:
    return numbered(text, chance, "{line}   {n}")


def hyphenated(text: str, chance: random.Random) -> str:
    """Words broken at line ends, as a printer would."""
    return re.sub(
        r"\b([a-z]{4,6})([a-z]{4,})\b",
        lambda found: f"{found[1]}-\n{found[2]}" if chance.random() < 0.3 else found[0],
        text,
    )


def page_breaks(text: str, chance: random.Random) -> str:
    """A page ends between two words; header and page number stand there."""
    words = text.split(" ")
    for _ in range(3):
        place = chance.randrange(1, len(words))
        words[place] = f"\n\n{chance.choice(HEADERS)}\n\n{words[place]}"
    return " ".join(words)


FURNITURE = [
    soft_hyphens,
    ligatures,
    odd_blanks,
    marks_of_direction,
    hyphenated,
    page_breaks,
    line_numbers,
    line_numbers_of_pages,
    line_numbers_on_the_right,
]


@pytest.mark.slow
@pytest.mark.parametrize("furnish", FURNITURE, ids=lambda one: one.__name__)
@settings(max_examples=60, derandomize=True)
@given(passage=st.sampled_from(PASSAGES + GOLD), seed=st.integers(0, 10_000))
def test_furniture_changes_no_verdict(furnish: Furnish, passage: str, seed: int) -> None:
    printed = furnish(passage, random.Random(seed))
    found = classify(None, None, printed)
    assert meaning(found) == meaning(classify(None, None, passage))
    for span in found.evidence:
        assert printed[span.start : span.end] == span.quote


@pytest.mark.parametrize("law", ["8 U.S.C. 1373", "8 U.S.C. 1644"])
def test_a_number_of_the_law_that_begins_a_line_is_read(law: str) -> None:
    wrapped = f"An officer shall verify the status of each person arrested under\n{law}."
    assert classify(None, None, wrapped).relevant


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(passage=st.sampled_from(PASSAGES), seed=st.integers(0, 10_000))
def test_all_furniture_at_once_changes_no_verdict(passage: str, seed: int) -> None:
    chance = random.Random(seed)
    printed = soft_hyphens(ligatures(line_numbers(passage, chance), chance), chance)
    assert meaning(classify(None, None, printed)) == meaning(classify(None, None, passage))


def test_scanned_letters_are_read() -> None:
    scanned = "A sheriff shall h0nor each imrnigration detainer of lCE."
    assert classify(None, None, scanned).relevant


def test_typographic_signs_are_read() -> None:
    printed = "A county’s “sanctuary policy” — or ‘sanctuary city’ ordinance — is void."
    assert classify(None, None, printed).relevant


@pytest.mark.parametrize(
    "text",
    [
        "The jail shall hold a person on an order\u00a0of\u00a0removal.",
        "The jail shall hold a person on an order\u200e of\u2009removal.",
        "The jail shall hold a person on an order\n\nHB 1222 - As Introduced\n\nof removal.",
        "The jail shall hold a person on an order\n- 2 -\n\fDraft for the house\nof removal."
        "\n- 3 -\n\fDraft for the house\nIn force at once.\n- 4 -\n\fDraft for the house\n",
        "A federal o\ufb03cer shall display identification.",
        "A federal of\ufb01cer shall display identification.",
        "Prohibits 287 (g) agreements.",
        "Prohibits 287-g agreements.",
        "A county may not enter into an agreement with I.C.E. to house prisoners.",
    ],
)
def test_the_only_words_of_the_subject_are_found_however_printed(text: str) -> None:
    assert classify(None, None, text).relevant


def test_words_run_together_are_read() -> None:
    printed = "Asheriffshallnothonoranimmigrationdetainerunlessajudgehassignedit."
    found = classify(None, None, printed)
    assert (found.relevant, found.stance) == (True, "limits")
    assert "immigrationdetainer" in {one.quote for one in found.evidence}


@pytest.mark.slow
def test_without_any_blanks_nearly_every_passage_is_on_topic_or_off_as_before() -> None:
    sample = GOLD[::12]
    same = 0
    for passage in sample:
        printed = passage.replace(" ", "")
        found = classify(None, None, printed)
        same += found.relevant == classify(None, None, passage).relevant
        for span in found.evidence:
            assert printed[span.start : span.end] == span.quote
    assert same >= 0.95 * len(sample)
