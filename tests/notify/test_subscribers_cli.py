"""billtracker subscribers …, as an operator types it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from typer.testing import Result

from tests.commands import billtracker
from tests.notify.stories import add_bill
from tracker.db import open_database


def run(*words: str) -> Result:
    return billtracker("subscribers", *words)


def said(*words: str) -> str:
    result = run(*words)
    assert result.exit_code == 0, result.output
    return result.output


def refused(*words: str) -> str:
    result = run(*words)
    assert result.exit_code == 2, result.output
    return " ".join(result.output.replace("│", " ").split())


def test_adding_listing_and_removing() -> None:
    add_bill(open_database())
    wish = said(
        "add", "ann@example.org", "--states", "md,va", "--topics", "detainers", "--weekly",
        "--weekday", "friday", "--hour", "18:30", "--timezone", "America/Chicago",
    )  # fmt: skip
    assert "weekly, Detainers in Maryland or Virginia" in wish
    said("add", "Ann@Example.org", "--bills", "md hb1222", "--immediate")
    listed = said("list")
    assert "ann@example.org  active  18:30 America/Chicago  (added by operator)" in listed
    assert "1: weekly, Detainers in Maryland or Virginia" in listed
    assert "2: immediate, MD HB 1222" in listed
    assert "has ended" in said("remove", "ann@example.org", "--subscription", "1")
    assert "forgotten" in said("remove", "ann@example.org")
    assert said("list") == ""


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("add", "ann@"), "is not an address we can mail"),
        (("add", "ann@example.org", "--states", "zz"), "states: no state 'zz'"),
        (("add", "ann@example.org", "--bills", "md HB 9"), "there is no bill"),
        (("add", "ann@example.org", "--timezone", "Mars"), "no time zone"),
        (("add", "ann@example.org", "--daily", "--weekly"), "choose one"),
        (("remove", "ann@example.org"), "nobody subscribes"),
        (("unsuppress", "ann@example.org"), "is not suppressed"),
    ],
)
def test_nonsense_is_told_and_changes_nothing(words: tuple[str, ...], why: str) -> None:
    assert why in refused(*words)
    assert said("list") == ""


def test_a_list_is_brought_in_and_taken_out(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("email,states\nann@example.org,md\nbob@,md\n", encoding="utf-8")
    options = ("--evidence", "double opt-in of oldlist.example", "--confirmed-at", "2024-05-06")
    tried = run("import", str(path), *options, "--dry-run")
    assert "would import 1 readers and 1 subscriptions" in tried.output
    assert "line 3: 'bob@' is not an address we can mail" in tried.output
    assert said("list") == ""
    assert list(tmp_path.glob("*.csv")) == [path], "it only tells"
    result = run("import", str(path), *options)
    assert result.exit_code == 1, "a row was refused"
    assert "imported 1 readers and 1 subscriptions" in result.output
    assert "line 3: 'bob@' is not an address we can mail" in result.output
    assert "bob@" in (tmp_path / "list.refused.csv").read_text(encoding="utf-8")
    out = tmp_path / "out.csv"
    assert "1 rows in" in said("export", str(out))
    (row,) = csv.DictReader(out.open(encoding="utf-8", newline=""))
    assert (row["email"], row["states"], row["evidence"]) == (
        "ann@example.org", "md", "double opt-in of oldlist.example",
    )  # fmt: skip
    assert list(csv.DictReader(io.StringIO(said("export")))) == [row]


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_a_file_that_is_not_there(tmp_path: Path, name: str) -> None:
    result = run("import", str(tmp_path / name))
    assert result.exit_code == 1
    assert "nothing was imported" in result.output


def test_suppressing_and_lifting_it() -> None:
    said("add", "ann@example.org")
    said("suppress", "Ann@Example.org", "--reason", "asked by telephone")
    assert "ann@example.org is suppressed" in refused("add", "ann@example.org", "--states", "md")
    assert "ann@example.org  suppressed" in said("list")
    assert "operator (asked by telephone)" in said("suppressed")
    assert "is free" in said("unsuppress", "ann@example.org")
    assert "ann@example.org  left" in said("list")
    assert "has unsubscribed" in refused("add", "ann@example.org", "--states", "md")
    assert "Maryland" not in said("list")
    said("suppress", "ann@example.org")
    assert "and mailed again" in said("unsuppress", "ann@example.org", "--resume")
    assert "ann@example.org  active" in said("list")
    assert said("suppressed") == ""
