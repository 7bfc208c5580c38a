"""Which way sentences of bills cut, whatever the grammar they are put in."""

from __future__ import annotations

import pytest

from tracker.classify import Stance, classify
from tracker.items import TextMark

EXPANDS, LIMITS, NEUTRAL, MIXED = "expands", "limits", "neutral", "mixed"

TEXTS: list[tuple[str, Stance]] = [
    # Duties, permissions, prohibitions.
    ("A sheriff shall honor each immigration detainer.", EXPANDS),
    ("A jail may hold a person on an immigration detainer for up to 48 hours.", EXPANDS),
    ("A sheriff shall not honor an immigration detainer.", LIMITS),
    ("No officer or employee of a jail shall honor an immigration detainer.", LIMITS),
    ("No later than July 1, each sheriff shall honor all immigration detainers.", EXPANDS),
    ("The officer shall also not inquire into the immigration status of the victim.", LIMITS),
    ("Neither the state nor a county shall enter into a 287(g) agreement.", LIMITS),
    ("A sheriff is authorized to enter into a 287(g) agreement.", EXPANDS),
    ("A jail is relieved of any duty to honor immigration detainers.", LIMITS),
    # Turned twice.
    ("A city shall not adopt a policy that prohibits officers from cooperating with ICE.", EXPANDS),
    ("A governmental body may not restrict the enforcement of federal immigration laws.", EXPANDS),
    ("A policy that limits cooperation with federal immigration authorities is void.", EXPANDS),
    ("An officer who refuses to honor an immigration detainer commits malfeasance.", EXPANDS),
    ("A jail shall not delay or deny release on bail because of an immigration detainer.", LIMITS),
    ("The bill prohibits restricting the enforcement of federal immigration law.", EXPANDS),
    ("A city may not have policies against compliance with immigration detainers.", EXPANDS),
    ("A county that releases a person who is the subject of an immigration detainer is liable.",
     EXPANDS),
    ("The warden is prohibited from releasing an alien named in an immigration detainer.", EXPANDS),
    ("Hospitals are excluded from the prohibition on adopting a sanctuary policy.", LIMITS),
    ("The bill removes a provision that prohibits officers from cooperating with ICE.", EXPANDS),
    ("Section 4. Rule.--No county shall adopt a policy that limits help for ICE.", EXPANDS),
    ("A jail shall not delay the release of a person to give ICE time to arrive.", LIMITS),
    # Conditions.
    ("A jail may cooperate with ICE in only limited circumstances.", LIMITS),
    ("A jail may honor an immigration detainer only if a judge has signed a warrant.", LIMITS),
    ("Only the Governor, in an emergency, is authorized to sign a 287(g) agreement.", LIMITS),
    ("The county board must give its approval before a sheriff signs a 287(g) agreement.", LIMITS),
    ("A bill to ensure that personal data are not shared with immigration authorities.", LIMITS),
    ("A county with an existing 287(g) agreement shall exercise its termination clause.", LIMITS),
    # What is only counted, studied or taught.
    ("The auditor shall report the number of immigration detainers received by jails.", NEUTRAL),
    ("Each sheriff shall submit to the committees of both houses a report on 287(g) agreements.",
     NEUTRAL),
    # Lists go on reading in the words that lead to them.
    ("An officer shall not do any of the following:\n(1) ask about immigration status during a"
     " stop;\n(2) arrest a person for a civil immigration violation.", LIMITS),
    ("The sheriff shall ensure that— (1) each immigration detainer is honored; and (2) ICE is told"
     " of each release date.", EXPANDS),
    ("A law enforcement agency may not:\n1. Stop a person for immigration enforcement purposes;\n"
     "2. Hold a person on the basis of an immigration detainer; or\n3. Use money or personnel to"
     " assist a federal immigration authority.", LIMITS),
    ("The following are repealed:\nI. RSA 31:147, relative to the prohibition of policies limiting"
     " assistance in the enforcement of federal immigration law.", LIMITS),
    # One verb governs, another stands by.
    ("No person shall run a detention center in which individuals are to be held for violations of"
     " civil immigration law.", LIMITS),
    ("The bill provides that a county clerk may not disclose driver records to an agency that"
     " enforces immigration law, and must block queries made for that purpose.", LIMITS),
    ("The sheriff shall not enter into, and shall terminate within 90 days, any agreement with ICE"
     " under section 287(g).", LIMITS),
    ("The agency shall deny the benefit and shall, no later than ten days after the denial becomes"
     " final, report the applicant to ICE.", EXPANDS),
    ("The department shall provide vehicle records for official use, except that no such record"
     " shall be released to an agency that enforces civil immigration law.", LIMITS),
    ("An agency shall, within the limits of available funds, support the enforcement of federal"
     " immigration law.", EXPANDS),
    # Existing law and what the bill does with it.
    ("Existing law requires jails to honor immigration detainers. This bill would repeal that"
     " requirement.", LIMITS),
    ("Present law forbids a city to adopt a sanctuary policy. A city that does so loses state"
     " grants. This bill exempts libraries from the above-described provisions.", LIMITS),
    # Definitions, savings and headings do not vote.
    ('As used in this section, "sanctuary policy" means a rule that prohibits an agency from'
     " cooperating with ICE. No city shall adopt a sanctuary policy.", EXPANDS),
    ("An agency shall not assist in civil immigration enforcement. Nothing in this section"
     " prohibits an agency from sharing information with ICE.", LIMITS),
    ("(a) An official who votes for a policy described in (b) commits a felony.\n(b) As used in"
     " this section, such a policy is one that limits cooperation with ICE. (c) A jail shall honor"
     " immigration detainers.", EXPANDS),
    ("Section 12 is amended by adding the following: A sheriff may not enter into a 287(g)"
     " agreement.", LIMITS),
    # Immigration enforcement is where agents show who they are, not what is asked for.
    ("Each officer engaged in the enforcement of federal immigration laws must display a badge.",
     LIMITS),
    # Both ways.
    ("A sheriff shall notify ICE of the release date of each inmate convicted of a felony. No"
     " school shall let ICE agents enter its classrooms.", MIXED),
]  # fmt: skip


