"""The list of bills as files, under the same filters as the page."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from sqlalchemy import Engine

from tracker.db import reading
from tracker.search import FoundBill, all_ids, found_bills
from tracker.web.listing import Listing, read_listing

router = APIRouter()

BILLS_PER_READ = 500
COLUMNS = (
    "id",
    "state",
    "session",
    "identifier",
    "title",
    "stage",
    "stage_on",
    "latest_action_on",
    "latest_action",
    "level",
    "stance",
    "topics",
    "score",
    "source_url",
)


@router.get("/bills.csv")
def bills_csv(request: Request) -> StreamingResponse:
    lines = _csv_lines(request.app.state.engine, read_listing(request.query_params))
    return _download(lines, "text/csv; charset=utf-8", "bills.csv")


@router.get("/bills.json")
def bills_json(request: Request) -> StreamingResponse:
    lines = _json_lines(request.app.state.engine, read_listing(request.query_params))
    return _download(lines, "application/json", "bills.json")


def _download(lines: Iterator[str], media_type: str, name: str) -> StreamingResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(lines, media_type=media_type, headers=headers)


def _rows(engine: Engine, listing: Listing) -> Iterator[dict[str, Any]]:
    with reading(engine) as session:
        ids = all_ids(session, listing.where, listing.order)
        for start in range(0, len(ids), BILLS_PER_READ):
            yield from map(_row, found_bills(session, ids[start : start + BILLS_PER_READ]))
            session.expunge_all()


def _row(found: FoundBill) -> dict[str, Any]:
    bill, verdict = found.bill, found.verdict
    return {
        "id": bill.id,
        "state": bill.jurisdiction,
        "session": bill.session,
        "identifier": bill.identifier_key,
        "title": bill.title,
        "stage": bill.stage,
        "stage_on": bill.stage_on.isoformat() if bill.stage_on else None,
        "latest_action_on": bill.latest_action_on.isoformat() if bill.latest_action_on else None,
        "latest_action": bill.latest_action_text,
        "level": verdict.level if verdict else None,
        "stance": verdict.stance if verdict else None,
        "topics": [topic.topic for topic in found.topics],
        "score": verdict.score if verdict else None,
        "source_url": bill.sources[0]["url"] if bill.sources else bill.fetched_from,
    }


def _csv_lines(engine: Engine, listing: Listing) -> Iterator[str]:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in _rows(engine, listing):
        row["topics"] = " ".join(row["topics"])
        writer.writerow([spreadsheet_safe(row[name]) for name in COLUMNS])
        yield out.getvalue()
        out.seek(0)
        out.truncate()
    yield out.getvalue()


def spreadsheet_safe(value: Any) -> Any:
    """A spreadsheet runs what begins like a formula; a quote before it makes it text."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value


def _json_lines(engine: Engine, listing: Listing) -> Iterator[str]:
    before = "["
    for row in _rows(engine, listing):
        yield before + "\n" + json.dumps(row, ensure_ascii=False)
        before = ","
    yield "[]\n" if before == "[" else "\n]\n"
