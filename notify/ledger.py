"""What became of each digest, written down step by step while it is sent.

queued → claimed → sending → sent. Every step is in a short transaction, conditional on the one
before and on the lease, so that of two senders one wins and the other sees that it lost.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from notify.message import Letter
from notify.suppression import soft_bounce, suppress
from tracker.db import prepared, reading, writing
from tracker.models import Digest, Edition, MailStop, Outbox, Subscriber

LEASE = dt.timedelta(minutes=15)
FIRST_RETRY = dt.timedelta(minutes=5)
LONGEST_WAIT = dt.timedelta(hours=6)
TRIED_FOR = dt.timedelta(days=3)
IN_HAND = ("claimed", "sending")


def sweep(engine: Engine, now: dt.datetime) -> None:
    """Settle what earlier senders left: call before sending.

    A digest claimed but never handed over goes back into the queue. One that was being handed
    over when its sender died may have been accepted: it becomes ``unknown``, for a person.
    """
    expired = Digest.leased_until <= now
    with writing(engine) as connection:
        connection.execute(
            update(Digest)
            .where(Digest.status == "claimed", expired)
            .values(status="queued", lease="", leased_until=None)
        )
        connection.execute(
            update(Digest)
            .where(Digest.status == "sending", expired)
            .values(status="unknown", said="the sender ended before the server's answer")
        )
        gone = select(Subscriber.id).where(Subscriber.status != "active")
        cancelled = connection.execute(
            update(Digest)
            .where(Digest.status == "queued", Digest.subscriber_id.in_(gone))
            .values(status="cancelled", said="the reader left before it was sent")
            .returning(Digest.id, Digest.subscriber_id)
        ).all()
        for row in cancelled:
            mark_rows(connection, row.id, row.subscriber_id, "dropped")


def queued(engine: Engine, now: dt.datetime) -> int:
    with reading(engine) as session:
        return session.scalar(select(func.count()).select_from(Digest).where(_due(now))) or 0


def news_waits(engine: Engine) -> bool:
    """For whomever, and whether it is due or not."""
    with reading(engine) as session:
        waiting = select(Outbox.change_id).where(Outbox.status == "waiting").limit(1)
        return session.scalar(waiting) is not None


def _due(now: dt.datetime) -> ColumnElement[bool]:
    return and_(Digest.status == "queued", Digest.next_attempt_at <= now)


def _in_state(status: str) -> ColumnElement[bool]:
    """Of rows named by their ids: SQLite would look through all in that state, by its index."""
    return Digest.status.concat("") == status


def claim(engine: Engine, lease: str, most: int, now: dt.datetime) -> list[int]:
    """Ids of digests that are this sender's for the time of a lease; none when mail is stopped."""
    with writing(engine) as connection:
        if connection.execute(select(MailStop.id)).first():
            return []
        free = (
            select(Digest.id)
            .join(Subscriber, Subscriber.id == Digest.subscriber_id)
            .where(_due(now), Subscriber.status == "active")
            .order_by(Digest.next_attempt_at, Digest.id)
            .limit(most)
            .with_for_update(of=Digest, skip_locked=True)
        )
        ids = connection.scalars(free).all()
        claimed = connection.scalars(
            update(Digest)
            .where(Digest.id.in_(ids), _in_state("queued"))
            .values(status="claimed", lease=lease, leased_until=now + LEASE)
            .returning(Digest.id)
        )
        return sorted(claimed)


def letters(engine: Engine, ids: Sequence[int]) -> list[Letter]:
    with reading(engine) as session:
        rows: Sequence[Any] = session.execute(
            select(
                Digest.id,
                Digest.subscriber_id,
                Subscriber.address,
                Subscriber.token,
                Digest.token,
                Digest.message_id,
                Digest.created_at,
                Digest.first_attempt_at,
                Digest.attempts,
                Digest.edition_id,
            )
            .join(Subscriber, Subscriber.id == Digest.subscriber_id)
            .where(Digest.id.in_(ids))
            .order_by(Digest.id)
        ).all()
        words = select(Edition.id, Edition.subject, Edition.text, Edition.html).where(
            Edition.id.in_({row.edition_id for row in rows})
        )
        editions: dict[int, Any] = {row.id: row[1:] for row in session.execute(words)}
        return [Letter(*row[:-1], *editions[row.edition_id]) for row in rows]


class Acceptance(NamedTuple):
    """A relay has taken this letter."""

    letter: Letter
    relay: str
    said: str


