from __future__ import annotations

import pytest

from spiders.states.wyoming import actor, names


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("Allred, Brown, G, Clouston, Smith, S", ["Allred", "Brown, G", "Clouston", "Smith, S"]),
        ("Larson, JT, Yin", ["Larson, JT", "Yin"]),
        ("Rodriguez-Williams", ["Rodriguez-Williams"]),
        ("", []),
        (None, []),
    ],
)
def test_names_may_hold_a_comma(printed: str | None, expected: list[str]) -> None:
    assert names(printed) == expected


def test_the_first_letter_names_the_chamber() -> None:
    assert actor("H 3rd Reading:Passed 44-16-2-0-0") == "lower"
    assert actor("S:Rerefer to S08 - Transportation") == "upper"
    assert actor("Assigned Chapter Number 12") is None
