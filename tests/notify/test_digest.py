"""What a digest says, and in which order: the same facts in its text, its HTML and its subject."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from lxml import html as lxml_html
from sqlalchemy import Engine, select, update

from notify.compose import compose
from notify.filters import Filter
from notify.match import plan
from notify.people import Wish
from notify.render import render
from notify.snapshot import HearingNote, Quote, RedlineRun, Snapshot
from notify.story import Content, Correction, Story
from tests.notify.busy_day import AGREEMENT, busy_day, told_and_taken_back
from tests.notify.relay import settings_for
from tests.notify.stories import (
    NOW,
    add_bill,
    add_change,
    add_evidence,
    add_hearing,
    add_reader,
    add_version,
)
from tracker.db import reading, writing
from tracker.models import Change, Edition, Hearing

TOMORROW = NOW.date() + dt.timedelta(days=1)


def made(engine: Engine, now: dt.datetime = NOW) -> Edition:
    """The newest edition, after all that waits was made into digests."""
    plan(engine, now)
    compose(engine, settings_for(), now, regardless=True)
    with reading(engine) as session:
        edition = session.scalars(select(Edition).order_by(Edition.id.desc())).first()
    assert edition is not None
    return edition


def words(html: str) -> str:
    """As read: without tags, styles and what is hidden."""
    tree = lxml_html.fromstring(html)
    for hidden in tree.xpath('//style | //title | //*[@class="preheader"]'):
        hidden.drop_tree()
    return " ".join(tree.text_content().split())


def snapshot(change_id: int = 1, **values: object) -> Snapshot:
    usual = {
        "change_id": change_id,
        "kind": "action",
        "summary": "Referred to Judiciary",
        "words": "Referred to Judiciary",
        "occurred_on": dt.date(2026, 3, 2),
        "reached": "",
        "bill_id": change_id,
        "jurisdiction": "md",
        "identifier": f"HB {change_id}",
        "title": "Detainers",
        "chamber": "lower",
        "stage": "in-committee",
        "stage_on": None,
        "source_url": "https://legislature.example/HB1",
        "topics": ("detainer-holds",),
        "stance": "limits",
        "quote": None,
        "hearings": (),
    }
    return Snapshot.model_validate(usual | values)


def story(*news: Snapshot, **others: object) -> Story:
    content = Content(NOW.date(), (Filter(),), news, **others)  # type: ignore[arg-type]
    return Story(content, "https://bills.example.org")


def hearing(date: dt.date, time: str = "1 p.m.") -> HearingNote:
    return HearingNote(date=date, time_text=time, location="Room 1", committee="Judiciary")


PASSED = {"kind": "stage", "reached": "passed-first-chamber", "stage": "passed-first-chamber"}


@pytest.mark.parametrize(
    ("news", "subject"),
    [
        (
            [snapshot(1222, **PASSED), *(snapshot(n) for n in range(3)),
             snapshot(4, jurisdiction="va")],
            "MD HB 1222 passed the House of Delegates; 4 more in 2 states",
        ),
        ([snapshot(1222, **PASSED)], "MD HB 1222 passed the House of Delegates — Detainers"),
        ([snapshot(1, **PASSED, chamber="upper"), snapshot(2)],
         "MD HB 1 passed the Senate; 1 more"),
        (
            [snapshot(1, hearings=[hearing(TOMORROW)]), snapshot(2, jurisdiction="us")],
            "MD HB 1 has a hearing tomorrow; 1 more in Congress",
        ),
        ([snapshot(1), snapshot(2, jurisdiction="va", words="Reported")],
         "MD HB 1: Referred to Judiciary; 1 more in Virginia"),
        (
            [snapshot(4, jurisdiction="tx", kind="stage", reached="vetoed"), snapshot(2),
             snapshot(3, jurisdiction="us")],
            "TX HB 4 was vetoed; 2 more in Maryland and Congress",
        ),
        ([snapshot(5, kind="hearing_set", hearing=hearing(dt.date(2026, 3, 9)))],
         "MD HB 5 has a hearing on Mar 9 — Detainers"),
        ([snapshot(5, kind="hearing_moved", hearing=hearing(dt.date(2026, 3, 9)),
                   hearing_was=hearing(dt.date(2026, 3, 5)))],
         "MD HB 5 has its hearing moved to Mar 9 — Detainers"),
        ([snapshot(5, kind="hearing_cancelled", hearing=hearing(dt.date(2026, 3, 9)))],
         "MD HB 5 has its hearing on Mar 9 cancelled — Detainers"),
        ([snapshot(7, kind="version")], "MD HB 7 has a new version — Detainers"),
        (
            [snapshot(3, jurisdiction="us", kind="stage", reached="to-governor")],
            "US HB 3 went to the President — Detainers",
        ),
        ([snapshot(9, title="")], "MD HB 9: Referred to Judiciary"),
        ([snapshot(9), snapshot(10, bill_id=9, identifier="HB 9", words="Withdrawn by Sponsor")],
         "MD HB 9: Withdrawn by Sponsor — Detainers"),
    ],
)  # fmt: skip
def test_the_subject_says_the_news(news: list[Snapshot], subject: str) -> None:
    assert story(*news).subject == subject


def test_a_subject_without_news_says_so() -> None:
    corrected = (Correction(snapshot(1), ""), Correction(snapshot(2), "It moved"))
    assert story(corrections=corrected).subject == "2 corrections to what we told you"
    assert story(quiet_since=dt.date(2026, 2, 24)).subject == "Nothing moved since Feb 24"


def test_a_subject_is_one_line_of_bearable_length() -> None:
    subject = story(snapshot(1, title="Detainers and data sharing " * 90)).subject
    assert len(subject) <= 122
    assert subject.endswith(" …")


@pytest.mark.parametrize(
    ("news", "line"),
    [
        ({"kind": "hearing_set"}, "Hearing set: Judiciary, Tue Apr 1, 2025, 2:30 p.m., Room 1"),
        (
            {"kind": "hearing_moved", "hearing_was": hearing(dt.date(2025, 3, 25))},
            "Hearing moved: Judiciary, Tue Apr 1, 2025, 2:30 p.m., Room 1"
            " (was Tue Mar 25, 2025, 1 p.m., Room 1)",
        ),
    ],
)
def test_a_hearing_that_is_over_says_its_year(news: dict[str, object], line: str) -> None:
    """The day it was noticed the year went without saying."""
    told = snapshot(1, **news, summary="", hearing=hearing(dt.date(2025, 4, 1), "14:30"))
    (bill,) = story(told).bills
    assert [(one.date, one.words) for one in bill.lines] == [(None, line)]


def test_the_most_important_comes_first() -> None:
    ordered = [
        snapshot(9, kind="stage", reached="became-law"),
        snapshot(8, kind="stage", reached="passed-first-chamber"),
        snapshot(7, hearings=[hearing(TOMORROW)]),
        snapshot(6, kind="introduced"),
        snapshot(5, kind="sponsor_added"),
    ]
    assert [bill.name for bill in story(*reversed(ordered)).bills] == [
        f"MD HB {number}" for number in (9, 8, 7, 6, 5)
    ]


def test_a_date_of_another_year_says_so() -> None:
    last_year = {"occurred_on": dt.date(2025, 12, 30)}
    told = story(snapshot(1, **last_year), corrections=(Correction(snapshot(2, **last_year), ""),))
    made = render(told.content, "https://bills.example.org", "Bill Watch", "")
    for part in (made.text, words(made.html)):
        assert "Dec 30, 2025" in part
        assert "MD HB 2, Dec 30, 2025: Referred to Judiciary" in part


def test_a_bill_with_several_changes_is_told_once_its_greatest_first() -> None:
    told = story(
        snapshot(1, bill_id=1, identifier="HB 1"),
        snapshot(2, bill_id=1, identifier="HB 1", kind="sponsor_added", summary="Sponsor: Rivera"),
        snapshot(3, bill_id=1, identifier="HB 1", **PASSED, words="Third Reading Passed"),
    )
    (bill,) = told.bills
    assert [(line.lead, line.words) for line in bill.lines] == [
        ("Passed the House of Delegates", "Third Reading Passed"),
        ("", "Referred to Judiciary"),
        ("", "Sponsor: Rivera"),
    ]


def test_a_line_that_a_stage_quotes_is_not_told_twice() -> None:
    said = {"words": "Third Reading Passed", "summary": "Third Reading Passed"}
    told = story(snapshot(1, bill_id=1, **said), snapshot(2, bill_id=1, **PASSED, **said))
    assert len(told.bills[0].lines) == 1


PASSAGE = "On passage Passed by the Yeas and Nays: 263 - 156 (Roll no. 23)."


@pytest.mark.parametrize(
    ("line", "motion", "tally", "told"),
    [
        (PASSAGE, PASSAGE, "263 yes, 156 no", [PASSAGE]),
        (
            "Reported from Courts of Justice with substitute (15-Y 7-N)",
            "Reported from Courts of Justice with substitute",
            "15 yes, 7 no",
            ["Reported from Courts of Justice with substitute (15-Y 7-N)"],
        ),
        ("Third Reading Passed", "Third reading passed", "58 yes, 38 no",
         ["Vote: Third reading passed (58 yes, 38 no)"]),
        ("Passage - amended (3-2)", "Passage", "24 yes, 15 no",
         ["Vote: Passage (24 yes, 15 no)", "Passage - amended (3-2)"]),
    ],
)  # fmt: skip
def test_a_vote_is_told_once(line: str, motion: str, tally: str, told: list[str]) -> None:
    same = {"bill_id": 1, "identifier": "HB 1"}
    voted = {"kind": "vote", "words": motion, "summary": f"Vote: {motion} ({tally})"}
    (bill,) = story(
        snapshot(1, **same, words=line, summary=line), snapshot(2, **same, **voted)
    ).bills
    assert [one.words for one in bill.lines] == told
    stage = snapshot(3, **same, **PASSED, words=line)
    (bill,) = story(stage, snapshot(2, **same, **voted)).bills
    assert len(bill.lines) == (1 if told == [line] else 2)


def test_three_lines_are_enough_for_who_reads_no_further() -> None:
    many = [snapshot(1, **PASSED), *(snapshot(n, jurisdiction="va") for n in range(2, 9))]
    told = story(*many)
    assert told.summary == (
        "MD HB 1 passed the House of Delegates — Detainers",
        "VA HB 2: Referred to Judiciary — Detainers",
        "6 more bills in Virginia.",
    )
    assert told.preheader == "VA HB 2: Referred to Judiciary. 6 more bills in Virginia."
    assert story(snapshot(1, **PASSED)).preheader.startswith("Passed the House of Delegates")


def test_text_and_html_tell_the_same_of_each_bill(engine: Engine) -> None:
    add_reader(engine)
    busy_day(engine)
    edition = made(engine)
    html = words(edition.html)
    text = " ".join(edition.text.split())
    for told in (
        "MD HB 1222",
        "Mar 2",
        "Approved by the Governor - Chapter 118",
        "Became law",
        "Limits cooperation",
        "287(g) agreements",
        "may not enter into, renew or carry out an agreement under 8 U.S.C. § 1357(g)",
        "Hearing set: Senate Committee On Judiciary",
        "Hearing tomorrow, Wed Mar 4, 8:00 a.m.",
        "Hearing moved: State Affairs (was Tue Mar 10, 2:30 p.m., E1.016)",
        "Hearing Thu Mar 12, upon adjournment",
        "State Capitol, 900 Court St NE, Hearing Room F",
        "protección de datos; 保护; حماية",
        "Sponsor added: Sen. Peña-Núñez",
        "every topic in every state",
    ):
        assert told in html, told
        assert told in text, told
    links = lxml_html.fromstring(edition.html).xpath("//a/@href")
    for link in ("https://bills.example.org/bills/1", "https://legislature.example/md/HB%201222"):
        assert link in links
        assert link in text
    assert "[######] Became law" in text
    assert "[###...] Passed the House, crossed over to the Senate" in text
    bars = lxml_html.fromstring(edition.html).xpath('//table[@role="img"]/@aria-label')
    assert "Passed the House, crossed over to the Senate: step 3 of 6" in bars
    assert "[xxxxxx] Failed" in text, "not as far along as a law"
    assert "Failed" in bars


FAR_AWAY = " ".join(f"Section {n} of the code stands." for n in range(200))


def new_version(engine: Engine, old_text: str, new_text: str) -> Edition:
    add_reader(engine)
    bill = add_bill(engine)
    old = add_version(engine, bill, 0, "Introduced", old_text)
    new = add_version(engine, bill, 1, "Engrossed", new_text)
    for text, sha256 in ((old_text, old), (new_text, new)):
        add_evidence(engine, bill, text, "8 U.S.C. § 1357(g)", sha256)
    after = {"note": "Engrossed", "text_sha256": new}
    add_change(engine, bill, "version", "New version: Engrossed", after=after)
    return made(engine)


def test_a_new_version_shows_only_what_changed_near_the_evidence(sqlite_engine: Engine) -> None:
    changed = AGREEMENT.replace("may not", "shall not")
    edition = new_version(
        sqlite_engine,
        f"{AGREEMENT} {FAR_AWAY} The fee is ten dollars.",
        f"{changed} {FAR_AWAY} The fee is two dollars.",
    )
    tree = lxml_html.fromstring(edition.html)
    assert tree.xpath("//del/text()") == ["may"]
    assert tree.xpath("//ins/text()") == ["shall"]
    assert "[-may-] {+shall+} not enter" in " ".join(edition.text.split())
    assert "dollars" not in words(edition.html)


def test_words_struck_at_the_beginning_stand_apart_from_what_is_left(
    sqlite_engine: Engine,
) -> None:
    edition = new_version(sqlite_engine, f"SECOND SESSION, 2026\n\n{AGREEMENT}", AGREEMENT)
    assert "SECOND SESSION, 2026 A unit" in words(edition.html)
    assert "[-SECOND SESSION, 2026-] A unit" in " ".join(edition.text.split())


def test_a_new_version_that_leaves_the_evidence_alone_says_so(sqlite_engine: Engine) -> None:
    edition = new_version(
        sqlite_engine, f"{AGREEMENT} {FAR_AWAY} Ten.", f"{AGREEMENT} {FAR_AWAY} Two."
    )
    said = "nothing changed near the words that made this bill relevant"
    assert said in words(edition.html)
    assert said in " ".join(edition.text.split())


def test_a_bill_rewritten_from_end_to_end_shows_its_beginning(sqlite_engine: Engine) -> None:
    evidence = " under 8 U.S.C. § 1357(g) "
    old = evidence.join(f"old{n} same{n}" for n in range(900))
    new = evidence.join(f"new{n} same{n}" for n in range(900))
    edition = new_version(sqlite_engine, old, new)
    shown = lxml_html.fromstring(edition.html).xpath('//p[contains(@class, "redline")]')
    assert 1 <= len(shown) <= 4
    for passage in shown:
        assert passage.text_content().endswith(" …")
        assert len(passage.text_content()) < 1500
    assert len(edition.html) < 30_000


def test_a_title_of_five_megabytes_is_cut(sqlite_engine: Engine) -> None:
    add_reader(sqlite_engine)
    add_change(sqlite_engine, add_bill(sqlite_engine, title="x" * 5_000_000), summary="y" * 400)
    edition = made(sqlite_engine)
    assert len(edition.subject) <= 122
    assert len(edition.page) < 30_000


@pytest.mark.parametrize(
    ("text", "quote", "sentence"),
    [
        (
            "Whereas it is so. An officer may not hold a person on a detainer. It ends in June.",
            "detainer",
            "An officer may not hold a person on a detainer.",
        ),
        (
            "The sheriff, under 8 U.S.C. Sec. 1357(g) and Art. 2, may sign. The rest.",
            "1357(g)",
            "The sheriff, under 8 U.S.C. Sec. 1357(g) and Art. 2, may sign.",
        ),
        ("Section 1.\n\nICE detainers\n\nSection 2.", "ICE", "ICE detainers"),
        ("word " * 99 + "detainer" + " word" * 99, "detainer", "… word word"),
    ],
)
def test_the_sentence_that_made_a_bill_relevant(
    sqlite_engine: Engine, text: str, quote: str, sentence: str
) -> None:
    add_reader(sqlite_engine)
    bill = add_bill(sqlite_engine)
    add_evidence(sqlite_engine, bill, text, quote, add_version(sqlite_engine, bill, 0, "", text))
    add_change(sqlite_engine, bill)
    tree = lxml_html.fromstring(made(sqlite_engine).html)
    (shown,) = tree.xpath('//*[contains(@class, "quote")]')
    assert shown.text_content().strip("“”").startswith(sentence)
    assert shown.xpath('.//*[@class="hit"]/text()') == [quote]
    assert len(shown.text_content()) < 400


def test_a_sentence_that_goes_the_bills_way_comes_before_a_definition(
    sqlite_engine: Engine,
) -> None:
    text = '"Detainer" means a request of ICE. A jail may not honor a detainer.'
    add_reader(sqlite_engine)
    bill = add_bill(sqlite_engine, stance="limits")
    version = add_version(sqlite_engine, bill, 0, "", text)
    add_evidence(sqlite_engine, bill, text, "request of ICE", version, stance="neutral")
    add_evidence(sqlite_engine, bill, text, "honor a detainer", version, stance="limits")
    add_change(sqlite_engine, bill)
    (shown,) = lxml_html.fromstring(made(sqlite_engine).html).xpath('//*[@class="hit"]/text()')
    assert shown == "honor a detainer"


def test_a_hearing_is_told_as_it_stands_when_the_digest_is_made(engine: Engine) -> None:
    """A weekly reader hears on Monday of what was matched on Tuesday."""
    add_reader(engine, "ann@example.org", Wish(Filter(kinds="action"), "weekly"))
    bill = add_bill(engine)
    add_hearing(engine, bill, dt.date(2026, 3, 12), "Judiciary", "9 a.m.")
    add_hearing(engine, bill, dt.date(2026, 3, 13), "Appropriations", "10 a.m.")
    add_change(engine, bill)
    plan(engine, NOW)
    with writing(engine) as connection:
        connection.execute(
            update(Hearing).where(Hearing.committee == "Judiciary").values(time_text="2 p.m.")
        )
        connection.execute(
            update(Hearing).where(Hearing.committee == "Appropriations").values(cancelled=True)
        )
    text = words(made(engine, NOW + dt.timedelta(days=6)).html)
    assert "Hearing Thu Mar 12, 2 p.m." in text
    assert "9 a.m." not in text
    assert "Appropriations" not in text


def test_what_a_title_holds_stays_text(sqlite_engine: Engine) -> None:
    add_reader(sqlite_engine)
    title = '<script>alert(1)</script> & "detainers" <b>\x00\x1b[31m\u202eecI {{ 7 * 7 }} @@'
    bill = add_bill(sqlite_engine, title=title)
    add_change(sqlite_engine, bill, summary="<img src=x onerror=alert(2)>")
    edition = made(sqlite_engine)
    tree = lxml_html.fromstring(edition.html)
    assert not tree.xpath("//script | //img | //b")
    assert '<script>alert(1)</script> & "detainers"' in words(edition.html)
    for part in (edition.subject, edition.text, edition.html):
        assert not re.search("[\x00\x1b\u202e]", part)


def test_a_link_nobody_should_open_is_not_made(sqlite_engine: Engine) -> None:
    assert story(snapshot(source_url="javascript:alert(1)")).bills[0].source_url == ""
    assert story(snapshot(source_url="https://a.example/" + "x" * 5000)).bills[0].source_url == ""
    odd = story(snapshot(source_url='https://a.example/HB 1"onclick=x?a=%20&b=1#c')).bills[0]
    assert odd.source_url == "https://a.example/HB%201%22onclick=x?a=%20&b=1#c"


def test_news_taken_back_before_it_left_is_not_told(engine: Engine) -> None:
    add_reader(engine)
    _, said = told_and_taken_back(engine)
    add_change(engine, add_bill(engine, "va", "SB 1"), summary="Passed")
    with writing(engine) as connection:
        released = {"status": "released", "released_at": NOW}
        connection.execute(update(Change).where(Change.id == said).values(released))
    text = made(engine).text
    assert "is now “Referred to Government and Transportation”" in " ".join(text.split())
    assert "Mar 2: Referred to Judiciary" not in text
    assert "Corrections".upper() not in text


LONG = "détention " * 400


def test_the_worst_day_stays_under_what_gmail_shows(sqlite_engine: Engine) -> None:
    """Sixty bills with as much as each can hold, in letters of several bytes."""
    run = RedlineRun(kind="insert", text=LONG[:390])
    news = [
        snapshot(
            number * 50 + line,
            bill_id=number,
            identifier=f"HB {number}",
            summary=LONG[:400],
            words=LONG[:400],
            title=LONG[:300],
            quote=Quote(before=LONG[:160], match=LONG[:400], after=LONG[:160]),
            hearings=[hearing(TOMORROW, LONG[:200])] * 9,
            redline=[[run] * 4] * 4,
            topics=[f"topic-{n}" for n in range(12)],
        )
        for number in range(1, 61)
        for line in range(40)
    ]
    words_asked = Filter(keywords=[f"{n} {'x' * 90}" for n in range(99)])
    content = Content(
        NOW.date(),
        (words_asked,) * 20,
        tuple(news),
        tuple(Correction(one, LONG[:400]) for one in news[:99]),
    )
    rendered = render(content, "https://bills.example.org", "Bill Watch", LONG[:300])
    assert len(rendered.html.encode()) < 98_000
    assert "more bills on the web" in words(rendered.html)
    assert "HB 60" in words(rendered.page)


def test_a_long_digest_folds_behind_one_link_and_its_web_copy_has_all(
    sqlite_engine: Engine,
) -> None:
    add_reader(sqlite_engine)
    count = busy_day(sqlite_engine, more=52)
    edition = made(sqlite_engine)
    assert len(edition.html.encode()) < 100_000
    folded = re.search(r"(\d+) more bills on the web", words(edition.html))
    assert folded is not None
    shown = lxml_html.fromstring(edition.html).xpath("//h3")
    assert len(shown) + int(folded[1]) == count
    assert f"{folded[1]} more bills: @@web@@" in edition.text
    assert len(lxml_html.fromstring(edition.page).xpath("//h3")) == count


def test_the_web_copy_is_found_by_its_link_alone(sqlite_engine: Engine) -> None:
    add_reader(sqlite_engine)
    busy_day(sqlite_engine)
    page = made(sqlite_engine).page
    assert "@@web@@" not in page
    assert 'content="noindex"' in page
    assert 'content="no-referrer"' in page
    assert "You get this because" not in page, "whoever reads it may not"