# Said for every message, so they are put together once, and no list in them has to be written out.
_THIS = Digest.id == bindparam("of")
_OURS = Digest.lease == bindparam("held_by")
_WANTED = exists(
    select(Subscriber.id).where(
        Subscriber.id == Digest.subscriber_id, Subscriber.status == "active"
    )
)
_BEGIN = (
    update(Digest.__table__)  # type: ignore[arg-type]
    .where(_THIS, _OURS, Digest.status == "claimed", _WANTED, ~exists(select(MailStop.id)))
    .values(
        status="sending",
        attempts=Digest.attempts + 1,
        first_attempt_at=func.coalesce(
            Digest.first_attempt_at, bindparam("now", type_=Digest.first_attempt_at.type)
        ),
        leased_until=bindparam("until"),
    )
)
_ACCEPT = (
    update(Digest.__table__)  # type: ignore[arg-type]
    .where(_THIS, _OURS, or_(Digest.status == "sending", Digest.status == "unknown"))
    .values(status="sent", sent_at=bindparam("at"), relay=bindparam("by"), said=bindparam("answer"))
)
_ROWS_SENT = (
    update(Outbox.__table__)  # type: ignore[arg-type]
    .where(
        Outbox.subscriber_id == bindparam("reader"),
        Outbox.digest_id == bindparam("of"),
        Outbox.status == "claimed",
        exists(select(Digest.id).where(_THIS, _OURS, Digest.status == "sent")),
    )
    .values(status="sent")
)


def note(
    connection: Connection,
    lease: str,
    now: dt.datetime,
    accepted: Sequence[Acceptance] = (),
    beginning: Sequence[Letter] = (),
) -> set[int]:
    """What relays have taken, and what they may have from here on, in one transaction.

    Gives the digests that may begin: none of them when mail has been stopped meanwhile, none whose
    lease is no longer ours or whose reader has left.
    """
    with connection.begin():
        if accepted:
            _accept(connection, lease, accepted, now)
        if not beginning:
            return set()
        each = {"held_by": lease, "now": now, "until": now + LEASE}
        those = [letter.digest_id for letter in beginning]
        begin = prepared(_BEGIN, connection.dialect)
        if begin.execute(connection, [{**each, "of": one} for one in those]) == len(those):
            return set(those)
        ours = (Digest.id.in_(those), Digest.lease == lease, _in_state("sending"))
        return set(connection.scalars(select(Digest.id).where(*ours)))


def _accept(
    connection: Connection, lease: str, accepted: Sequence[Acceptance], now: dt.datetime
) -> None:
    """Digests and rows are sent in one breath.

    Even when the answer took so long that another sender has called it unknown meanwhile.
    """
    each = {"held_by": lease, "at": now}
    answers = [
        {**each, "of": one.letter.digest_id, "by": one.relay, "answer": one.said}
        for one in accepted
    ]
    prepared(_ACCEPT, connection.dialect).execute(connection, answers)
    rows = [
        {"held_by": lease, "of": one.letter.digest_id, "reader": one.letter.subscriber_id}
        for one in accepted
    ]
    prepared(_ROWS_SENT, connection.dialect).execute(connection, rows)


def unknown(engine: Engine, letter: Letter, lease: str, relay: str, said: str) -> None:
    """The connection was lost after we began: the server may have taken it or not."""
    with writing(engine) as connection:
        _step(connection, letter, lease, "sending", status="unknown", relay=relay, said=said)


def release(engine: Engine, ids: Sequence[int], lease: str) -> None:
    """Give back what was claimed and not begun."""
    with writing(engine) as connection:
        connection.execute(
            update(Digest)
            .where(Digest.id.in_(ids), Digest.lease == lease, Digest.status == "claimed")
            .values(status="queued", lease="", leased_until=None)
        )


def take_back(engine: Engine, letter: Letter, lease: str) -> None:
    """The relay would have refused anybody's: it is still ours, and another may have it."""
    with writing(engine) as connection:
        _step(connection, letter, lease, "sending", status="claimed")


