"""Each kind of change: appended exactly when it should be, in the source's words, and once."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.tracker.crawls import OFF_TOPIC, ON_TOPIC, changes, crawl, everything, page, standing
from tracker.changes import KINDS, LONGEST_SUMMARY, Draft, draft
from tracker.items import (
    BillItem,
    Link,
    RelatedBillItem,
    SponsorItem,
    VersionItem,
    VoteCount,
    VoteItem,
)


def in_turn(engine: Engine, *pages: BillItem) -> list[list[tuple[str, str]]]:
    """(kind, summary) that each of these prints of one page brought, a day apart."""
    found = []
    for day, stated in enumerate(pages):
        run = crawl(engine, stated, day=day)
        assert run.status == "sound", run.reason
        found.append([(c.kind, c.summary) for c in changes(engine, run=run.id)])
    return found[1:]


def sponsors(*names: str, **stated: Any) -> BillItem:
    return page(sponsors=tuple(SponsorItem(name=name, **stated) for name in names))


def version(note: str, text: str | None = None, date: str | None = None, **stated: Any) -> Any:
    on = dt.date.fromisoformat(date) if date else None
    return VersionItem(note=note, text=text, date=on, **stated)


def vote(motion: str, yes: int, date: str = "2026-03-02", **stated: Any) -> VoteItem:
    counts = (VoteCount(option="yes", value=yes), VoteCount(option="no", value=40))
    on = dt.date.fromisoformat(date)
    return VoteItem(motion=motion, date=on, counts=counts, **stated)


def test_titles_and_abstracts(engine: Engine) -> None:
    news = in_turn(
        engine,
        page(title="Old"),
        page(title="New", abstract="First words."),
        page(title="New", abstract="Other words."),
        page(title="New", abstract=""),
        page(title=None, abstract=None),
    )
    assert news == [
        [("title", "New title: New")],
        [("abstract", "New summary: Other words.")],
        [("abstract", "The summary was removed")],
        [],
    ], "an abstract that arrives is none that changed"
    title = changes(engine, "title")[0]
    assert (title.before, title.after) == ({"text": "Old"}, {"text": "New"})


def test_a_title_that_flaps_is_told_each_way_once(engine: Engine) -> None:
    news = in_turn(engine, *(page(title=title) for title in ("A", "B", "A", "B", "A")))
    assert news == [[("title", "New title: B")], [("title", "New title: A")], [], []]


def test_sponsors_come_and_go(engine: Engine) -> None:
    news = in_turn(
        engine,
        sponsors("Lee"),
        sponsors("Lee", "Peña", classification="cosponsor"),
        sponsors("Peña", "Lee", classification="cosponsor"),
        sponsors("Peña", classification="cosponsor"),
    )
    assert news == [
        [("sponsor_added", "Sponsor added: Peña (cosponsor)")],
        [],
        [("sponsor_removed", "Sponsor removed: Lee (cosponsor)")],
    ], "another order and another role are no news"
    rows = everything(engine)["sponsors"]
    assert [(row["name"], row["removed_at"] is None) for row in rows] == [
        ("Lee", False),
        ("Peña", True),
    ]


def test_a_number_that_several_sponsors_share_tells_none_of_them(engine: Engine) -> None:
    assert in_turn(
        engine, sponsors("Lee", "Smith", source_id="0"), sponsors("Smith", "Peña", source_id="0")
    ) == [[("sponsor_added", "Sponsor added: Peña"), ("sponsor_removed", "Sponsor removed: Lee")]]


def test_a_sponsor_with_a_number_may_be_printed_otherwise(engine: Engine) -> None:
    news = in_turn(engine, sponsors("Lee, S.", source_id="41"), sponsors("Lee", source_id="41"))
    assert news == [[]]
    assert standing(engine, "sponsors", "name") == ["Lee"]


def test_a_name_may_gain_its_accents(engine: Engine) -> None:
    """New Mexico's list did so in February 2026, on eighteen bills at once."""
    assert in_turn(engine, sponsors("Cristina Parajon"), sponsors("Cristina Parajón")) == [[]]
    assert standing(engine, "sponsors", "name") == ["Cristina Parajón"]


def test_two_sponsors_of_one_name_are_two(engine: Engine) -> None:
    assert in_turn(engine, sponsors("Smith"), sponsors("Smith", "Smith")) == [
        [("sponsor_added", "Sponsor added: Smith")]
    ]
    assert standing(engine, "sponsors", "name") == ["Smith", "Smith"]


