"""What a filter is: the same wish is the same filter however it was typed, and nonsense is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from notify.filters import STANCES, Filter, filter_hash, in_words, problems, stored
from notify.kinds import KINDS
from tracker.changes import KINDS as CHANGE_KINDS
from tracker.stages import STAGES
from tracker.states import jurisdictions
from tracker.topics import CHOICES, GROUPS

words = st.lists(st.text("abc XYZ'-é", min_size=1, max_size=8).filter(str.strip), max_size=4)
words = words.map(lambda values: [value for value in values if any(c.isalnum() for c in value)])
filters = st.fixed_dictionaries(
    {
        "states": st.lists(st.sampled_from(list(jurisdictions())), max_size=4),
        "topics": st.lists(st.sampled_from(CHOICES), max_size=6),
        "stances": st.lists(st.sampled_from(STANCES), max_size=3),
        "stages": st.lists(st.sampled_from([stage.slug for stage in STAGES]), max_size=3),
        "kinds": st.lists(st.sampled_from(list(KINDS)), max_size=3),
        "keywords": words,
        "sponsors": words,
        "committees": words,
        "bills": st.lists(st.sampled_from(["md:2026:HB 1", "va:2026:SB 2"]), max_size=2),
    }
)


@given(asked=filters, order=st.randoms())
def test_order_case_spaces_and_repeats_make_no_other_filter(asked, order) -> None:
    again = {
        name: order.sample(values * 2, len(values) * 2) if name == "bills"
        else [f" {value.upper()} " for value in order.sample(values * 2, len(values) * 2)]
        for name, values in asked.items()
    }  # fmt: skip
    again["keywords"] = [value.lower() for value in again["keywords"]]
    assert filter_hash(Filter(**asked)) == filter_hash(Filter(**again))


@given(asked=filters)
def test_what_is_stored_is_the_same_filter(asked) -> None:
    chosen = Filter(**asked)
    assert Filter.model_validate(stored(chosen)) == chosen
    assert in_words(chosen)


def test_a_group_is_all_its_topics() -> None:
    for slug, group in GROUPS.items():
        topics = list(group.topics)
        assert Filter(topics=topics) == Filter(topics=[slug]) == Filter(topics=[slug, topics[0]])
        assert Filter(topics=[slug]).wanted_topics == set(topics)


def test_every_kind_of_change_can_be_chosen_and_has_a_name() -> None:
    assert set(KINDS) == set(CHANGE_KINDS)
    assert Filter(kinds="hearing-set").kinds == ("hearing_set",)


@pytest.mark.parametrize(
    ("asked", "field", "why"),
    [
        ({"states": "zz"}, "states", "no state 'zz'; known: al, "),
        ({"states": "md; drop table"}, "states", "no state"),
        ({"topics": "ice"}, "topics", "no topic 'ice'"),
        ({"stances": "good"}, "stances", "known: expands, limits, neutral, mixed"),
        ({"stages": "passed"}, "stages", "no stage"),
        ({"kinds": "gossip"}, "kinds", "no kind of change"),
        ({"bills": "HB 1222"}, "bills", "write it like md:2025RS:HB 1222"),
        ({"keywords": "..."}, "keywords", "no letter or digit"),
        ({"keywords": ["a\0b"]}, "keywords", "control characters"),
        ({"keywords": ["a\u202eb"]}, "keywords", "control characters"),
        ({"keywords": ["x" * 101]}, "keywords", "too long"),
        ({"keywords": [f"w{n}" for n in range(101)]}, "keywords", "at most 100"),
        ({"keywords": [1]}, "keywords", "only words"),
        ({"colour": "red"}, "colour", "not permitted"),
    ],
)
def test_nonsense_is_told_by_field(asked: dict[str, object], field: str, why: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Filter.model_validate(asked)
    assert why in problems(refused.value)[field]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "every topic in every state"),
        (
            {"topics": "detainers", "stances": "limits", "states": "md,va"},
            "Detainers (limits cooperation) in Maryland or Virginia",
        ),
        ({"bills": "md:2026RS:HB 1222"}, "MD HB 1222"),
        (
            {"states": "md", "stages": "became-law", "kinds": "stage", "keywords": ["jail", "ice"]},
            "every topic in Maryland, once it is: became law, only: stage reached, "
            "with the words “ice” or “jail”",
        ),
        (
            {"sponsors": ["rivera"], "committees": ["judiciary"], "topics": "287g"},
            "287(g) agreements in every state, sponsored by rivera, before the committee judiciary",
        ),
    ],
)  # fmt: skip
def test_in_words(asked: dict[str, object], said: str) -> None:
    assert in_words(Filter.model_validate(asked)) == said
