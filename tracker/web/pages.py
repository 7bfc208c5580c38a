"""The front page, the list of bills, sources and runs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse
from sqlalchemy import func, select
from sqlalchemy.orm import Session, contains_eager

from tracker.health import source_health
from tracker.models import Bill, Change, FetchedPage, Hearing, Run, Verdict
from tracker.review_queue import review_queue
from tracker.search import BillFilter, search
from tracker.stages import STAGES
from tracker.topics import GROUPS, topic_label
from tracker.web.database import Database
from tracker.web.listing import BILLS_PER_PAGE, Listing, read_listing
from tracker.web.rendering import STATIC, templates
from tracker.web.tilemap import tiles
from tracker.web.wording import LEVELS, STANCES, day, stage_label, state_name

router = APIRouter()

CHANGES_ON_FRONT = 100
BILLS_ON_FRONT = 12
HEARINGS_ON_FRONT = 12
RUNS_SHOWN = 50
CHANGES_SHOWN = 200
PAGES_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Chip:
    """One restriction in force; ``url`` is the list without it."""

    label: str
    url: str


@router.get("/")
def front_page(request: Request, session: Database) -> HTMLResponse:
    known = search(session, BillFilter(), limit=BILLS_ON_FRONT)
    now = dt.datetime.now(dt.UTC)
    return templates.page(
        request,
        "front.html",
        {
            "days": _news(session),
            "bills": known.bills,
            "total": known.total,
            "tiles": tiles(known.by_state, lambda code: Listing(states=(code,)).url()),
            "hearings": _hearings_ahead(session, now.date()),
            "sources": source_health(session, now),
        },
    )


@router.get("/bills")
def bills_page(request: Request, session: Database) -> HTMLResponse:
    listing = read_listing(request.query_params)
    offset = (listing.page - 1) * BILLS_PER_PAGE
    found = search(session, listing.where, listing.order, BILLS_PER_PAGE, offset)
    return templates.page(
        request,
        "bills.html",
        {
            "listing": listing,
            "found": found,
            "first": offset + 1,
            "pages": -(-found.total // BILLS_PER_PAGE),
            "tiles": tiles(
                found.by_state, lambda code: listing.toggled(code).url(), listing.states
            ),
            "chips": list(_chips(listing)),
            "sessions": _sessions(session, listing.states),
            "groups": GROUPS,
            "stages": STAGES,
        },
    )


@router.get("/sources")
def sources_page(request: Request, session: Database) -> HTMLResponse:
    sources = source_health(session, dt.datetime.now(dt.UTC))
    runs = session.scalars(select(Run).order_by(Run.id.desc()).limit(RUNS_SHOWN)).all()
    return templates.page(request, "sources.html", {"sources": sources, "runs": runs})


@router.get("/review")
def review_page(request: Request, session: Database) -> HTMLResponse:
    return templates.page(request, "review.html", {"waiting": review_queue(session)})


@router.get("/runs/{run_id:int}")
def run_page(request: Request, run_id: int, session: Database) -> HTMLResponse:
    run = session.get(Run, run_id) if run_id < 2**31 else None
    if run is None:
        raise HTTPException(404, f"There is no crawl number {run_id}.")
    by_status = (
        select(Change.status, func.count()).where(Change.run_id == run_id).group_by(Change.status)
    )
    changes = (
        select(Change)
        .join(Change.bill)
        .where(Change.run_id == run_id)
        .options(contains_eager(Change.bill))
        .order_by(Change.id)
        .limit(CHANGES_SHOWN)
    )
    pages = select(FetchedPage).where(FetchedPage.run_id == run_id).order_by(FetchedPage.id)
    return templates.page(
        request,
        "run.html",
        {
            "run": run,
            "by_status": session.execute(by_status).all(),
            "changes": session.scalars(changes).all(),
            "pages": session.scalars(pages.limit(PAGES_SHOWN)).all(),
        },
    )


@router.get("/favicon.ico", include_in_schema=False)
def favicon() -> FileResponse:
    return FileResponse(STATIC / "favicon.svg", media_type="image/svg+xml")


def _news(session: Session) -> list[tuple[dt.date, list[tuple[Bill, list[Change]]]]]:
    """Released changes of bills on topic: by day, newest first, then by bill."""
    query = (
        select(Change)
        .join(Change.bill)
        .join(Verdict, Verdict.bill_id == Bill.id)
        .where(Change.status == "released", Verdict.relevant)
        .options(contains_eager(Change.bill))
        .order_by(Change.id.desc())
        .limit(CHANGES_ON_FRONT)
    )
    days: dict[dt.date, dict[int, tuple[Bill, list[Change]]]] = {}
    for change in session.scalars(query):
        bills = days.setdefault(change.detected_at.date(), {})
        bills.setdefault(change.bill_id, (change.bill, []))[1].append(change)
    return [(day, list(days[day].values())) for day in sorted(days, reverse=True)]


def _hearings_ahead(session: Session, today: dt.date) -> Sequence[tuple[Hearing, Bill]]:
    query = (
        select(Hearing, Bill)
        .join(Bill, Bill.id == Hearing.bill_id)
        .join(Verdict, Verdict.bill_id == Bill.id)
        .where(Hearing.date >= today, ~Hearing.cancelled, Hearing.removed_at.is_(None))
        .where(Verdict.relevant)
        .order_by(Hearing.date, Bill.jurisdiction, Bill.identifier_key)
        .limit(HEARINGS_ON_FRONT)
    )
    return [(hearing, bill) for hearing, bill in session.execute(query)]


def _sessions(session: Session, states: Sequence[str]) -> list[str]:
    """Sessions of the chosen states; of all states together the names would mean nothing."""
    if not states:
        return []
    query = select(Bill.session).where(Bill.jurisdiction.in_(states)).distinct()
    return sorted(session.scalars(query), reverse=True)


def _chips(listing: Listing) -> list[Chip]:
    chips = []
    if listing.words:
        chips.append(Chip(f"“{listing.words}”", listing.but(words="").url()))
    chips += [Chip(state_name(code), listing.toggled(code).url()) for code in listing.states]
    simple: dict[str, Any] = {
        "session": listing.session and f"Session {listing.session}",
        "topic": listing.topic and topic_label(listing.topic),
        "stance": listing.stance and STANCES[listing.stance],
        "stage": listing.stage and stage_label(listing.stage),
        "since": listing.since and f"Moved since {day(listing.since)}",
    }
    chips += [
        Chip(label, listing.but(**{name: None if name == "since" else ""}).url())
        for name, label in simple.items()
        if label
    ]
    if listing.level != "relevant":
        chips.append(Chip(LEVELS[listing.level], listing.but(level="relevant").url()))
    return chips
