"""Bills as people name them, for filters."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Engine

from notify.filters import bill_key
from tracker.bill_names import find_bill
from tracker.db import reading


def bill_keys(engine: Engine, names: Iterable[str], known: Iterable[str] = ()) -> list[str]:
    """Keys for a filter; ``known`` ones are taken as such.

    Raises ``ValueError`` for a name :func:`tracker.bill_names.find_bill` knows no bill of.
    """
    taken = frozenset(known)
    with reading(engine) as session:
        return [name if name in taken else bill_key(find_bill(session, name)) for name in names]
