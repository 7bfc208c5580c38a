"""What a source says of its bills, run after run: what is stored, and what is news."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from tests.tracker.crawls import (
    NOON,
    OFF_TOPIC,
    SEEN,
    changes,
    close,
    crawl,
    every_row,
    everything,
    light,
    line,
    lines,
    page,
    standing,
    start,
    stored,
    told,
)
from tracker.items import (
    BillItem,
    HearingItem,
    Link,
    RelatedBillItem,
    SourceLink,
    SponsorItem,
    TextMark,
    VersionItem,
    VoteCount,
    VoteItem,
    VoterItem,
)

WHOLE = page(
    abstract="Prohibiting certain agreements.",
    subjects=("Immigration", "Sheriffs"),
    sponsors=(SponsorItem(name="Delegate Peña", primary=True), SponsorItem(name="Delegate Lee")),
    actions=lines("01-14 First Reading Judiciary", "02-20 Third Reading Passed (97-37)"),
    versions=(
        VersionItem(
            note="Introduced",
            date=dt.date(2026, 1, 14),
            links=(Link(url="https://x/1.pdf", media_type="application/pdf"),),
            text="A sheriff may not agree.",
            text_url="https://x/1.pdf",
            marks=(TextMark(start=0, end=8, kind="insert"),),
        ),
    ),
    votes=(
        VoteItem(
            motion="Third Reading",
            date=dt.date(2026, 2, 20),
            chamber="lower",
            passed=True,
            counts=(VoteCount(option="yes", value=97), VoteCount(option="no", value=37)),
            voters=(VoterItem(name="Lee", option="yes"),),
        ),
    ),
    hearings=(HearingItem(committee="Judiciary", date=dt.date(2026, 3, 9), time_text="1:00 p.m."),),
    related_bills=(RelatedBillItem(identifier="SB0002"),),
    sources=(SourceLink(url="https://legislature.example/hb1", note="bill page"),),
    source_id="hb0001",
)


@contextmanager
def counted_writes(engine: Engine) -> Iterator[Counter[str]]:
    """Rows written, by table, while inside."""
    writes: Counter[str] = Counter()

    def note(_connection: Any, cursor: Any, statement: str, *_rest: Any) -> None:
        verb, *words = statement.split()
        if verb in ("INSERT", "UPDATE", "DELETE") and cursor.rowcount:
            writes[words[0 if verb == "UPDATE" else 1].strip('"')] += abs(cursor.rowcount)

    event.listen(engine, "after_cursor_execute", note)
    try:
        yield writes
    finally:
        event.remove(engine, "after_cursor_execute", note)


def test_a_first_run_is_the_baseline_and_news_for_nobody(engine: Engine) -> None:
    run = crawl(engine, WHOLE, light("HB 2", OFF_TOPIC), listed=["HB0001", "HB0002"])
    assert (run.status, run.baseline, run.items, run.bills_new) == ("sound", True, 2, 2)
    found = changes(engine)
    assert {change.status for change in found} == {"baseline"}
    assert [(change.kind, change.summary) for change in found if change.kind == "introduced"] == [
        ("introduced", "New bill: Immigration Enforcement - 287(g) Agreements - Prohibition"),
        ("introduced", f"New bill: {OFF_TOPIC}"),
    ]
    bill = stored(engine)
    assert (bill.identifier, bill.stage, str(bill.latest_action_on)) == (
        "HB 1", "passed-first-chamber", "2026-02-20",
    )  # fmt: skip
    assert bill.latest_action_text == "Third Reading Passed (97-37)"
    assert standing(engine, "sponsors", "name") == ["Delegate Peña", "Delegate Lee"]


def test_a_first_run_is_news_if_asked_for(engine: Engine) -> None:
    run = crawl(engine, WHOLE, notify_first_run=True)
    assert [kind for kind, _ in told(engine, run)] == ["introduced", "hearing_set"]
    introduced = changes(engine, "introduced")[0]
    assert str(introduced.occurred_on) == "2026-01-14"
    assert introduced.after == {
        "title": WHOLE.title,
        "latest_action": "Third Reading Passed (97-37)",
        "stage": "passed-first-chamber",
    }


def test_a_bill_that_appears_later_is_news_once_and_whole(engine: Engine) -> None:
    crawl(engine, light("HB 2", OFF_TOPIC))
    run = crawl(engine, WHOLE, day=1)
    assert [kind for kind, _ in told(engine, run)] == ["introduced", "hearing_set"], (
        "its actions, versions, votes and sponsors are part of its introduction"
    )


def test_an_old_bill_seen_late_is_no_news(engine: Engine) -> None:
    """As when a second session is added to a source, or a dataset imported."""
    crawl(engine, light("HB 2", OFF_TOPIC))
    old = page("HB 9", actions=lines("01-14 First Reading", "01-20 Withdrawn by Sponsor"))
    run = crawl(engine, old, page("HB 10", actions=lines("03-02 First Reading")), day=1)
    assert [summary for _, summary in told(engine, run)] == [
        "New bill: Immigration Enforcement - 287(g) Agreements - Prohibition"
    ]
    assert [c.status for c in changes(engine, "introduced", run=run.id)] == ["baseline", "released"]


def test_the_same_again_changes_nothing_and_writes_only_last_seen(engine: Engine) -> None:
    items = [WHOLE, light("HB 2", OFF_TOPIC, latest_action=line("First Reading", "01-20"))]
    crawl(engine, *items, listed=["HB 1", "HB 2"])
    rows, texts = everything(engine, without=SEEN), every_row(engine)["bill_text"]
    with counted_writes(engine) as writes:
        run = crawl(engine, *items, listed=["HB 1", "HB 2"], day=1)
    assert everything(engine, without=SEEN) == rows
    assert every_row(engine)["bill_text"] == texts
    assert changes(engine, run=run.id) == []
    assert (run.bills_new, run.bills_changed, run.items) == (0, 0, 2)
    assert writes.pop("bill") == 2, "each bill is marked as seen, and nothing else of it"
    assert writes.keys() == {"run", "source_state"}
    assert stored(engine).last_seen_at == NOON + dt.timedelta(days=1)


def test_an_import_of_the_same_again_writes_nothing_either(engine: Engine) -> None:
    items = [WHOLE, *(light(f"HB {n}", OFF_TOPIC) for n in range(2, 500))]
    run = start(engine)
    assert run.record_many(items) == {"new": 499}
    close(run)
    rows = everything(engine, without=SEEN)
    run = start(engine, 1)
    with counted_writes(engine) as writes:
        assert run.record_many(items) == {"unchanged": 499}
    assert not writes.keys() - {"bill"} and writes.total() <= 499, "last seen"
    assert changes(engine, run=close(run).id) == []
    assert everything(engine, without=SEEN) == rows


def test_rows_are_kept_and_never_made_anew(engine: Engine) -> None:
    crawl(engine, WHOLE)
    before = everything(engine)
    more = WHOLE.model_copy(
        update={
            "actions": (*(WHOLE.actions or ()), line("First Reading Judicial Proceedings", "03-03"))
        }
    )
    crawl(engine, more, day=1)
    after = everything(engine)
    assert after["actions"][:2] == before["actions"] and len(after["actions"]) == 3
    for name in ("sponsors", "versions", "votes", "hearings", "related_bills"):
        assert after[name] == before[name], name


def test_every_field_is_stored_as_the_page_says_it(engine: Engine) -> None:
    crawl(engine, WHOLE)
    rows = everything(engine)
    bill = rows["bill"][0]
    assert bill["subjects"] == ["Immigration", "Sheriffs"]
    assert bill["sources"] == [{"url": "https://legislature.example/hb1", "note": "bill page"}]
    assert (bill["abstract"], bill["source_id"]) == ("Prohibiting certain agreements.", "hb0001")
    assert rows["versions"][0]["links"] == [
        {"url": "https://x/1.pdf", "media_type": "application/pdf"}
    ]
    assert rows["votes"][0]["counts"][0] == {"option": "yes", "value": 97}
    assert rows["votes"][0]["voters"] == [{"name": "Lee", "option": "yes"}]
    assert rows["hearings"][0]["time_text"] == "1:00 p.m."
    assert rows["related_bills"][0]["identifier_key"] == "SB 2"
    assert "A sheriff may not agree." in next(iter(every_row(engine)["bill_text"]))


def test_a_listing_row_never_erases_what_the_page_said(engine: Engine) -> None:
    crawl(engine, WHOLE)
    before = everything(engine, without={*SEEN, "listing_hash", "fetched_from"})
    run = crawl(engine, light(latest_action=line("Third Reading Passed (97-37)", "02-20")), day=1)
    assert everything(engine, without={*SEEN, "listing_hash", "fetched_from"}) == before
    assert changes(engine, run=run.id) == []


def test_a_listing_that_names_only_the_first_sponsors_takes_none_away(engine: Engine) -> None:
    crawl(engine, WHOLE)
    before = everything(engine)["sponsors"]
    run = crawl(engine, light(sponsors=(SponsorItem(name="Delegate Lee"),)), day=1)
    assert changes(engine, run=run.id) == []
    assert everything(engine)["sponsors"] == before


def test_an_identifier_is_one_bill_however_it_is_printed(engine: Engine) -> None:
    crawl(engine, light("HB0001"))
    run = crawl(engine, light("H. B. 1"), day=1)
    assert run.bills_new == 0
    assert stored(engine).identifier == "H. B. 1"


def test_the_same_number_of_another_session_or_source_is_another_bill(engine: Engine) -> None:
    crawl(engine, light(), light(session="2025"))
    crawl(engine, light(source="legiscan-md"), source="legiscan-md")
    assert len(everything(engine)["bill"]) == 3


# -- a bill's page, asked for when its listing row has moved ---------------------------------


def read(engine: Engine, row: BillItem, its_page: BillItem | None, day: float) -> tuple[bool, int]:
    """A spider reads a listing, and the page where it should; was it asked for, and the run."""
    run = start(engine, day)
    due = run.needs_detail(row)
    run.record(row)
    if due and its_page is not None:
        run.record(its_page)
    if due and its_page is None:
        run.fail("source-down", "https://x/hb1", "HTTP 503")
    run.listed("2026", [row.identifier])
    return due, close(run).id


REFERRED = line("First Reading Judiciary", "01-14")
PASSED = line("Passed the House", "03-02")


def test_a_page_is_read_only_when_it_is_on_topic_and_has_moved(engine: Engine) -> None:
    row = light(latest_action=REFERRED)
    rinks = light(title=OFF_TOPIC, identifier="HB 2")
    assert read(engine, row, page(actions=(REFERRED,)), 0)[0]
    assert not read(engine, rinks, None, 0.5)[0], "off topic"
    assert not read(engine, row, None, 1)[0], "has not moved"
    moved = light(latest_action=PASSED)
    assert read(engine, moved, page(actions=(REFERRED, PASSED)), 2)[0]
    assert not read(engine, moved, None, 3)[0]


def test_listing_and_page_tell_one_step_once(engine: Engine) -> None:
    """The listing words it otherwise than the page; readers hear of it once, as the page has it."""
    read(engine, light(latest_action=REFERRED), page(actions=(REFERRED,)), 0)
    third = line("Third Reading Passed (97-37)", "03-02")
    _, run = read(engine, light(latest_action=PASSED), page(actions=(REFERRED, third)), 1)
    assert [(c.kind, c.summary) for c in changes(engine, run=run)] == [
        ("action", "Third Reading Passed (97-37)"),
        ("stage", "Passed first chamber: Third Reading Passed (97-37)"),
    ]


def test_what_the_listing_tells_is_not_lost_when_the_page_fails(engine: Engine) -> None:
    read(engine, light(latest_action=REFERRED), page(actions=(REFERRED,)), 0)
    _, run = read(engine, light(latest_action=PASSED), None, 1)
    assert [(c.kind, c.status) for c in changes(engine, run=run)] == [
        ("action", "released"),
        ("stage", "released"),
    ]
    third = line("Third Reading Passed (97-37)", "03-02")
    due, run = read(engine, light(latest_action=PASSED), page(actions=(REFERRED, third)), 2)
    assert due, "the page is still to be read"
    assert changes(engine, run=run) == [], "and tells nothing new"
    assert standing(engine) == [REFERRED.text, third.text]


def test_a_page_older_than_the_listing_takes_nothing_back(engine: Engine) -> None:
    """Pages are cached: one may lack what the listing beside it has."""
    read(engine, light(latest_action=REFERRED), page(actions=(REFERRED,)), 0)
    read(engine, light(latest_action=PASSED), None, 1)
    _, run = read(engine, light(latest_action=PASSED), page(actions=(REFERRED,)), 2)
    assert changes(engine, run=run) == []
    assert stored(engine).stage == "passed-first-chamber"
    assert standing(engine) == [REFERRED.text, PASSED.text]


def test_a_page_that_says_nothing_of_a_field_leaves_it_to_the_listing(engine: Engine) -> None:
    read(engine, light(latest_action=REFERRED), page(actions=(REFERRED,)), 0)
    _, run = read(engine, light(latest_action=PASSED), page(title=None, sponsors=()), 1)
    assert [c.summary for c in changes(engine, "action", run=run)] == [PASSED.text]


def test_a_bill_that_comes_on_topic_brings_its_past_without_telling_it(engine: Engine) -> None:
    """Known from listings since January; its page is read for the first time in March."""
    crawl(engine, light(title=OFF_TOPIC, latest_action=REFERRED))
    history = (
        REFERRED,
        line("Hearing 1/20", "01-20"),
        line("Third Reading Passed (97-37)", "03-02"),
    )
    its_page = page(actions=history, sponsors=(SponsorItem(name="Lee"),))
    _, run = read(engine, light(latest_action=PASSED), its_page, 1)
    assert [(c.kind, c.summary) for c in changes(engine, run=run)] == [
        ("title", "New title: Immigration Enforcement - 287(g) Agreements - Prohibition"),
        ("action", "Passed the House"),
        ("stage", "Passed first chamber: Passed the House"),
        ("action", "Hearing 1/20"),
    ]


def test_a_first_page_may_word_the_title_otherwise(engine: Engine) -> None:
    crawl(engine, light(title="Immigration Enf. - 287(g) Agmts"))
    run = crawl(engine, page(), day=1)
    assert changes(engine, run=run.id) == []
    assert stored(engine).title == page().title


# -- gone and back ----------------------------------------------------------------------------


def test_a_bill_that_a_sound_listing_lacks_has_vanished_until_it_is_back(engine: Engine) -> None:
    both = [light("HB 1"), light("HB 2", OFF_TOPIC)]
    crawl(engine, *both, listed=["HB 1", "HB 2"])
    gone = crawl(engine, both[1], listed=["HB 2"], day=1)
    assert told(engine, gone) == [("vanished", "No longer listed by the source")]
    assert stored(engine).vanished_at is not None
    still = crawl(engine, both[1], listed=["HB 2"], day=2)
    assert told(engine, still) == [], "told once"
    back = crawl(engine, *both, listed=["HB 1", "HB 2"], day=3)
    assert told(engine, back) == [("reappeared", "Listed by the source again")]
    assert stored(engine).vanished_at is None
    again = crawl(engine, both[1], listed=["HB 2"], day=4)
    assert told(engine, again) == [("vanished", "No longer listed by the source")]


def test_nothing_vanishes_without_a_complete_listing(engine: Engine) -> None:
    crawl(engine, light("HB 1"), light("HB 2", OFF_TOPIC), listed=["HB 1", "HB 2"])
    run = crawl(engine, light("HB 2", OFF_TOPIC), day=1)
    assert told(engine, run) == []


def test_a_listed_bill_whose_row_cannot_be_read_is_there(engine: Engine) -> None:
    crawl(engine, light("HB 1"), light("HB 2", OFF_TOPIC), listed=["HB 1", "HB 2"])
    run = crawl(engine, light("HB 2", OFF_TOPIC), listed=["HB 1", "HB 2"], day=1)
    assert told(engine, run) == []


@pytest.mark.parametrize("field", ["sponsors", "versions", "votes", "hearings", "related_bills"])
def test_a_page_that_does_not_state_a_list_keeps_it(engine: Engine, field: str) -> None:
    crawl(engine, WHOLE)
    before = everything(engine)[field]
    silent = WHOLE.model_copy(update={field: None})
    run = crawl(engine, silent, day=1)
    assert everything(engine)[field] == before != []
    assert changes(engine, run=run.id) == []
