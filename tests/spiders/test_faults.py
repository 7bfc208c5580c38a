"""What a source can do to us: each ends in a named failure, and stored data is untouched.

Every row is a real crawl against a real server: first a sound day, then the fault. ``pytest -m slow
tests/spiders/test_faults.py`` prints the table.
"""

from __future__ import annotations

import json
import shutil
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.spiders.loopback import (
    Answer,
    Legislature,
    bill,
    crawl_once,
    detail,
    fingerprint,
    listing,
    serving,
)
from tests.spiders.pdf_files import assemble, pdf_of
from tests.spiders.test_polite import crawl, last_run
from tracker.db import make_engine, reading
from tracker.models import Action, Bill, Change, Run, Version

pytestmark = pytest.mark.slow

CHALLENGE = "<!doctype html><html><head><title>Just a moment...</title></head><body></body></html>"

# name: (what is answered instead of the sound answer, the failure's kind). Of JSON pages:
PAGES: dict[str, tuple[Callable[[bytes], Answer], str]] = {
    "broken JSON": (lambda sound: Answer(b'{"bills": [}, ]}' + sound), "wrong-type"),
    "truncated JSON": (lambda sound: Answer(sound[: len(sound) // 2]), "truncated"),
    "connection cut mid-body": (lambda sound: Answer(sound, cut=60), "truncated"),
    "empty body with 200": (lambda sound: Answer(b""), "empty-body"),
    "NUL bytes only": (lambda sound: Answer(b"\0" * 4000), "empty-body"),
    "HTML instead of JSON": (lambda sound: Answer("<html>Hi</html>", kind="text/html"),
                             "wrong-type"),
    "bot challenge with 200": (lambda sound: Answer(CHALLENGE, kind="text/html"), "bot-challenge"),
    "bot challenge with 403": (lambda sound: Answer(CHALLENGE, 403, "text/html"), "bot-challenge"),
    "HTTP 403": (lambda sound: Answer("no", 403, "text/plain"), "forbidden"),
    "HTTP 404": (lambda sound: Answer("no", 404, "text/plain"), "not-found"),
    "HTTP 429 for an hour": (
        lambda sound: Answer("no", 429, "text/plain", {"Retry-After": "3600"}), "throttled"),
    "HTTP 500": (lambda sound: Answer("no", 500, "text/plain"), "source-down"),
    "HTTP 503": (lambda sound: Answer("no", 503, "text/plain"), "source-down"),
    "timeout": (lambda sound: Answer(sound, wait=8), "timeout"),
    "larger than allowed": (lambda sound: Answer(b" " * 21 * 1024 * 1024), "too-big"),
    "UTF-16": (lambda sound: Answer(sound.decode().encode("utf-16")), "wrong-type"),
    "bytes of no encoding": (lambda sound: Answer(b"\x81\x8d" + sound), "wrong-type"),
    "another shape": (lambda sound: Answer({"items": []}), "layout-changed"),
    "a list, not an object": (lambda sound: Answer(b"[]"), "layout-changed"),
    "nested 100,000 deep": (lambda sound: Answer(b"[" * 100_000), "wrong-type"),
}  # fmt: skip


def bomb() -> bytes:
    """A page of 3 GB of spaces, packed into 3 MB."""
    packer = zlib.compressobj(9, wbits=-15)
    spaces = packer.compress(b" " * 50_000_000) + packer.flush(zlib.Z_FULL_FLUSH)
    packed = b"\x78\xda" + spaces * 60 + b"\x03\x00"
    content = b"<< /Length %d /Filter /FlateDecode >>\nstream\n" % len(packed)
    small = assemble([b"BT ET"])
    start = small.index(b"5 0 obj\n") + len(b"5 0 obj\n")
    return (
        small[:start] + content + packed + b"\nendstream\n" + small[small.index(b"endobj", start) :]
    )


PDF = "application/pdf"
WORD = b"\xd0\xcf\x11\xe0" + b"\0" * 900
GOOD_PDF = pdf_of(["A BILL", "SECTION 1. A jail shall not honor a detainer."])

# Of the file that holds a version's text.
TEXTS: dict[str, tuple[Callable[[], Answer], tuple[str, ...]]] = {
    "PDF, damaged": (lambda: Answer(b"%PDF-1.7\n" + b"\xff" * 3000 + b"\n%%EOF", kind=PDF),
                     ("unreadable-document",)),
    "PDF, cut off": (lambda: Answer(GOOD_PDF[:-30], kind=PDF), ("truncated",)),
    "PDF, a scan": (lambda: Answer(assemble([b"BT ET"]), kind=PDF), ("unreadable-document",)),
    "PDF, a bomb": (lambda: Answer(bomb(), kind=PDF), ("unreadable-document", "too-big")),
    "a page instead of a PDF": (lambda: Answer("<html><p>Not here</html>", kind=PDF),
                                ("wrong-type",)),
    "an old Word file": (lambda: Answer(WORD, kind="application/msword"),
                         ("unreadable-document",)),
    "empty file": (lambda: Answer(b"", kind=PDF), ("empty-body",)),
    "bot challenge": (lambda: Answer(CHALLENGE, kind="text/html"), ("bot-challenge",)),
    "HTTP 404": (lambda: Answer("no", 404, "text/plain"), ("not-found",)),
    "HTTP 500": (lambda: Answer("no", 500, "text/plain"), ("source-down",)),
    "connection cut mid-body": (lambda: Answer(GOOD_PDF, kind=PDF, cut=100), ("truncated",)),
}  # fmt: skip


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'loop.sqlite3'}"


@contextmanager
def sound_day(folder: Path, text: str = "") -> Iterator[tuple[Legislature, Path]]:
    """A legislature whose bills, one of them on topic, have been read once."""
    with serving() as legislature:
        legislature.set("/listing.json", listing(40))
        address = {"text": f"{legislature.url}{text}"} if text else {}
        legislature.set("/bill/HB1.json", detail(1, "Introduced", **address))
        file = folder / "sound.sqlite3"
        assert crawl(legislature, f"sqlite:///{file}").status == "sound"
        yield legislature, file


def after(legislature: Legislature, sound: Path) -> tuple[Run, str]:
    """Another crawl, on a copy of the database; its run and the copy."""
    copy = sound.with_name("copy.sqlite3")
    shutil.copy(sound, copy)
    return crawl(legislature, f"sqlite:///{copy}"), f"sqlite:///{copy}"


def table(rows: list[tuple[str, Run, bool]], title: str, capsys: Any) -> None:
    with capsys.disabled():
        print(f"\n{title:26}{'run':13}{'failure':21}what was stored before")
        for name, run, untouched in rows:
            kept = "untouched" if untouched else "CHANGED"
            print(f"{name:26}{run.status:13}{run.failure_kind:21}{kept}")


def test_every_fault_of_a_listing(tmp_path: Path, capsys: Any) -> None:
    rows, wrong = [], []
    with sound_day(tmp_path) as (legislature, sound):
        before = fingerprint(f"sqlite:///{sound}")
        for name, (make, kind) in PAGES.items():
            legislature.set("/listing.json", make(listing().body))
            run, copy = after(legislature, sound)
            untouched = fingerprint(copy) == before
            rows.append((name, run, untouched))
            if (run.status, run.failure_kind, untouched) != ("failed", kind, True):
                wrong.append(name)
            assert run.reason
    table(rows, "listing", capsys)
    assert not wrong


def test_every_fault_of_a_bills_page(tmp_path: Path, capsys: Any) -> None:
    """The other bills of that day are stored; of this one nothing is lost."""
    rows, wrong = [], []
    moved = [bill(number) for number in range(1, 41)]
    moved[0] |= {"title": "Immigration Enforcement - 287(g) Agreements With ICE - Prohibition"}
    moved[0] |= {"status": "Passed Third Reading", "date": "2026-01-20"}
    moved[1] |= {"status": "Referred to Transportation", "date": "2026-01-20"}
    with sound_day(tmp_path) as (legislature, sound):
        before = page_of_hb1(f"sqlite:///{sound}")
        legislature.set("/listing.json", Answer({"bills": moved}))
        for name, (make, kind) in PAGES.items():
            legislature.set("/bill/HB1.json", make(detail(1, "Introduced", "Read").body))
            run, copy = after(legislature, sound)
            untouched = before <= page_of_hb1(copy)
            rows.append((name, run, untouched))
            others = actions_of(copy, "HB 2")
            if (run.status, run.failure_kind, untouched) != ("sound", kind, True):
                wrong.append(name)
            assert others == ["Introduced", "Referred to Transportation"]
    table(rows, "a bill's page", capsys)
    assert not wrong


def test_every_fault_of_a_text(tmp_path: Path, capsys: Any) -> None:
    """The bill's page is stored without it, with a gap."""
    rows, wrong = [], []
    with serving() as legislature:
        legislature.set("/listing.json", listing(40))
        for name, (make, kinds) in TEXTS.items():
            copy = tmp_path / f"{len(rows)}.sqlite3"
            page = detail(1, "Introduced", text=f"{legislature.url}/text/1")
            legislature.set("/bill/HB1.json", page)
            legislature.set("/text/1", make())
            run = crawl(legislature, f"sqlite:///{copy}")
            stored = actions_of(f"sqlite:///{copy}", "HB 1") == ["Introduced"]
            rows.append((name, run, stored))
            gap = run.gaps.get("versions.text")
            if run.status != "sound" or run.failure_kind not in kinds or not stored or not gap:
                wrong.append(name)
    table(rows, "a text", capsys)
    assert not wrong


def page_of_hb1(database: str) -> set[str]:
    return {"Immigration Enforcement - 287(g) Agreements With ICE - Prohibition"} & set(
        titles(database).values()
    ) | set(actions_of(database, "HB 1"))


def actions_of(database: str, number: str) -> list[str]:
    engine = make_engine(database)
    with reading(engine) as session:
        query = (
            select(Action.text)
            .join(Bill, Bill.id == Action.bill_id)
            .where(Bill.identifier_key == number, Action.retracted_at.is_(None))
            .order_by(Action.position)
        )
        found = list(session.scalars(query))
    engine.dispose()
    return found


def titles(database: str) -> dict[str, str]:
    engine = make_engine(database)
    with reading(engine) as session:
        found = {row.identifier_key: row.title for row in session.scalars(select(Bill))}
    engine.dispose()
    return found


def test_refused_connection_is_source_down(tmp_path: Path) -> None:
    with sound_day(tmp_path) as (legislature, sound):
        before = fingerprint(f"sqlite:///{sound}")
        url = legislature.url
    result = crawl_once(url, f"sqlite:///{sound}")
    assert "Traceback" not in result.stderr
    run = last_run(f"sqlite:///{sound}")
    assert (run.status, run.failure_kind) == ("failed", "source-down")
    assert fingerprint(f"sqlite:///{sound}") == before


def test_a_listing_shrunk_by_half_is_held(tmp_path: Path) -> None:
    with sound_day(tmp_path) as (legislature, sound):
        before = fingerprint(f"sqlite:///{sound}")
        legislature.set("/listing.json", listing(20))
        run, copy = after(legislature, sound)
    assert run.status == "quarantined"
    assert "40" in run.reason and "20" in run.reason
    assert fingerprint(copy) == before
    engine = make_engine(copy)
    with reading(engine) as session:
        assert not session.scalars(select(Change).where(Change.status == "released")).all()
    engine.dispose()


ODD_TITLES = {
    "NUL and control characters": ("NUL\0 and \x07 bell", "NUL and bell"),
    "emoji": ("Highways \N{ICE CUBE}", "Highways \N{ICE CUBE}"),
    "right to left": ("\u202eסימנים\u202c on highways", "\u202eסימנים\u202c on highways"),
    "half a surrogate pair": ("Highways \ud83e signs", None),
    "no-break and wide spaces": ("Highways\u00a0\u3000 signs", "Highways signs"),
}


def test_odd_rows_are_gaps_and_the_rest_goes_on(database: str) -> None:
    rows: list[dict[str, Any]] = [bill(number) for number in range(1, 121)]
    rows[1]["date"] = "0000-00-00"
    rows[2]["date"] = "January 5"
    rows[3]["title"] = "x" * 5_000_000
    rows[4]["title"] = None
    del rows[5]["status"]
    rows[6]["number"] = ""
    for place, (printed, _) in enumerate(ODD_TITLES.values(), start=10):
        rows[place]["title"] = printed
    rows.append(bill(120, title="The same number again"))
    rows.append("no bill at all")  # type: ignore[arg-type]
    with serving() as legislature:
        legislature.set("/listing.json", Answer(json.dumps({"bills": rows}).encode()))
        run = crawl(legislature, database)
    assert run.status == "sound", run.reason
    assert run.gaps["latest_action.date"] == {"invalid": 1}
    assert run.gaps["title"] == {"missing": 1, "oversized": 1}
    assert run.gaps["identifier"] == {"missing": 1, "duplicate": 1}
    assert [failure["kind"] for failure in run.failures] == ["bad-row", "bad-row"]
    stored = titles(database)
    assert len(stored) == 118
    assert len(stored["HB 4"]) < 100_000
    for place, (_, expected) in enumerate(ODD_TITLES.values(), start=11):
        assert expected is None or stored[f"HB {place}"] == expected


def test_odd_lines_of_a_page_are_gaps_and_the_rest_is_stored(database: str) -> None:
    lines = [
        {"text": "Introduced", "date": "2026-01-15"},
        {"text": "Referred to \N{ICE CUBE} Judiciary\0", "date": "0000-00-00"},
        {"text": "Hearing", "date": "1/29"},
    ]
    with serving() as legislature:
        legislature.set("/listing.json", listing(40))
        page = json.loads(detail(1).body)
        legislature.set("/bill/HB1.json", Answer({**page, "actions": lines}))
        run = crawl(legislature, database)
    assert run.status == "sound", run.reason
    assert run.gaps["actions.date"] == {"invalid": 1}
    assert actions_of(database, "HB 1") == [
        "Introduced", "Referred to \N{ICE CUBE} Judiciary", "Hearing",
    ]  # fmt: skip


def test_a_page_with_mostly_unreadable_rows_is_another_layout(database: str) -> None:
    rows = [{"number": f"HB {n}", "title": "Signs"} for n in range(1, 41)]
    with serving() as legislature:
        legislature.set("/listing.json", Answer({"bills": rows}))
        run = crawl(legislature, database)
    assert run.status == "failed"
    assert "layout-changed" in {failure["kind"] for failure in run.failures}


def test_a_text_is_stored_with_its_words(database: str) -> None:
    """The counterpart of the faults: the same page, with a sound file."""
    with serving() as legislature:
        legislature.set("/listing.json", listing(40))
        legislature.set("/bill/HB1.json", detail(1, text=f"{legislature.url}/text/1"))
        legislature.set("/text/1", Answer(GOOD_PDF, kind=PDF))
        run = crawl(legislature, database)
    assert (run.status, run.failures) == ("sound", [])
    engine = make_engine(database)
    with reading(engine) as session:
        assert session.scalars(select(Version.text_sha256)).one()
    engine.dispose()
