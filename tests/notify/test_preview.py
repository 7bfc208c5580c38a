"""What a preview shows is what is then sent, word for word, and it leaves no trace."""

from __future__ import annotations

import datetime as dt
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from sqlalchemy import Engine, func, select, update

from notify.compose import compose
from notify.deliver import run_digests
from notify.filters import Filter
from notify.match import plan
from notify.message import message_bytes
from notify.people import DeliveryTime, Wish
from notify.preview import NOT_SENT, next_turn, preview
from tests.notify.busy_day import busy_day, told_and_taken_back
from tests.notify.relay import relay, settings_for
from tests.notify.stories import NOW, add_bill, add_change, add_reader
from tracker.db import reading, writing
from tracker.models import Change, Digest, Edition, News, Outbox, Subscriber

NOTHING_MADE = [0, 0, 0, 0]
TABLES = (News, Outbox, Edition, Digest)


def counts(engine: Engine) -> list[int]:
    with reading(engine) as session:
        return [session.scalar(select(func.count()).select_from(table)) or 0 for table in TABLES]


def read(raw: bytes, *unguessable: str) -> list[str]:
    """Its headers and both its parts; what nobody can guess as a preview has it."""
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    parts = [part for part in message.walk() if not part.is_multipart()]
    told = [f"{name}: {value}" for name, value in message.items()]
    told += [str(part.get_content()) for part in parts]
    for token in unguessable:
        told = [one.replace(token, NOT_SENT) for one in told]
    assert len(parts) == 2
    return told


def sent(engine: Engine, moment: dt.datetime) -> dict[str, list[str]]:
    """What a pass at that time sends, by address."""
    with relay() as inbox:
        run_digests(engine, settings_for(inbox), clock=lambda: moment)
    with reading(engine) as session:
        digests = {one.message_id: one for one in session.scalars(select(Digest))}
    found = {}
    for message_id, (_, address, raw) in zip(inbox.message_ids, inbox.kept, strict=True):
        name, _, _ = message_id[1:].partition("@")
        found[address] = read(raw, name, digests[message_id].token)
    return found


def previewed(engine: Engine, reader: int, moment: dt.datetime) -> list[str]:
    letter = preview(engine, settings_for(), reader, moment)
    assert letter is not None
    return read(message_bytes(letter, settings_for()))


def test_what_is_shown_is_what_is_sent(engine: Engine) -> None:
    """News matched before and not yet matched, several subscriptions, a correction."""
    ann = add_reader(engine, "ann@example.org")
    weekly = Wish(Filter(states="wa"), "weekly", weekday=1)
    bob = add_reader(engine, "bob@example.org", weekly, Wish(Filter(topics="287g"), "daily"))
    _, said = told_and_taken_back(engine)
    assert len(sent(engine, NOW - dt.timedelta(days=1))) == 2
    busy_day(engine, more=5)
    add_change(engine, add_bill(engine, "wa", "SB 1"), summary="Not matched yet")
    released = {"status": "released", "released_at": NOW - dt.timedelta(hours=2)}
    with writing(engine) as connection:
        connection.execute(update(Change).where(Change.id == said).values(released))
    shown = {
        "ann@example.org": previewed(engine, ann, NOW),
        "bob@example.org": previewed(engine, bob, NOW),
    }
    assert "Not matched yet" in "".join(shown["ann@example.org"])
    assert "We told you" in "".join(shown["bob@example.org"])
    assert sent(engine, NOW) == shown


def test_it_leaves_no_trace(engine: Engine) -> None:
    reader = add_reader(engine)
    add_change(engine, add_bill(engine))
    before = counts(engine)
    assert preview(engine, settings_for(), reader, NOW) is not None
    assert counts(engine) == before == NOTHING_MADE
    plan(engine, NOW)
    before = counts(engine)
    assert preview(engine, settings_for(), reader, NOW) is not None
    assert counts(engine) == before
    with reading(engine) as session:
        assert session.scalars(select(Subscriber.last_digest_at)).all() == [None]


def test_a_digest_in_the_queue_whose_news_was_taken_back_is_shown_anew(engine: Engine) -> None:
    reader = add_reader(engine)
    wrong = add_change(engine, add_bill(engine))
    add_change(engine, add_bill(engine, "va", "SB 1"), summary="This one stands")
    plan(engine, NOW)
    compose(engine, settings_for(), NOW)
    with writing(engine) as connection:
        connection.execute(update(Change).where(Change.id == wrong).values(status="retracted"))
    later = NOW + dt.timedelta(minutes=10)
    letter = preview(engine, settings_for(), reader, later)
    assert letter is not None
    assert "VA SB 1" in letter.subject
    assert "HB 1222" not in letter.text


def test_a_digest_that_waits_in_the_queue_is_what_is_shown(engine: Engine) -> None:
    reader = add_reader(engine)
    add_change(engine, add_bill(engine))
    plan(engine, NOW)
    compose(engine, settings_for(), NOW)
    add_change(engine, add_bill(engine, "va", "SB 1"), summary="Came later")
    later = NOW + dt.timedelta(minutes=10)
    with reading(engine) as session:
        assert next_turn(session.connection(), reader, later) == later
    shown = previewed(engine, reader, later)
    assert "Third Reading Passed" in "".join(shown)
    assert sent(engine, later) == {"ann@example.org": shown}


@pytest.mark.parametrize("planned", [True, False])
def test_a_past_time_knows_nothing_of_what_came_later(engine: Engine, planned: bool) -> None:
    at_once = Wish(Filter(), "immediate")
    reader = add_reader(engine, "ann@example.org", at_once, since=NOW - dt.timedelta(days=5))
    bill, earlier = add_bill(engine), NOW - dt.timedelta(days=2)
    add_change(engine, bill, summary="Known then", released_at=earlier)
    add_change(engine, bill, summary="Came later")
    if planned:
        plan(engine, NOW)
    letter = preview(engine, settings_for(), reader, NOW - dt.timedelta(days=1))
    assert letter is not None
    assert "Known then" in letter.text
    assert "Came later" not in letter.text


def test_nothing_is_shown_when_nothing_would_be_sent(engine: Engine) -> None:
    reader = add_reader(engine, clock=DeliveryTime("America/New_York", 7, 0))
    assert preview(engine, settings_for(), reader, NOW) is None
    add_change(engine, add_bill(engine))
    assert len(sent(engine, NOW)) == 1
    add_change(engine, add_bill(engine, "va", "SB 1"))
    evening = NOW + dt.timedelta(hours=10)
    assert preview(engine, settings_for(), reader, evening) is None
    assert sent(engine, evening) == {}


@pytest.mark.parametrize(("hour", "due"), [(7, dt.timedelta(0)), (9, dt.timedelta(hours=2))])
def test_the_next_turn_is_now_or_when_one_is_due(
    engine: Engine, hour: int, due: dt.timedelta
) -> None:
    clock = DeliveryTime("America/New_York", hour, 0)
    reader = add_reader(engine, clock=clock, since=NOW - dt.timedelta(hours=20))
    with reading(engine) as session:
        assert next_turn(session.connection(), reader, NOW) == NOW + due
