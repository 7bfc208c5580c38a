"""What a source takes back: dropped while it waits, corrected by the next digest once sent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, select, update

from notify.compose import compose
from notify.deliver import run_digests
from notify.match import plan
from tests.notify.relay import relay, settings_for
from tests.notify.stories import NOW, add_bill, add_change, add_reader
from tracker.db import reading, writing
from tracker.models import Bill, Change, Digest, Outbox, Verdict

DAY = dt.timedelta(days=1)
LINE = {"text": "Referred to Judiciary", "date": "2026-03-02"}
OTHER = {"text": "Referred to Finance", "date": "2026-03-02"}


def told(engine: Engine, bill: int) -> int:
    return add_change(engine, bill, summary=LINE["text"], after=LINE)


def retracted(engine: Engine, bill: int, at: dt.datetime) -> int:
    said = "Taken back: “Referred to Judiciary”"
    return add_change(engine, bill, "action_retracted", said, before=LINE, released_at=at)


def corrected(engine: Engine, bill: int, at: dt.datetime) -> int:
    said = "“Referred to Judiciary” now reads “Referred to Finance”"
    return add_change(
        engine, bill, "action_corrected", said, before=LINE, after=OTHER, released_at=at
    )


def discard(engine: Engine, bill: int, at: dt.datetime) -> int:
    """The change itself is no news any more, and none other says so."""
    with writing(engine) as connection:
        connection.execute(
            update(Change)
            .where(Change.bill_id == bill, Change.kind == "action")
            .values(status="retracted")
        )
    return 0


def sent(engine: Engine, now: dt.datetime) -> list[str]:
    """The texts of what one pass sends, as one line each."""
    with relay() as inbox:
        run_digests(engine, settings_for(inbox), clock=lambda: now)
    bodies = [inbox.message(index).get_body(("plain",)) for index in range(len(inbox.kept))]
    return [" ".join(body.get_content().split()) for body in bodies if body is not None]


Undo = Callable[[Engine, int, dt.datetime], int]
undo = pytest.mark.parametrize("undo", [retracted, discard])


@undo
def test_retracted_before_it_left_it_is_dropped(engine: Engine, undo: Undo) -> None:
    add_reader(engine)
    bill = add_bill(engine)
    told(engine, bill)
    plan(engine, NOW - DAY / 2)
    undo(engine, bill, NOW - DAY / 3)
    assert sent(engine, NOW) == []
    assert sent(engine, NOW + DAY) == []
    with reading(engine) as session:
        assert set(session.scalars(select(Outbox.status))) <= {"dropped"}


@undo
def test_retracted_after_it_was_sent_the_next_digest_says_so_once(
    engine: Engine, undo: Undo
) -> None:
    add_reader(engine)
    bill = add_bill(engine)
    told(engine, bill)
    (first,) = sent(engine, NOW)
    assert "Mar 2: Referred to Judiciary" in first
    undo(engine, bill, NOW + DAY / 2)
    (second,) = sent(engine, NOW + DAY)
    assert "CORRECTIONS" in second
    assert "We told you: MD HB 1222, Mar 2: Referred to Judiciary" in second
    assert "Now: The legislature has taken this back." in second
    assert "MARYLAND" not in second, "the retraction is told as a correction, not as news too"
    assert sent(engine, NOW + 2 * DAY) == []


@pytest.mark.parametrize(
    "answer", ["451 4.2.0 not now", "552 5.2.2 mailbox full"], ids=["given up", "bounced"]
)
def test_a_correction_that_did_not_arrive_is_told_by_the_next_digest(
    engine: Engine, answer: str
) -> None:
    add_reader(engine)
    bill = add_bill(engine)
    told(engine, bill)
    sent(engine, NOW)
    retracted(engine, bill, NOW + DAY / 2)
    with relay(lambda step, _: answer if step == "rcpt" else None) as inbox:
        for days in range(1, 5):
            run_digests(engine, settings_for(inbox), clock=lambda at=NOW + days * DAY: at)
    (text,) = sent(engine, NOW + 6 * DAY)
    assert "We told you: MD HB 1222, Mar 2: Referred to Judiciary" in text
    assert sent(engine, NOW + 7 * DAY) == []


def test_corrected_before_it_left_only_the_new_wording_is_told(engine: Engine) -> None:
    add_reader(engine)
    bill = add_bill(engine)
    told(engine, bill)
    plan(engine, NOW - DAY / 2)
    corrected(engine, bill, NOW - DAY / 3)
    (text,) = sent(engine, NOW)
    assert "now reads “Referred to Finance”" in text
    assert "Mar 2: Referred to Judiciary" not in text
    assert sent(engine, NOW + DAY) == []


@pytest.mark.parametrize("relevant", [True, False])
def test_corrected_after_it_was_sent_both_are_told(engine: Engine, relevant: bool) -> None:
    """Even where the bill is not judged relevant any more: the reader was told of it."""
    add_reader(engine)
    bill = add_bill(engine)
    told(engine, bill)
    sent(engine, NOW)
    corrected(engine, bill, NOW + DAY / 2)
    with writing(engine) as connection:
        connection.execute(update(Verdict).values(relevant=relevant))
    (text,) = sent(engine, NOW + DAY)
    assert "We told you: MD HB 1222, Mar 2: Referred to Judiciary" in text
    assert "Now: “Referred to Judiciary” now reads “Referred to Finance”" in text
    assert sent(engine, NOW + 2 * DAY) == []


@pytest.mark.parametrize(("stands_at", "texts"), [("in-committee", 1), ("introduced", 0)])
def test_a_stage_stands_while_other_lines_carry_it(
    engine: Engine, stands_at: str, texts: int
) -> None:
    add_reader(engine)
    bill = add_bill(engine, stage=stands_at)
    after = {"stage": "in-committee", "action": LINE["text"]}
    add_change(engine, bill, "stage", "In committee", stage="in-committee", after=after)
    plan(engine, NOW - DAY / 2)
    retracted(engine, bill, NOW - DAY / 3)
    found = [text for text in sent(engine, NOW) if "Went to committee" in text]
    assert len(found) == texts


def test_a_digest_made_but_not_sent_is_made_anew(engine: Engine) -> None:
    """It waits in the queue of a stopped sender while one of its two news is taken back."""
    add_reader(engine)
    bill = add_bill(engine)
    told(engine, bill)
    add_change(engine, add_bill(engine, "va", "SB 1"), summary="Signed")
    plan(engine, NOW)
    assert len(compose(engine, settings_for(), NOW)) == 1
    retracted(engine, bill, NOW + DAY / 24)
    (text,) = sent(engine, NOW + DAY / 12)
    assert "VA SB 1" in text
    assert "HB 1222" not in text
    assert sent(engine, NOW + DAY) == []
    with reading(engine) as session:
        assert session.scalars(select(Digest.status)).all() == ["sent"]


def test_who_was_not_told_needs_no_correction(engine: Engine) -> None:
    add_reader(engine, "old@example.org")
    bill = add_bill(engine)
    told(engine, bill)
    sent(engine, NOW)
    add_reader(engine, "new@example.org", since=NOW + DAY / 12)
    discard(engine, bill, NOW)
    with writing(engine) as connection:
        connection.execute(update(Bill).values(stage="introduced"))
    assert len(sent(engine, NOW + DAY)) == 1
