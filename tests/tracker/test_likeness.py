"""Companions and model legislation are found by their words."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, func, select

from tests.tracker.stored_bills import NOW, add_bill, add_version
from tracker.db import reading, writing_session
from tracker.likeness import LEAST_SHARE, bills_like, link_alike, share_of_words, sketch
from tracker.models import Likeness, RelatedBill, SketchHash
from tracker.review_queue import review_queue

MODEL = " ".join(
    f"({n}) A law enforcement agency shall not {verb} an individual for {thing} unless the"
    f" agency holds a warrant signed by a judge of court {n}."
    for n, (verb, thing) in enumerate(
        (verb, thing)
        for verb in ("stop", "hold", "question", "search", "transfer", "report")
        for thing in ("a civil immigration offense", "an immigration detainer", "removal")
    )
)
OTHER = " ".join(
    f"Section {n}. The department of parks shall publish map number {n} of its trails and lakes"
    f" before day {n * 3} of each year, with the depth of every lake."
    for n in range(20)
)


def test_the_same_text_elsewhere_is_linked_with_its_share(engine: Engine) -> None:
    amended = MODEL.replace("a warrant signed by a judge", "an order of a magistrate")
    with writing_session(engine) as session:
        first = add_bill(session, "HB 1", state="md", text=MODEL).id
        twin = add_bill(session, "SB 9", state="md", text=MODEL).id
        copied = add_bill(session, "HB 77", state="va", text=amended).id
        add_bill(session, "HB 5", state="va", text=OTHER)
    assert link_alike(engine) == 4
    with reading(engine) as session:
        found = {one.bill.id: one.share for one in bills_like(session, first)}
        back = {one.bill.id for one in bills_like(session, copied)}
    assert found[twin] == 1.0
    assert LEAST_SHARE < found[copied] < 1.0
    assert set(found) == {twin, copied}
    assert back == {first, twin}


def test_a_second_call_reads_no_text_again(engine: Engine) -> None:
    with writing_session(engine) as session:
        add_bill(session, "HB 1", state="md", text=MODEL)
    link_alike(engine)
    texts = []
    event.listen(
        engine,
        "before_cursor_execute",
        lambda conn, cursor, statement, *rest: texts.append("bill_text.text" in statement),
    )
    assert link_alike(engine) == 0
    assert not any(texts)


def test_a_new_version_is_compared_anew(engine: Engine) -> None:
    with writing_session(engine) as session:
        bill = add_bill(session, "HB 1", state="md", text=MODEL)
        other = add_bill(session, "HB 2", state="va", text=MODEL).id
        bill_id = bill.id
    link_alike(engine)
    with writing_session(engine) as session:
        add_version(session, session.get_one(type(bill), bill_id), OTHER, position=1)
    assert link_alike(engine) == 1
    with reading(engine) as session:
        assert bills_like(session, bill_id) == []
        assert session.scalar(select(func.count()).select_from(Likeness)) == 0
        counted = select(func.count()).where(SketchHash.bill_id == other)
        assert session.scalar(counted) == len(sketch(MODEL))


def test_one_bill_read_from_two_sources_is_not_its_own_companion(engine: Engine) -> None:
    with writing_session(engine) as session:
        here = add_bill(session, "HB 1", state="md", text=MODEL).id
        there = add_bill(session, "HB 1", state="md", text=MODEL, source="legiscan-md").id
    link_alike(engine)
    with reading(engine) as session:
        assert bills_like(session, here) == bills_like(session, there) == []


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 1000), min_size=60, max_size=200), st.integers(1, 40))
def test_the_sketch_survives_what_an_amendment_changes(words: list[int], place: int) -> None:
    """Texts that differ in one word share most of their hashes; the share is nearly one."""
    text = " ".join(f"word{n}" for n in words)
    amended = " ".join(f"word{n}" for n in (*words[:place], 5000, *words[place + 1 :]))
    assert share_of_words(text, text) == 1.0
    assert share_of_words(text, amended) > 0.9
    common = sketch(text) & sketch(amended)
    assert len(common) >= 0.6 * len(sketch(text)) - 6


def test_a_bill_like_one_on_topic_waits_for_review(engine: Engine) -> None:
    with writing_session(engine) as session:
        known = add_bill(session, "HB 1", state="md", text=MODEL).id
        vague = add_bill(session, "SB 2", "Law", state="va", level="off", text=MODEL).id
        add_bill(session, "SB 3", "Law", state="va", level="off", text=OTHER)
    link_alike(engine)
    with reading(engine) as session:
        (one,) = review_queue(session)
        assert (one.bill.id, one.other and one.other.id) == (vague, known)
        assert one.why == "100% of its words are those of"


def test_a_companion_by_its_source_waits_for_review(engine: Engine) -> None:
    with writing_session(engine) as session:
        known = add_bill(session, "HB 1", state="md").id
        companion = add_bill(session, "SB 2", "Law", state="md", level="off").id
        session.add(
            RelatedBill(
                bill_id=known,
                identifier="SB0002",
                identifier_key="SB 2",
                session="",
                relation="companion",
                first_seen_at=NOW,
            )
        )
    with reading(engine) as session:
        (one,) = review_queue(session)
        assert (one.bill.id, one.other and one.other.id) == (companion, known)
