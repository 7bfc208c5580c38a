"""A page or text that did not come is asked for again though nothing has moved; not forever."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from tests.spiders.loopback import Answer, Legislature, detail, listing, serving
from tests.spiders.pdf_files import pdf_of
from tests.spiders.test_polite import crawl
from tracker.db import make_engine, reading
from tracker.models import Version

PDF = "application/pdf"
PAGE, TEXT, LISTING = "/bill/HB1.json", "/text/1", "/listing.json"
MISSING = Answer("not yet", 404, "text/plain")


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'loop.sqlite3'}"


def publish(legislature: Legislature, text: Answer) -> None:
    legislature.set(LISTING, listing(40, etag='"monday"'))
    legislature.set(PAGE, detail(1, text=f"{legislature.url}{TEXT}"))
    legislature.set(TEXT, text)


def polled(legislature: Legislature, database: str) -> list[str]:
    legislature.requests.clear()
    assert crawl(legislature, database).status == "sound"
    return legislature.paths()


def texts(database: str) -> list[str | None]:
    engine = make_engine(database)
    with reading(engine) as session:
        found = list(session.scalars(select(Version.text_sha256)))
    engine.dispose()
    return found


def test_a_text_that_came_late_is_read_at_the_next_poll(database: str) -> None:
    with serving() as legislature:
        publish(legislature, MISSING)
        assert polled(legislature, database) == [LISTING, PAGE, TEXT]
        assert texts(database) == [None]
        legislature.set(TEXT, Answer(pdf_of(["A BILL about detainers."]), kind=PDF))
        assert polled(legislature, database) == [LISTING, PAGE, TEXT]
        (sha,) = texts(database)
        assert sha
        # Now all is read, and the listing has not moved.
        assert polled(legislature, database) == [LISTING]


@pytest.mark.slow
def test_a_text_that_never_comes_is_given_up(database: str) -> None:
    with serving() as legislature:
        publish(legislature, MISSING)
        for _ in range(4):
            assert TEXT in polled(legislature, database)
        assert polled(legislature, database) == [LISTING]
        assert polled(legislature, database) == [LISTING]


def test_a_file_that_cannot_be_read_is_not_asked_for_twice(database: str) -> None:
    with serving() as legislature:
        publish(legislature, Answer(b"%PDF-1.7\n" + b"\xff" * 900 + b"%%EOF", kind=PDF))
        assert TEXT in polled(legislature, database)
        assert polled(legislature, database) == [LISTING]


def test_a_bills_page_that_was_lost_is_read_at_the_next_poll(database: str) -> None:
    with serving() as legislature:
        publish(legislature, Answer(pdf_of(["A BILL"]), kind=PDF))
        legislature.set(PAGE, MISSING)
        assert polled(legislature, database) == [LISTING, PAGE]
        legislature.set(PAGE, detail(1))
        assert polled(legislature, database) == [LISTING, PAGE]
        assert polled(legislature, database) == [LISTING]
