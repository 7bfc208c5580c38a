"""LegiScan's objects as bill items: the same in API answers, JSON datasets and (by way of
:mod:`spiders.platforms.legiscan_dataset`) CSV datasets.

The API has grown: answers of 2012 lack keys that those of 2025 have, numbers come as strings,
"no date" is ``0000-00-00`` and an empty object is ``[]``. LegiScan's data is CC BY 4.0: every bill
names it among its sources.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from spiders.errors import FailureKind, LayoutChanged, SourceError
from spiders.parse import clean, read_date
from tracker.items import (
    ActionItem,
    Chamber,
    Gap,
    HearingItem,
    Link,
    RelatedBillItem,
    SourceLink,
    SponsorItem,
    VersionItem,
    VoteCount,
    VoteItem,
    VoterItem,
)

Record = Mapping[str, Any]
Voters = Callable[[str], tuple[VoterItem, ...]]
"""How each member voted, by the number of the roll call."""

ATTRIBUTION = "LegiScan, CC BY 4.0"
CHAMBERS: dict[str, Chamber] = {
    "H": "lower", "A": "lower", "HOUSE": "lower", "ASSEMBLY": "lower",
    "S": "upper", "SENATE": "upper",
    "L": "unicameral", "J": "joint",
}  # fmt: skip
CHAMBER_OF_ROLE: dict[str, Chamber] = {"rep": "lower", "sen": "upper", "jnt": "joint"}
BILL_TYPES = {
    "B": "bill",
    "R": "resolution",
    "CR": "concurrent resolution",
    "JR": "joint resolution",
    "JRCA": "joint resolution constitutional amendment",
    "CA": "constitutional amendment",
    "M": "memorial",
    "CM": "concurrent memorial",
    "JM": "joint memorial",
    "P": "proclamation",
    "EO": "executive order",
    "C": "commendation",
    "I": "initiative",
    "PET": "petition",
    "RB": "repeal bill",
}
SPONSOR_TYPES = {0: "sponsor", 1: "primary sponsor", 2: "co-sponsor", 3: "joint sponsor"}
RELATIONS: tuple[tuple[str, str], ...] = (
    ("replaced", "replaced-by"),
    ("replaces", "replaces"),
    ("same", "companion"),
    ("cross", "companion"),
    ("companion", "companion"),
)
# HB4001, SR12, HJRA, A4085, SF 10; number formats that name no type (DC, NE) stay untyped.
NUMBER = re.compile(r"^[HSA](B|F|R|CR|JR|J|M|JM|CM|CA)?[ -]?(\d+|[A-Z])$")
TYPE_IN_NUMBER = {**BILL_TYPES, "F": "bill", "J": "joint resolution", "": "bill"}

# What an error's message begins or speaks of, and what that is for us.
ERRORS = (
    (re.compile(r"\bkey\b|access", re.I), FailureKind.KEY),
    (re.compile(r"limit|quota|exceed|suspend", re.I), FailureKind.BUDGET),
    (re.compile(r"unknown|not found|invalid", re.I), FailureKind.NOT_FOUND),
)


def answer(payload: Any, key: str) -> Any:
    """``payload[key]`` of an API answer; an answer that is an error is raised by name."""
    if not isinstance(payload, dict):
        raise LayoutChanged(f"LegiScan answered with a {type(payload).__name__}, not an object")
    if payload.get("status") == "ERROR":
        alert = payload.get("alert")
        message = clean(alert.get("message") if isinstance(alert, dict) else alert)
        kind = next((kind for words, kind in ERRORS if words.search(message)), FailureKind.BUG)
        raise SourceError(f"LegiScan says: {message or 'an error without a message'}", kind)
    if key not in payload:
        raise LayoutChanged(f"LegiScan's answer lacks {key!r}; it has {sorted(payload)[:10]}")
    return payload[key]


def session_label(session: Record) -> str:
    """``2025-2026``, or ``2025 1st Special Session``: the same for API, JSON and CSV."""
    years = _years(session.get("year_start"), session.get("year_end"))
    tag = clean(session.get("session_tag") or session.get("session_title"))
    return _label(years, tag, special=number(session.get("special")) == 1)


def session_of_folder(folder: str) -> str | None:
    """The same from a dataset's folder name, e.g. ``2025-2026_103rd_Legislature``."""
    found = re.match(r"^(\d{4})(?:-(\d{4}))?(?:[_ ](.*))?$", folder)
    if not found:
        return None
    start, end, title = found.groups()
    return _label(_years(start, end or start), clean((title or "").replace("_", " ")))


