"""Words as stored: what a source printed, without what no reader could see."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tracker.crawls import light, line, page
from tracker.ingest import _said
from tracker.items import Gap, SponsorItem, TextMark, VersionItem
from tracker.normalise import (
    LONGEST,
    MOST_ROWS,
    cleaned,
    identifier_key,
    is_clean,
    paragraphs,
    same_length,
)
from tracker.normalise import line as one_line

PRINTED = st.text(st.characters(codec="utf-8"), max_size=60)


@pytest.mark.parametrize(
    ("printed", "key"),
    [
        ("HB 1222", "HB 1222"),
        ("H. B. 1222", "HB 1222"),
        ("HB01222", "HB 1222"),
        ("hb1222", "HB 1222"),
        ("*HB   1", "HB 1"),
        ("HB\u00a01222", "HB 1222"),
        ("S.B. No. 5", "SB 5"),
        ("Senate Bill No. 5", "SENATEBILL 5"),
        ("H.J.Res. 12", "HJRES 12"),
        ("HB 1A", "HB 1A"),
        ("HB0001-A", "HB 1A"),
        ("LR1CA", "LR 1CA"),
        ("SB\x00 7", "SB 7"),
        ("Proposal A", "PROPOSAL A"),
        ("", ""),
    ],
)
def test_a_bill_has_one_key_however_it_is_printed(printed: str, key: str) -> None:
    assert identifier_key(printed) == key


def test_in_new_york_the_letter_is_a_print_of_the_same_bill() -> None:
    assert identifier_key("A04833-A", "ny") == identifier_key("A4833", "ny") == "A 4833"
    assert identifier_key("A04833-A", "tx") == "A 4833A"


@given(printed=PRINTED)
def test_a_key_is_its_own_key(printed: str) -> None:
    key = identifier_key(printed)
    assert identifier_key(key) == key


def test_a_monstrous_identifier_is_read_quickly() -> None:
    assert len(identifier_key("H. " * 1_000_000 + "1")) <= LONGEST["identifier"]


@pytest.mark.parametrize(
    ("printed", "stored"),
    [
        ("  An   act\n\tto ", "An act to"),
        ("nul\x00 and bell\x07", "nul and bell"),
        ("zero\u200bwidth \ufeffmark soft\u00adhyphen", "zerowidth mark softhyphen"),
        ("Pen\u0303a", "Pe\u00f1a"),
        ("🧊 ‏قانون‏", "🧊 ‏قانون‏"),
        ("👩\u200d⚖️", "👩\u200d⚖️"),
        ("\x85next\u2028line", "next line"),
    ],
)
def test_lines(printed: str, stored: str) -> None:
    assert one_line(printed) == stored


def test_paragraphs_stay_apart() -> None:
    assert paragraphs(" First\r\n\r\n second  words\x00\n") == "First\nsecond words"


@given(printed=PRINTED)
def test_a_stored_line_is_stable_and_readable(printed: str) -> None:
    stored = one_line(printed)
    assert one_line(stored) == stored
    assert not any(unicodedata.category(char) == "Cc" for char in stored)
    assert stored == stored.strip() and "  " not in stored


@given(printed=PRINTED)
def test_spans_into_a_text_keep_pointing(printed: str) -> None:
    stored = same_length(printed)
    assert len(stored) == len(printed) and "\x00" not in stored
    assert stored.split() == same_length(stored).split()


@given(title=PRINTED, text=PRINTED, name=st.text(min_size=1, max_size=20))
def test_a_glance_never_overlooks_what_needs_cleaning(title: str, text: str, name: str) -> None:
    item = page(
        title=title,
        sponsors=(SponsorItem(name=name),),
        versions=(VersionItem(note="Introduced", text=text),),
    )
    if is_clean(item, _said(item)):
        assert cleaned(item) == (item, ())


def test_a_title_of_5_megabytes_is_cut_and_named() -> None:
    item, gaps = cleaned(light(title="x" * 5_000_000))
    assert len(item.title or "") == LONGEST["title"]
    assert gaps == (Gap(field="title", reason="oversized", seen="5,000,000 characters"),)


def test_a_text_is_cut_with_the_marks_that_point_behind_the_cut() -> None:
    most = LONGEST["versions.text"]
    marks = (
        TextMark(start=0, end=5, kind="insert"),
        TextMark(start=most, end=most + 1, kind="delete"),
    )
    item, gaps = cleaned(
        page(versions=(VersionItem(note="A", text="x" * (most + 1), marks=marks),))
    )
    version = (item.versions or ())[0]
    assert (len(version.text or ""), version.marks) == (most, marks[:1])
    assert [gap.field for gap in gaps] == ["versions.text"]


def test_rows_without_words_are_dropped_and_too_many_are_named() -> None:
    item, gaps = cleaned(page(actions=(line("\x00\u200b"), line("Passed"))))
    assert [action.text for action in item.actions or ()] == ["Passed"]
    item, gaps = cleaned(page(subjects=("a",) * (MOST_ROWS + 5)))
    assert len(item.subjects or ()) == MOST_ROWS
    assert gaps == (Gap(field="subjects", reason="oversized", seen="20,005 rows"),)


def test_a_latest_action_without_words_is_none() -> None:
    assert cleaned(light(latest_action=line("\x00")))[0].latest_action is None


def test_a_clean_item_is_not_copied() -> None:
    item = page(actions=(line("Passed", "03-01"),))
    assert cleaned(item)[0] is item
