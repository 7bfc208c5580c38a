"""LegiScan: what it says as JSON and CSV; answers that are errors; an import of real sessions."""

from __future__ import annotations

import base64
import csv
import datetime as dt
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from spiders.documents import read_document
from spiders.errors import FailureKind, LayoutChanged, SourceError
from spiders.platforms.archive import BadArchive
from spiders.platforms.legiscan import BillReader, answer, session_label, session_of_folder
from spiders.platforms.legiscan_dataset import BadDataset, Dataset
from spiders.states.legiscan import decoded_document, hits_listed, newest_text
from tracker.db import make_engine, reading
from tracker.items import BillItem
from tracker.models import Action, Bill, Change, RelatedBill, Run, Sponsorship, Version, VoteEvent

ROOT = Path(__file__).parents[2]
NOW = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)


def billtracker(database: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tracker", *arguments],
        cwd=ROOT,
        env={**os.environ, "BILLTRACKER_DATABASE_URL": f"sqlite:///{database}"},
        capture_output=True,
        text=True,
        timeout=300,
    )


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


# -- a dataset by hand ---------------------------------------------------------------------------

BILL: dict[str, Any] = {
    "bill_id": "7", "change_hash": "abc", "state": "MI", "bill_number": "HB9901",
    "bill_type": "B", "body": "H", "title": "Jails; detainers", "description": "Jails; detainers",
    "url": "https://legiscan.com/MI/bill/HB9901/2025", "state_link": "",
    "session": {"session_id": 1, "year_start": 2025, "year_end": 2026, "special": 0},
    "history": [
        {"date": "2025-01-08", "action": "Introduced", "chamber": "H"},
        {"date": "0000-00-00", "action": "Referred", "chamber": "H"},
        {"date": "2025-13-01", "action": "Read", "chamber": ""},
        {"date": "2025-02-01", "action": "", "chamber": "H"},
    ],
    "sponsors": [{"people_id": 3, "name": "Ana Núñez", "role": "Rep", "party": "D",
                  "sponsor_type_id": 1, "committee_sponsor": 0}],
    "texts": [{"doc_id": 5, "date": "2025-01-08", "type": "Introduced", "mime": "text/html",
               "url": "https://legiscan.com/MI/text/HB9901/id/5", "state_link": ""}],
    "supplements": [{"supplement_id": 5, "date": "0000-00-00", "type": "Fiscal Note",
                     "mime": "application/pdf", "url": "https://legiscan.com/s/5"}],
    "votes": [{"roll_call_id": 11, "date": "2025-02-01", "desc": "Third Reading", "yea": 60,
               "nay": "40", "nv": 10, "absent": 0, "passed": 1, "chamber": "H"}],
    "calendar": [], "subjects": [], "sasts": [],
}  # fmt: skip


def json_dataset(folder: Path, *bills: dict[str, Any] | str) -> Path:
    root = folder / "MI" / "2025-2026_103rd_Legislature"
    for name in ("bill", "vote", "people"):
        (root / name).mkdir(parents=True)
    for place, bill in enumerate(bills):
        text = bill if isinstance(bill, str) else json.dumps({"bill": bill})
        (root / "bill" / f"{place}.json").write_text(text)
    voted = {"roll_call": {"roll_call_id": 11, "votes": [
        {"people_id": 3, "vote_text": "Yea"}, {"people_id": 99, "vote_text": "NV"}]}}  # fmt: skip
    (root / "vote" / "11.json").write_text(json.dumps(voted))
    (root / "people" / "3.json").write_text(
        json.dumps({"person": {"people_id": 3, "name": "Ana Núñez"}})
    )
    return folder


def zipped(folder: Path) -> Path:
    return Path(shutil.make_archive(str(folder), "zip", folder))


def items_of(path: Path, **options: str) -> tuple[list[BillItem], list[tuple[str, str]]]:
    problems: list[tuple[str, str]] = []
    dataset = Dataset(path, NOW, **options)
    return list(dataset.items(lambda where, what: problems.append((where, what)))), problems


@pytest.mark.parametrize("packed", [False, True])
def test_a_json_dataset_gives_the_votes_of_members(packed: bool, tmp_path: Path) -> None:
    folder = json_dataset(tmp_path / "set", BILL)
    (item,), problems = items_of(zipped(folder) if packed else folder)
    assert not problems
    assert (item.source, item.session, item.identifier) == ("legiscan-mi", "2025-2026", "HB9901")
    assert [(action.text, str(action.date)) for action in item.actions or ()] == [
        ("Introduced", "2025-01-08"),
        ("Referred", "None"),
        ("Read", "None"),
    ]
    assert {(gap.field, gap.reason) for gap in item.gaps} == {
        ("actions.date", "invalid"),
        ("actions.text", "missing"),
    }
    (vote,) = item.votes or ()
    assert [(voter.name, voter.option) for voter in vote.voters] == [
        ("Ana Núñez", "yea"),
        ("LegiScan person 99", "nv"),
    ]
    assert [(count.option, count.value) for count in vote.counts][:2] == [("yes", 60), ("no", 40)]
    # Texts and supplements are numbered apart.
    assert [version.source_id for version in item.versions or ()] == ["text-5", "supplement-5"]


