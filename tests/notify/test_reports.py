"""Reports as servers word them (tests/notify/reports), whole, cut and garbled."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify.reports import bounce_kind, read_report

REPORTS = Path(__file__).with_name("reports")
RETURN_PATH = "bounce+17.c2lnbmVk@bills.example"


def sample(name: str) -> bytes:
    text = (REPORTS / f"{name}.eml").read_text(encoding="utf-8")
    return text.replace("RETURN-PATH", RETURN_PATH).encode()


@pytest.mark.parametrize(
    ("name", "kind", "status", "said"),
    [
        ("postfix-unknown-user", "hard", "5.1.1", "User unknown in virtual mailbox table"),
        ("postfix-delayed", "none", "4.4.1", "delayed: not final"),
        ("exchange-mailbox-full", "soft", "5.2.2", "quota exceeded"),
        ("gmail-policy", "soft", "5.7.1", "likely unsolicited mail"),
        ("feedback-abuse", "complaint", "", "feedback: abuse"),
        ("feedback-not-spam", "none", "", "feedback: not-spam"),
        ("absence-note", "none", "", "an automatic reply"),
        ("truncated", "none", "", "fai: not final"),
    ],
)
def test_each_report_is_understood(name: str, kind: str, status: str, said: str) -> None:
    report = read_report(sample(name))
    assert (report.kind, report.status) == (kind, status)
    assert said in report.said
    assert RETURN_PATH in report.addresses


def test_a_report_cut_anywhere_never_says_more_than_the_whole() -> None:
    whole = sample("postfix-unknown-user")
    kinds = {read_report(whole[:end]).kind for end in range(0, len(whole), 7)}
    assert kinds == {"none", "hard"}
    before_the_status = whole.index(b"Status: 5.1.1")
    assert read_report(whole[:before_the_status]).kind == "none"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("5.0.0", "hard"),
        ("5.1.1", "hard"),
        ("5.2.1", "hard"),
        ("5.2.2", "soft"),
        ("5.2.3", "soft"),
        ("5.4.4", "soft"),
        ("5.7.26", "soft"),
        ("4.1.1", "soft"),
        ("4.7.0", "soft"),
        ("2.1.5", "none"),
    ],
)
def test_hard_is_only_what_is_wrong_with_the_address(status: str, kind: str) -> None:
    assert bounce_kind(status) == kind


@given(st.binary(max_size=2000))
def test_any_bytes_are_read_without_an_error(raw: bytes) -> None:
    assert read_report(raw).kind == "none"


@given(st.lists(st.integers(0, 3000), min_size=2, max_size=2), st.binary(max_size=40))
def test_a_garbled_report_is_read_without_an_error(cut: list[int], noise: bytes) -> None:
    whole = sample("exchange-mailbox-full")
    start, end = sorted(cut)
    read_report(whole[:start] + noise + whole[end:])
