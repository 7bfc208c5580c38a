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

from spiders.states.congress import BULK, FEED, TYPES, content_hash, headings, links, summary
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
    light = {item["identifier"]: item for item in crawl(folder, tmp_path)}
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
