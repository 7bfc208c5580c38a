"""One process at a time for one job: a ``billtracker run``, the crawl of one source.

A lock is gone when its process dies, however it dies: it belongs to an open file (SQLite) or to a
server session (PostgreSQL).
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, func, select

# Any number, the same in every process: sets this program's locks in the PostgreSQL server apart.
ADVISORY_KEY = 287_001


@contextmanager
def only_one(engine: Engine, job: str = "run") -> Iterator[bool]:
    """True for the holder, False when another holds the lock of this job on this database.

    ``job`` is ``run`` for a pass of everything due, ``crawl-CODE`` for the crawl of a source.
    """
    if engine.dialect.name == "postgresql":
        # Autocommit: the crawl of a large state takes hours, and an open transaction that old
        # would keep the server from cleaning up.
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            try:
                lock = func.pg_try_advisory_lock(ADVISORY_KEY, func.hashtext(job))
                yield bool(connection.scalar(select(lock)))
            finally:
                # The lock belongs to the server session, so the session has to end with it.
                connection.invalidate()
        return
    folder = Path(f"{engine.url.database}.locks")
    folder.mkdir(exist_ok=True)
    with (folder / job).open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True
