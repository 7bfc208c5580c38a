"""Input as it must not be: each ends in a named gap or failure, and what is stored stays intact."""

from __future__ import annotations

import datetime as dt

import pytest
from pydantic import ValidationError
from sqlalchemy import Engine

from tests.tracker.crawls import (
    NOON,
    OFF_TOPIC,
    SEEN,
    changes,
    close,
    crawl,
    everything,
    light,
    line,
    page,
    standing,
    start,
    stored,
)
from tracker.db import reading
from tracker.expectations import Expectations
from tracker.items import (
    ActionItem,
    BillItem,
    Gap,
    HearingItem,
    SponsorItem,
    VersionItem,
    VoteItem,
    VoterItem,
)
from tracker.search import BillFilter, search


def found(engine: Engine, words: str) -> list[str]:
    with reading(engine) as session:
        page_of = search(session, BillFilter(words, level="all"))
    return [one.bill.identifier_key for one in page_of.bills]


def test_a_title_of_5_megabytes(engine: Engine) -> None:
    title = "Okapi " + "x" * 5_000_000
    run = crawl(engine, light(title=title), light("HB 2", OFF_TOPIC))
    assert (run.status, run.gaps) == ("sound", {"title": {"oversized": 1}})
    assert stored(engine).title == title[:20_000]
    assert len(changes(engine, "introduced")[0].summary) <= 400
    assert found(engine, "okapi") == ["HB 1"]
    again = crawl(engine, light(title=title), light("HB 2", OFF_TOPIC), day=1)
    assert again.gaps == {"title": {"oversized": 1}}, "named as long as it is so"
    assert changes(engine, run=again.id) == []


def test_a_history_of_100_000_lines(engine: Engine) -> None:
    """Of one day each, so that every line would be compared with every other."""
    many = tuple(line(f"Sponsor added {n}", "03-01") for n in range(100_000))
    run = crawl(engine, page(actions=many))
    assert run.gaps == {"actions": {"oversized": 1}}
    assert len(standing(engine)) == 20_000


@pytest.mark.parametrize(
    ("printed", "kept"),
    [
        ("NUL\x00 and BEL\x07 and ESC\x1b[2J", "NUL and BEL and ESC[2J"),
        ("Ice 🧊 melts 👩\u200d⚖️", "Ice 🧊 melts 👩\u200d⚖️"),
        ("قانون \u202eعكس\u202c", "قانون \u202eعكس\u202c"),
        ("Pen\u0303a \ufb01le", "Pe\u00f1a \ufb01le"),
        ("'; DROP TABLE bill; --", "'; DROP TABLE bill; --"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("{{ 7 * 7 }} %s %(x)s :x", "{{ 7 * 7 }} %s %(x)s :x"),
        ("\\u0000 \\", "\\u0000 \\"),
    ],
    ids=[
        "control",
        "emoji",
        "right-to-left",
        "decomposed",
        "sql",
        "html",
        "template",
        "escapes",
    ],
)
def test_odd_words_in_every_field(engine: Engine, printed: str, kept: str) -> None:
    hostile = page(
        title=printed,
        abstract=printed,
        subjects=(printed,),
        sponsors=(SponsorItem(name=printed, party=printed),),
        actions=(ActionItem(text=printed, date_text=printed, classification=(printed,)),),
        versions=(VersionItem(note=printed, text=printed, text_url=printed),),
        votes=(VoteItem(motion=printed, voters=(VoterItem(name=printed, option=printed),)),),
        hearings=(HearingItem(committee=printed, location=printed, time_text=printed),),
        source_id=printed,
    )
    run = crawl(engine, hostile)
    assert run.status == "sound"
    rows = everything(engine)
    assert (rows["bill"][0]["title"], rows["bill"][0]["subjects"]) == (kept, [kept])
    assert rows["actions"][0]["source_classification"] == [kept]
    assert rows["votes"][0]["voters"] == [{"name": kept, "option": kept}]
    assert rows["hearings"][0]["location"] == rows["sponsors"][0]["name"] == kept
    before = everything(engine, without=SEEN)
    again = crawl(engine, hostile, day=1)
    assert changes(engine, run=again.id) == []
    assert everything(engine, without=SEEN) == before


def test_half_of_a_surrogate_pair(engine: Engine) -> None:
    """What ``"\\ud83e"`` in a JSON answer becomes."""
    half = light(title="Ice \ud83e melts")
    crawl(engine, half)
    assert stored(engine).title == "Ice \ufffd melts"
    assert changes(engine, run=crawl(engine, half, day=1).id) == []


def test_a_date_that_is_none_is_kept_as_printed_and_named(engine: Engine) -> None:
    with pytest.raises(ValidationError):
        ActionItem(text="Passed", date="0000-00-00")  # type: ignore[arg-type]
    bad = ActionItem(text="Passed House", date=None, date_text="0000-00-00")
    gap = Gap(field="actions.date", reason="invalid", seen="0000-00-00")
    run = crawl(engine, page(actions=(bad, line("Passed Senate", "03-01")), gaps=(gap,)))
    assert run.gaps == {"actions.date": {"invalid": 1}}
    assert [(row["date"], row["date_text"]) for row in everything(engine)["actions"]] == [
        (None, "0000-00-00"),
        (dt.date(2026, 3, 1), ""),
    ]
    assert stored(engine).stage == "passed-second-chamber"


def test_the_first_and_the_last_day_there_are(engine: Engine) -> None:
    days = (dt.date.min, dt.date.max)
    crawl(engine, page(actions=tuple(ActionItem(text="Read", date=day) for day in days)))
    assert [row["date"] for row in everything(engine)["actions"]] == list(days)
    run = crawl(engine, light(latest_action=line("Approved by the Governor", "03-01")), day=1)
    assert [c.kind for c in changes(engine, run=run.id)] == ["action", "stage"]


def test_a_listing_full_of_empty_titles_is_held(engine: Engine) -> None:
    session = [light(f"HB {n}", OFF_TOPIC) for n in range(1, 101)]
    crawl(engine, *session)
    run = start(engine, 1, expectations=Expectations())
    for item in session:
        run.record(item.model_copy(update={"title": ""}))
    ended = close(run)
    assert ended.status == "quarantined"
    assert ended.reason.startswith("100 of 100 items have no good title (at most 2% expected)")


@pytest.mark.parametrize(
    "wrong",
    [
        {"identifier": ""},
        {"source": ""},
        {"jurisdiction": "maryland"},
        {"fetched_at": dt.datetime(2026, 3, 2)},
        {"colour": "blue"},
        {"chamber": "middle"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_the_contract_refuses(wrong: dict[str, object]) -> None:
    stated = {
        "source": "md", "jurisdiction": "md", "session": "2026", "identifier": "HB 1",
        "fetched_from": "https://x/", "fetched_at": NOON,
    }  # fmt: skip
    BillItem(**stated)
    with pytest.raises(ValidationError):
        BillItem(**{**stated, **wrong})
