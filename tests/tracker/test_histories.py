"""A bill's history, told by its page or line by line by a listing: new, corrected, taken back."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import Engine

from tests.tracker.crawls import (
    changes,
    crawl,
    everything,
    light,
    line,
    lines,
    page,
    standing,
    stored,
)
from tracker.items import ActionItem, BillItem

REFERRED = "01-14 First Reading Judiciary"
PASSED = "02-20 Third Reading Passed (97-37)"
SENATE = "02-23 First Reading Judicial Proceedings"


def history(*told: str) -> BillItem:
    return page(actions=lines(*told))


def listed(text: str, date: str | None = None) -> BillItem:
    return light(latest_action=line(text, date))


def news(engine: Engine, *prints: BillItem) -> list[list[tuple[str, str]]]:
    """(kind, summary) that each print brought, a day apart from 2 March on."""
    found = []
    for day, stated in enumerate(prints):
        run = crawl(engine, stated, day=day)
        found.append([(c.kind, c.summary) for c in changes(engine, run=run.id)])
    return found[1:]


def kinds(engine: Engine, *prints: BillItem) -> list[list[str]]:
    return [[kind for kind, _ in brought] for brought in news(engine, *prints)]


# -- by its page --------------------------------------------------------------------------------


def test_a_new_line_is_an_action_and_the_stage_it_reaches(engine: Engine) -> None:
    assert news(engine, history(REFERRED), history(REFERRED, PASSED)) == [
        [
            ("action", "Third Reading Passed (97-37)"),
            ("stage", "Passed first chamber: Third Reading Passed (97-37)"),
        ]
    ]
    action, stage = changes(engine, "action", "stage")
    assert action.after == {
        "text": "Third Reading Passed (97-37)", "date": "2026-02-20", "actor": None,
    }  # fmt: skip
    assert (stage.stage, stage.before, stage.after) == (
        "passed-first-chamber",
        {"stage": "in-committee"},
        {"stage": "passed-first-chamber", "action": "Third Reading Passed (97-37)"},
    )
    assert action.occurred_on == stage.occurred_on == dt.date(2026, 2, 20)


def test_a_line_that_moves_nothing_is_an_action_alone(engine: Engine) -> None:
    assert kinds(engine, history(REFERRED), history(REFERRED, "02-01 Hearing 2/11")) == [["action"]]


def test_lines_of_one_day_and_equal_words_are_all_told(engine: Engine) -> None:
    twice = history(REFERRED, "02-02 Amended", "02-02 Amended")
    assert kinds(engine, history(REFERRED), twice, twice) == [["action", "action"], []]
    assert standing(engine) == ["First Reading Judiciary", "Amended", "Amended"]


def test_case_and_dots_are_no_correction(engine: Engine) -> None:
    assert kinds(engine, history(REFERRED), history("01-14 FIRST READING – Judiciary.")) == [[]]
    assert standing(engine) == ["FIRST READING – Judiciary."]


@pytest.mark.parametrize(
    "corrected",
    ["02-19 Third Reading Passed (97-37)", "02-20 Third Reading Passed (98-36)"],
    ids=["date", "words"],
)
def test_an_edited_line_is_a_correction_and_no_new_action(engine: Engine, corrected: str) -> None:
    assert kinds(engine, history(REFERRED, PASSED), history(REFERRED, corrected)) == [
        ["action_corrected"]
    ]
    correction = changes(engine, "action_corrected")[0]
    assert correction.before == {"text": "Third Reading Passed (97-37)", "date": "2026-02-20"}
    date, _, text = corrected.partition(" ")
    assert correction.after == {"text": text, "date": f"2026-{date}"}
    assert len(everything(engine)["actions"]) == 2


def test_a_numbered_line_may_be_reworded_wholly(engine: Engine) -> None:
    def numbered(text: str) -> BillItem:
        return page(actions=(line(text, "02-20", source_id="h-12"),))

    assert kinds(engine, numbered("Passed House"), numbered("Passed Senate (typo)")) == [
        ["action_corrected", "stage"]
    ]


def test_a_date_that_arrives_or_goes_is_no_correction(engine: Engine) -> None:
    undated = page(actions=(line("First Reading Judiciary"),))
    assert kinds(engine, undated, history(REFERRED), undated) == [[], []]
    assert everything(engine)["actions"][0]["date"] == dt.date(2026, 1, 14)


def test_a_line_taken_back_is_a_retraction_and_the_stage_goes_back(engine: Engine) -> None:
    assert news(engine, history(REFERRED, PASSED), history(REFERRED)) == [
        [
            ("action_retracted", "Taken back by the source: Third Reading Passed (97-37)"),
            ("stage", "In committee: First Reading Judiciary"),
        ]
    ]
    assert stored(engine).stage == "in-committee"
    assert standing(engine) == ["First Reading Judiciary"]
    assert len(everything(engine)["actions"]) == 2, "the row stays, marked"


def test_back_at_a_stage_that_was_told_before(engine: Engine) -> None:
    assert news(engine, history(), history(REFERRED), history(REFERRED, PASSED), history(REFERRED))[
        ::2
    ] == [
        [
            ("action", "First Reading Judiciary"),
            ("stage", "In committee: First Reading Judiciary"),
        ],
        [
            ("action_retracted", "Taken back by the source: Third Reading Passed (97-37)"),
            ("stage", "In committee: First Reading Judiciary"),
        ],
    ]


def test_a_line_that_returns_is_told_and_then_no_more(engine: Engine) -> None:
    short, whole = history(REFERRED), history(REFERRED, PASSED)
    assert news(engine, whole, short, whole, short, whole) == [
        [
            ("action_retracted", "Taken back by the source: Third Reading Passed (97-37)"),
            ("stage", "In committee: First Reading Judiciary"),
        ],
        [
            ("action", "Stated by the source again: Third Reading Passed (97-37)"),
            ("stage", "Passed first chamber: Third Reading Passed (97-37)"),
        ],
        [],
        [],
    ]
    assert stored(engine).stage == "passed-first-chamber"


def test_what_was_taken_back_is_not_edited_into_something_new(engine: Engine) -> None:
    another = "02-20 Third Reading Passed (90-44)"
    assert kinds(
        engine, history(REFERRED, PASSED), history(REFERRED), history(REFERRED, another)
    ) == [["action_retracted", "stage"], ["action", "stage"]]


def test_a_number_that_several_lines_share_tells_none_of_them(engine: Engine) -> None:
    def shared(*told: str) -> BillItem:
        numbered = (one.model_copy(update={"source_id": "h-1"}) for one in lines(*told))
        return page(actions=tuple(numbered))

    assert news(engine, shared(REFERRED, PASSED), shared("01-15 Hearing", REFERRED, PASSED)) == [
        [("action", "Hearing")]
    ]


def test_lines_may_come_in_between(engine: Engine) -> None:
    late = history(REFERRED, "02-11 Hearing 2/11", PASSED)
    assert news(engine, history(REFERRED, PASSED), late) == [[("action", "Hearing 2/11")]]
    assert standing(engine) == [
        "First Reading Judiciary", "Hearing 2/11", "Third Reading Passed (97-37)",
    ]  # fmt: skip


def test_a_history_printed_newest_first(engine: Engine) -> None:
    news_of = kinds(engine, history(PASSED, REFERRED), history(SENATE, PASSED, REFERRED))
    assert news_of == [["action"]]
    bill = stored(engine)
    assert (bill.stage, bill.latest_action_text) == (
        "passed-first-chamber",
        "First Reading Judicial Proceedings",
    )


def test_better_rules_are_no_news(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line read before its wording was known; the next action finds the stage changed."""
    from tracker import stages

    whole = history(REFERRED, PASSED)
    known = stages.classify_action
    monkeypatch.setattr(stages, "classify_action", lambda *_: stages.ActionStage())
    crawl(engine, whole)
    assert stored(engine).stage == ""
    monkeypatch.setattr(stages, "classify_action", known)
    more = history(REFERRED, PASSED, "02-22 Hearing 3/1")
    run = crawl(engine, more, day=1)
    assert [c.kind for c in changes(engine, run=run.id)] == ["action"]
    assert stored(engine).stage == "passed-first-chamber"