def test_versions_and_their_texts(engine: Engine) -> None:
    news = in_turn(
        engine,
        page(versions=(version("Introduced"),)),
        page(versions=(version("Introduced", "a text"),)),
        page(versions=(version("Introduced", links=(Link(url="https://x/1.pdf"),)),)),
        page(versions=(version("Introduced", "a text"), version("Third Reader", "b text"))),
        page(versions=(version("Introduced", "A text!"), version("Third Reader", "b text"))),
    )
    assert news == [
        [("version_text", "Text published: Introduced")],
        [],
        [("version", "New version: Third Reader")],
        [("version_text", "Text changed: Introduced")],
    ], "a page read without its text keeps the text"
    found = changes(engine, "version", "version_text")
    assert [c.after and c.after["note"] for c in found] == [
        "Introduced",
        "Third Reader",
        "Introduced",
    ]
    assert found[2].before == {"text_sha256": found[0].after and found[0].after["text_sha256"]}


def test_a_text_that_arrives_weeks_late_is_no_news(engine: Engine) -> None:
    """It could not be had in January; the version was there to be read all along."""
    january = "2026-01-14"
    news = in_turn(
        engine,
        page(versions=(version("Introduced", date=january),)),
        page(versions=(version("Introduced", "a text", date=january),)),
        page(versions=(version("Introduced", "b text", date=january),)),
    )
    assert news == [[], [("version_text", "Text changed: Introduced")]]


def test_a_version_is_known_by_its_date_too_and_an_arriving_date_is_none_of_its_own(
    engine: Engine,
) -> None:
    news = in_turn(
        engine,
        page(versions=(version("Amendment"),)),
        page(versions=(version("Amendment", date="2026-03-01"),)),
        page(
            versions=(
                version("Amendment", date="2026-03-01"),
                version("Amendment", date="2026-03-04"),
            )
        ),
    )
    assert news == [[], [("version", "New version: Amendment")]]


def test_votes(engine: Engine) -> None:
    first, second = vote("Third Reading", 97), vote("Final Passage", 30, source_id="s12")
    corrected = vote("Third Reading", 98)
    news = in_turn(
        engine,
        page(votes=()),
        page(votes=(first,)),
        page(votes=(corrected, second)),
        page(votes=(corrected, second)),
    )
    assert news == [
        [("vote", "Vote: Third Reading (97 yes, 40 no)")],
        [("vote", "Vote: Final Passage (30 yes, 40 no)")],
        [],
    ]
    assert [row["counts"][0]["value"] for row in everything(engine)["votes"]] == [98, 30]


def test_companions(engine: Engine) -> None:
    def related(*found: tuple[str, str]) -> BillItem:
        return page(
            related_bills=tuple(
                RelatedBillItem(identifier=number, relation=relation)  # type: ignore[arg-type]
                for number, relation in found
            )
        )

    news = in_turn(
        engine,
        related(),
        related(("SB0002", "companion"), ("HB 9", "prior-session")),
        related(("S.B. 2", "companion"), ("HB 9", "prior-session")),
        related(),
        related(("SB 2", "companion")),
    )
    assert news == [[("companion", "Companion bill: SB 2")], [], [], []]


def test_what_only_the_tracker_derives_is_no_news(engine: Engine) -> None:
    """Subjects, links and numbers of the source change silently."""
    news = in_turn(engine, page(), page(subjects=("Jails",), source_id="7", chamber="upper"))
    assert news == [[]]
    assert everything(engine)["bill"][0]["subjects"] == ["Jails"]


def test_one_run_tells_all_that_moved_at_once(engine: Engine) -> None:
    crawl(engine, page(title=OFF_TOPIC, sponsors=(), votes=(), versions=()))
    run = crawl(
        engine,
        page(
            title=ON_TOPIC,
            sponsors=(SponsorItem(name="Lee"),),
            votes=(vote("Third Reading", 97),),
            versions=(version("Third Reader", "b text"),),
        ),
        day=1,
    )
    found = changes(engine, run=run.id)
    assert sorted(c.kind for c in found) == ["sponsor_added", "title", "version", "vote"]
    assert run.bills_changed == 1


@pytest.mark.parametrize("kind", KINDS)
def test_one_fact_has_one_key_and_others_have_others(kind: str) -> None:
    def key(*identity: object) -> str:
        return draft(kind, "said", *identity).key

    day = dt.date(2026, 3, 2)
    assert key("a", day) == key("a", day)
    assert len({key("a", day), key("a", None), key("b", day), key("a", day, 2)}) == 4


def test_a_long_summary_is_cut_and_the_words_kept() -> None:
    made: Draft = draft("title", "x" * 10_000, after={"text": "x" * 10_000})
    assert len(made.summary) == LONGEST_SUMMARY and made.summary.endswith("…")
    assert made.after == {"text": "x" * 10_000}
