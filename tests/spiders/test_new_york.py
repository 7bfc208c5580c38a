"""The key opens the source and is never seen again; without it the source is skipped."""

from __future__ import annotations

import html
import os
import re
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


@pytest.mark.recorded
@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (
            "2023-S6169-20240109T175502.html",
            'Section 1. This act shall be known and may be cited as the "voting integrity and'
            ' verification act of New York (VIVA NY)".',
        ),
        (
            "2017-S4821-20180510T151502.html",
            "Section 1. Subparagraph (A) of paragraph (c) of subdivision 2 of section 259-i of the"
            " executive law, as amended by chapter 130 of the laws of 2016, is amended to read as"
            " follows:",
        ),
        ("2017-A6361-20180510T153404.html", "do enact as follows:"),
        ("2015-S2422-20180510T155603.html", "do enact as follows:"),
    ],
)
def test_texts_as_albany_prints_them(recorded: Path, file: str, sentence: str) -> None:
    page = (recorded / "ny" / file).read_text(encoding="utf-8", errors="replace")
    pieces = re.split(r"<pre[^>]*>", page, flags=re.IGNORECASE)
    printed = next(piece for piece in pieces if "STATE OF NEW YORK" in piece)
    printed = re.split("</pre>", printed, flags=re.IGNORECASE)[0]
    text = plain_text(html.unescape(re.sub(r"<[^>]+>", "", printed)))
    assert sentence in text
    assert "represented in Senate and Assembly, do enact as follows:" in " ".join(text.split())
    lines = text.splitlines()
    numbered = [line for line in lines if re.match(r"\d{1,2} {2,}\S", line)]
    assert not numbered
    assert max(map(len, lines)) > 150
