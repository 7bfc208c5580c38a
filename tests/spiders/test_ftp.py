"""The FTP handler against a real server on loopback, through Scrapy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.spiders.ftp_server import Files, serving

ROOT = Path(__file__).parents[2]
LISTING = """06-20-25  04:15PM                48213 SB 8.xml\r
01-02-25  09:00AM       <DIR>          SB00001_SB00099\r
"""


def fetch(*urls: str) -> list[dict[str, Any]]:
    """Each URL as a spider's process with our download handler sees it."""
    result = subprocess.run(
        [sys.executable, Path(__file__).with_name("ftp_fetch.py"), *urls],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    answers = map(json.loads, result.stdout.splitlines())
    return sorted(answers, key=lambda answer: urls.index(answer["url"]))


def test_a_folder_answers_with_its_list_and_a_file_with_its_bytes() -> None:
    with serving(Files()) as server:
        server.listings["/bills/89R/"] = LISTING
        server.files["/bills/89R/SB 8.xml"] = b"<billhistory/>"
        folder, file = fetch(f"{server.url}/bills/89R/", f"{server.url}/bills/89R/SB%208.xml")
    assert folder["status"] == 200
    assert "SB 8.xml\n" in folder["body"]
    assert "<DIR>" in folder["body"]
    assert (file["status"], file["body"]) == (200, "<billhistory/>")
    assert "USER anonymous" in server.asked


def test_a_missing_file_is_a_404_and_the_others_still_come() -> None:
    with serving(Files()) as server:
        server.files["/a.xml"] = b"<a/>"
        missing, there = fetch(f"{server.url}/b.xml", f"{server.url}/a.xml")
    assert missing["status"] == 404
    assert there["body"] == "<a/>"


def test_a_dropped_connection_is_tried_again() -> None:
    with serving(Files()) as server:
        server.drop = 2
        server.files["/a.xml"] = b"<a/>"
        (answer,) = fetch(f"{server.url}/a.xml")
    assert answer["body"] == "<a/>"


def test_a_server_that_always_hangs_up_is_a_named_failure() -> None:
    with serving(Files()) as server:
        server.drop = 100
        (answer,) = fetch(f"{server.url}/a.xml")
    assert answer["kind"] == "source-down"
