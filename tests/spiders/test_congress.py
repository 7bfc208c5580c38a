"""Real BILLSTATUS files, of the schema before 3.0 and since."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from spiders.states.congress import (
    BULK,
    FEED,
    TYPES,
    Congress,
    content_hash,
    headings,
    links,
    summary,
)
from spiders.tape import EMPTY_BODY

pytestmark = pytest.mark.recorded

ROOT = Path(__file__).parents[2]


def bill(path: Path) -> etree._Element:
    found = etree.parse(path).find("bill")
    assert found is not None
    return found


def tape_line(folder: Path, url: str, body: bytes = b"", status: int = 200) -> str:
    name = url.rsplit("/", 1)[-1] if body else ""
    if name:
        (folder / name).write_bytes(body)
    line = {
        "url": url, "body_sha256": EMPTY_BODY, "status": status, "file": name,
        "fetched_at": "2022-12-01T12:00:00Z", "provenance": "recorded",
    }  # fmt: skip
    return json.dumps(line) + "\n"


def crawl(folder: Path, tmp_path: Path) -> list[dict[str, Any]]:
    items = tmp_path / "items.jsonl"
    result = subprocess.run(
        [sys.executable, "-m", "spiders", "crawl", "us", "--session", "117",
         "--replay", folder, "--items", items],
        cwd=ROOT,
        env={**os.environ, "BILLTRACKER_DATABASE_URL": f"sqlite:///{tmp_path / 'us.sqlite3'}"},
        capture_output=True,
        text=True,
        timeout=120,
    )  # fmt: skip
    assert "Traceback" not in result.stderr, result.stderr
    return [json.loads(line) for line in items.read_text(encoding="utf-8").splitlines()]


def test_the_first_run_reads_the_real_bills_of_a_zip(recorded: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tape"
    folder.mkdir()
    feed = b"""<rss><channel><item><pubDate>Thu, 01 Dec 2022 04:00:00 -0500</pubDate>
        <description/></item></channel></rss>"""
    lines = tape_line(folder, FEED, feed)
    samples = sorted((recorded / "us-billstatus/formatChange/future").glob("*.xml"))
    for kind in TYPES:
        url = f"{BULK}/117/{kind}/BILLSTATUS-117-{kind}.zip"
        mine = [path for path in samples if path.name.startswith(f"BILLSTATUS-117{kind}")]
        mine = [path for path in mine if path.stem.removeprefix(f"BILLSTATUS-117{kind}").isdigit()]
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for path in mine:
                archive.write(path, path.name)
        lines += (
            tape_line(folder, url, packed.getvalue()) if mine else tape_line(folder, url, b"", 404)
        )
    (folder / "index.jsonl").write_text(lines)
    items = crawl(folder, tmp_path)
    light = {item["identifier"]: item for item in items if item["detail"] == "light"}
    assert set(light) == {"HR 2471", "HR 6658", "S 35", "SCONRES 7"}
    omnibus = light["HR 2471"]
    assert omnibus["title"] == "Consolidated Appropriations Act, 2022"
    assert omnibus["latest_action"]["text"] == "Became Public Law No: 117-103."
    assert omnibus["latest_action"]["date"] == "2022-03-15"
    assert "Economics and Public Finance" in omnibus["subjects"]
    assert omnibus["abstract"].startswith("Consolidated Appropriations Act, 2022")
    assert "<" not in omnibus["abstract"][:500]
    assert omnibus["sources"][0]["url"].endswith("/117th-congress/house-bill/2471")


def test_both_schemas_say_the_same_of_one_bill(recorded: Path) -> None:
    folder = recorded / "us-billstatus/formatChange"
    old = headings(bill(folder / "current/BILLSTATUS-117s35.xml"), "117")
    new = headings(bill(folder / "future/BILLSTATUS-117s35.xml"), "117")
    for name in ("identifier", "title", "abstract", "classification", "chamber", "sources"):
        assert old[name] == new[name], name
    assert set(new["subjects"]) <= set(old["subjects"]) | {"Congress"}


def test_the_oldest_files_have_subjects_and_a_summary(recorded: Path) -> None:
    legacy = bill(recorded / "us-billstatus/legacy/BILLSTATUS-114hr3106.xml")
    found = headings(legacy, "114")
    assert "Armed Forces and National Security" in found["subjects"]
    assert "Veterans' medical care" in found["subjects"]
    assert summary(legacy)


def test_a_new_stamp_alone_is_no_change(recorded: Path) -> None:
    found = bill(recorded / "us-billstatus/formatChange/future/BILLSTATUS-117s35.xml")
    before = content_hash(found)
    stamp = found.find("updateDate")
    assert stamp is not None
    stamp.text = "2030-01-01T00:00:00Z"
    assert content_hash(found) == before
    action = found.find("actions/item/text")
    assert action is not None
    action.text = "Something happened."
    assert content_hash(found) != before


class Reader(Congress):
    """Its parse methods, without a run behind them."""

    def __init__(self) -> None:
        self._gaps = []


def test_each_event_of_the_real_omnibus_is_told_once(recorded: Path) -> None:
    found = bill(recorded / "us-billstatus/formatChange/future/BILLSTATUS-117hr2471.xml")
    rows = found.findall("actions/item")[::-1]
    actions = list(Reader().actions(rows))
    assert (len(rows), len(actions)) == (56, 46)
    lines = [(action.date, action.text) for action in actions]
    assert len(set(lines)) == len(lines)
    passed = [action for action in actions if "an amendment by Voice Vote" in action.text]
    assert [(action.text, action.actor) for action in passed] == [
        ("Passed Senate with an amendment by Voice Vote.", "upper")
    ]
    assert [(str(action.date), action.text) for action in actions[-2:]] == [
        ("2022-03-15", "Signed by President."),
        ("2022-03-15", "Became Public Law No: 117-103."),
    ]
    votes = list(Reader().votes(rows))
    assert len(votes) == len({vote.source_id for vote in votes}) == 5
    assert all(len(vote.counts) == 2 and vote.chamber and vote.date for vote in votes)


@pytest.mark.parametrize(
    ("file", "actions", "versions"),
    [
        ("formatChange/current/BILLSTATUS-117s35", 9, 2),
        ("formatChange/future/BILLSTATUS-117s35", 9, 2),
        ("formatChange/future/BILLSTATUS-117hr6658", 2, 1),
        ("actions-committees/BILLSTATUS-116s832", 12, 4),
        ("textVersions/DEV-BILLSTATUS-115s2269", 16, 4),
        ("legacy/BILLSTATUS-114hr3106", 10, 0),
    ],
)
def test_real_files_are_read_whole(recorded: Path, file: str, actions: int, versions: int) -> None:
    found = bill(recorded / f"us-billstatus/{file}.xml")
    reader = Reader()
    read = list(reader.actions(found.findall("actions/item")[::-1]))
    assert len(read) == actions
    assert all(action.date for action in read)
    assert len(list(reader.versions(found))) == versions
    listed = found.xpath("(sponsors|cosponsors)/item[not(sponsorshipWithdrawnDate/text())]")
    assert len(list(reader.sponsors(found))) == len(listed)
    assert not reader._gaps


def test_the_text_is_read_as_html() -> None:
    xml = "https://www.govinfo.gov/content/pkg/BILLS-117s35es/xml/BILLS-117s35es.xml"
    assert [link.url for link in links(xml)] == [
        "https://www.govinfo.gov/content/pkg/BILLS-117s35es/html/BILLS-117s35es.htm",
        xml,
    ]
    law = "https://www.govinfo.gov/content/pkg/PLAW-117publ103_uslm/xml/PLAW-117publ103_uslm.xml"
    assert [link.url for link in links(law)] == [
        "https://www.govinfo.gov/content/pkg/PLAW-117publ103/html/PLAW-117publ103.htm",
        law,
    ]
