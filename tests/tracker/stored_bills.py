"""Bills written straight into the tables, as ingest would leave them."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

from sqlalchemy.orm import Session

from tracker.models import (
    Bill,
    BillText,
    TopicVerdict,
    Verdict,
    Version,
)

NOW = dt.datetime(2026, 4, 8, 9, 30, tzinfo=dt.UTC)


def add_bill(
    session: Session,
    identifier: str = "HB 1",
    title: str = "An Act",
    /,
    *,
    state: str = "md",
    level: str | None = "relevant",
    topics: dict[str, str] | None = None,
    stance: str | None = "limits",
    moved: dt.date | None = dt.date(2026, 4, 7),
    text: str | None = None,
    score: float = 0.9,
    **columns: Any,
) -> Bill:
    """``topics``: slug → stance; ``text`` becomes the text of its one version."""
    bill = Bill(
        source=columns.pop("source", state),
        jurisdiction=state,
        identifier_key=identifier,
        title=title,
        latest_action_on=moved,
        first_seen_at=NOW,
        last_seen_at=NOW,
        changed_at=NOW,
        **{
            "identifier": identifier,
            "session": "2026",
            "chamber": "lower",
            "stage": "introduced",
            **columns,
        },
    )
    session.add(bill)
    session.flush()
    if level:
        judged: dict[str, Any] = {"rules_hash": "test", "judged_at": NOW, "score": score}
        relevant = level == "relevant"
        session.add(
            Verdict(bill_id=bill.id, level=level, relevant=relevant, stance=stance, **judged)
        )
    for topic, side in (topics or {}).items():
        session.add(TopicVerdict(bill_id=bill.id, topic=topic, stance=side, score=score))
    if text is not None:
        add_version(session, bill, text)
    return bill


def add_version(
    session: Session, bill: Bill, text: str | None, position: int = 0, **columns: Any
) -> Version:
    sha256 = hashlib.sha256(text.encode()).hexdigest() if text is not None else None
    if sha256 is not None and not session.get(BillText, sha256):
        session.add(BillText(sha256=sha256, text=text, marks=columns.pop("marks", None)))
        session.flush()
    version = Version(
        bill_id=bill.id,
        position=position,
        text_sha256=sha256,
        first_seen_at=NOW,
        **{"note": "Introduced", **columns},
    )
    session.add(version)
    session.flush()
    return version
