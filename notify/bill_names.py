"""Bills as people name them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from notify.filters import bill_key
from tracker.db import reading
from tracker.models import Bill
from tracker.normalise import identifier_key
from tracker.states import jurisdictions

SHOWN = 60


def bill_keys(engine: Engine, names: Iterable[str], known: Iterable[str] = ()) -> list[str]:
    """``md HB 1222`` or ``va:2026:SB 783`` → keys for a filter; ``known`` ones are taken as such.

    A name without session means the newest. Raises ``ValueError`` for one we do not know.
    """
    taken = frozenset(known)
    with reading(engine) as session:
        return [name if name in taken else _bill_key(session, name.strip()) for name in names]


def _bill_key(session: Session, name: str) -> str:
    state, _, rest = re.sub("[ :]", " ", name, count=1).partition(" ")
    if state.lower() not in jurisdictions() or not name.isprintable():
        raise ValueError(f"{name[:SHOWN]!r} begins with no state; write it like 'md HB 1222'")
    session_id, _, identifier = rest.rpartition(":")
    query = select(Bill).where(
        Bill.jurisdiction == state.lower(),
        Bill.identifier_key == identifier_key(identifier, state.lower()),
    )
    if session_id:
        query = query.where(Bill.session == session_id.strip())
    found = session.scalars(query.order_by(Bill.first_seen_at.desc(), Bill.id.desc())).first()
    if found is None:
        raise ValueError(f"there is no bill {name[:SHOWN]!r} in the database")
    return bill_key(found)