def test_one_bad_bill_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    bills = [{**BILL, "bill_id": n, "bill_number": f"HB{n}"} for n in range(1, 9)]
    items, problems = items_of(json_dataset(tmp_path / "set", *bills, '{"bill": {"titl'))
    assert len(items) == 8
    ((where, _),) = problems
    assert where.endswith("bill/8.json")


def test_a_dataset_with_mostly_bad_bills_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadDataset, match="3 of 4 bills cannot be read"):
        items_of(json_dataset(tmp_path / "set", BILL, "{", "[]", '{"bill": null}'))


def test_two_states_in_one_dataset_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadDataset, match="one state at a time"):
        items_of(json_dataset(tmp_path / "set", BILL, {**BILL, "state": "OH"}))


@pytest.mark.parametrize(
    ("name", "content"),
    [("cut.zip", b"PK\x03\x04 and then nothing"), ("page.zip", b"<html>Please log in</html>")],
)
def test_a_file_that_is_no_dataset_says_so(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadArchive, match="download it again"):
        Dataset(tmp_path / name, NOW)


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bill/1.json", "{}")
        archive.infolist()[0].file_size = 5 * 1024**3
    with pytest.raises(BadArchive, match="would unpack to 5,120 MB"):
        Dataset(bomb, NOW)


def test_an_empty_folder_says_what_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(BadDataset, match=r"neither bills\.csv nor bill/\*\.json"):
        Dataset(tmp_path, NOW)


def test_the_command_says_what_it_could_not_read(tmp_path: Path) -> None:
    bills = [{**BILL, "bill_id": n, "bill_number": f"HB{n}"} for n in range(1, 9)]
    folder = json_dataset(tmp_path / "set", *bills, "{")
    result = billtracker(tmp_path / "b.sqlite3", "import", "legiscan", folder)
    assert result.returncode == 1
    assert "legiscan-mi: sound; 8 bills of set: 8 new, 0 changed, 1 could not be read" in (
        result.stdout
    )
    wrong = billtracker(tmp_path / "b.sqlite3", "import", "legiscan", folder, "--state", "oh")
    assert wrong.returncode == 1
    assert "holds bills of MI, not OH" in wrong.stderr
    missing = billtracker(tmp_path / "b.sqlite3", "import", "legiscan", tmp_path / "nowhere.zip")
    assert "no such file or folder" in missing.stderr
    assert "Traceback" not in result.stderr + wrong.stderr + missing.stderr


# -- answers of the API --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        ({"status": "ERROR", "alert": {"message": "Invalid API Key"}}, FailureKind.KEY),
        ({"status": "ERROR", "alert": {"message": "Query limit exceeded"}}, FailureKind.BUDGET),
        ({"status": "ERROR", "alert": {"message": "Unknown bill id"}}, FailureKind.NOT_FOUND),
        ({"status": "ERROR", "alert": "down"}, FailureKind.BUG),
        ({"status": "OK"}, FailureKind.LAYOUT),
        ([], FailureKind.LAYOUT),
    ],
)
def test_an_error_with_http_200_is_named(payload: Any, kind: FailureKind) -> None:
    with pytest.raises(SourceError) as caught:
        answer(payload, "bill")
    assert caught.value.kind is kind


def test_search_hits_stand_in_a_list_or_under_numbers() -> None:
    summary = {"count": 2}
    hit = {"bill_id": 7, "relevance": 90, "change_hash": "x"}
    assert hits_listed({"summary": summary, "results": [hit]}) == [hit]
    assert hits_listed({"summary": summary, "0": hit}) == [hit]
    assert hits_listed({"summary": summary, "results": []}) == []
    with pytest.raises(LayoutChanged):
        hits_listed([])


def test_the_newest_text_is_the_last_of_its_day() -> None:
    texts = [
        {"doc_id": 3, "date": "2025-02-01"},
        {"doc_id": 1, "date": "2025-02-01"},
        {"doc_id": 9, "date": "0000-00-00"},
    ]
    assert newest_text({"texts": texts}) == "1"
    assert newest_text({"texts": []}) == ""


