from __future__ import annotations

import pytest
from sqlalchemy import Engine

from notify.bill_names import bill_keys
from tests.notify.stories import add_bill


@pytest.fixture
def bills(engine: Engine) -> Engine:
    add_bill(engine, "md", "HB 1222", session="2025RS")
    add_bill(engine, "md", "HB 1222", session="2026RS")
    add_bill(engine, "va", "SB 783")
    return engine


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("md HB 1222", "md:2026RS:HB 1222"),
        ("MD hb1222", "md:2026RS:HB 1222"),
        ("md H.B. 1222", "md:2026RS:HB 1222"),
        ("md:2025RS:HB 1222", "md:2025RS:HB 1222"),
        ("md 2025RS:HB 1222", "md:2025RS:HB 1222"),
        ("va sb 0783", "va:2026:SB 783"),
    ],
)
def test_names_people_use(bills: Engine, typed: str, key: str) -> None:
    assert bill_keys(bills, [typed]) == [key]


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("HB 1222", "begins with no state"),
        ("xx HB 1222", "begins with no state"),
        ("md\0HB 1222", "begins with no state"),
        ("md HB 9", "there is no bill 'md HB 9'"),
        ("md:1999:HB 1222", "there is no bill"),
        ("md " + "9" * 5000, "there is no bill"),
        ("md ' OR 1=1", "there is no bill"),
    ],
)
def test_what_names_no_bill_is_told(bills: Engine, typed: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        bill_keys(bills, [typed])
    assert len(str(refused.value)) < 200


def test_bills_followed_already_need_not_be_in_the_database(engine: Engine) -> None:
    assert bill_keys(engine, ["md:1999:HB 1"], known=["md:1999:HB 1"]) == ["md:1999:HB 1"]
