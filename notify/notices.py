"""Single messages that answer what someone did on a page: confirm this, welcome, here is your link.

A page only notes that one is wanted. Whether the address is known is looked up when the message
is made, so that no page can tell.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Sequence
from email.utils import format_datetime, parseaddr
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, delete, insert, select, update

from notify import ledger, signups
from notify.addresses import address_key
from notify.conversation import Conversation, Envelope, Refused
from notify.message import bounce_address, check_settings, folded, put_together, quoted
from notify.notice_words import Words, words_of
from notify.render import environment, inlined
from notify.send import Clock, utcnow
from notify.smtp import NoRelay, answer, connected, fault, relays, trusted
from notify.suppression import suppress
from notify.tokens import notice_return_path, random_token, secret_key
from tracker.db import reading, writing
from tracker.models import Notice
from tracker.settings import Settings

FIRST_RETRY = dt.timedelta(minutes=2)
TRIED_FOR = dt.timedelta(days=1)
KEPT = dt.timedelta(days=30)

log = structlog.get_logger()


def want(
    connection: Connection,
    kind: str,
    address: str,
    now: dt.datetime,
    settings: Settings,
    sign_up_id: int | None = None,
) -> None:
    """Queue one; ``address`` is one that ``checked_address`` gave."""
    domain = parseaddr(settings.mail_from)[1].rpartition("@")[2]
    connection.execute(
        insert(Notice).values(
            kind=kind,
            address=address,
            address_key=address_key(address),
            sign_up_id=sign_up_id,
            message_id=f"<{random_token()}@{domain}>",
            created_at=now,
            next_attempt_at=now,
        )
    )


def send_notices(engine: Engine, settings: Settings, *, clock: Clock = utcnow) -> Counter[str]:
    """Send what is queued and due, unless mail is stopped; how many by status they came to.

    Safe to run twice at once and to kill: one that may have reached a server is not sent again.
    Without a relay they wait. Raises ``BadMailSettings``.
    """
    now = clock()
    with writing(engine) as connection:
        signups.forget_old(connection, now)
        connection.execute(
            delete(Notice).where(Notice.created_at <= now - KEPT, Notice.status != "queued")
        )
        due = connection.scalars(
            select(Notice.id)
            .where(Notice.status == "queued", Notice.next_attempt_at <= now)
            .order_by(Notice.id)
        ).all()
    if not due or not settings.smtp_host or ledger.stopped(engine):
        return Counter()
    check_settings(settings)
    return asyncio.run(_send_all(engine, settings, due, clock))


async def _send_all(
    engine: Engine, settings: Settings, due: Sequence[int], clock: Clock
) -> Counter[str]:
    counts: Counter[str] = Counter()
    talk: Conversation | None = None
    certificates = trusted(settings)
    try:
        for notice_id in due:
            notice = _claimed(engine, notice_id, clock())
            if notice is None:
                continue
            with reading(engine) as session:
                words = words_of(session, settings, notice)
            if words is None:
                counts[_over(engine, notice_id, "dropped", "nobody to tell")] += 1
                continue
            message = _bytes(settings, notice, words)
            if talk is None or not talk.is_open:
                try:
                    talk, _ = await connected(settings, relays(settings), certificates)
                except NoRelay as error:
                    log.warning("notices.no_relay", error=str(error))
                    counts[_later(engine, notice, str(error), clock())] += 1
                    break
            counts[await _deliver(engine, settings, talk, notice, message, clock)] += 1
    finally:
        if talk is not None:
            await talk.quit()
    return counts


def _claimed(engine: Engine, notice_id: int, now: dt.datetime) -> Any:
    """The row, from now on *sending*; ``None`` when another sender has it."""
    with writing(engine) as connection:
        return connection.execute(
            update(Notice)
            .where(Notice.id == notice_id, Notice.status == "queued", Notice.next_attempt_at <= now)
            .values(status="sending", attempts=Notice.attempts + 1)
            .returning(*Notice.__table__.columns)
        ).first()


async def _deliver(
    engine: Engine,
    settings: Settings,
    talk: Conversation,
    notice: Any,
    raw: bytes,
    clock: Clock,
) -> str:
    begun = False
    try:
        talk.announce(Envelope(_envelope_sender(settings, notice), notice.address))
        await talk.invited()
        begun = True
        talk.hand_over(raw)
        said = await talk.taken()
    except Refused as error:
        words = answer(error)
        whose = fault(error.step, error.code, words)
        if whose in ("later", "ours"):
            return _later(engine, notice, words, clock())
        if whose == "reader":
            with writing(engine) as connection:
                suppress(connection, notice.address_key, "hard bounce", words, clock())
        return _over(engine, notice.id, "failed", words)
    except OSError as error:
        talk.close()
        if begun:
            return _over(engine, notice.id, "unknown", answer(error))
        return _later(engine, notice, answer(error), clock())
    return _over(engine, notice.id, "sent", f"{said.code} {said.message}")


def _envelope_sender(settings: Settings, notice: Any) -> str:
    """A complaint or bounce comes back to an address of this notice alone."""
    secret = secret_key(settings)
    return notice_return_path(secret, notice.id, notice.message_id, bounce_address(settings))


def _later(engine: Engine, notice: Any, said: str, now: dt.datetime) -> str:
    if now - notice.created_at >= TRIED_FOR:
        return _over(engine, notice.id, "failed", said)
    wait = FIRST_RETRY * 2 ** (notice.attempts - 1)
    return _over(engine, notice.id, "queued", said, next_attempt_at=now + wait)


def _over(engine: Engine, notice_id: int, status: str, said: str, **values: Any) -> str:
    with writing(engine) as connection:
        connection.execute(
            update(Notice).where(Notice.id == notice_id).values(status=status, said=said, **values)
        )
    return status


def _bytes(settings: Settings, notice: Any, words: Words) -> bytes:
    context = {
        "words": words,
        "name": parseaddr(settings.mail_from)[0] or "billtracker",
        "footer": settings.mail_footer,
    }
    headers = {
        "To": notice.address,
        "Subject": folded(words.subject),
        "Date": format_datetime(notice.created_at),
        "Message-ID": notice.message_id,
        "Auto-Submitted": "auto-replied",
    }
    text = environment().get_template("notice.txt.j2").render(context)
    html = inlined(environment().get_template("notice.html.j2").render(context))
    return put_together(headers, quoted(text), quoted(html), f"notice-{notice.id}", settings)
