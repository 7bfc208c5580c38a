"""What a filter has been about lately: changes for feeds, hearings for calendars."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from notify.facts import Facts, facts_of_bills, facts_of_change, stances_of
from notify.filters import STANCES, Filter
from notify.match import ChangeIndex
from tracker.models import Bill, Change, Hearing, TopicVerdict, Verdict

PAGE = 500
LOOKED_AT = 5_000
"""Newest changes a feed is chosen from, of those the database takes for likely."""
ENTRIES = 100
KEPT_HEARINGS = dt.timedelta(days=30)


def recent_changes(session: Session, chosen: Filter) -> list[tuple[Change, Bill]]:
    """Released and standing, newest first; at most :data:`ENTRIES`."""
    query = (
        select(Change, Bill)
        .join(Bill, Bill.id == Change.bill_id)
        .join(Verdict, Verdict.bill_id == Bill.id, isouter=True)
        .where(Change.status == "released", *_about(chosen))
        .order_by(Change.released_at.desc(), Change.id.desc())
        .limit(LOOKED_AT)
        .execution_options(yield_per=PAGE)
    )
    if chosen.kinds:
        query = query.where(Change.kind.in_(chosen.kinds))
    if chosen.stages:
        query = query.where(Change.stage.in_(chosen.stages))
    found: list[tuple[Change, Bill]] = []
    bills: dict[int, Facts] = {}
    for page in session.execute(query).partitions():
        bills |= facts_of_bills(session, {bill.id for _, bill in page} - bills.keys())
        facts = [facts_of_change(bills[bill.id], change) for change, bill in page]
        wanted = {fact.change_id for fact in ChangeIndex(facts).matching(chosen)}
        found += [(change, bill) for change, bill in page if change.id in wanted]
        if len(found) >= ENTRIES:
            break
    return found[:ENTRIES]


def hearings_ahead(session: Session, chosen: Filter, today: dt.date) -> list[tuple[Hearing, Bill]]:
    """Of the bills a filter is about, whatever kind of change or stage it waits for; by date.

    Past ones stay for a month, cancelled ones too.
    """
    query = (
        select(Hearing, Bill)
        .join(Bill, Bill.id == Hearing.bill_id)
        .join(Verdict, Verdict.bill_id == Bill.id, isouter=True)
        .where(Hearing.date >= today - KEPT_HEARINGS, *_about(chosen))
        .order_by(Hearing.date, Hearing.id)
    )
    found = [(hearing, bill) for hearing, bill in session.execute(query)]
    facts = facts_of_bills(session, {bill.id for _, bill in found})
    at_any_point = chosen.model_copy(update={"kinds": (), "stages": ()})
    wanted = {fact.bill for fact in ChangeIndex(list(facts.values())).matching(at_any_point)}
    return [pair for pair in found if facts[pair[1].id].bill in wanted]


def _about(chosen: Filter) -> list[Any]:
    """What the database can tell at once; the rest is for ChangeIndex."""
    where: list[Any] = []
    if chosen.states:
        where.append(Bill.jurisdiction.in_(chosen.states))
    if chosen.topics:
        about = TopicVerdict.topic.in_(chosen.wanted_topics)
        where.append(Bill.id.in_(select(TopicVerdict.bill_id).where(about)))
    if chosen.stances:
        cuts = [stance for stance in STANCES if stances_of(stance).intersection(chosen.stances)]
        where.append(Verdict.stance.in_(cuts))
    if chosen.bills:
        keys: list[Any] = [tuple(key.split(":", 2)) for key in chosen.bills]
        columns = tuple_(Bill.jurisdiction, Bill.session, Bill.identifier_key)
        where.append(columns.in_(keys))
    else:
        where.append(Verdict.relevant)
    return where
