"""What ingest asks of the topic rules: is a bill worth its page, and judge it anew."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from sqlalchemy import Connection, select

from tracker.bill_rows import Row
from tracker.classify import classify, rules_hash
from tracker.items import BillItem
from tracker.models import Decision, Verdict
from tracker.normalise import cleaned

Words = tuple[str, str, list[str]]
_NONE: Words = ("", "", [])

WORTH_A_PAGE = ("relevant", "uncertain")


def judge(connection: Connection, bill_ids: Sequence[int], now: dt.datetime) -> None:
    """Store the verdict of the rules on these bills' words as they are now."""
    if bill_ids and find_spec("tracker.verdicts"):
        verdicts: Any = import_module("tracker.verdicts")
        verdicts.judge(connection, bill_ids, now)


def worth_its_page(connection: Connection, light: BillItem, known: Row | None) -> bool:
    """By a person's decision, else the verdict on what is stored, else the listing's words."""
    if known is not None:
        decided = connection.scalar(
            select(Decision.relevant)
            .where(Decision.bill_id == known.id)
            .order_by(Decision.decided_at.desc(), Decision.id.desc())
            .limit(1)
        )
        if decided is not None:
            return decided
    said, _ = cleaned(light)
    stored: Words = (known.title, known.abstract, known.subjects) if known is not None else _NONE
    words: Words = (
        stored[0] if said.title is None else said.title,
        stored[1] if said.abstract is None else said.abstract,
        stored[2] if said.subjects is None else list(said.subjects),
    )
    if known is not None and words == stored:
        verdict = connection.execute(
            select(Verdict.level, Verdict.rules_hash).where(Verdict.bill_id == known.id)
        ).first()
        if verdict is not None and verdict.rules_hash == rules_hash():
            return verdict.level in WORTH_A_PAGE
    title, abstract, subjects = words
    found = classify(title, abstract, subjects=subjects)
    return found.level in WORTH_A_PAGE