def _years(start: Any, end: Any) -> str:
    first, last = number(start), number(end)
    if not first:
        raise LayoutChanged(f"a session without years: {start!r} to {end!r}")
    return f"{first}-{last}" if last and last != first else str(first)


def _label(years: str, tag: str, special: bool = False) -> str:
    if special or re.search(r"special|extraordinary|fiscal|veto|called", tag, re.I):
        return f"{years} {re.sub(r'^[0-9-]+ ', '', tag) or 'Special Session'}"
    return years


def number(value: Any) -> int | None:
    """A number that may come as a string; ``None`` for what is none."""
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def types_of(bill_number: str) -> tuple[str, ...] | None:
    """What the number itself says of the kind of bill, if it does."""
    found = NUMBER.match(bill_number.strip().upper())
    return (TYPE_IN_NUMBER[found.group(1) or ""],) if found else None


def chamber_of(bill_number: str, body: Any = None) -> Chamber | None:
    return CHAMBERS.get(clean(body).upper()) or CHAMBERS.get(bill_number[:1].upper())


def records(value: Any) -> list[Record]:
    """A list of objects, however it is written: list, object with number keys, nothing."""
    if isinstance(value, dict):
        value = list(value.values())
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


class BillReader:
    """Reads one ``bill`` object; what it misses or cannot read is in ``gaps``."""

    def __init__(self, bill: Record, voters: Voters = lambda roll_call_id: ()) -> None:
        self.bill = bill
        self.voters = voters
        self.gaps: list[Gap] = []

    def stated(self, session: str) -> dict[str, Any]:
        """All that the object states, as arguments of a full :class:`BillItem`."""
        bill = self.bill
        identifier = clean(bill.get("bill_number"))
        title = clean(bill.get("title"))
        description = clean(bill.get("description"))
        return {
            "detail": "full",
            "session": session,
            "identifier": identifier,
            "title": title,
            "abstract": description if description != title else "",
            "classification": self._types(identifier),
            "chamber": chamber_of(identifier, bill.get("body")),
            "subjects": tuple(self._subjects()) if "subjects" in bill else None,
            "sponsors": tuple(self._sponsors()),
            "actions": tuple(self._actions()),
            "versions": tuple(self._versions()),
            "votes": tuple(self._votes()),
            "hearings": tuple(self._hearings()) if "calendar" in bill else None,
            "related_bills": tuple(self._related()) if "sasts" in bill else None,
            "sources": sources_of(bill),
            "source_id": clean(bill.get("bill_id")),
            "change_hash": clean(bill.get("change_hash")),
        }

    def _types(self, identifier: str) -> tuple[str, ...] | None:
        code = clean(self.bill.get("bill_type")).upper()
        if code in BILL_TYPES:
            return (BILL_TYPES[code],)
        if code:
            self._gap("bill_type", "unexpected", code)
        return types_of(identifier)

    def _subjects(self) -> Iterator[str]:
        for row in records(self.bill.get("subjects")):
            if name := clean(row.get("subject_name")):
                yield name

    def _sponsors(self) -> Iterator[SponsorItem]:
        for row in records(self.bill.get("sponsors")):
            name = clean(row.get("name"))
            if not name:
                self._gap("sponsors.name", "missing", clean(row)[:100])
                continue
            kind = number(row.get("sponsor_type_id")) or 0
            committee = number(row.get("committee_sponsor")) or number(row.get("committee_id"))
            yield SponsorItem(
                name=name,
                classification=SPONSOR_TYPES.get(kind, "sponsor"),
                primary=kind == 1,
                entity_type="organization" if committee else "person",
                chamber=CHAMBER_OF_ROLE.get(clean(row.get("role")).lower()),
                party=clean(row.get("party")),
                source_id=clean(row.get("people_id")),
            )

    def _actions(self) -> Iterator[ActionItem]:
        for row in records(self.bill.get("history")):
            text = clean(row.get("action"))
            if not text:
                self._gap("actions.text", "missing", clean(row)[:100])
                continue
            yield ActionItem(
                text=text,
                date=self._date(row, "actions.date"),
                date_text=clean(row.get("date")),
                actor=CHAMBERS.get(clean(row.get("chamber")).upper()),
            )

    def _versions(self) -> Iterator[VersionItem]:
        """Texts, amendments and supplements; their numbers are three separate series."""
        for kind, name, prefix in (
            ("texts", "doc_id", ""),
            ("amendments", "amendment_id", "Amendment: "),
            ("supplements", "supplement_id", "Supplement: "),
        ):
            for row in records(self.bill.get(kind)):
                urls = [clean(row.get("state_link")), clean(row.get("url"))]
                media_type = clean(row.get("mime"))
                title = clean(row.get("title")) if kind == "amendments" else ""
                yield VersionItem(
                    note=prefix + (title or clean(row.get("type")) or kind[:-1].title()),
                    date=self._date(row, f"{kind}.date"),
                    date_text=clean(row.get("date")),
                    links=tuple(Link(url=url, media_type=media_type) for url in urls if url),
                    source_id=f"{kind[:-1]}-{clean(row.get(name))}",
                )

    def _votes(self) -> Iterator[VoteItem]:
        for row in records(self.bill.get("votes")):
            roll_call_id = clean(row.get("roll_call_id"))
            passed = number(row.get("passed"))
            yield VoteItem(
                motion=clean(row.get("desc")),
                date=self._date(row, "votes.date"),
                date_text=clean(row.get("date")),
                chamber=CHAMBERS.get(clean(row.get("chamber")).upper()),
                passed=bool(passed) if passed is not None else None,
                counts=tuple(self._counts(row)),
                voters=self.voters(roll_call_id),
                source_id=roll_call_id,
            )

    def _counts(self, row: Record) -> Iterator[VoteCount]:
        for name, option in (
            ("yea", "yes"),
            ("nay", "no"),
            ("nv", "not voting"),
            ("absent", "absent"),
        ):
            value = number(row.get(name))
            if value is None or value < 0:
                self._gap(f"votes.{name}", "invalid", clean(row.get(name)))
                continue
            yield VoteCount.model_validate({"option": option, "value": value})

    def _hearings(self) -> Iterator[HearingItem]:
        for row in records(self.bill.get("calendar")):
            description = clean(row.get("description"))
            yield HearingItem(
                committee=description.split(" Hearing")[0] or clean(row.get("type")),
                date=self._date(row, "hearings.date"),
                date_text=clean(row.get("date")),
                time_text=clean(row.get("time")),
                location=clean(row.get("location")),
                description=description,
                cancelled="cancel" in description.lower(),
            )

    def _related(self) -> Iterator[RelatedBillItem]:
        for row in records(self.bill.get("sasts")):
            identifier = clean(row.get("sast_bill_number"))
            kind = clean(row.get("type")).lower()
            relation = next((name for word, name in RELATIONS if word in kind), "related")
            if identifier:
                yield RelatedBillItem.model_validate(
                    {"identifier": identifier, "relation": relation}
                )

    def _date(self, row: Record, field: str) -> Any:
        try:
            return read_date(row.get("date"), "%Y-%m-%d")
        except ValueError:
            self._gap(field, "invalid", clean(row.get("date")))
            return None

    def _gap(self, field: str, reason: str, seen: str) -> None:
        self.gaps.append(Gap.model_validate({"field": field, "reason": reason, "seen": seen}))


def sources_of(bill: Record) -> tuple[SourceLink, ...]:
    """The legislature's page and, for attribution, LegiScan's."""
    links = ((clean(bill.get("state_link")), ""), (clean(bill.get("url")), ATTRIBUTION))
    return tuple(SourceLink(url=url, note=note) for url, note in links if url)
