"""One pass: read what bounced, match the news, make the digests that are due, send them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from notify import ledger
from notify.bounces import read_bounces
from notify.compose import compose
from notify.mailboxes import BadMailbox
from notify.match import Planned, plan
from notify.message import check_settings
from notify.send import Clock, Report, send, utcnow
from notify.smtp import BadMailSettings, relays
from tracker.settings import Settings
from tracker.web import wording

OUTCOMES = ("sent", "deferred", "bounced", "unknown")


@dataclass(frozen=True, slots=True)
class Delivered:
    """``bounces``: what was read of them, if anything; ``trouble``: why that failed."""

    planned: Planned
    digests: int
    report: Report
    bounces: str = ""
    trouble: str = ""

    @property
    def in_words(self) -> str:
        """``12 changes matched, 3 digests made; sent 2, deferred 1``."""
        counts = self.report.counts
        outcomes = [f"{name} {counts[name]:,}" for name in OUTCOMES if counts[name]]
        matched = wording.count(self.planned.changes, "change")
        made = f"{matched} matched, {wording.count(self.digests, 'digest')} made"
        return f"{made}; {', '.join(outcomes) or 'none sent'}"

    @property
    def to_look_at(self) -> list[str]:
        """What a person should see to; empty after a pass as it should be."""
        return [said for said in (self.trouble, self.report.stopped) if said]


def run_digests(
    engine: Engine,
    settings: Settings,
    *,
    clock: Clock = utcnow,
    regardless: bool = False,
    yes: bool = False,
) -> Delivered:
    """Read bounces, plan, compose and send. Safe to repeat, to kill at any point and to run twice
    at once.

    ``regardless`` makes digests of all that waits, due or not. Without a relay, with mail stopped
    or set up wrong, news is matched and waits, so that what is sent later is not out of date.
    """
    bounces = trouble = ""
    if settings.bounce_mailbox:
        try:
            bounces = read_bounces(engine, settings, clock()).in_words
        except BadMailbox as error:
            trouble = f"bounces were not read: {error}"
    planned = plan(engine, clock())
    why = ledger.stopped(engine)
    if not settings.smtp_host and ledger.news_waits(engine):
        why = why or "no mail relay is set up (BILLTRACKER_SMTP_HOST); news waits"
    if settings.smtp_host and not why:
        try:
            relays(settings)
            check_settings(settings)
        except BadMailSettings as error:
            why = f"{error}; news waits"
    if why or not settings.smtp_host:
        return Delivered(planned, 0, Report(stopped=why), bounces, trouble)
    digests = compose(engine, settings, clock(), regardless)
    report = send(engine, settings, yes=yes, clock=clock)
    return Delivered(planned, len(digests), report, bounces, trouble)
