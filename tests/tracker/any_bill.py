"""Hypothesis strategies: bills as messy sources may state them, and again as they state them later.

Words come from small pools, so that lines repeat, are reworded a little, move and come back.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from hypothesis import strategies as st

from tests.tracker.crawls import OFF_TOPIC, ON_TOPIC, light, page
from tracker.items import (
    ActionItem,
    BillItem,
    HearingItem,
    Link,
    RelatedBillItem,
    SponsorItem,
    VersionItem,
    VoteCount,
    VoteItem,
)

WORDS = st.sampled_from(
    [
        "First Reading Judiciary",
        "First reading - JUDICIARY.",
        "Third Reading Passed (97-37)",
        "Third Reading Passed (98-36)",
        "Hearing canceled",
        "Vetoed by the Governor",
        "🧊 \u202eقانون\u202c",
        "-",
    ]
)
NAMES = st.sampled_from(["Lee", "LEE", "Peña", "Smith", "Smith, J."])
DAYS = st.dates(dt.date(2026, 1, 1), dt.date(2026, 3, 1))
DAYS_TO_COME = st.dates(dt.date(2026, 6, 1), dt.date(2026, 6, 5))
NUMBERS = st.sampled_from(["", "", "n1", "n2"])
CHAMBERS = st.sampled_from([None, "lower", "upper"])


def tuples(one: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(one, max_size=4).map(tuple)


LISTS: dict[str, st.SearchStrategy[tuple[Any, ...]]] = {
    "actions": tuples(
        st.builds(ActionItem, text=WORDS, date=DAYS, actor=CHAMBERS, source_id=NUMBERS)
    ),
    "sponsors": tuples(
        st.builds(
            SponsorItem,
            name=NAMES,
            classification=st.sampled_from(["sponsor", "cosponsor"]),
            primary=st.booleans(),
            source_id=NUMBERS,
        )
    ),
    "versions": tuples(
        st.builds(
            VersionItem,
            note=st.sampled_from(["Introduced", "INTRODUCED", "Enrolled"]),
            date=DAYS,
            links=st.just((Link(url="https://x/1"),)),
            text=st.sampled_from(["a text", "a longer text"]),
            source_id=NUMBERS,
        )
    ),
    "votes": tuples(
        st.builds(
            VoteItem,
            motion=st.sampled_from(["Third Reading", "Final Passage"]),
            date=DAYS,
            chamber=CHAMBERS,
            passed=st.sampled_from([None, True, False]),
            counts=st.just((VoteCount(option="yes", value=97),)),
            source_id=NUMBERS,
        )
    ),
    "hearings": tuples(
        st.builds(
            HearingItem,
            committee=st.sampled_from(["Judiciary", "JUDICIARY", "Rules"]),
            date=DAYS_TO_COME,
            time_text=st.sampled_from(["", "1:00 p.m.", "1:00 PM"]),
            location=st.sampled_from(["", "Room 1"]),
            cancelled=st.booleans(),
            source_id=NUMBERS,
        )
    ),
    "related_bills": tuples(
        st.builds(
            RelatedBillItem,
            identifier=st.sampled_from(["SB 1", "S.B. 1", "SB 2"]),
            relation=st.sampled_from(["companion", "related"]),
        )
    ),
}


def pages(identifier: str) -> st.SearchStrategy[BillItem]:
    """A bill's page that states everything."""
    stated: dict[str, st.SearchStrategy[Any]] = {
        "title": st.sampled_from([ON_TOPIC, OFF_TOPIC, "  Señor\x00  Peña's\u200bAct 🧊"]),
        "abstract": st.sampled_from(["", "First words.", "Other words.\n\nMore."]),
        "subjects": tuples(st.sampled_from(["Jails", "Sheriffs"])),
        **LISTS,
    }
    return st.fixed_dictionaries(stated).map(lambda said: page(identifier, **said))


def listing_row(of: BillItem) -> BillItem:
    """The row of a listing that says nothing else than this page, but less."""
    latest = max(of.actions or (), key=lambda action: action.date or dt.date.min, default=None)
    return light(of.identifier, of.title, latest_action=latest)


def sessions(most: int, least: int = 0) -> st.SearchStrategy[list[BillItem]]:
    """So many bills of a session, each by its page or by a row of a listing."""
    one = st.integers(1, most).flatmap(
        lambda number: st.one_of(pages(f"HB {number}"), pages(f"HB {number}").map(listing_row))
    )
    return st.lists(one, min_size=least, max_size=most, unique_by=lambda item: item.identifier)