# -- line by line, by a listing -----------------------------------------------------------------


def test_each_latest_action_adds_to_the_history(engine: Engine) -> None:
    news_of = news(
        engine,
        listed("First Reading Judiciary", "01-14"),
        listed("Third Reading Passed (97-37)", "02-20"),
        listed("Third Reading Passed (97-37)", "02-20"),
        listed("Approved by the Governor - Chapter 12", "04-28"),
    )
    assert news_of == [
        [
            ("action", "Third Reading Passed (97-37)"),
            ("stage", "Passed first chamber: Third Reading Passed (97-37)"),
        ],
        [],
        [
            ("action", "Approved by the Governor - Chapter 12"),
            ("stage", "Became law: Approved by the Governor - Chapter 12"),
        ],
    ]
    assert len(standing(engine)) == 3


def test_an_action_without_date_is_told_once(engine: Engine) -> None:
    assert kinds(
        engine, listed("Referred to Judiciary"), listed("Chaptered"), listed("Chaptered")
    ) == [["action", "stage"], []]


def test_a_date_lost_by_the_listing_is_nothing(engine: Engine) -> None:
    """New Mexico emptied its date column after the session."""
    passed = ("Third Reading Passed (97-37)", "02-20")
    assert kinds(engine, listed(*passed), listed(passed[0]), listed(*passed)) == [[], []]


