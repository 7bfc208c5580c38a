"""The key opens the source and is never seen again; without it the source is skipped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from scrapy.http import TextResponse

from spiders.errors import FailureKind, SourceError
from spiders.states.new_york import answer_of, counts, plain_text

ROOT = Path(__file__).parents[2]
KEY = "k3y-of-a-stranger"


def crawl(
    tmp_path: Path, *options: str | Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "spiders", "crawl", "ny", *options],
        cwd=ROOT,
        env={
            **os.environ,
            "BILLTRACKER_DATABASE_URL": f"sqlite:///{tmp_path / 'b.db'}",
            **variables,
        },
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_without_a_key_it_is_skipped_and_says_how_to_get_one(tmp_path: Path) -> None:
    result = crawl(tmp_path)
    assert result.returncode == 0, result.stderr
    assert "ny: skipped" in result.stdout
    assert "BILLTRACKER_NEW_YORK_KEY" in result.stdout
    assert "https://legislation.nysenate.gov/" in result.stdout


def test_the_key_is_neither_stored_nor_logged(tmp_path: Path) -> None:
    pages = ROOT / "spiders" / "pages" / "new_york" / "day1"
    items = tmp_path / "items.jsonl"
    result = crawl(
        tmp_path, "--replay", pages, "--items", items, "--record", tmp_path / "again",
        BILLTRACKER_NEW_YORK_KEY=KEY,
    )  # fmt: skip
    assert "ny: sound" in result.stdout, result.stdout + result.stderr
    assert KEY not in result.stdout + result.stderr
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 10
    for path in written:
        assert KEY.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"success": false, "message": "A valid API key is needed"}', FailureKind.KEY),
        (b'{"success": false, "message": "Invalid argument"}', FailureKind.WRONG_TYPE),
        (b'{"success": true, "result": {', FailureKind.TRUNCATED),
        (b"<html>down for maintenance</html>", FailureKind.WRONG_TYPE),
        (b"{}", FailureKind.LAYOUT),
    ],
)
def test_answers_that_are_none(body: bytes, kind: FailureKind) -> None:
    with pytest.raises(SourceError) as caught:
        answer_of(TextResponse("https://legislation.nysenate.gov/api/3/bills/2025", body=body))
    assert caught.value.kind is kind


def test_ayes_with_reservations_are_ayes() -> None:
    ballots = {"AYE": {"size": 3}, "AYEWR": {"size": 2}, "NAY": {"items": [{}]}, "NEW": {"size": 1}}
    assert [(count.option, count.value) for count in counts(ballots)] == [
        ("yes", 5),
        ("no", 1),
        ("other", 1),
    ]


def test_printed_text_loses_line_numbers_and_keeps_words() -> None:
    printed = (
        "    1    Section 1. No law enforcement officer shall detain an indi-\n"
        "    2  vidual solely on the basis of an immigration detainer\n"
        "    3  under 8 U.S.C. 1357(g).\n"
        "    4    S 2. This act shall take effect immediately.\n"
    )
    assert plain_text(printed).splitlines() == [
        "Section 1. No law enforcement officer shall detain an individual solely on the basis"
        " of an immigration detainer under 8 U.S.C. 1357(g).",
        "S 2. This act shall take effect immediately.",
    ]
