"""The topic rules over text like statutes beside plain pattern engines; a biennium judged anew.

``python -m tests.bench.bench_classify [MEGABYTES] [BILLS]``. The plain engines are given every
phrase of the rules as a regular expression and only look for them: no sentences, directions or
verdicts. Engines too slow for the whole text read its first part. Hyperscan runs if installed
(``pip install hyperscan``).
"""

from __future__ import annotations

import datetime as dt
import os
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from sqlalchemy import Engine, insert

from tests.bench.statutes import bills
from tracker.classify import classify
from tracker.classify.book import Book
from tracker.classify.force import book_in_force
from tracker.classify.phrases import Lists, Word, read_phrase
from tracker.db import open_database
from tracker.models import Bill, BillText, Version
from tracker.rejudge import rejudge
from tracker.rules.schema import TOPICS_FILE
from tracker.scan import PatternSet, using_re2
from tracker.settings import get_settings

MEGABYTES = 100
BILLS = 150_000
WITH_TEXT = 0.05
SLOW = 1_000_000
"""Characters read by an engine that would take minutes for all."""
NOW = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)


def main() -> None:
    megabytes = float(sys.argv[1]) if len(sys.argv) > 1 else MEGABYTES
    count = int(sys.argv[2]) if len(sys.argv) > 2 else BILLS
    book = book_in_force()
    memory(megabytes)
    speeds(book, megabytes)
    biennium(count)


# -- speed ----------------------------------------------------------------------------------


def speeds(book: Book, megabytes: float) -> None:
    made = list(bills(megabytes))
    texts = [text for text, _ in made]
    print(f"{sum(map(len, texts)) / 1e6:.0f} MB in {len(texts):,} bills,"
          f" {sum(on for _, on in made):,} on topic; {len(book.rules)} rules")  # fmt: skip
    patterns = [regex(phrase, book.file.words) for phrase in phrases_of(book)]
    part = some(texts, SLOW)
    found = [0]

    def whole(texts: Sequence[str]) -> None:
        found[0] = sum(classify(None, None, text, book=book).relevant for text in texts)

    rates = {"whole classification": rate(whole, texts)}
    print(f"{found[0]:,} found on topic")
    rates["first pass alone"] = rate(
        lambda all_: [book.may_say_something(one) for one in all_], texts
    )
    loop = [re.compile(one, re.IGNORECASE) for one in patterns]
    rates["loop of stdlib re"] = rate(
        lambda all_: [one.search(text) for text in all_ for one in loop], part[:2]
    )
    one_re = re.compile("|".join(patterns), re.IGNORECASE)
    rates["one re alternation"] = rate(
        lambda all_: [sum(1 for _ in one_re.finditer(text)) for text in all_], part[:2]
    )
    if using_re2():
        re2 = PatternSet([f"(?i){one}" for one in patterns])
        rates["re2 set"] = rate(lambda all_: [re2.hits(one.encode()) for one in all_], part)
    if (scan := hyperscan(patterns)) is not None:
        rates["hyperscan"] = rate(lambda all_: [scan(one.encode()) for one in all_], texts)
    for name, speed in rates.items():
        print(f"{name:24}{speed:10.3f} MB/s")
    ours = rates["whole classification"]
    raw = max(rates.get("re2 set", 0), rates.get("hyperscan", 0))
    print(f"classification is {ours / rates['loop of stdlib re']:,.0f} times the loop")
    print(f"the fastest plain engine is {raw / ours:.2f} times classification")


def rate(work: Callable[[Sequence[str]], object], texts: Sequence[str]) -> float:
    """Megabytes a second of processor time."""
    start = time.process_time()
    work(texts)
    return sum(map(len, texts)) / 1e6 / (time.process_time() - start)


def some(texts: Iterable[str], characters: int) -> list[str]:
    taken: list[str] = []
    for text in texts:
        if sum(map(len, taken)) >= characters:
            break
        taken.append(text)
    return taken


def phrases_of(book: Book) -> list[str]:
    found = {phrase for rule in book.rules for one in rule.chains for phrase in one.chain.phrases}
    found |= {one.phrase for rule in book.rules for one in rule.unless}
    return sorted(found)


