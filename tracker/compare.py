"""Row by row: what a source says of a bill now beside what it said before. No database here.

Each function gives the rows to insert, the columns to update by row id, and the changes worth
telling. Nothing is deleted: what the source took back is marked.
"""

from __future__ import annotations

import datetime as dt
import string
import unicodedata
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from tracker import changes
from tracker.bill_rows import Row
from tracker.changes import Draft, draft, iso
from tracker.items import (
    RelatedBillItem,
    SponsorItem,
    VersionItem,
    VoteItem,
)
from tracker.normalise import identifier_key


@dataclass(slots=True)
class RowDiff:
    """``updates``: changed columns, with the row's ``id``."""

    inserts: list[dict[str, Any]] = field(default_factory=list)
    updates: list[dict[str, Any]] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Moment:
    """When and by which run a bill is looked at, and what was known of it.

    ``today``: the date where the legislature sits. ``first_page``: only listings were known of the
    bill till now, or nothing. Its page then tells a past that is no news; only what is younger
    than ``known_until``, the last action known before this run, is. ``news_since``: what happened
    earlier was there to be seen in the last sound run.
    """

    now: dt.datetime
    today: dt.date
    run_id: int | None
    first_page: bool
    known_until: dt.date | None = None
    news_since: dt.date | None = None

    @property
    def may_tell(self) -> bool:
        return not self.first_page or self.known_until is not None

    def is_news(self, date: dt.date | None) -> bool:
        if not self.first_page:
            return True
        return bool(date and self.known_until and date > self.known_until)

    def is_recent(self, date: dt.date | None) -> bool:
        return date is None or self.news_since is None or date >= self.news_since


def repeated(numbers: Iterable[str]) -> set[str]:
    """What a source gives to several rows is no number of a row."""
    return {number for number, count in Counter(numbers).items() if count > 1}


_NOT_COUNTED = dict.fromkeys(map(ord, string.punctuation + string.whitespace + "–—‘’“”…"))


def folded(text: str) -> str:
    """How two prints of one line are compared: case, dots and spacing do not count."""
    return text.casefold().translate(_NOT_COUNTED) or text


def compare_sponsors(
    old: Sequence[Row], stated: Sequence[SponsorItem], moment: Moment, partial: bool = False
) -> RowDiff:
    """``partial``: a listing that may name only the first sponsors, and those by name only, takes
    none away and edits none."""
    rows = [
        {
            "position": position,
            "name": sponsor.name,
            "classification": sponsor.classification,
            "primary": sponsor.primary,
            "entity_type": sponsor.entity_type,
            "chamber": sponsor.chamber,
            "party": sponsor.party,
            "source_id": sponsor.source_id,
        }
        for position, sponsor in enumerate(stated)
    ]

    def said(row: dict[str, Any]) -> dict[str, Any]:
        return {"name": row["name"], "classification": row["classification"]}

    def added(row: dict[str, Any]) -> Draft | None:
        if moment.first_page:
            return None
        summary = f"Sponsor added: {_in_role(row['name'], row['classification'])}"
        return draft(changes.SPONSOR_ADDED, summary, *said(row).values(), after=said(row))

    def removed(row: Row) -> Draft | None:
        if moment.first_page:
            return None
        summary = f"Sponsor removed: {_in_role(row.name, row.classification)}"
        before = said(row._asdict())
        return draft(changes.SPONSOR_REMOVED, summary, *before.values(), before=before)

    keys = (
        lambda row: (_name(row["name"]), row["classification"]),
        lambda row: _name(row["name"]),
    )
    diff = compare_rows(old, rows, keys, moment, added, removed=removed, stays=lambda row: partial)
    if partial:
        back = [update["id"] for update in diff.updates if "removed_at" in update]
        diff.updates = [{"id": row_id, "removed_at": None} for row_id in back]
    return diff


def _in_role(name: str, classification: str) -> str:
    return name if classification == "sponsor" else f"{name} ({classification})"


@lru_cache(maxsize=4096)
def _name(printed: str) -> str:
    """A source that learns to print "Parajón" for "Parajon" has not changed the sponsor."""
    apart = unicodedata.normalize("NFD", printed)
    return folded("".join(char for char in apart if not unicodedata.combining(char)))


def compare_versions(
    old: Sequence[Row], stated: Sequence[VersionItem], shas: Sequence[str | None], moment: Moment
) -> RowDiff:
    """``shas``: sha256 of each version's text, ``None`` where this page brought none."""
    rows = []
    for position, (version, sha) in enumerate(zip(stated, shas, strict=True)):
        row = {
            "position": position,
            "note": version.note,
            "date": version.date,
            "date_text": version.date_text,
            "links": [{"url": link.url, "media_type": link.media_type} for link in version.links],
            "source_id": version.source_id,
        }
        if sha is not None:
            row |= {"text_sha256": sha, "text_url": version.text_url}
        rows.append(row)

    def added(row: dict[str, Any]) -> Draft | None:
        if not moment.is_news(row["date"]):
            return None
        after = {
            "note": row["note"],
            "date": iso(row["date"]),
            "links": row["links"],
            "text_sha256": row.get("text_sha256"),
        }
        identity = (row["source_id"], row["note"], row["date"])
        return draft(
            changes.VERSION, f"New version: {row['note']}", *identity, on=row["date"], after=after
        )

    def edited(before: Row, row: dict[str, Any]) -> Draft | None:
        sha = row.get("text_sha256")
        if sha in (None, before.text_sha256):
            return None
        if before.text_sha256 is None and not moment.is_recent(row["date"]):
            return None
        verb = "changed" if before.text_sha256 else "published"
        return draft(
            changes.VERSION_TEXT,
            f"Text {verb}: {row['note']}",
            before.id,
            sha,
            on=row["date"],
            before={"text_sha256": before.text_sha256},
            after={"note": row["note"], "text_sha256": sha},
        )

    undated = {version.note.casefold() for version in stated if version.date is None}
    undated |= {row.note.casefold() for row in old if row.date is None}
    keys = (
        lambda row: (row["note"].casefold(), row["date"]),
        lambda row: row["note"].casefold() if row["note"].casefold() in undated else None,
    )
    diff = compare_rows(old, rows, keys, moment, added, edited)
    diff.inserts = [{"text_sha256": None, "text_url": "", **row} for row in diff.inserts]
    return diff


