"""LegiScan's public datasets: whole sessions as JSON or CSV, in a ZIP or unpacked.

JSON (``…/bill/*.json``, ``…/vote/*.json``, ``…/people/*.json``) is what the API gives, with the
votes of each member. CSV (``bills.csv``, ``history.csv`` …) is a subset of it; its rows are put
together here into the shape of the JSON. One path may hold several sessions of one state.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path, PurePosixPath
from typing import Any

from spiders.errors import SourceError
from spiders.parse import clean
from spiders.platforms.archive import Files, open_files
from spiders.platforms.legiscan import (
    BillReader,
    Record,
    Voters,
    session_label,
    session_of_folder,
)
from tracker.items import BillItem, VoterItem

MOST_BAD_BILLS = 0.2

COLUMNS = {
    "bills.csv": ("bill_id", "bill_number", "title", "description", "url", "state_link"),
    "history.csv": ("bill_id", "date", "chamber", "sequence", "action"),
    "sponsors.csv": ("bill_id", "people_id", "position"),
    "people.csv": ("people_id", "name", "party", "role", "committee_id"),
    "documents.csv": (
        "bill_id", "document_id", "document_type", "document_mime", "document_desc", "url",
        "state_link",
    ),
    "rollcalls.csv": (
        "bill_id", "roll_call_id", "date", "chamber", "description", "yea", "nay", "nv", "absent",
    ),
}  # fmt: skip
DOCUMENT_KINDS = {
    "text": ("texts", "doc_id"),
    "amendment": ("amendments", "amendment_id"),
    "supplement": ("supplements", "supplement_id"),
}

Problem = Callable[[str, str], None]
Found = tuple[str, str, Callable[[], BillReader]]
"""Where a bill is, its session where the place tells it, and how to read it."""


class BadDataset(Exception):
    """No dataset of LegiScan's, or a broken one; the message is for people."""


class Dataset:
    """The bills of a dataset, one after another.

    ``session`` names it where a CSV dataset's folder does not. Raises :class:`BadDataset` and
    :class:`~spiders.platforms.archive.BadArchive`, as does :meth:`items`.
    """

    def __init__(self, path: Path, now: dt.datetime, session: str = "") -> None:
        self.files = open_files(path)
        self.now = now
        self.session = session
        paths = sorted(map(PurePosixPath, self.files.names))
        self._csv_folders = [found.parent for found in paths if found.name == "bills.csv"]
        self._json_bills = [
            found for found in paths if found.suffix == ".json" and found.parent.name == "bill"
        ]
        if not self._csv_folders and not self._json_bills:
            raise BadDataset(
                f"{path} holds neither bills.csv nor bill/*.json; "
                "give a dataset of legiscan.com/datasets, as ZIP or unpacked"
            )
        self.state = self._first_state()

    def count(self) -> int:
        """How many bills it holds."""
        rows = (_rows(self.files, folder, "bills.csv") for folder in self._csv_folders)
        return len(self._json_bills) + sum(1 for found in rows for _ in found)

    def items(self, problem: Problem) -> Iterator[BillItem]:
        """``problem(where, what)`` is told of each bill that cannot be read; the others go on,
        unless more than a fifth are bad: then it is the dataset."""
        bad = total = 0
        for where, session, read in self._bills():
            total += 1
            try:
                yield self._item(where, session, read())
            except (SourceError, LookupError, TypeError, AttributeError, ValueError) as error:
                bad += 1
                problem(where, clean(error)[:300])
        if bad > MOST_BAD_BILLS * total:
            raise BadDataset(f"{self.files.origin}: {bad:,} of {total:,} bills cannot be read")

    def _item(self, where: str, session: str, reader: BillReader) -> BillItem:
        state = state_of(reader.bill)
        if state != self.state:
            raise BadDataset(
                f"{where} is a bill of {state.upper()}, others are of {self.state.upper()}; "
                "import one state at a time"
            )
        stated = reader.stated(session or session_label(reader.bill.get("session") or {}))
        return BillItem(
            source=f"legiscan-{state}",
            jurisdiction=state,
            fetched_from=where,
            fetched_at=self.now,
            gaps=tuple(reader.gaps),
            **stated,
        )

    def _bills(self) -> Iterator[Found]:
        name = self.files.origin.name
        for folder in self._csv_folders:
            session = self.session or session_of_path(self.files, folder)
            for bill in bills_of_csv(self.files, folder):
                where = f"{name}/{folder / 'bills.csv'}#{bill['bill_number']}"
                yield where, session, partial(BillReader, bill)
        people = cache(partial(people_of_json, self.files))
        for path in self._json_bills:
            root = path.parent.parent
            voters = partial(voters_of_json, self.files, root, people(root))
            yield f"{name}/{path}", self.session, partial(self._read_json, path, voters)

    def _read_json(self, path: PurePosixPath, voters: Voters) -> BillReader:
        return BillReader(dict(_json(self.files, path)["bill"]), voters)

    def _first_state(self) -> str:
        for folder in self._csv_folders:
            for row in _rows(self.files, folder, "bills.csv"):
                return state_of(row)
        for path in self._json_bills:
            try:
                return state_of(_json(self.files, path)["bill"])
            except (KeyError, TypeError, ValueError):
                continue
        raise BadDataset(f"{self.files.origin}: no bill in it can be read")