def regex(phrase: str, lists: Lists) -> str:
    """The phrase as one would write it by hand for ``re``."""
    ways = (
        "".join(_part(word, n, lists) for n, word in enumerate(way)) for way in read_phrase(phrase)
    )
    return rf"\b(?:{'|'.join(ways)})"


def _part(word: Word, n: int, lists: Lists) -> str:
    if word.gap:
        return rf"(?:[\s-]+[\w'()-]+,?){{0,{word.gap}}}"
    choices = []
    for one in word.choices:
        if one.startswith("<"):
            choices += [regex(inner, lists).removeprefix(r"\b") for inner in lists[one[1:-1]]]
        else:
            stem = one.lstrip("=").removesuffix("*")
            ending = r"\w*" if one.endswith("*") else r"\b" if stem[-1].isalnum() else ""
            choices.append(re.escape(stem) + ending)
    either = f"(?:{'|'.join(choices)})"
    spaced = either if n == 0 else rf"[\s-]+{either}"
    return f"(?:{spaced})?" if word.optional else spaced


def hyperscan(patterns: Sequence[str]) -> Callable[[bytes], int] | None:
    try:
        import hyperscan as engine
    except ImportError:
        return None
    database = engine.Database()
    flags = engine.HS_FLAG_CASELESS | engine.HS_FLAG_SINGLEMATCH
    expressions = [one.encode() for one in patterns]
    try:
        database.compile(
            expressions=expressions, ids=list(range(len(patterns))), flags=[flags] * len(patterns)
        )
    except engine.error as error:
        print(f"hyperscan cannot take the phrases: {error}")
        return None

    def scan(data: bytes) -> int:
        hits = [0]

        def found(*_: object) -> None:
            hits[0] += 1

        database.scan(data, match_event_handler=found)
        return hits[0]

    return scan


# -- memory ---------------------------------------------------------------------------------


def memory(megabytes: float) -> None:
    done, marks = 0.0, [0.1, 0.5, 1.0]
    for text, _ in bills(megabytes):
        classify(None, None, text)
        done += len(text) / 1e6
        if marks and done >= marks[0] * megabytes:
            marks.pop(0)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"memory after {done:6.1f} MB: at most {peak:.0f} MB")


# -- a biennium -----------------------------------------------------------------------------


def biennium(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(f"sqlite:///{Path(folder) / 'bench.sqlite3'}")
        fill(engine, count)
        edited = Path(folder) / "topics.yaml"
        edited.write_text(TOPICS_FILE.read_text("utf-8") + "\n# edited\n", "utf-8")
        for name, rules in (("never judged before", ""), ("after an edit of the rules", edited)):
            os.environ["BILLTRACKER_TOPICS_FILE"] = str(rules)
            get_settings.cache_clear()
            book_in_force.cache_clear()
            start, processor = time.perf_counter(), time.process_time()
            report = rejudge(engine, NOW)
            took, busy = time.perf_counter() - start, time.process_time() - processor
            print(f"{report.bills:,} bills, {name}: {took:.1f} s, {busy:.1f} s of processor time")
        engine.dispose()


def fill(engine: Engine, count: int) -> None:
    """Light bills, one in twenty with a text of some eight thousand characters."""
    every = round(1 / WITH_TEXT)
    texts = bills(count / every * 0.0086, characters=8_000)
    stamps = {"first_seen_at": NOW, "last_seen_at": NOW, "changed_at": NOW}
    with engine.begin() as connection:
        for first in range(1, count + 1, 1000):
            numbers = range(first, min(first + 1000, count + 1))
            rows = [
                {
                    "id": n,
                    "source": "md",
                    "jurisdiction": "md",
                    "session": "2026",
                    "identifier": f"HB {n}",
                    "identifier_key": f"HB {n}",
                    "chamber": "lower",
                    "stage": "introduced",
                    "title": f"AN ACT concerning {n % 997} – Highways – Signs and Lights",
                    **stamps,
                }
                for n in numbers
            ]
            connection.execute(insert(Bill), rows)
            for n in numbers:
                if n % every == 0 and (made := next(texts, None)) is not None:
                    connection.execute(insert(BillText), [{"sha256": f"{n:064x}", "text": made[0]}])
                    row = {"bill_id": n, "position": 0, "note": "Introduced"}
                    row |= {"text_sha256": f"{n:064x}", "first_seen_at": NOW}
                    connection.execute(insert(Version), [row])


if __name__ == "__main__":
    main()
