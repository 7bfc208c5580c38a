"""One pass over the news: match it, make the digests that are due, send them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from notify import ledger
from notify.compose import compose
from notify.match import Planned, plan
from notify.send import Clock, Report, send, utcnow
from tracker.settings import Settings

OUTCOMES = ("sent", "deferred", "bounced", "unknown")


@dataclass(frozen=True, slots=True)
class Delivered:
    planned: Planned
    digests: int
    report: Report

    @property
    def in_words(self) -> str:
        """``12 changes matched, 3 digests made; sent 2, deferred 1``."""
        counts = self.report.counts
        outcomes = [f"{name} {counts[name]:,}" for name in OUTCOMES if counts[name]]
        made = f"{self.planned.changes:,} changes matched, {self.digests:,} digests made"
        return f"{made}; {', '.join(outcomes) or 'none sent'}"


def run_digests(
    engine: Engine,
    settings: Settings,
    *,
    clock: Clock = utcnow,
    regardless: bool = False,
    yes: bool = False,
) -> Delivered:
    """Plan, compose and send. Safe to repeat, to kill at any point and to run twice at once.

    ``regardless`` makes digests of all that waits, due or not. Without a relay, or with mail
    stopped, news is matched and waits, so that what is sent later is not out of date.
    """
    planned = plan(engine, clock())
    why = ledger.stopped(engine)
    if not why and not settings.smtp_host:
        why = "no mail relay is set up (BILLTRACKER_SMTP_HOST); news waits"
    if why:
        return Delivered(planned, 0, Report(stopped=why))
    digests = compose(engine, settings, clock(), regardless)
    return Delivered(planned, len(digests), send(engine, settings, yes=yes, clock=clock))