@pytest.mark.parametrize(("text", "stance"), TEXTS, ids=[text[:50] for text, _ in TEXTS])
def test_a_text_is_read_the_way_it_cuts(text: str, stance: Stance) -> None:
    found = classify(None, None, text)
    assert (found.level, found.stance) == ("relevant", stance)


@pytest.mark.parametrize(
    ("title", "stance"),
    [
        ("Sanctuary policies; prohibit.", EXPANDS),
        ("Public Safety - Immigration Enforcement Agreements - Prohibition", LIMITS),
        ("An act repealing section 5, relating to the prohibition of sanctuary policies", LIMITS),
        ("Requires, instead of authorizes, sheriffs to cooperate with ICE", EXPANDS),
        ("Requires courts to notify ICE of the release of defendants; repealer", EXPANDS),
        ("An act repealing the prohibition on sanctuary jurisdictions", LIMITS),
        ("Concerning cooperation with ICE, and repealing certain prohibitions", EXPANDS),
        ("An Act to discontinue 287(g) agreements of sheriffs", LIMITS),
        ("To prohibit entry by illegal aliens, to require jails to cooperate with ICE", EXPANDS),
        ("The Illinois TRUST Act; technical change.", NEUTRAL),
        ("Creating a firewall between driver records and immigration enforcement", LIMITS),
    ],
)
def test_a_title_is_read_the_way_it_cuts(title: str, stance: Stance) -> None:
    assert classify(title).stance == stance


def test_words_that_one_side_uses_settle_what_no_verb_tells() -> None:
    assert classify("Detainer requests for illegal aliens in jails").stance == EXPANDS
    assert classify("Civil immigration detainers without a judicial warrant").stance == LIMITS


def test_a_duty_that_a_bill_strikes_limits() -> None:
    text = "Each sheriff shall honor every immigration detainer of ICE."
    struck = [TextMark(start=0, end=len(text), kind="delete")]
    kept = " Each county jail holds people for ICE under a contract with ICE."
    assert classify(None, None, text).stance == EXPANDS
    assert classify(None, None, text + kept, marks=struck).stance != EXPANDS


def test_sentences_struck_here_and_there_are_read_apart() -> None:
    heading = "Assistance in the enforcement of immigration laws; indemnity"
    kept = " Officers shall not stop a person for a violation of civil immigration law."
    law = " No official may limit or restrict the enforcement of federal immigration laws."
    struck = [
        TextMark(start=0, end=len(heading), kind="delete"),
        TextMark(start=len(heading + kept), end=len(heading + kept + law), kind="delete"),
    ]
    found = classify(None, None, heading + kept + law, marks=struck)
    assert found.stance == LIMITS
    assert {one.stance for one in found.evidence if one.told} == {LIMITS}