def defer(
    engine: Engine, letter: Letter, lease: str, said: str, soft: bool, now: dt.datetime
) -> bool:
    """Try again later, each time after twice as long; False when it was tried for long enough.

    Then it bounced, and its news waits for the reader's next digest; ``soft``: that counts against
    the mailbox.
    """
    first = letter.first_attempt_at or now
    attempts = letter.attempts + 1
    with writing(engine) as connection:
        if now - first >= TRIED_FOR:
            over = f"given up after {TRIED_FOR.days} days: {said}"
            if _step(connection, letter, lease, *IN_HAND, status="bounced", said=over):
                mark_rows(connection, letter.digest_id, letter.subscriber_id, "waiting")
                if soft:
                    soft_bounce(connection, letter.subscriber_id, said, now)
            return False
        _step(
            connection,
            letter,
            lease,
            *IN_HAND,
            status="queued",
            attempts=attempts,
            first_attempt_at=first,
            next_attempt_at=now + min(FIRST_RETRY * 2**letter.attempts, LONGEST_WAIT),
            said=said,
            leased_until=None,
        )
    return True


def bounce(
    engine: Engine, letter: Letter, lease: str, said: str, hard: bool, now: dt.datetime
) -> None:
    """Refused for good; ``hard``: there is no such mailbox, and we mail it no more."""
    with writing(engine) as connection:
        if not _step(connection, letter, lease, *IN_HAND, status="bounced", said=said):
            return
        mark_rows(connection, letter.digest_id, letter.subscriber_id, "dropped")
        if hard:
            key = select(Subscriber.address_key).where(Subscriber.id == letter.subscriber_id)
            suppress(connection, connection.scalars(key).one(), "hard bounce", said, now)
        else:
            soft_bounce(connection, letter.subscriber_id, said, now)


def reported(
    connection: Connection, digest_id: int, kind: str, said: str, now: dt.datetime
) -> None:
    """A mail server reported on it later: ``hard``, ``soft`` or ``complaint``.

    A digest in status unknown is settled by that: it was accepted, and bounced or arrived.
    """
    status = "sent" if kind == "complaint" else "bounced"
    row = connection.execute(
        update(Digest)
        .where(Digest.id == digest_id, Digest.status.in_(("sent", "unknown")))
        .values(status=status, said=said, sent_at=func.coalesce(Digest.sent_at, now))
        .returning(Digest.subscriber_id)
    ).first()
    if row is not None:
        mark_rows(connection, digest_id, row.subscriber_id, "sent")


def _step(
    connection: Connection, letter: Letter, lease: str, *expected: str, **values: Any
) -> bool:
    """False when it is in none of these states any more, or not ours."""
    held = (
        Digest.id == letter.digest_id,
        Digest.lease == lease,
        Digest.status.in_(expected),
    )
    return connection.execute(update(Digest).where(*held).values(**values)).rowcount == 1


def mark_rows(connection: Connection, digest_id: int, subscriber_id: int, status: str) -> None:
    values: dict[str, Any] = {"status": status}
    if status == "waiting":
        values["digest_id"] = None
    connection.execute(
        update(Outbox)
        .where(
            Outbox.subscriber_id == subscriber_id,
            Outbox.digest_id == digest_id,
            Outbox.status == "claimed",
        )
        .values(**values)
    )
    if status != "sent":  # what it was to correct still is to be
        connection.execute(
            update(Outbox)
            .where(Outbox.subscriber_id == subscriber_id, Outbox.corrected_in == digest_id)
            .values(corrected_in=None)
        )


def settle(engine: Engine, digest_id: int, arrived: bool, now: dt.datetime) -> bool:
    """A person found out about an ``unknown`` digest; False when there is no such one.

    ``arrived``: it was delivered. Else it is sent again under the same Message-ID.
    """
    outcome: dict[str, Any] = (
        {"status": "sent", "sent_at": now, "said": "settled by a person: arrived"}
        if arrived
        else {
            **{"status": "queued", "lease": "", "leased_until": None},
            **{"attempts": 0, "first_attempt_at": None, "next_attempt_at": now},
        }
    )
    with writing(engine) as connection:
        row = connection.execute(
            update(Digest)
            .where(Digest.id == digest_id, Digest.status == "unknown")
            .values(**outcome)
            .returning(Digest.subscriber_id)
        ).first()
        if row is not None and arrived:
            mark_rows(connection, digest_id, row.subscriber_id, "sent")
    return row is not None


def stop(engine: Engine, reason: str, now: dt.datetime) -> None:
    """The kill switch: a running sender ends with the messages on their way."""
    with writing(engine) as connection:
        connection.execute(insert(MailStop).values(stopped_at=now, reason=reason))


def start(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(delete(MailStop))


def stopped(engine: Engine) -> str:
    """Why mail is stopped; empty while it is not."""
    with reading(engine) as session:
        row = session.scalars(select(MailStop).order_by(MailStop.id)).first()
    return "" if row is None else f"{row.reason} (since {row.stopped_at:%Y-%m-%d %H:%M} UTC)"
