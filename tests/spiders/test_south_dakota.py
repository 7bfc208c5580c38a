"""Lines of the action log, put together as the site prints them."""

from __future__ import annotations

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