@pytest.mark.parametrize(
    ("session", "label"),
    [
        ({"year_start": 2025, "year_end": 2026, "special": 0}, "2025-2026"),
        ({"year_start": "2026", "year_end": "2026", "session_tag": "Regular Session"}, "2026"),
        (
            {"year_start": 2025, "year_end": 2025, "special": 1,
             "session_tag": "1st Special Session"},
            "2025 1st Special Session",
        ),
    ],
)  # fmt: skip
def test_a_session_is_named_alike_everywhere(session: dict[str, Any], label: str) -> None:
    assert session_label(session) == label
    folder = label.replace(" ", "_") if "Special" in label else f"{label}_Regular_Session"
    assert session_of_folder(folder) == label


# -- what LegiScan really sent -------------------------------------------------------------------


@pytest.mark.recorded
@pytest.mark.parametrize("number", ["HB1", "HB2", "HB3", "HB1044", "HB1045", "HB1046"])
def test_real_answers_are_read_whole(recorded: Path, number: str) -> None:
    bill = json.loads((recorded / f"legiscan-api/bill/{number}.json").read_text())["bill"]
    reader = BillReader(answer({"status": "OK", "bill": bill}, "bill"))
    stated = reader.stated(session_label(bill["session"]))
    assert not reader.gaps
    assert stated["identifier"] == number
    assert [action.text for action in stated["actions"]] == [
        " ".join(row["action"].split()) for row in bill["history"]
    ]
    assert all(action.date for action in stated["actions"])
    assert len(stated["sponsors"]) == len(bill["sponsors"])
    assert len(stated["votes"]) == len(bill["votes"])
    documents = [*bill["texts"], *bill["amendments"], *bill.get("supplements", ())]
    assert len(stated["versions"]) == len(documents)
    assert len({version.source_id for version in stated["versions"]}) == len(documents)
    assert stated["sources"][-1].note == "LegiScan, CC BY 4.0"


@pytest.mark.recorded
def test_real_documents_are_read(recorded: Path) -> None:
    read = Counter[str]()
    for file in sorted((recorded / "legiscan-api/text").glob("*.json")):
        document = json.loads(file.read_text())["text"]
        body = decoded_document(document)
        assert body == base64.b64decode(document["doc"])
        try:
            found = read_document(body, document["mime"])
        except SourceError as error:
            read[error.kind] += 1
        else:
            assert len(found.text) > 200
            read[document["mime"]] += 1
    assert sum(read.values()) == 5
    assert set(read) <= {"text/html", "application/pdf"}


@pytest.mark.slow
@pytest.mark.recorded
def test_a_real_biennium_is_imported_whole_and_twice_changes_nothing(
    recorded: Path, tmp_path: Path
) -> None:
    """Michigan, both sessions: every bill, action, sponsor, document and roll call."""
    database = tmp_path / "mi.sqlite3"
    folders = sorted(path for path in (recorded / "legiscan-csv-mi").iterdir() if path.is_dir())
    assert [folder.name for folder in folders] == ["2023-2024", "2025-2026"]
    first = billtracker(database, "import", "legiscan", *folders, "--state", "mi")
    assert first.returncode == 0, first.stdout + first.stderr
    engine = make_engine(f"sqlite:///{database}")
    for folder in folders:
        stored = counted(engine, folder.name)
        files = {"bills": Bill, "history": Action, "documents": Version, "rollcalls": VoteEvent}
        for file, model in files.items():
            assert stored[model.__name__] == len(rows_of(folder / f"{file}.csv")), file
        sponsors = {(row["bill_id"], row["people_id"]) for row in rows_of(folder / "sponsors.csv")}
        assert stored["Sponsorship"] == len(sponsors)
    with reading(engine) as session:
        assert session.scalar(select(func.count()).where(Change.status != "baseline")) == 0
        before = session.scalar(select(func.count(Change.id)))
        act = session.scalars(select(Bill).where(Bill.identifier_key == "HB 4338")).all()
        assert {bill.session for bill in act} >= {"2025-2026"}
        sanctuary = next(bill for bill in act if bill.session == "2025-2026")
        assert sanctuary.latest_action_text == "Referred To Committee On Government Operations"
        assert str(sanctuary.latest_action_on) == "2025-05-06"
    second = billtracker(database, "import", "legiscan", *folders)
    assert second.returncode == 0, second.stdout + second.stderr
    assert second.stdout.count("0 new, 0 changed") == 2
    with reading(engine) as session:
        assert session.scalar(select(func.count(Change.id))) == before
        assert {run.status for run in session.scalars(select(Run))} == {"sound"}
    engine.dispose()


def counted(engine: Any, session_name: str) -> dict[str, int]:
    found = {}
    with reading(engine) as session:
        for model in (Action, Sponsorship, Version, VoteEvent, RelatedBill):
            query = select(func.count()).select_from(model).join(Bill, Bill.id == model.bill_id)
            found[model.__name__] = session.scalar(query.where(Bill.session == session_name)) or 0
        bills = select(func.count()).select_from(Bill).where(Bill.session == session_name)
        found["Bill"] = session.scalar(bills) or 0
    return found
