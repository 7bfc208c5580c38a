"""What changed between two texts of a bill, word by word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker import textdiff
from tracker.textdiff import Segment, TooLong, passages, word_diff

# Law repeats itself: few words, many spaces, marks and scripts that have no spaces.
PIECES = st.sampled_from(
    [
        "shall",
        "shall",
        "not",
        "Sec.",
        "12-108",
        "(a)",
        "§",
        "—",
        "peña",
        "法律",
        "🧊",
        "\u202e",
        "don’t",
    ]
)
SPACES = st.sampled_from([" ", "  ", "\n", "\r\n\t", "", "\u00a0"])
TEXTS = st.lists(st.tuples(SPACES, PIECES), max_size=40).map(
    lambda pairs: "".join(space + piece for space, piece in pairs)
)
ANY = TEXTS | st.text(max_size=80)


def said(segments: list[Segment]) -> list[tuple[str, str]]:
    return [(segment.kind, segment.text) for segment in segments]


@given(old=ANY, new=ANY)
def test_the_segments_make_both_texts(old: str, new: str) -> None:
    segments = word_diff(old, new)
    kept_of_new = "".join(segment.text for segment in segments if segment.kind != "delete")
    kept_of_old = "".join(old[slice(*segment.old)] for segment in segments)
    assert kept_of_new == new.rstrip()
    assert kept_of_old == old.rstrip()


@given(old=ANY, new=ANY)
def test_spans_point_at_the_words_and_follow_each_other(old: str, new: str) -> None:
    ends = [0, 0]
    for segment in word_diff(old, new):
        assert (segment.old[0], segment.new[0]) == tuple(ends)
        ends = [segment.old[1], segment.new[1]]
        if segment.kind == "delete":
            assert old[slice(*segment.old)] == segment.text.removesuffix(" ")
            assert segment.new[0] == segment.new[1]
        else:
            assert new[slice(*segment.new)] == segment.text
        if segment.kind == "insert":
            assert segment.old[0] == segment.old[1]


@given(text=ANY, spaces=st.lists(SPACES.filter(bool), min_size=1))
def test_spaces_and_line_breaks_are_no_changes(text: str, spaces: list[str]) -> None:
    words = text.split()
    spaced = "".join(word + spaces[n % len(spaces)] for n, word in enumerate(words))
    assert {segment.kind for segment in word_diff(" ".join(words), spaced)} <= {"equal"}


@given(old=TEXTS, new=TEXTS)
def test_no_smaller_change_makes_one_of_the_other(old: str, new: str) -> None:
    """As many words stay as the longest common sequence has (plain dynamic programming)."""
    a = [word.group().strip() for word in textdiff._WORD.finditer(old)]
    b = [word.group().strip() for word in textdiff._WORD.finditer(new)]
    row = [0] * (len(b) + 1)
    for word in a:
        before = row[:]
        for n, other in enumerate(b):
            row[n + 1] = before[n] + 1 if word == other else max(row[n], before[n + 1])
    stay = sum(
        len(textdiff._WORD.findall(new[slice(*segment.new)]))
        for segment in word_diff(old, new)
        if segment.kind == "equal"
    )
    assert stay == row[-1]


def test_one_word_in_a_sentence_of_law() -> None:
    old = "A sheriff may enter into an agreement under 8 U.S.C. § 1357(g)."
    new = "A sheriff may not enter into an agreement under 8 U.S.C. § 1357(g)."
    assert said(word_diff(old, new)) == [
        ("equal", "A sheriff may"),
        ("insert", " not"),
        ("equal", " enter into an agreement under 8 U.S.C. § 1357(g)."),
    ]


def test_a_replaced_word_shows_the_old_one_first() -> None:
    assert said(word_diff("within 30 days", "within 90 days")) == [
        ("equal", "within"),
        ("delete", " 30"),
        ("insert", " 90"),
        ("equal", " days"),
    ]


def test_a_heading_struck_at_the_beginning_keeps_its_distance() -> None:
    assert said(word_diff("SESSION, 2026\n\nAN ACT", "AN ACT")) == [
        ("delete", "SESSION, 2026 "),
        ("equal", "AN ACT"),
    ]
    assert said(word_diff("a jail, or", "a, or"))[1:] == [("delete", " jail"), ("equal", ", or")]


def test_texts_too_long_to_compare_say_so() -> None:
    long = "a b " * 40_000
    with pytest.raises(TooLong, match="80,000 and 80,000 words are too many to compare"):
        word_diff(long, long)


def numbered(count: int, *changes: tuple[int, str]) -> str:
    words = [f"w{n}" for n in range(count)]
    for place, word in changes:
        words[place] = word
    return " ".join(words)


def test_passages_show_each_change_with_some_words_around() -> None:
    segments = word_diff(numbered(200), numbered(200, (50, "NEW"), (55, "NEWER"), (150, "LAST")))
    first, last = passages(segments)
    assert "".join(segment.text for segment in first) == (
        "… w38 w39 w40 w41 w42 w43 w44 w45 w46 w47 w48 w49 w50 NEW w51 w52 w53 w54 w55 NEWER"
        " w56 w57 w58 w59 w60 w61 w62 w63 w64 w65 w66 w67 …"
    )
    assert [segment.text for segment in last if segment.kind == "insert"] == [" LAST"]


def test_passages_near_the_evidence_only() -> None:
    old, new = numbered(400), numbered(400, (50, "NEW"), (350, "LAST"))
    evidence = (old.index("w340"), old.index("w345"))
    (only,) = passages(word_diff(old, new), old_spans=[evidence])
    assert [segment.text for segment in only if segment.kind == "insert"] == [" LAST"]
    assert passages(word_diff(old, new), new_spans=[(new.index("w200"), new.index("w201"))]) == []


def test_equal_texts_have_no_passages() -> None:
    assert passages(word_diff("same words", "same  words")) == []
    assert word_diff("", "") == []
