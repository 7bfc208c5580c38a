"""One ``billtracker run`` at a time, however it is started."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, func, select

# Any number, the same in every process: names this program's lock in the PostgreSQL server.
ADVISORY_KEY = 287_001


@contextmanager
def only_one(engine: Engine) -> Iterator[bool]:
    """True for the holder, False when another process holds the lock; gone when it dies."""
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            try:
                yield bool(connection.scalar(select(func.pg_try_advisory_lock(ADVISORY_KEY))))
            finally:
                # The lock belongs to the server session, so the session has to end with it.
                connection.invalidate()
        return
    path = Path(f"{engine.url.database}.lock")
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True
