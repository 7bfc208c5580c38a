"""Bounces and complaints, read from where they arrive, → readers we mail no more.

A report counts only when it came to, or names, the signed return path of one of our digests
(notify.tokens): nobody can have a stranger suppressed by a forged one. It counts once.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, insert, select

from notify import ledger
from notify.mailboxes import messages
from notify.message import bounce_address
from notify.reports import Report, read_report
from notify.suppression import soft_bounce, suppress
from notify.tokens import digest_of_return_path, secret_key
from tracker.db import writing
from tracker.models import Digest, MailReport, Subscriber
from tracker.settings import Settings
from tracker.web import wording

REASONS = {"hard": "hard bounce", "complaint": "complaint"}


@dataclass(slots=True)
class Tally:
    """``counts``: hard, soft, complaint; ``suppressed``; none (it changes nothing), again (it was
    read before), stranger (it names no digest of ours).
    """

    counts: Counter[str] = field(default_factory=Counter)
    suppressed: int = 0

    @property
    def in_words(self) -> str:
        """``12 reports: hard 1, soft 2, none 9; 1 reader suppressed``."""
        kinds = ("hard", "soft", "complaint", "none", "again", "stranger")
        counts = ", ".join(f"{kind} {self.counts[kind]:,}" for kind in kinds if self.counts[kind])
        total = wording.count(self.counts.total(), "report")
        readers = wording.count(self.suppressed, "reader")
        return f"{total}: {counts or 'nothing new'}; {readers} suppressed"


def read_bounces(engine: Engine, settings: Settings, now: dt.datetime, place: str = "") -> Tally:
    """Take in every unseen message of BILLTRACKER_BOUNCE_MAILBOX, or of another ``place``.

    Safe to kill: a message is marked as seen only after what it says is written down. Raises
    ``BadMailbox`` when the place cannot be read.
    """
    tally = Tally()
    secret = secret_key(settings)
    for raw in messages(place or settings.bounce_mailbox, settings.imap_password):
        report = read_report(raw)
        digest_id = _digest_of(report, secret, bounce_address(settings))
        if digest_id is None:
            tally.counts["stranger"] += 1
            continue
        with writing(engine) as connection:
            if _known(connection, raw, report, now):
                tally.counts["again"] += 1
                continue
            tally.suppressed += _take_in(connection, report, digest_id, now)
        tally.counts[report.kind] += 1
    return tally


def _digest_of(report: Report, secret: str, address: str) -> int | None:
    found = (digest_of_return_path(secret, named, address) for named in report.addresses)
    return next((digest_id for digest_id in found if digest_id is not None), None)


def _known(connection: Connection, raw: bytes, report: Report, now: dt.datetime) -> bool:
    """Whether the same message was read before; notes it if not."""
    sha256 = hashlib.sha256(raw).hexdigest()
    if connection.execute(select(MailReport.kind).where(MailReport.sha256 == sha256)).first():
        return True
    connection.execute(
        insert(MailReport).values(
            sha256=sha256, read_at=now, kind=report.kind, status=report.status, said=report.said
        )
    )
    return False


def _take_in(connection: Connection, report: Report, digest_id: int, now: dt.datetime) -> bool:
    """True when the reader is suppressed by it; their digest tells why."""
    reader = connection.execute(
        select(Subscriber.id, Subscriber.address_key, Subscriber.status)
        .join(Digest, Digest.subscriber_id == Subscriber.id)
        .where(Digest.id == digest_id)
    ).first()
    if reader is None or report.kind == "none":
        return False
    said = f"{report.status} {report.said}".strip()
    ledger.reported(connection, digest_id, report.kind, said, now)
    if report.kind == "soft":
        return soft_bounce(connection, reader.id, said, now)
    suppress(connection, reader.address_key, REASONS[report.kind], said, now)
    return bool(reader.status != "suppressed")
