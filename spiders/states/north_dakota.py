"""North Dakota: one JSON file holds every bill of an assembly, with actions and versions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from scrapy.http import Response

from spiders.base import BillSpider, Parsed
from spiders.expect import field, json_of
from spiders.parse import clean, fingerprint
from spiders.votes import vote_in
from tracker.items import (
    ActionItem,
    Chamber,
    Link,
    SourceLink,
    SponsorItem,
    VersionItem,
)

DATES = ("%Y-%m-%d", "%m/%d/%Y", "%Y-%m-%dT%H:%M:%S")
CHAMBERS: dict[str, Chamber] = {"house": "lower", "senate": "upper"}
KNOWN = frozenset({"actions", "chamber", "name", "sponsors", "summary", "title", "url", "versions"})
# "Second reading, passed, yeas 70 nays 21"
ROLL_CALL = re.compile(
    r"^(?P<motion>Second reading,.*?\b(?P<result>passed|failed to pass|adopted|failed to adopt)),?"
    r" yeas (?P<yes>\d+),? nays (?P<no>\d+)",
    re.I,
)


class NorthDakota(BillSpider):
    def start_session(self, session: str) -> Parsed:
        yield self.request(
            f"https://ndlegis.gov/api/assembly/{session}/data/bills.json",
            self.parse_bills,
            conditional=True,
            session=session,
        )

    def parse_bills(self, response: Response, session: str) -> Parsed:
        listed = field(json_of(response), "bills")
        bills = self.records(
            list(listed.values()) if isinstance(listed, dict) else listed, response, KNOWN
        )
        yield from self.each(bills, self.parse_bill, response, session)
        self.listed(session, [name for bill in bills if (name := clean(bill.get("name")))])

    def parse_bill(self, bill: dict[str, Any], response: Response, session: str) -> Parsed:
        """Everything is in the file but the texts, which only bills on topic are asked for."""
        actions = tuple(self.actions(bill))
        stated: dict[str, Any] = {
            "session": session,
            "identifier": clean(bill.get("name")),
            "title": clean(bill.get("title")),
            "abstract": clean(bill.get("summary")),
            "chamber": CHAMBERS.get(clean(bill.get("chamber")).lower()),
            "sources": (SourceLink(url=bill["url"]),) if bill.get("url") else (),
            "change_hash": fingerprint(bill),
        }
        light = self.bill(response, **stated, latest_action=actions[-1] if actions else None)
        due = self.needs_detail(light)
        yield light
        if due:
            yield from self.with_texts(
                self.bill(
                    response,
                    **stated,
                    detail="full",
                    sponsors=tuple(self.sponsors(bill)),
                    actions=actions,
                    votes=tuple(filter(None, (vote_in(action, ROLL_CALL) for action in actions))),
                    versions=tuple(versions(bill)),
                )
            )

    def sponsors(self, bill: dict[str, Any]) -> Iterator[SponsorItem]:
        for sponsor in bill.get("sponsors") or []:
            name = clean(sponsor.get("name"))
            if not name:
                self.gap("sponsors.name", "missing")
                continue
            kind = clean(sponsor.get("type")).lower()
            yield SponsorItem(
                name=name,
                primary=bool(sponsor.get("primary")),
                entity_type="organization" if kind == "committee" else "person",
                chamber=CHAMBERS.get(clean(sponsor.get("chamber")).lower()),
            )

    def actions(self, bill: dict[str, Any]) -> Iterator[ActionItem]:
        for action in bill.get("actions") or []:
            text = clean(action.get("description"))
            if not text:
                self.gap("actions.description", "missing")
                continue
            printed = clean(action.get("date"))
            yield ActionItem(
                text=text,
                date=self.date(printed, *DATES, field="actions.date"),
                date_text=printed,
                actor=CHAMBERS.get(clean(action.get("chamber")).lower()),
            )


def versions(bill: dict[str, Any]) -> Iterator[VersionItem]:
    for version in bill.get("versions") or []:
        url = clean(version.get("document_url"))
        yield VersionItem(
            note=clean(version.get("description")) or "Version",
            links=(Link(url=url, media_type="application/pdf"),) if url else (),
        )
