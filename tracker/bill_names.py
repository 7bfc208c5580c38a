"""Bills as people name them: ``md HB 1222``, ``va:2026:SB 783``, or the number of our page."""

from __future__ import annotations

import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from tracker.models import Bill
from tracker.normalise import identifier_key
from tracker.states import jurisdictions

SHOWN = 60


def find_bill(session: Session, name: str) -> Bill:
    """A name without session means the newest.

    Raises ``ValueError``, fit for people, for one that is no name or that we do not know.
    """
    name = name.strip()
    if name.isascii() and name.isdigit() and len(name) < 19:
        found = session.get(Bill, int(name))
    else:
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
    return found
