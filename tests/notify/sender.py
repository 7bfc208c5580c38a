"""A sender in a process of its own, to be killed: ``python -m tests.notify.sender URL PORT [N]``.

One pass over the news at a fixed time. With N it kills itself just before its Nth commit; it
prints how many commits there were.
"""

from __future__ import annotations

import os
import signal
import sys

from sqlalchemy import event

from notify.deliver import run_digests
from tests.notify.relay import Inbox, settings_for
from tests.notify.stories import NOW
from tracker.db import make_engine


def main(url: str, port: str, last: str = "0") -> None:
    engine = make_engine(url)
    commits = 0

    @event.listens_for(engine, "commit")
    def _count(_connection: object) -> None:
        nonlocal commits
        commits += 1
        if commits == int(last):
            os.kill(os.getpid(), signal.SIGKILL)

    run_digests(engine, settings_for(Inbox(int(port)), smtp_connections=2), clock=lambda: NOW)
    print(commits)


if __name__ == "__main__":
    main(*sys.argv[1:])
