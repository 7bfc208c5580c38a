"""Bills as people name them."""

from __future__ import annotations

from sqlalchemy import Engine, select

from notify.filters import bill_key
from tracker.db import reading
from tracker.models import Bill
from tracker.states import jurisdictions


def bill_keys(engine: Engine, typed: str) -> list[str]:
    """``"md HB 1222, va:2026:SB 783"`` → keys for a filter.

    A name without session means the newest. Raises ``ValueError`` for one we do not know.
    """
    return [_bill_key(engine, name.strip()) for name in typed.split(",") if name.strip()]


def _bill_key(engine: Engine, name: str) -> str:
    state, _, rest = name.replace(":", " ", 1).partition(" ")
    if state.lower() not in jurisdictions():
        raise ValueError(f"{name[:60]!r} begins with no state; write it like 'md HB 1222'")
    session_id, _, identifier = rest.rpartition(":")
    query = select(Bill).where(
        Bill.jurisdiction == state.lower(), Bill.identifier_key == identifier.strip().upper()
    )
    if session_id:
        query = query.where(Bill.session == session_id.strip())
    with reading(engine) as session:
        found = session.scalars(query.order_by(Bill.first_seen_at.desc(), Bill.id.desc())).first()
    if found is None:
        raise ValueError(f"no bill {name[:60]!r} in the database")
    return bill_key(found)
