"""Whichever single page of a day does not come, the next poll makes up for it.

For every page of every source's second day: that day without the page, then another poll, must
leave the same bills as the day alone, and tell the same news, each fact once. (What a listing says
of a bill whose page is missing, and a text that comes later than its version, is told besides.)
"""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from spiders.catalog import SourceFacts, catalogue
from spiders.tape import INDEX, TapeLine, read_index
from tests.spiders.test_sources import PAGES, replay
from tracker.db import make_engine

pytestmark = pytest.mark.slow

# In a second call for one bill, Open States is asked by the bill's own address.
ONE_BILL = "https://v3.openstates.org/bills/nm/2026/{}?" + "&".join(
    f"include={name}"
    for name in (
        "sponsorships", "abstracts", "actions", "sources", "documents", "versions", "votes",
    )
)  # fmt: skip


def told(database: Path) -> dict[str, list[tuple[object, ...]]]:
    """What readers could see: bills with their histories and texts, and the news."""
    engine = make_engine(f"sqlite:///{database}")
    queries = {
        "bills": "SELECT identifier_key, title, abstract, stage, latest_action_text, vanished_at"
        " IS NULL FROM bill",
        "actions": "SELECT identifier_key, action.text, action.date FROM action JOIN bill"
        " ON bill.id = bill_id WHERE retracted_at IS NULL",
        "versions": "SELECT identifier_key, note, text_sha256 FROM version JOIN bill"
        " ON bill.id = bill_id WHERE removed_at IS NULL",
        "votes": "SELECT identifier_key, motion, vote_event.date FROM vote_event JOIN bill"
        " ON bill.id = bill_id WHERE removed_at IS NULL",
        "news": "SELECT identifier_key, kind, summary FROM change JOIN bill"
        " ON bill.id = bill_id WHERE change.status = 'released'",
    }
    with engine.connect() as connection:
        found = {
            name: sorted(map(tuple, connection.exec_driver_sql(query).all()), key=repr)
            for name, query in queries.items()
        }
    engine.dispose()
    return found


def without(facts: SourceFacts, place: int, folder: Path, day: str = "day2") -> Path:
    """A day, one of its pages refused."""
    shutil.copytree(PAGES / facts.spider / day, folder)
    lines = read_index(folder)
    refused = {"status": 403, "file": "", "headers": {}}
    lines[place] = lines[place].model_copy(update=refused)
    write(folder, lines)
    return folder


def write(folder: Path, lines: list[TapeLine]) -> None:
    written = (json.dumps(line.model_dump(mode="json")) for line in lines)
    (folder / INDEX).write_text("\n".join(written) + "\n")


def day_after(facts: SourceFacts, folder: Path) -> Path:
    """The third day, on which nothing new happened, and all that a second call may ask for."""
    pages = PAGES / facts.spider
    shutil.copytree(pages / "day2", folder)
    lines = read_index(folder)
    later = read_index(pages / "day3")
    for line in later:
        if line.file:
            shutil.copy(pages / "day3" / line.file, folder / f"later-{line.file}")
    known = {line.url for line in later}
    lines = [
        *(line.model_copy(update={"file": line.file and f"later-{line.file}"}) for line in later),
        *(line for line in lines if line.url not in known),
    ]
    if facts.code == "openstates":
        for bill in json.loads((folder / "bills.json").read_text())["results"]:
            number = bill["identifier"]
            (folder / f"{number}.json").write_text(json.dumps(bill))
            url = ONE_BILL.format(number.replace(" ", "%20"))
            lines.append(lines[0].model_copy(update={"url": url, "file": f"{number}.json"}))
    write(folder, lines)
    return folder


@pytest.mark.parametrize("facts", catalogue().values(), ids=lambda facts: facts.code)
def test_a_lost_page_loses_nothing(facts: SourceFacts, tmp_path: Path) -> None:
    first_day, straight = tmp_path / "first.sqlite3", tmp_path / "straight.sqlite3"
    crawl(facts, PAGES / facts.spider / "day1", first_day)
    shutil.copy(first_day, straight)
    crawl(facts, PAGES / facts.spider / "day2", straight)
    expected, asked = told(straight), asked_last(straight)
    day = day_after(facts, tmp_path / "day")
    lines = read_index(PAGES / facts.spider / "day2")
    lost = [place for place, line in enumerate(lines) if line.url in asked and line.status == 200]
    assert lost
    for place in lost:
        halting = tmp_path / f"halting-{place}.sqlite3"
        shutil.copy(first_day, halting)
        crawl(facts, without(facts, place, tmp_path / f"broken-{place}"), halting)
        crawl(facts, day, halting)
        found = told(halting)
        where = f"after {lines[place].url} was lost"
        news = Counter(found.pop("news"))
        assert facts_of(expected["news"]) <= facts_of(news), f"news is missing {where}"
        assert max(news.values(), default=1) == 1, f"something is told twice {where}"
        for name, rows in found.items():
            assert rows == expected[name], f"{name} {where}"


def facts_of(news: Iterable[tuple[object, ...]]) -> set[tuple[object, ...]]:
    """An action, and the stage it brings, may have been told in the listing's words."""
    return {row[:2] if row[1] in ("action", "stage") else row for row in news}


def crawl(facts: SourceFacts, day: Path, database: Path) -> None:
    replay(facts, day, f"sqlite:///{database}", database.with_suffix(".jsonl"))


def asked_last(database: Path) -> set[str]:
    """Addresses of the last run."""
    engine = make_engine(f"sqlite:///{database}")
    query = "SELECT url FROM fetched_page WHERE run_id = (SELECT max(id) FROM run)"
    with engine.connect() as connection:
        found = set(connection.exec_driver_sql(query).scalars())
    engine.dispose()
    return found


@pytest.mark.parametrize(
    ("code", "part"),
    [("us", r"\.zip$"), ("tx", r"/billhistory/\w+/$"), ("ny", r"/bills/2025\?limit=")],
)
def test_a_part_of_the_first_listing_is_no_news_when_it_comes_later(
    code: str, part: str, tmp_path: Path
) -> None:
    facts = catalogue()[code]
    day = PAGES / facts.spider / "day1"
    straight = tmp_path / "straight.sqlite3"
    crawl(facts, day, straight)
    expected = told(straight)
    assert not expected["news"]
    lines = read_index(day)
    parts = [n for n, line in enumerate(lines) if re.search(part, line.url) and line.status == 200]
    assert len(parts) > 1
    for place in parts:
        halting = tmp_path / f"halting-{place}.sqlite3"
        crawl(facts, without(facts, place, tmp_path / f"broken-{place}", "day1"), halting)
        crawl(facts, day, halting)
        assert told(halting) == expected, f"after {lines[place].url} was lost"
