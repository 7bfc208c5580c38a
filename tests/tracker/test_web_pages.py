from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from tests.tracker.stored_bills import NOW, add_bill, add_version
from tracker.db import writing_session
from tracker.likeness import link_alike
from tracker.models import (
    Action,
    Base,
    Bill,
    Change,
    Decision,
    Evidence,
    Hearing,
    RelatedBill,
    Run,
    Sponsorship,
    VoteEvent,
)
from tracker.search import index_pending
from tracker.web.app import create_app

TITLE = "Maryland Values Act; <script>alert(1)</script> agreements & detainers"
OLD = "A unit may enter into an agreement under 8 U.S.C. § 1357(g).\nIt takes effect in June."
NEW = "A unit may not enter into an agreement under 8 U.S.C. § 1357(g).\nIt takes effect in June."


def find(bill: Bill, text: str, quote: str, field: str, **columns: object) -> Evidence:
    start = text.index(quote)
    spot = {"field": field, "start": start, "end": start + len(quote), "quote": quote}
    return Evidence(
        bill_id=bill.id,
        **{"rule": "r-agreement", "topic": "287g", "stance": "limits", **spot, **columns},
    )


def _rows_of(bill: Bill, run: Run, sha256: str | None) -> list[Base]:
    """Evidence, history, sponsors, votes, hearings, companions and changes of the bill."""
    seen = {"bill_id": bill.id, "first_seen_at": NOW}
    return [
        find(bill, TITLE, "agreements", "title"),
        find(bill, NEW, "may not enter into an agreement", "text", text_sha256=sha256),
        Action(position=0, date=dt.date(2026, 2, 1), actor="lower", text="First Reading",
               stage="introduced", **seen),
        Action(position=1, date=dt.date(2026, 4, 7), actor="lower",
               text="Third Reading Passed (98-39)", stage="passed-first-chamber", **seen),
        Action(position=2, date=None, date_text="soon", actor="upper", text="Mistake",
               retracted_at=NOW, **seen),
        Sponsorship(position=0, name="Delegate Peña", classification="sponsor",
                    primary=True, party="D", **seen),
        VoteEvent(motion="Third Reading", chamber="lower", passed=True,
                  counts=[{"option": "yes", "value": 98}, {"option": "no", "value": 39}],
                  **seen),
        Hearing(committee="Judiciary", date=dt.date(2099, 4, 9), time_text="1:00 p.m.",
                location="Room 101", **seen),
        RelatedBill(identifier="SB 828", identifier_key="SB 828", relation="companion",
                    **seen),
        Change(bill_id=bill.id, run_id=run.id, kind="stage", key="stage:1",
               status="released", detected_at=NOW, summary="Passed the House of Delegates",
               occurred_on=dt.date(2026, 4, 7)),
        Change(bill_id=bill.id, run_id=run.id, kind="title", key="title:1", status="held",
               detected_at=NOW, summary="The title is another"),
    ]  # fmt: skip


@pytest.fixture
def told(engine: Engine) -> Engine:
    """A bill with everything a source can say, and a few others."""
    with writing_session(engine) as session:
        run = Run(source="md", status="sound", started_at=NOW, ended_at=NOW, provenance="recorded")
        session.add(run)
        session.flush()
        bill = add_bill(
            session,
            "HB 1222",
            TITLE,
            topics={"287g": "limits"},
            abstract="Prohibiting a local agreement.",
            subjects=["Immigration"],
            identifier="H.B. 1222",
            stage="passed-first-chamber",
            stage_on=dt.date(2026, 4, 7),
            latest_action_text="Third Reading Passed (98-39)",
            sources=[
                {"url": "https://legislature.example/hb1222", "note": "Official page"},
                {"url": "javascript:alert(2)", "note": ""},
            ],
            fetched_from="https://legislature.example/hb1222.json",
            body_sha256="f" * 64,
            last_seen_run_id=run.id,
        )
        first = add_version(session, bill, OLD, 0, note="First reader")
        second = add_version(
            session, bill, NEW, 1, note="Third reader", date=dt.date(2026, 4, 6),
            links=[{"url": "https://legislature.example/t.pdf", "media_type": "application/pdf"}],
            marks=[{"start": 11, "end": 14, "kind": "insert"}],
        )  # fmt: skip
        sha256 = second.text_sha256
        session.add_all(_rows_of(bill, run, sha256))
        assert first.id != second.id
        add_bill(session, "SB 828", "Cross-filed", state="md", topics={"287g": "limits"})
        add_bill(session, "SB 1", "Ice rinks", state="va", level="off", moved=None)
    index_pending(engine)
    return engine


