"""Companions and model legislation: bills whose newest texts say the same, found by MinHash.

A text's sketch is the smallest hashes of its runs of five words (bottom-k MinHash, Broder 1997):
the part two sketches share estimates the part their texts share. Only bills with enough hashes in
common are compared word by word.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from rapidfuzz.distance import Indel
from sqlalchemy import Connection, Engine, delete, func, insert, or_, select
from sqlalchemy.orm import Session

from tracker.bill_rows import BILL
from tracker.classify.clean import clean
from tracker.db import writing
from tracker.judging import Words, newest_texts, read_words
from tracker.models import Bill, BillSketch, Likeness, SketchHash

RUN = 5
"""Words of one hash."""
SKETCH = 128
LONGEST = 200_000
"""Words of a text that are looked at."""
FEWEST_COMMON = 20
LEAST_SHARE = 0.4
MOST_CANDIDATES = 50
WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Alike:
    """``share`` 0 to 1: words in common, in order, of all words of both texts."""

    bill: Bill
    share: float


def bills_like(session: Session, bill_id: int) -> list[Alike]:
    """Most alike first."""
    pairs = session.execute(
        select(Likeness).where(or_(Likeness.bill_id == bill_id, Likeness.other_id == bill_id))
    ).scalars()
    shares = {
        pair.other_id if pair.bill_id == bill_id else pair.bill_id: pair.share for pair in pairs
    }
    bills = session.scalars(select(Bill).where(Bill.id.in_(shares)))
    return sorted(
        (Alike(bill, shares[bill.id]) for bill in bills), key=lambda one: (-one.share, one.bill.id)
    )


def link_alike(engine: Engine) -> int:
    """Compare bills whose newest text is new since the last call; returns how many.

    One bill a transaction. Safe to stop anywhere: what was not reached is found next time.
    """
    with engine.connect() as connection:
        pending = _pending(connection)
    for bill_id in pending:
        with engine.connect() as connection:
            words = next(read_words(connection, [bill_id]))
            hashes = sketch(words.text)
            links = list(_links(connection, words, hashes))
        with writing(engine) as connection:
            _write(connection, words, hashes, links)
    return len(pending)


def _pending(connection: Connection) -> list[int]:
    """Bills whose newest text is not the one last compared."""
    newest = newest_texts()
    query = (
        select(newest.c.bill_id)
        .outerjoin(BillSketch, BillSketch.bill_id == newest.c.bill_id)
        .where(
            or_(BillSketch.text_sha256.is_(None), BillSketch.text_sha256 != newest.c.text_sha256)
        )
    )
    return list(connection.scalars(query.order_by(newest.c.bill_id)))


def _links(
    connection: Connection, words: Words, hashes: frozenset[int]
) -> Iterator[tuple[int, float]]:
    """(bill, share) of those alike. The same bill read from another source is none."""
    common = func.count()
    query = (
        select(SketchHash.bill_id)
        .where(SketchHash.hash.in_(hashes), SketchHash.bill_id != words.bill_id)
        .group_by(SketchHash.bill_id)
        .having(common >= min(FEWEST_COMMON, len(hashes)))
        .order_by(common.desc(), SketchHash.bill_id)
        .limit(MOST_CANDIDATES)
    )
    candidates = list(connection.scalars(query)) if hashes else []
    names = {
        row.id: (row.jurisdiction, row.identifier_key)
        for row in connection.execute(
            select(BILL.c.id, BILL.c.jurisdiction, BILL.c.identifier_key).where(
                BILL.c.id.in_([words.bill_id, *candidates])
            )
        )
    }
    for other in read_words(connection, candidates):
        if names[other.bill_id] != names[words.bill_id]:
            share = share_of_words(words.text, other.text)
            if share >= LEAST_SHARE:
                yield other.bill_id, share


def _write(
    connection: Connection,
    words: Words,
    hashes: frozenset[int],
    links: Sequence[tuple[int, float]],
) -> None:
    bill_id = words.bill_id
    # Crawls of two sources may end at the same time and write the same pair.
    ours = BILL.c.id.in_([bill_id, *(other for other, _ in links)])
    connection.execute(select(BILL.c.id).where(ours).order_by(BILL.c.id).with_for_update())
    connection.execute(delete(SketchHash).where(SketchHash.bill_id == bill_id))
    connection.execute(delete(BillSketch).where(BillSketch.bill_id == bill_id))
    connection.execute(
        delete(Likeness).where(or_(Likeness.bill_id == bill_id, Likeness.other_id == bill_id))
    )
    connection.execute(insert(BillSketch).values(bill_id=bill_id, text_sha256=words.sha256))
    if hashes:
        connection.execute(
            insert(SketchHash), [{"hash": each, "bill_id": bill_id} for each in hashes]
        )
    if links:
        pairs = [(*sorted((bill_id, other)), round(share, 3)) for other, share in links]
        connection.execute(
            insert(Likeness),
            [{"bill_id": low, "other_id": high, "share": share} for low, high, share in pairs],
        )


def sketch(text: str) -> frozenset[int]:
    """The smallest hashes of a text's runs of words, as signed 64-bit numbers; empty if short."""
    words = _words(text)
    runs = {" ".join(words[start : start + RUN]) for start in range(len(words) - RUN + 1)}
    return frozenset(heapq.nsmallest(SKETCH, (_hash(run) for run in runs)))


def share_of_words(one: str, other: str) -> float:
    """Words in common, in their order, of all words of both: 1.0 for the same text."""
    return float(Indel.normalized_similarity(_words(one), _words(other)))


def _words(text: str) -> list[str]:
    return WORD.findall(clean(text).text.lower())[:LONGEST]


def _hash(run: str) -> int:
    return int.from_bytes(blake2b(run.encode(), digest_size=8).digest(), "big", signed=True)