def compare_votes(old: Sequence[Row], stated: Sequence[VoteItem], moment: Moment) -> RowDiff:
    rows = [
        {
            "motion": vote.motion,
            "date": vote.date,
            "date_text": vote.date_text,
            "chamber": vote.chamber,
            "passed": vote.passed,
            "counts": [{"option": count.option, "value": count.value} for count in vote.counts],
            "voters": [{"name": voter.name, "option": voter.option} for voter in vote.voters],
            "source_id": vote.source_id,
        }
        for vote in stated
    ]

    def added(row: dict[str, Any]) -> Draft | None:
        if not moment.is_news(row["date"]):
            return None
        tally = ", ".join(f"{count['value']} {count['option']}" for count in row["counts"])
        after = {name: row[name] for name in ("motion", "chamber", "passed", "counts")}
        return draft(
            changes.VOTE,
            f"Vote: {row['motion']}" + (f" ({tally})" if tally else ""),
            row["source_id"],
            row["date"],
            row["motion"],
            tally,
            on=row["date"],
            after={**after, "date": iso(row["date"])},
        )

    keys = (lambda row: (row["date"], row["motion"].casefold(), row["chamber"]),)
    return compare_rows(old, rows, keys, moment, added)


def compare_related(
    old: Sequence[Row], stated: Sequence[RelatedBillItem], jurisdiction: str, moment: Moment
) -> RowDiff:
    rows = [
        {
            "identifier": related.identifier,
            "identifier_key": identifier_key(related.identifier, jurisdiction),
            "session": related.session,
            "relation": related.relation,
        }
        for related in stated
    ]

    def added(row: dict[str, Any]) -> Draft | None:
        if row["relation"] != "companion" or moment.first_page:
            return None
        after = {"identifier": row["identifier_key"], "session": row["session"]}
        summary = f"Companion bill: {row['identifier_key']}"
        return draft(changes.COMPANION, summary, *after.values(), after=after)

    keys = (lambda row: (row["identifier_key"], row["session"], row["relation"]),)
    return compare_rows(old, rows, keys, moment, added)


def compare_rows(
    old: Sequence[Row],
    rows: Sequence[dict[str, Any]],
    keys: Iterable[Callable[[dict[str, Any]], object]],
    moment: Moment,
    added: Callable[[dict[str, Any]], Draft | None],
    edited: Callable[[Row, dict[str, Any]], Draft | None] = lambda before, row: None,
    removed: Callable[[Row], Draft | None] = lambda row: None,
    stays: Callable[[Row], bool] = lambda row: False,
) -> RowDiff:
    """Match by the source's own number, then by each key in turn, repeats in order; a row that
    came back is the same row again.

    ``stays``: rows that a page may leave out without taking them back.
    """
    diff = RowDiff()
    pairs = _match(old, rows, keys)
    told: list[Draft | None] = []
    for index, row in enumerate(rows):
        known = pairs.get(index)
        if known is None:
            diff.inserts.append({**row, "first_seen_at": moment.now, "removed_at": None})
            told.append(added(row))
            continue
        changed = {name: value for name, value in row.items() if getattr(known, name) != value}
        if known.removed_at is not None:
            changed["removed_at"] = None
            told.append(added(row))
        elif changed:
            told.append(edited(known, row))
        if changed:
            diff.updates.append({"id": known.id, **changed})
    kept = {known.id for known in pairs.values()}
    for known in old:
        if known.id not in kept and known.removed_at is None and not stays(known):
            diff.updates.append({"id": known.id, "removed_at": moment.now})
            told.append(removed(known))
    diff.drafts = [made for made in told if made is not None]
    return diff


def _match(
    old: Sequence[Row],
    rows: Sequence[dict[str, Any]],
    keys: Iterable[Callable[[dict[str, Any]], object]],
) -> dict[int, Row]:
    pairs: dict[int, Row] = {}
    left = [(row, row._asdict()) for row in sorted(old, key=lambda row: row.removed_at is not None)]
    for key in (_number(old, rows), *keys) if left else ():
        waiting: dict[object, deque[Row]] = defaultdict(deque)
        for known, plain in left:
            if found := key(plain):
                waiting[found].append(known)
        for index, row in enumerate(rows):
            if index not in pairs and waiting.get(key(row)):
                pairs[index] = waiting[key(row)].popleft()
        used = {known.id for known in pairs.values()}
        left = [pair for pair in left if pair[0].id not in used]
    return pairs


def _number(
    old: Sequence[Row], rows: Sequence[dict[str, Any]]
) -> Callable[[dict[str, Any]], object]:
    if not rows or "source_id" not in rows[0]:
        return lambda row: None
    shared = repeated(row.source_id for row in old) | repeated(row["source_id"] for row in rows)
    return lambda row: None if row["source_id"] in shared else row["source_id"]