def test_a_section_struck_because_it_is_repealed_makes_a_bill_relevant() -> None:
    law = "No county shall adopt a sanctuary policy that limits help for ICE."
    for said, relevant in (
        ("Section 1. Section 25-1-119, which provides as follows, is repealed:\n", True),
        ("Section 1. Section 25-1-119 is amended to read as follows:\n", False),
        ("Section 1. Section 25-1-119 is repealed and restated to read\nas follows:\n", False),
        ("4 Section 25-1-119 is repealed and restated to be read as\n5 follows:\n", False),
    ):
        text = said + law + "\nSection 2. This act takes effect in July."
        struck = [TextMark(start=len(said), end=len(said + law), kind="delete")]
        found = classify(None, None, text, marks=struck)
        assert (found.relevant, found.stance) == (relevant, LIMITS if relevant else None)


def test_a_resolution_is_known_however_its_lines_break() -> None:
    said = (
        "Be it Resolved{}by the House, That the Commission study how far data of license plate"
        " readers is shared with federal immigration authorities."
    )
    scores = {classify(None, None, said.format(one)).score for one in (" ", "\n", "\u00a0\n 3 ")}
    assert len(scores) == 1
    assert max(scores) < classify(None, None, said.replace("Resolved{}by", "said by")).score


def test_law_that_a_bill_only_reprints_says_little_of_its_way() -> None:
    reprinted = (
        "(1) A jail may not disclose a release date to ICE.\n"
        "(2) A jail may not hold a person for ICE.\n"
    )
    added = "(3) A sheriff shall notify ICE of the release date of a person convicted of a felony."
    marks = [TextMark(start=len(reprinted), end=len(reprinted + added), kind="insert")]
    assert classify(None, None, reprinted + added, marks=marks).stance == EXPANDS
    assert classify(None, None, reprinted + added).stance != EXPANDS


def amended(before: str, struck: str, added: str, after: str) -> str | None:
    """The stance of a bill that replaces one by the other."""
    first, second = len(before), len(before + struck)
    marks = [TextMark(start=second, end=second + len(added), kind="insert")]
    if struck:
        marks.append(TextMark(start=first, end=second, kind="delete"))
    return classify(None, None, before + struck + added + after, marks=marks).stance


def test_a_duty_made_a_choice_limits() -> None:
    after = " honor each immigration detainer of ICE."
    assert amended("A sheriff ", "shall", "may", after) == LIMITS
    assert amended("A sheriff ", "may", "shall", after) == EXPANDS


def test_a_wider_exception_turns_what_it_is_an_exception_from() -> None:
    ban = "A jail shall not hold a person on an immigration detainer, except as required by law"
    assert amended(ban, "", ", or where the person has been convicted of a felony", ".") == EXPANDS
    assert amended(ban, "", " and signed by a judge", ".") == LIMITS
    duty = "A jail shall hold a person on an immigration detainer, unless the detainer is void"
    assert amended(duty, "", " or the person is a minor", ".") == LIMITS


def test_a_bill_that_says_it_changes_nothing_is_neutral() -> None:
    text = (
        "A jail shall honor each immigration detainer of ICE. Reviser's note.—Amended to correct a"
        " cross-reference."
    )
    assert classify(None, None, text).stance == NEUTRAL


def test_a_line_that_a_list_repeats_is_no_page_header() -> None:
    start = "NO PROBATION AGENCY, NOR ANY EMPLOYEE THEREOF, SHALL\n"
    text = "\n".join(
        f"{n}. {start}{end}"
        for n, end in enumerate(
            ("INQUIRE ABOUT IMMIGRATION STATUS OF A PERSON IN CUSTODY.",
             "DISCLOSE INFORMATION TO IMMIGRATION AUTHORITIES.",
             "HONOR AN IMMIGRATION DETAINER."),
            1,
        )
    )  # fmt: skip
    assert classify(None, None, text).stance == LIMITS


def test_what_a_long_text_mentions_once_is_said_in_passing() -> None:
    mention = "A former director of Immigration and Customs Enforcement sits on the board."
    padding = "The board shall adopt rules on the upkeep of county roads and bridges. " * 200
    assert classify(None, None, mention).relevant
    assert not classify(None, None, padding + mention + padding).relevant


def test_evidence_says_what_is_told_and_what_is_guessed() -> None:
    guessed = classify("Civil immigration detainers")
    assert guessed.evidence and not any(span.told for span in guessed.evidence)
    assert {span.leaning for span in guessed.evidence} == {LIMITS}
    told = classify("An act requiring sheriffs to honor detainers of ICE")
    assert any(span.told and span.stance == EXPANDS for span in told.evidence)
