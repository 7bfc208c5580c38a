"""News of a busy day → digests for a large list: seconds and memory, and how both grow.

``python -m tests.bench.bench_digests [READERS] [CHANGES]``. Measured beside it: a straight loop
over all pairs of reader and change that makes each reader's digest by itself and writes it down
too; it is timed on a sample of the readers and scaled up, since all of them would take too long.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, insert, select

from notify.compose import compose
from notify.filters import Filter, filter_hash, stored
from notify.match import plan, why_not
from notify.render import forget_rendered, render
from notify.snapshot import Described, describe
from notify.story import Content
from notify.tokens import random_token
from tests.notify.relay import settings_for
from tests.notify.stories import (
    EARLIER,
    NOW,
    add_bill,
    add_change,
    add_evidence,
    add_version,
)
from tracker.db import open_database, reading, writing
from tracker.models import Change, Digest, Edition, News, Outbox, Subscriber, Subscription
from tracker.states import jurisdictions
from tracker.topics import TOPICS as TOPICS_BY_SLUG

READERS = 100_000
CHANGES = 500
SAMPLE = 100
TOPICS = list(TOPICS_BY_SLUG)
STATES = sorted(jurisdictions())
TEXT = (
    "A law enforcement agency may not hold a person in custody on the basis of an immigration "
    "detainer, or enter into an agreement under 8 U.S.C. § 1357(g), unless a judge has signed "
    "a warrant. This is the text of bill number {}."
)


def news(engine: Engine, count: int) -> None:
    """A change each of as many relevant bills, of every state and topic."""
    for number in range(count):
        bill = add_bill(
            engine,
            STATES[number % len(STATES)],
            f"HB {number}",
            title=f"Immigration enforcement - Requirements and Prohibitions - Number {number}",
            topics=(TOPICS[number % len(TOPICS)], TOPICS[(number * 7 + 3) % len(TOPICS)]),
            stance=("limits", "expands", "neutral")[number % 3],
            stage="in-committee",
        )
        text = TEXT.format(number)
        add_evidence(
            engine, bill, text, "immigration detainer", add_version(engine, bill, 0, "", text)
        )
        add_change(engine, bill, summary=f"Referred to Judiciary, {number}")


def wishes(count: int) -> list[Filter]:
    """So many different filters, as people ask: some states, some topics, or all there is."""
    chance = random.Random(287)
    found: dict[str, Filter] = {}
    while len(found) < count:
        wish = Filter(
            states=chance.sample(STATES, chance.choice((0, 1, 1, 1, 2, 3))),
            topics=chance.sample(TOPICS, chance.choice((0, 0, 1, 2, 3))),
            stances=chance.choice(((), (), ("limits",), ("expands",))),
            keywords=chance.choice(((), (), (), ("warrant", "detainer"))),
        )
        found[filter_hash(wish)] = wish
    return list(found.values())


def subscribe(engine: Engine, readers: int, filters: Sequence[Filter]) -> None:
    """Daily readers who are all due, each with one of the filters."""
    usual = {"created_at": EARLIER, "confirmed_at": EARLIER, "status": "active"}
    kept = [(stored(one), filter_hash(one)) for one in filters]
    with writing(engine) as connection:
        connection.execute(
            insert(Subscriber),
            [
                {"id": n, "address": f"r{n}@x.org", "address_key": f"r{n}@x.org",
                 "token": random_token(), **usual}
                for n in range(1, readers + 1)
            ],
        )  # fmt: skip
        connection.execute(
            insert(Subscription),
            [
                {"subscriber_id": n, "token": random_token(), "filter": kept[n % len(kept)][0],
                 "filter_hash": kept[n % len(kept)][1], "active_since": EARLIER, "next_due_at": NOW}
                for n in range(1, readers + 1)
            ],
        )  # fmt: skip


@dataclass(frozen=True)
class Measured:
    rows: int
    digests: int
    planning: float
    composing: float

    @property
    def seconds(self) -> float:
        return self.planning + self.composing


def ours(readers: int, changes: int, filters: Sequence[Filter]) -> tuple[Measured, list[Described]]:
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(f"sqlite:///{folder}/bench.sqlite3")
        news(engine, changes)
        subscribe(engine, readers, filters)
        began = time.perf_counter()
        planned = plan(engine, NOW)
        between = time.perf_counter()
        digests = len(compose(engine, settings_for(), NOW))
        ended = time.perf_counter()
        with reading(engine) as session:
            described = describe(session, list(session.scalars(select(Change.id))), NOW.date())
        engine.dispose()
    return Measured(planned.rows, digests, between - began, ended - between), described


def straight(filters: Sequence[Filter], described: Sequence[Described]) -> tuple[float, float]:
    """Seconds for one reader, on average: to look at every change; to make the digest."""
    looking = making = 0.0
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(f"sqlite:///{folder}/bench.sqlite3")
        news(engine, len(described))
        subscribe(engine, SAMPLE, filters[:SAMPLE])
        with writing(engine) as connection:
            every = [{"change_id": one.facts.change_id, "planned_at": NOW, "snapshot": {}}
                     for one in described]  # fmt: skip
            connection.execute(insert(News), every)
        for reader, wish in enumerate(filters[:SAMPLE], 1):
            forget_rendered()
            began = time.perf_counter()
            found = [one.snapshot for one in described if not why_not(wish, one.facts)]
            between = time.perf_counter()
            if found:
                write(engine, reader, Content(NOW.date(), (wish,), tuple(found)))
            looking += between - began
            making += time.perf_counter() - between
        engine.dispose()
    return looking / SAMPLE, making / SAMPLE


def write(engine: Engine, reader: int, content: Content) -> None:
    """One reader's digest, rendered by itself, and its rows."""
    made = render(content, "https://bills.example.org", "Bill Watch", "")
    words = {"subject": made.subject, "text": made.text, "html": made.html, "page": made.page}
    with writing(engine) as connection:
        connection.execute(
            insert(Edition).values(id=reader, key=str(reader), created_at=NOW, **words)
        )
        connection.execute(
            insert(Digest).values(
                id=reader, subscriber_id=reader, edition_id=reader, token=random_token(),
                message_id=f"<{random_token()}@x.org>", created_at=NOW, next_attempt_at=NOW,
            )
        )  # fmt: skip
        connection.execute(
            insert(Outbox),
            [
                {"subscriber_id": reader, "change_id": one.change_id, "subscription_id": reader,
                 "status": "claimed", "digest_id": reader}
                for one in content.news
            ],
        )  # fmt: skip


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def line(name: str, measured: Measured) -> str:
    return (
        f"{name:38}{measured.seconds:8,.1f} s   plan {measured.planning:6.1f}, compose "
        f"{measured.composing:6.1f}; {measured.rows:,} rows, {measured.digests:,} digests"
    )


def main(readers: int = READERS, changes: int = CHANGES) -> None:
    few, some, many = wishes(100), wishes(1000), wishes(5000)
    tenth, _ = ours(readers // 10, changes, some)
    small = peak_mib()
    whole, described = ours(readers, changes, some)
    large = peak_mib()
    print(f"{readers:,} readers with 1,000 different filters x {changes:,} changes")
    print(line("ours", whole))
    looking, making = (seconds * readers for seconds in straight(some, described))
    loop = looking + making
    print(
        f"{'straight loop, scaled from ' + str(SAMPLE) + ' readers':38}{loop:8,.1f} s   "
        f"{readers * changes:,} pairs {looking:,.1f}, making digests {making:,.1f}; "
        f"{loop / whole.seconds:,.0f} x ours"
    )
    print(f"memory {large:,.0f} MiB at most; with a tenth of the readers {small:,.0f}")
    print(line("a tenth of the readers", tenth))
    print(line("100 different filters", ours(readers, changes, few)[0]))
    print(line("5,000 different filters", ours(readers, changes, many)[0]))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