def state_of(bill: Record) -> str:
    """Stated in JSON; CSV has it in the address ``https://legiscan.com/MI/bill/HB4001/2025``."""
    parts = clean(bill.get("url")).split("/")
    state = clean(bill.get("state")) or (parts[3] if len(parts) > 3 else "")
    if len(state) != 2:
        raise ValueError(f"no state in {clean(bill.get('url'))!r}")
    return state.lower()


def session_of_path(files: Files, folder: PurePosixPath) -> str:
    """From the nearest folder, or the archive itself, that is named after its years."""
    for name in (folder.name, folder.parent.name, files.origin.stem):
        if label := session_of_folder(name):
            return label
    raise BadDataset(
        f"{files.origin}: a CSV dataset names its session only in its folder, and {str(folder)!r} "
        "is none like 2025-2026; name it with --session 2025-2026"
    )


def _rows(files: Files, folder: PurePosixPath, name: str) -> Iterator[dict[str, str]]:
    path = str(folder / name)
    where = f"{files.origin}: {path}"
    if path not in files.names:
        raise BadDataset(f"{where} is missing")
    try:
        text = files.read(path).decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        found = reader.fieldnames or ()
        if missing := [column for column in COLUMNS[name] if column not in found]:
            raise BadDataset(
                f"{where} lacks the columns {', '.join(missing)}; it has {', '.join(found)[:300]}"
            )
        for row in reader:
            if None in row.values():
                raise BadDataset(
                    f"{where} line {reader.line_num} has too few cells; was it cut off?"
                )
            yield row
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadDataset(f"{where} is no CSV: {error}") from error


def bills_of_csv(files: Files, folder: PurePosixPath) -> Iterator[dict[str, Any]]:
    """Each bill in the shape of the JSON dataset."""

    def by_bill(name: str, order: str | None = None) -> dict[str, list[dict[str, str]]]:
        grouped: dict[str, list[dict[str, str]]] = defaultdict(list)
        for row in _rows(files, folder, name):
            grouped[row["bill_id"]].append(row)
        if order:
            for rows in grouped.values():
                rows.sort(key=lambda row: int(row[order]))
        return grouped

    people = {row["people_id"]: row for row in _rows(files, folder, "people.csv")}
    sponsors = by_bill("sponsors.csv", "position")
    history = by_bill("history.csv", "sequence")
    documents = by_bill("documents.csv")
    roll_calls = by_bill("rollcalls.csv")
    for row in _rows(files, folder, "bills.csv"):
        key = row["bill_id"]
        yield {
            **row,
            "history": history[key],
            "sponsors": [people.get(line["people_id"], line) for line in sponsors[key]],
            "votes": [{**vote, "desc": vote["description"]} for vote in roll_calls[key]],
            **_documents(documents[key]),
        }


def _documents(rows: list[dict[str, str]]) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        kind, id_name = DOCUMENT_KINDS[row["document_type"]]
        found[kind].append(
            {
                **row,
                id_name: row["document_id"],
                "type": row["document_desc"],
                "mime": row["document_mime"],
            }
        )
    return found


def _json(files: Files, path: PurePosixPath) -> Any:
    return json.loads(files.read(str(path)))


def people_of_json(files: Files, root: PurePosixPath) -> dict[str, str]:
    """Names by LegiScan's number of a person."""
    found = {}
    for name in files.names:
        path = PurePosixPath(name)
        if path.parent == root / "people" and path.suffix == ".json":
            person = _json(files, path)["person"]
            found[str(person["people_id"])] = clean(person.get("name"))
    return found


def voters_of_json(
    files: Files, root: PurePosixPath, people: dict[str, str], roll_call_id: str
) -> tuple[VoterItem, ...]:
    path = root / "vote" / f"{roll_call_id}.json"
    if str(path) not in files.names:
        return ()
    votes = _json(files, path)["roll_call"].get("votes") or []
    return tuple(
        VoterItem(
            name=people.get(str(vote["people_id"])) or f"LegiScan person {vote['people_id']}",
            option=clean(vote.get("vote_text")).lower(),
        )
        for vote in votes
    )