@pytest.fixture
def pages(told: Engine) -> Iterator[TestClient]:
    with TestClient(create_app(told)) as client:
        yield client


def words(html: str) -> str:
    """The page as read, without tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_the_front_page_tells_what_moved(pages: TestClient) -> None:
    page = pages.get("/").text
    assert "Wednesday, April 8" in page
    assert "Passed the House of Delegates" in page
    assert "The title is another" not in page, "held changes are not news"
    assert "2 bills on topic" in words(page)
    assert "Maryland: 2 bills" in page
    assert "Judiciary" in page


def test_the_front_page_of_an_empty_database(engine: Engine) -> None:
    assert "billtracker run" in TestClient(create_app(engine)).get("/").text


def test_the_list_shows_relevant_bills_and_filters(pages: TestClient) -> None:
    page = pages.get("/bills").text
    assert "HB 1222" in page
    assert "Ice rinks" not in page
    assert "Ice rinks" in pages.get("/bills?level=all").text
    assert "HB 1222" not in pages.get("/bills?level=all&state=va").text
    assert "HB 1222" in pages.get("/bills?topic=ice-cooperation").text
    assert "HB 1222" not in pages.get("/bills?topic=detainers").text
    assert "<mark>detainers</mark>" in pages.get("/bills?q=detainer").text


def test_the_map_adds_and_removes_a_state(pages: TestClient) -> None:
    assert '"/bills?state=md&amp;state=va"' in pages.get("/bills?state=md").text
    assert '"/bills?state=va"' in pages.get("/bills?state=md&state=va").text


@pytest.mark.parametrize(
    "query",
    ["q=%00", "q=%22", "q=-", "page=-1", "page=999999999999999999999", "page=x", "since=yesterday",
     "state=zz&topic=x&stance=y&stage=z&level=w&sort=v", "session=%27", "q=" + "a" * 9000,
     "q=%ff%fe", "page=%C2%B2", "since=0000-00-00"],
)  # fmt: skip
def test_an_odd_question_still_gets_a_page(pages: TestClient, query: str) -> None:
    for path in ("/bills", "/bills.csv", "/bills.json"):
        assert pages.get(f"{path}?{query}").status_code == 200


def test_a_page_beyond_the_end_says_so(pages: TestClient) -> None:
    assert "The list ends before this page" in pages.get("/bills?page=7").text


def test_exports_hold_what_the_list_holds(pages: TestClient, told: Engine) -> None:
    with writing_session(told) as session:
        add_bill(session, "HB 2", "=HYPERLINK(1)", state="wy")
    rows = list(csv.DictReader(io.StringIO(pages.get("/bills.csv?state=md&state=wy").text)))
    assert {row["identifier"] for row in rows} == {"HB 1222", "SB 828", "HB 2"}
    assert {row["title"] for row in rows if row["state"] == "wy"} == {"'=HYPERLINK(1)"}
    bills = pages.get("/bills.json?q=detainers").json()
    assert [(bill["title"], bill["topics"]) for bill in bills] == [(TITLE, ["287g"])]
    assert pages.get("/bills.json?state=ak").json() == []


def test_a_bill_page_tells_everything(pages: TestClient) -> None:
    html = pages.get("/bills/1").text
    page = words(html)
    for told in (
        "Maryland", "HB 1222", "Passed the House of Delegates, crossed over to the Senate",
        "Limits cooperation", "287(g) agreements", "r-agreement", "Prohibiting a local agreement.",
        "Third Reading Passed (98-39)", "Feb 1, 2026", "Delegate Peña", "98 yes", "39 no",
        "Judiciary", "1:00 p.m.", "Room 101", "Third reader", "held until its crawl",
        "released", "f" * 64, "recorded pages", "H.B. 1222", "taken back by the source",
    ):  # fmt: skip
        assert told in page, told
    assert '<a href="/bills/2">SB 828</a>' in html
    assert ">may not enter into an agreement</mark>" in html
    assert 'href="https://legislature.example/hb1222"' in html


def test_nothing_a_source_says_becomes_markup(pages: TestClient) -> None:
    for path in ("/", "/bills", "/bills/1", "/bills/1/versions/2"):
        html = pages.get(path).text
        assert "<script" not in html
        assert 'href="javascript:' not in html
    assert "&lt;script&gt;" in pages.get("/bills/1").text


def test_evidence_of_a_title_that_changed_since(pages: TestClient, told: Engine) -> None:
    with writing_session(told) as session:
        session.get_one(Bill, 1).title = "Another title"
    assert "Title, as it was" in words(pages.get("/bills/1").text)


def test_a_persons_decision_is_shown(pages: TestClient, told: Engine) -> None:
    with writing_session(told) as session:
        session.add(Decision(bill_id=1, relevant=True, note="It bans them.", decided_by="Ana",
                             decided_at=NOW))  # fmt: skip
    assert "decided by Ana" in words(pages.get("/bills/1").text)


def test_a_version_is_shown_letter_by_letter(pages: TestClient) -> None:
    html = pages.get("/bills/1/versions/2").text
    (shown,) = re.findall(r'<div class="bill-text">(.*?)</div>', html, re.S)
    assert re.sub(r"<[^>]+>", "", shown) == NEW
    assert "<ins>not</ins>" in shown
    assert pages.get("/bills/1/versions/2.txt").text == NEW


def test_two_versions_are_compared(pages: TestClient) -> None:
    for path in ("/bills/1/compare", "/bills/1/compare?old=1&new=2&all=1"):
        assert re.search(r"<ins>\s*not</ins>", pages.get(path).text)
    assert re.search(r"<del>\s*not</del>", pages.get("/bills/1/compare?old=2&new=1").text)
    assert "are the same" in pages.get("/bills/1/compare?old=2&new=2").text
    assert pages.get("/bills/2/compare").status_code == 404


def test_alike_bills_are_shown_compared_and_to_review(told: Engine, pages: TestClient) -> None:
    with writing_session(told) as session:
        model = " ".join(f"Clause {n} binds every county jail in the state." for n in range(40))
        first = add_bill(session, "HB 70", "Jails", state="va", text=model).id
        twin = add_bill(session, "SB 71", "Jails", state="va", level="off", text=f"{model} New.").id
    link_alike(told)
    page = words(pages.get(f"/bills/{first}").text)
    assert "VA SB 71 100% the same, compare" in page.replace("99%", "100%")
    redline = pages.get(f"/bills/{first}/beside/{twin}").text
    assert re.search(r"<ins>\s*New\.?</ins>", redline)
    assert pages.get(f"/bills/{first}/beside/2").status_code == 404
    waiting = words(pages.get("/review").text)
    assert "VA SB 71 Jails" in waiting
    assert "of its words are those of VA HB 70" in waiting


@pytest.mark.parametrize(
    "path",
    ["/nowhere", "/bills/99", "/bills/99999999999999999999", "/bills/x", "/bills/1/versions/99",
     "/bills/2/versions/1", "/bills/1/versions/99.txt", "/runs/99", "/static/../app.py"],
)  # fmt: skip
def test_what_is_not_there(pages: TestClient, path: str) -> None:
    answer = pages.get(path)
    assert answer.status_code == 404
    assert "There is no such page" in answer.text


def test_a_broken_page_is_explained(told: Engine) -> None:
    with told.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE sponsorship RENAME TO elsewhere")
    try:
        answer = TestClient(create_app(told), raise_server_exceptions=False).get("/bills/1")
    finally:
        with told.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO sponsorship")
    assert answer.status_code == 500
    assert "This page broke" in answer.text
    assert "sponsorship" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_every_answer_forbids_scripts(pages: TestClient) -> None:
    for path in ("/", "/bills", "/nowhere", "/bills.csv", "/static/pages.css"):
        headers = pages.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["x-content-type-options"] == "nosniff"


def test_machines_are_served(pages: TestClient) -> None:
    assert "Disallow" in pages.get("/robots.txt").text
    assert pages.get("/healthz").text == "ok\n"
    assert pages.get("/favicon.ico").headers["content-type"] == "image/svg+xml"
