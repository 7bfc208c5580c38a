"""Lines of the action log, put together as the site prints them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from spiders.states.south_dakota import chamber_of, headings, plain, wording

HOUSE = {"Name": "House of Representatives", "Body": "H"}
JUDICIARY = {"Name": "Judiciary", "FullName": "Senate Judiciary", "Body": "S"}


def row(**fields: Any) -> dict[str, Any]:
    return {
        "StatusText": None, "Description": "", "Result": None, "ActionCommittee": None,
        "AssignedCommittee": None, "ShowPassed": False, "ShowFailed": False,
        "ShowCommitteeName": False, "Vote": None, **fields,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "line", "chamber"),
    [
        (
            {"StatusText": "First read in Senate and referred to", "AssignedCommittee": JUDICIARY},
            "First read in Senate and referred to Senate Judiciary",
            "upper",
        ),
        (
            {
                "Description": "Do Pass", "Result": "P", "ShowPassed": True,
                "ActionCommittee": JUDICIARY, "ShowCommitteeName": True,
                "Vote": {"VoteId": 7, "Yeas": 6, "Nays": 1},
            },
            "Senate Judiciary Do Pass, Passed, YEAS 6, NAYS 1",
            "upper",
        ),
        (
            {
                "StatusText": "Do Pass", "Result": "F", "ShowFailed": True,
                "ActionCommittee": HOUSE, "ShowCommitteeName": True,
                "Vote": {"VoteId": 8, "Yeas": 12, "Nays": 57},
            },
            "House of Representatives Do Pass, Failed, YEAS 12, NAYS 57",
            "lower",
        ),
        (
            {"StatusText": "Signed by the <i>President</i>&nbsp;", "Result": "P"},
            "Signed by the President",
            "upper",
        ),
        ({"StatusText": "Delivered to the Governor"}, "Delivered to the Governor", None),
        ({"StatusText": None}, "", None),
    ],
)  # fmt: skip
def test_wording(fields: dict[str, Any], line: str, chamber: str | None) -> None:
    assert wording(row(**fields)) == line
    assert chamber_of(row(**fields)) == chamber


def test_html_inside_json() -> None:
    assert plain("<a href='/x'>Senate  Judiciary</a> &amp; Committee") == (
        "Senate Judiciary & Committee"
    )


def test_a_row_without_number_is_no_bill() -> None:
    kept_free = {"BillId": 1, "BillType": "HB", "BillNumberOnly": None, "Title": None}
    assert headings(kept_free, "70")["identifier"] == ""
    assert headings({**kept_free, "BillNumberOnly": "12"}, "70")["identifier"] == "HB 12"


def test_a_session_nobody_has_named_is_asked_for(tmp_path: Path) -> None:
    """The id of the 2027 session is known to the site alone."""
    pages = {
        "https://sdlegislature.gov/api/Sessions/": [
            {"SessionId": 71, "Year": "2026", "CurrentSession": False},
            {"SessionId": 173, "Year": "2025s", "CurrentSession": False},
            {"SessionId": 72, "Year": "2027", "CurrentSession": True},
        ],
        "https://sdlegislature.gov/api/Bills/Session/Light/72": [
            {"BillId": 1, "BillType": "HB", "BillNumberOnly": "1001", "Title": "Bees.",
             "SessionId": 72}
        ],
    }  # fmt: skip
    lines = []
    for place, (url, answer) in enumerate(pages.items()):
        (tmp_path / f"{place}.json").write_text(json.dumps(answer))
        line = {"url": url, "file": f"{place}.json", "fetched_at": "2027-01-13T12:00:00Z",
                "provenance": "reconstructed"}  # fmt: skip
        lines.append(json.dumps(line))
    (tmp_path / "index.jsonl").write_text("\n".join(lines))
    items = tmp_path / "items.jsonl"
    result = subprocess.run(
        [sys.executable, "-m", "spiders", "crawl", "sd", "--replay", tmp_path, "--items", items],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "BILLTRACKER_DATABASE_URL": f"sqlite:///{tmp_path / 'sd.sqlite3'}"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "sd: sound; 2 requests" in result.stdout, result.stdout + result.stderr
    (item,) = map(json.loads, items.read_text().splitlines())
    assert (item["session"], item["identifier"]) == ("72", "HB 1001")