def test_a_listing_back_at_an_older_line_tells_nothing(engine: Engine) -> None:
    first, second = ("First Reading Judiciary", "01-14"), ("Third Reading Passed", "02-20")
    assert kinds(engine, listed(*first), listed(*second), listed(*first), listed(*second)) == [
        ["action", "stage"],
        [],
        [],
    ]
    older = news(engine, listed(*second), listed("Hearing 2/11", "02-11"))
    assert older == [[]]
    assert standing(engine) == ["First Reading Judiciary", "Hearing 2/11", "Third Reading Passed"]
    assert stored(engine).latest_action_text == "Third Reading Passed"


@pytest.mark.parametrize(
    ("then", "kind"),
    [
        (("Third Reading Passed (97-37)", "02-19"), "action_corrected"),
        (("Third Reading Passed (97-37)!", "02-20"), None),
        (("Third Reading Passed (97-36)", "02-20"), "action"),
        (("Third Reading Passed (97-37)", "02-27"), "action"),
        (("Second Reading Passed", "02-20"), "action"),
    ],
    ids=["earlier-date", "dots", "another-count", "later-date", "other-words"],
)
def test_a_listing_is_corrected_only_where_it_cannot_be_a_step(
    engine: Engine, then: tuple[str, str], kind: str | None
) -> None:
    brought = kinds(engine, listed("Third Reading Passed (97-37)", "02-20"), listed(*then))
    assert brought[0][:1] == ([kind] if kind else [])


def test_a_line_dated_ahead_makes_what_comes_before_it_no_past(engine: Engine) -> None:
    """Texas dates "Effective on" by the day it takes effect; and years are mistyped everywhere."""
    effective = ActionItem(text="Effective on 9/1/62", date=dt.date(2062, 9, 1))
    assert kinds(
        engine, light(latest_action=effective), listed("Approved by the Governor", "03-01")
    ) == [["action", "stage"]]


def test_what_was_taken_back_makes_nothing_old(engine: Engine) -> None:
    withdrawn = "03-01 Withdrawn by Sponsor"
    assert kinds(
        engine, history(REFERRED, withdrawn), history(REFERRED), listed("Hearing", "02-25")
    ) == [["action_retracted", "stage"], ["action"]]


def test_the_page_says_the_listings_line_in_its_own_words(engine: Engine) -> None:
    crawl(engine, listed("Passed 3rd reading, sent to the Senate", "02-20"))
    run = crawl(engine, history(REFERRED, PASSED), day=1)
    assert changes(engine, run=run.id) == []
    assert standing(engine) == ["First Reading Judiciary", "Third Reading Passed (97-37)"]
    assert [row["from_listing"] for row in everything(engine)["actions"]] == [False, False]


def test_a_status_that_is_on_no_page_goes_silently(engine: Engine) -> None:
    """Maryland's list has a status without date: "In the House - Hearing 2/11 at 1:00 p.m."."""
    crawl(engine, listed("In the House - Hearing 2/11 at 1:00 p.m."))
    run = crawl(engine, history(REFERRED), day=1)
    assert changes(engine, run=run.id) == []
    assert standing(engine) == ["First Reading Judiciary"]
