"""A key opens its source and is never seen again; without it the source is skipped."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from spiders.catalog import SourceFacts, catalogue
from spiders.secret import Discreet, hide

ROOT = Path(__file__).parents[2]
KEY = "k3y of/a+stranger"
WITH_KEY = [facts for facts in catalogue().values() if facts.key]


def crawl(
    facts: SourceFacts, folder: Path, *options: str | Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "spiders", "crawl", facts.shown_code, *options],
        cwd=ROOT,
        env={**os.environ, "BILLTRACKER_DATABASE_URL": f"sqlite:///{folder / 'b.db'}", **variables},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_three_sources_need_one() -> None:
    assert {facts.code for facts in WITH_KEY} == {"ny", "legiscan", "openstates"}


@pytest.mark.parametrize("facts", WITH_KEY, ids=lambda facts: facts.code)
def test_without_a_key_it_is_skipped_and_says_how_to_get_one(
    facts: SourceFacts, tmp_path: Path
) -> None:
    result = crawl(facts, tmp_path)
    assert result.returncode == 0, result.stderr
    assert f"{facts.shown_code}: skipped" in result.stdout
    assert f"set BILLTRACKER_{facts.key.upper()}" in result.stdout
    assert "https://" in result.stdout


@pytest.mark.parametrize("facts", WITH_KEY, ids=lambda facts: facts.code)
def test_the_key_is_neither_stored_nor_logged(facts: SourceFacts, tmp_path: Path) -> None:
    pages = ROOT / "spiders" / "pages" / facts.spider / "day1"
    result = crawl(
        facts, tmp_path, "--replay", pages, "--items", tmp_path / "items.jsonl",
        "--record", tmp_path / "again", **{f"BILLTRACKER_{facts.key.upper()}": KEY},
    )  # fmt: skip
    assert f"{facts.shown_code}: sound" in result.stdout, result.stdout + result.stderr
    assert KEY not in result.stdout + result.stderr
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 5
    for path in written:
        for spelt in (KEY, "k3y+of%2Fa%2Bstranger", "k3y%20of%2Fa%2Bstranger"):
            assert spelt.encode() not in path.read_bytes(), path


def test_a_library_that_logs_the_address_does_not_tell_the_key() -> None:
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    handler.setFormatter(Discreet(logging.Formatter("%(levelname)s %(message)s"), "k3y"))
    logger = logging.getLogger("tests.a_library")
    logger.addHandler(handler)
    try:
        raise OSError("https://api.example/?key=k3y")
    except OSError:
        logger.exception("Cancelled %s", "https://api.example/?key=k3y&op=x")
    logger.removeHandler(handler)
    assert said.getvalue().startswith("ERROR Cancelled https://api.example/?key=SECRET&op=x")
    assert "k3y" not in said.getvalue()


def test_a_key_is_hidden_as_addresses_spell_it() -> None:
    assert hide("?key=a%2Fb and a/b", "a/b") == "?key=SECRET and SECRET"
    assert hide("nothing to hide", "") == "nothing to hide"
