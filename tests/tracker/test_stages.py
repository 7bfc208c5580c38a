"""Stage rules against their own examples, and histories of bills as they happen."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.stage_rules import StageRule, StageRuleFile, load, rule_file_names, rule_set
from tracker.stages import STAGES, ActionStage, DatedAction, bill_stage, classify_action, stage

RULES = [(name, rule) for name in rule_file_names() for rule in load(name).rules]
BILL = ("bill",)


def history(
    state: str, *lines: str, origin: str = "lower", types: tuple[str, ...] = BILL
) -> list[str]:
    """The stages a bill went through. A line is its text, or ``actor|text``."""
    actions = []
    for day, line in enumerate(lines):
        actor, _, text = line.rpartition("|")
        meaning = classify_action(state, text, actor or None)
        date = dt.date(2026, 1, 1) + dt.timedelta(days=day)
        actions.append(DatedAction(date, actor or None, meaning))
    progress = bill_stage(state, origin, types, actions)
    stages = [reached for reached in progress.steps if reached]
    assert progress.stage == (stages[-1] if stages else "")
    return stages


@pytest.mark.parametrize(("name", "rule"), RULES, ids=[f"{n}-{r.id}" for n, r in RULES])
def test_examples_in_rule_files(name: str, rule: StageRule) -> None:
    rules = rule_set(name)
    actor = rule.actor[0] or None if rule.actor else None
    for text in rule.matches:
        said = [spoken.id for spoken in rules.read(text, actor)]
        assert rule.id in said, f"{text!r} is decided by {said}"
    for text in rule.not_:
        assert rule not in rules.read(text, actor), text


def test_rule_ids_are_unique_in_a_file() -> None:
    for name in rule_file_names():
        ids = [rule.id for rule in load(name).rules]
        assert len(ids) == len(set(ids)), name


def test_a_bad_pattern_is_named() -> None:
    rule = {"id": "lookahead", "pattern": "passed(?= house)", "matches": ["x"]}
    with pytest.raises(ValueError, match=r"rules\.0\.pattern\n.*RE2"):
        StageRuleFile.model_validate({"rules": [rule]})


def test_unknown_step_or_class_is_refused() -> None:
    rule = {"id": "a", "pattern": "a", "matches": ["a"], "step": "pased", "class": ["passsage"]}
    with pytest.raises(ValueError) as error:
        StageRuleFile.model_validate({"rules": [rule]})
    assert {problem["loc"][2] for problem in error.value.errors()} == {"step", "class"}  # type: ignore[attr-defined]


@given(text=st.text(), state=st.sampled_from(["va", "ny", "us", "md", "zz", ""]))
def test_any_text_is_classified(text: str, state: str) -> None:
    assert isinstance(classify_action(state, text), ActionStage)


def test_a_huge_action_is_read_quickly_and_by_its_beginning() -> None:
    assert classify_action("mi", "Passed Senate " + "amendment (" * 500_000).step == "passed"


def test_stages_come_in_order_and_ends_are_marked() -> None:
    assert [s.position for s in STAGES] == sorted(s.position for s in STAGES)
    assert [s.slug for s in STAGES if s.final] == [
        "adopted", "became-law", "vetoed", "veto-overridden", "failed", "withdrawn",
    ]  # fmt: skip
    assert stage("to-governor").label == "Sent to the governor"


@pytest.mark.parametrize(
    ("state", "lines", "stages"),
    [
        pytest.param(
            "va",
            [
                "Prefiled and ordered printed; offered 01/14/26 26101234D",
                "Referred to Committee for Courts of Justice",
                "Assigned sub: Criminal",
                "Passed by for the day",
                "Reported from Courts of Justice (15-Y 7-N)",
                "Read first time",
                "Read second time and engrossed",
                "Read third time and passed House (64-Y 34-N)",
                "H VOTE: Passage (64-Y 34-N)",
                "Constitutional reading dispensed",
                "Referred to Committee for Courts of Justice",
                "Passed Senate with substitute (21-Y 19-N)",
                "House substitute agreed to",
                "H Enrolled",
                "Signed by Speaker",
                "Enrolled Bill communicated to Governor on March 11",
                "Governor's Action Deadline 11:59 p.m., April 13",
                "Vetoed by Governor",
                "House sustained Governor's veto",
            ],
            [
                "prefiled", "in-committee", "passed-first-chamber", "passed-second-chamber",
                "to-governor", "vetoed",
            ],
            id="va-vetoed",
        ),
        pytest.param(
            "va",
            [
                "Referred to Committee for Courts of Justice",
                "Passed by indefinitely in Courts of Justice (9-Y 6-N)",
            ],
            ["in-committee", "failed"],
            id="va-passed-by-indefinitely",
        ),
        pytest.param(
            "va",
            [
                "Referred to Committee on Rules",
                "Left in Rules",
                "Continued to 2027 in Rules (15-Y 0-N)",
            ],
            ["in-committee", "failed", "in-committee"],
            id="va-continued-is-alive",
        ),
        pytest.param(
            "wa",
            [
                "Prefiled for introduction.",
                "First reading, referred to Civil Rights & Judiciary.",
                "CRJ - Majority; do pass.",
                "Minority; do not pass.",
                "Passed to Rules Committee for second reading.",
                "Rules suspended.  Placed on Third Reading.",
                "lower|Third reading, passed; yeas, 57; nays, 38; absent, 0; excused, 3.",
                "upper|First reading, referred to Law & Justice.",
                "upper|Third reading, passed; yeas, 30; nays, 19; absent, 0; excused, 0.",
                "House concurred in Senate amendments.",
                "Passed final passage; yeas, 57; nays, 39; absent, 0; excused, 2.",
                "Speaker signed.",
                "President signed.",
                "Delivered to Governor.",
                "Governor partially vetoed.",
                "Chapter 123, 2026 Laws.",
            ],
            [
                "prefiled", "in-committee", "passed-first-chamber", "passed-second-chamber",
                "to-governor", "became-law",
            ],
            id="wa-partial-veto-is-law",
        ),
        pytest.param(
            "wa",
            [
                "First reading, referred to Law & Justice.",
                "Third reading, passed; yeas, 30; nays, 19.",
                "By resolution, returned to Rules Committee for third reading.",
                "By resolution, reintroduced and retained in present status.",
                'House Rules "X" file.',
            ],
            ["in-committee", "passed-first-chamber", "failed"],
            id="wa-x-file",
        ),
        pytest.param(
            "md",
            [
                "Pre-filed",
                "First Reading Judiciary",
                "Hearing 2/11 at 1:00 p.m.",
                "Favorable with Amendments Report by Judiciary",
                "Second Reading Passed with Amendments",
                "lower|Third Reading Passed (97-37)",
                "upper|First Reading Judicial Proceedings",
                "upper|Third Reading Passed (32-12)",
                "Returned Passed",
                "Enacted under Article II, Section 17(b) of the Maryland Constitution - Chapter 12",
            ],
            [
                "prefiled", "in-committee", "passed-first-chamber", "passed-second-chamber",
                "became-law",
            ],
            id="md-law-without-signature",
        ),
        pytest.param(
            "md",
            ["First Reading Judiciary", "Third Reading Failed (44-92)"],
            ["in-committee", "failed"],
            id="md-third-reading-failed",
        ),
        pytest.param(
            "ny",
            [
                "REFERRED TO CODES", "PASSED SENATE", "DELIVERED TO ASSEMBLY",
                "referred to codes", "died in assembly", "returned to senate",
                "REFERRED TO CODES", "PASSED SENATE", "referred to codes", "passed assembly",
                "DELIVERED TO GOVERNOR", "VETOED MEMO.12",
            ],
            [
                "in-committee", "passed-first-chamber", "in-committee", "passed-first-chamber",
                "passed-second-chamber", "to-governor", "vetoed",
            ],
            id="ny-back-to-committee-in-january",
        ),
        pytest.param(
            "nd",
            [
                "lower|Introduced, first reading, referred Judiciary Committee",
                "lower|Reported back, do not pass, placed on calendar 12 2 0",
                "lower|Second reading, passed, yeas 80 nays 10",
                "upper|Second reading, failed to pass, yeas 20 nays 27",
            ],
            ["in-committee", "passed-first-chamber", "failed"],
            id="nd-second-reading-is-the-vote",
        ),
        pytest.param(
            "wy",
            [
                "Bill Number Assigned",
                "H Introduced and Referred to H09 - Minerals 50-10-2-0-0",
                "H09 - Minerals:Recommend Amend and Do Pass 9-0-0-0-0",
                "H COW:Passed",
                "H 2nd Reading:Passed",
                "H 3rd Reading:Passed 45-15-2-0-0",
                "S Received for Introduction",
                "S Did not Consider for Introduction",
            ],
            ["prefiled", "in-committee", "passed-first-chamber", "failed"],
            id="wy-not-considered",
        ),
        pytest.param(
            "tx",
            [
                "lower|Filed",
                "lower|Read first time",
                "lower|Referred to State Affairs",
                "lower|Scheduled for public hearing on . . .",
                "lower|Left pending in committee",
                "lower|Reported favorably as substituted",
                "lower|Passed to engrossment as amended",
                "lower|Passed",
                "upper|Received from the House",
                "upper|Referred to Border Security",
                "upper|Passed as amended",
                "lower|House concurs in Senate amendment(s)",
                "lower|Reported enrolled",
                "Sent to the Governor",
                "Filed without the Governor's signature",
                "Effective on 9/1/25",
            ],
            [
                "introduced", "in-committee", "passed-first-chamber", "passed-second-chamber",
                "to-governor", "became-law",
            ],
            id="tx-filed-without-signature",
        ),
        pytest.param(
            "sd",
            [
                "First read in House, referred to House Judiciary",
                "House Judiciary Do Pass, Passed, YEAS 11, NAYS 2.",
                "House of Representatives Do Pass, Passed, YEAS 60, NAYS 9.",
                "Senate Judiciary Deferred to the 41st legislative day, Passed, YEAS 6, NAYS 1.",
            ],
            ["in-committee", "passed-first-chamber", "failed"],
            id="sd-deferred-past-the-end",
        ),
        pytest.param(
            "nj",
            [
                "Introduced in the Assembly, Referred to Assembly Judiciary Committee",
                "Passed by the Assembly (50-20-5)",
                "Received in the Senate, Referred to Senate Judiciary Committee",
                "Passed by the Senate (Passed Both Houses) (25-10)",
                "Conditional Veto, Received in the Assembly",
                "Approved P.L.2026, c.55.",
            ],
            ["in-committee", "passed-first-chamber", "passed-second-chamber", "became-law"],
            id="nj-by-common-rules",
        ),
        pytest.param(
            "ca",
            [
                "Read first time. To print.",
                "Referred to Com. on PUB. S.",
                "lower|Read third time. Passed. Ordered to the Senate. (Ayes 58. Noes 14.)",
                "upper|In committee: Set, first hearing.",
                "upper|Read third time. Passed. Ordered to the Assembly.",
                "Senate amendments concurred in. To Engrossing and Enrolling.",
                "Enrolled and presented to the Governor at 3 p.m.",
                "Approved by the Governor.",
                "Chaptered by Secretary of State - Chapter 17, Statutes of 2026.",
            ],
            [
                "introduced", "in-committee", "passed-first-chamber", "passed-second-chamber",
                "to-governor", "became-law",
            ],
            id="ca-by-common-rules",
        ),
        pytest.param(
            "pa",
            [
                "lower|Referred to Judiciary",
                "lower|Reported as amended",
                "lower|First consideration",
                "lower|Second consideration",
                "lower|Third consideration and final passage (102-101)",
                "upper|Referred to Judiciary",
                "upper|Third consideration and final passage (26-24)",
                "Presented to the Governor",
                "Vetoed by the Governor",
                "House overrode the veto",
                "Passed over veto in Senate",
                "Act No. 12 of 2026",
            ],
            [
                "in-committee", "passed-first-chamber", "passed-second-chamber", "to-governor",
                "vetoed", "veto-overridden",
            ],
            id="pa-veto-overridden-by-both",
        ),
        pytest.param(
            "ne",
            [
                "Date of introduction",
                "Referred to Judiciary Committee",
                "Placed on General File with AM12",
                "Advanced to Enrollment and Review Initial",
                "Passed on Final Reading 40-0-9",
                "Presented to Governor on May 1, 2026",
                "Approved by Governor on May 7, 2026",
            ],
            ["introduced", "in-committee", "passed-second-chamber", "to-governor", "became-law"],
            id="ne-one-chamber",
        ),
        pytest.param(
            "zz",
            [
                "Introduced", "Referred to Judiciary", "Withdrawn from committee",
                "Amendment withdrawn", "Withdrawn by sponsor",
            ],
            ["introduced", "in-committee", "withdrawn"],
            id="withdrawn-bill-not-committee",
        ),
        pytest.param(
            "zz",
            ["Referred to Judiciary", "lower|Passed", "lower|Vote on passage reconsidered"],
            ["in-committee", "passed-first-chamber", "in-committee"],
            id="reconsidered",
        ),
        pytest.param(
            "zz",
            [
                "lower|Passed", "upper|Passed", "lower|Vote reconsidered",
                "upper|Notice of reconsideration",
            ],
            ["passed-first-chamber", "passed-second-chamber"],
            id="only-the-chamber-that-passed-it-can-take-it-back",
        ),
        pytest.param(
            "zz",
            ["Referred to Judiciary", "Failed to pass", "Referred to Rules", "Passed House"],
            ["in-committee", "failed", "in-committee", "passed-first-chamber"],
            id="failed-then-revived",
        ),
        pytest.param(
            "zz",
            ["Passed House", "Died in Senate committee", "Hearing scheduled", "Sponsor added"],
            ["passed-first-chamber", "failed"],
            id="a-line-that-says-nothing-revives-nothing",
        ),
        pytest.param(
            "zz",
            ["Signed by Governor", "Failed to pass", "Passed House", "Referred to Judiciary"],
            ["became-law"],
            id="law-stays-law",
        ),
        pytest.param(
            "zz",
            ["upper|Referred to Finance", "Presented to the Governor"],
            ["passed-first-chamber", "to-governor"],
            id="the-other-chambers-committee-means-the-first-passed-it",
        ),
    ],
)  # fmt: skip
def test_histories(state: str, lines: list[str], stages: list[str]) -> None:
    origin = "unicameral" if state == "ne" else "upper" if state in ("ny",) else "lower"
    assert history(state, *lines, origin=origin) == stages


def test_resolutions_end_with_adoption() -> None:
    simple = history("mi", "lower|Introduced By A", "lower|Adopted", types=("resolution",))
    assert simple == ["introduced", "adopted"]
    concurrent = ("concurrent resolution",)
    both = history("mi", "upper|Adopted", "lower|Adopted", origin="upper", types=concurrent)
    assert both == ["passed-first-chamber", "adopted"]
    filed = history("tx", "Filed with the Secretary of State", types=("joint resolution",))
    assert filed == ["adopted"]


def test_a_joint_resolution_of_congress_is_a_bill() -> None:
    lines = (
        "Introduced in Senate",
        "Passed/agreed to in Senate: Passed Senate without amendment by Yea-Nay Vote. 53 - 46.",
        "Passed/agreed to in House: On passage Passed by the Yeas and Nays: 232 - 186.",
        "Presented to President.",
        "Vetoed by President.",
        "Veto message received in Senate. Ordered held at the desk.",
        "Passed Senate over veto by Yea-Nay Vote. 70 - 30.",
    )
    stages = history("us", *lines, origin="upper", types=("joint resolution",))
    assert stages[-3:] == ["passed-second-chamber", "to-governor", "vetoed"]
    again = history("us", *lines, "Passed House over veto", origin="upper")
    assert again[-1] == "veto-overridden"


def test_a_history_printed_newest_first_is_read_from_its_end() -> None:
    lines = ["Signed by Governor", "Passed Senate", "Passed House", "Introduced"]
    days = [dt.date(2026, 4, 4 - n) for n in range(4)]
    actions = [
        DatedAction(day, None, classify_action("zz", line))
        for day, line in zip(days, lines, strict=True)
    ]
    progress = bill_stage("zz", "lower", BILL, actions)
    assert (progress.stage, progress.on) == ("became-law", dt.date(2026, 4, 4))
    assert progress.steps == (
        "became-law", "passed-second-chamber", "passed-first-chamber", "introduced",
    )  # fmt: skip


def test_the_sources_own_classification_outranks_its_words() -> None:
    said = classify_action("pr", "Aprobado por el Senado", "upper", ("passage", "reading-3"))
    assert said == ActionStage(("passage", "reading-3"), "passed", None)
    assert classify_action("pr", "Passed Senate", None, ("odd-word",)).step == "passed"


def test_no_action_no_stage() -> None:
    progress = bill_stage("md", "lower", BILL, [])
    assert (progress.stage, progress.on, progress.steps) == ("", None, ())
