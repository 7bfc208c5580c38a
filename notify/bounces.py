"""Bounces and complaints, read from where they arrive, → readers we mail no more.

A report counts only when it came to, or names, the signed return path of one of our digests or
notices (notify.tokens): nobody can have a stranger suppressed by a forged one. It counts once.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, insert, select, update

from notify import ledger
from notify.mailboxes import messages
from notify.message import bounce_address
from notify.reports import Report, read_report
from notify.suppression import is_suppressed, soft_bounce, suppress
from notify.tokens import digest_of_return_path, notice_of_return_path, secret_key
from tracker.db import writing
from tracker.models import Digest, MailReport, Notice, Subscriber
from tracker.settings import Settings
from tracker.web import wording

REASONS = {"hard": "hard bounce", "complaint": "complaint"}


@dataclass(slots=True)
class Tally:
    """``counts``: hard, soft, complaint; ``suppressed``; none (it changes nothing), again (it was
    read before), stranger (it names no message of ours).
    """

    counts: Counter[str] = field(default_factory=Counter)
    suppressed: int = 0

    @property
    def in_words(self) -> str:
        """``12 reports: hard 1, soft 2, none 9; 1 address suppressed``."""
        kinds = ("hard", "soft", "complaint", "none", "again", "stranger")
        counts = ", ".join(f"{kind} {self.counts[kind]:,}" for kind in kinds if self.counts[kind])
        total = wording.count(self.counts.total(), "report")
        addresses = wording.count(self.suppressed, "address", "addresses")
        return f"{total}: {counts or 'nothing new'}; {addresses} suppressed"


def read_bounces(engine: Engine, settings: Settings, now: dt.datetime, place: str = "") -> Tally:
    """Take in every unseen message of BILLTRACKER_BOUNCE_MAILBOX, or of another ``place``.

    Safe to kill: a message is marked as seen only after what it says is written down. Raises
    ``BadMailbox`` when the place cannot be read.
    """
    tally = Tally()
    secret = secret_key(settings)
    for raw in messages(place or settings.bounce_mailbox, settings.imap_password):
        report = read_report(raw)
        with writing(engine) as connection:
            about = _about(connection, report, secret, bounce_address(settings))
            if about is None:
                tally.counts["stranger"] += 1
                continue
            if _known(connection, raw, report, now):
                tally.counts["again"] += 1
                continue
            if report.kind != "none":
                tally.suppressed += _take_in(connection, report, *about, now)
        tally.counts[report.kind] += 1
    return tally


def _about(
    connection: Connection, report: Report, secret: str, address: str
) -> tuple[type[Digest | Notice], int] | None:
    """Which message of ours, and its number."""

    def message_id(notice_id: int) -> str | None:
        return connection.scalar(select(Notice.message_id).where(Notice.id == notice_id))

    for named in report.addresses:
        if (number := digest_of_return_path(secret, named, address)) is not None:
            return Digest, number
        if (number := notice_of_return_path(secret, named, address, message_id)) is not None:
            return Notice, number
    return None


def _known(connection: Connection, raw: bytes, report: Report, now: dt.datetime) -> bool:
    """Whether the same message was read before; notes it if not.

    Not its words, which often name the address: they go where "delete me" finds them.
    """
    sha256 = hashlib.sha256(raw).hexdigest()
    if connection.execute(select(MailReport.kind).where(MailReport.sha256 == sha256)).first():
        return True
    connection.execute(
        insert(MailReport).values(
            sha256=sha256, read_at=now, kind=report.kind, status=report.status, said=""
        )
    )
    return False


def _take_in(
    connection: Connection,
    report: Report,
    table: type[Digest | Notice],
    number: int,
    now: dt.datetime,
) -> bool:
    """True when the address is suppressed by it; the digest or notice tells why."""
    said = f"{report.status} {report.said}".strip()
    if table is Digest:
        whose = select(Digest.subscriber_id).where(Digest.id == number).scalar_subquery()
        key = connection.scalar(select(Subscriber.address_key).where(Subscriber.id == whose))
        ledger.reported(connection, number, report.kind, said, now)
    else:
        status = "sent" if report.kind == "complaint" else "failed"
        key = connection.scalar(
            update(Notice)
            .where(Notice.id == number)
            .values(status=status, said=said)
            .returning(Notice.address_key)
        )
    if key is None:
        return False
    if report.kind == "soft":
        reader = connection.scalar(select(Subscriber.id).where(Subscriber.address_key == key))
        return reader is not None and soft_bounce(connection, reader, said, now)
    new = not is_suppressed(connection, key)
    suppress(connection, key, REASONS[report.kind], said, now)
    return new
