"""Why someone did, or did not, get a change."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Engine, select, tuple_
from sqlalchemy.orm import Session

from notify.bill_names import bill_keys
from notify.filters import Filter, in_words
from notify.match import KEPT_FOR, judged_anew, why_not
from notify.snapshot import describe
from tracker.db import reading
from tracker.models import Bill, Change, Digest, News, Outbox, Subscriber, Subscription

MOST_CHANGES = 20


def changes_named(engine: Engine, typed: str) -> list[int]:
    """``17``, or the newest changes of ``md HB 1222``. Raises ``LookupError`` or ``ValueError``."""
    if typed.isascii() and typed.isdigit() and len(typed) < 19:
        return [int(typed)]
    columns = tuple_(Bill.jurisdiction, Bill.session, Bill.identifier_key)
    keys = [tuple(key.split(":", 2)) for key in bill_keys(engine, [typed])]
    newest = select(Change.id).join(Bill, Bill.id == Change.bill_id).where(columns.in_(keys))
    with reading(engine) as session:
        found = session.scalars(newest.order_by(Change.id.desc()).limit(MOST_CHANGES)).all()
    if not found:
        raise LookupError(f"nothing has changed on {typed} since it was first seen")
    return sorted(found)


def explain(engine: Engine, subscriber_id: int, change_id: int, now: dt.datetime) -> list[str]:
    """Sentences for people, from the change to the message. Raises ``LookupError``."""
    with reading(engine) as session:
        change = session.get(Change, change_id)
        if change is None:
            raise LookupError(f"no change {change_id}")
        reader = session.get_one(Subscriber, subscriber_id)
        told, wanted = _of_reader(session, reader, change, now)
        why = _why_not_there(session, change, now) if wanted else ""
        return [
            *_of_change(session, change, now),
            *told,
            *_of_outbox(session, subscriber_id, change_id, why),
        ]


def _of_change(session: Session, change: Change, now: dt.datetime) -> list[str]:
    bill = change.bill
    said = [
        f"Change {change.id} of {bill.jurisdiction.upper()} {bill.identifier_key}: "
        f"{change.summary} (seen {change.detected_at:%Y-%m-%d %H:%M} UTC)."
    ]
    meaning = {
        "held": "Its run has not proved sound: nobody is told until it is released.",
        "baseline": "It belongs to the source's first run, which is where we start, not news.",
        "discarded": "A person discarded its run.",
        "retracted": "It was taken back after it was released.",
    }
    if change.status != "released":
        return [*said, meaning.get(change.status, f"Its status is {change.status}.")]
    news = session.get(News, change.id)
    if news is not None:
        said.append(f"It was matched on {news.planned_at:%Y-%m-%d %H:%M} UTC.")
        if news.taken_back_at:
            said.append(f"The source took it back, seen {news.taken_back_at:%Y-%m-%d %H:%M} UTC.")
    elif (change.released_at or change.detected_at) < now - KEPT_FOR:
        said.append(f"It was released more than {KEPT_FOR.days} days ago: history, not news.")
    else:
        said.append("It has not been matched yet: the next run does.")
    return said


def _of_reader(
    session: Session, reader: Subscriber, change: Change, now: dt.datetime
) -> tuple[list[str], bool]:
    """And whether one of their subscriptions wants it as things are now."""
    said = []
    wanted = False
    if reader.status != "active":
        said.append(f"{reader.address} is {reader.status}, so nothing is sent.")
    (described,) = describe(session, [change.id], now.date())
    if not reader.subscriptions:
        said.append(f"{reader.address} has no subscription.")
    for one in reader.subscriptions:
        chosen = Filter.model_validate(one.filter)
        name = f"Subscription {one.id} ({one.frequency}, {in_words(chosen)})"
        reason = why_not(chosen, described.facts)
        if not one.active:
            reason = "it is paused"
        elif not reason and described.facts.released_at <= one.active_since:
            reason = f"it is for what was released after {one.active_since:%Y-%m-%d %H:%M} UTC"
        said.append(f"{name} leaves it out: {reason}." if reason else f"{name} matches.")
        wanted = wanted or not reason
    return said, wanted


def _of_outbox(session: Session, subscriber_id: int, change_id: int, why: str) -> list[str]:
    row = session.get(Outbox, (subscriber_id, change_id))
    if row is None:
        return [f"It is not in their outbox{why}."]
    if row.digest_id is None:
        due = session.scalar(
            select(Subscription.next_due_at).where(Subscription.id == row.subscription_id)
        )
        when = f", due {due:%Y-%m-%d %H:%M} UTC" if due and row.status == "waiting" else ""
        return [f"In their outbox: {row.status}{when}."]
    digest = session.get_one(Digest, row.digest_id)
    answer = f" The server said: {digest.said}" if digest.said else ""
    return [f"In their outbox: {row.status}, in digest {digest.id} ({digest.status}).{answer}"]


def _why_not_there(session: Session, change: Change, now: dt.datetime) -> str:
    """What matches now and did not then."""
    news = session.get(News, change.id)
    if news is None or change.status != "released":
        return ""
    if change.id in judged_anew(session, now):
        return " yet: its bill has been judged otherwise since, and the next run matches it again"
    return (
        f": what counts is how filter and bill were when it was matched, "
        f"{news.planned_at:%Y-%m-%d %H:%M} UTC"
    )
