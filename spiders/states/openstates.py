"""Open States API v3 for any state or Puerto Rico: whole bills, oldest update first.

Asks for bills updated since the last one seen, 20 a page, and once more for those of them that
have our words in their full text. The free allowance is 10 requests a minute and 250 a day; a run
that has used it up stops, and the next goes on where it stopped. Texts lie on the states' own
sites, and are read from there for bills on topic.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

from scrapy.http import Response
from w3lib.url import safe_url_string

from spiders.base import HOPELESS, BillSpider, Parsed, with_gap
from spiders.errors import FailureKind
from spiders.expect import field, json_of
from spiders.full_text import ANY_PHRASE
from spiders.parse import clean, fingerprint
from tracker.items import (
    ActionItem,
    BillItem,
    Chamber,
    Link,
    RelatedBillItem,
    SourceLink,
    SponsorItem,
    VersionItem,
    VoteCount,
    VoteItem,
    VoterItem,
)
from tracker.settings import get_settings

API = "https://v3.openstates.org/bills"
INCLUDE = ("sponsorships", "abstracts", "actions", "sources", "documents", "versions", "votes")
BILLS_A_PAGE = 20
REQUESTS_A_DAY = 240
"""Below the 250 of the free tier, so that a person with the same key can still look things up."""
DATES = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f%z")
CHAMBERS: dict[str, Chamber] = {
    "lower": "lower",
    "upper": "upper",
    "legislature": "legislature",
    "executive": "executive",
    "unicameral": "unicameral",
}
LISTED, CAUGHT = "listed", "caught"
ATTRIBUTION = "Open States"
DOCUMENT = "Document: "
READABLE = ("text/html", "application/pdf")
STAMPS = frozenset({"created_at", "updated_at"})
KNOWN = frozenset(
    {
        "id", "session", "jurisdiction", "from_organization", "identifier", "title",
        "classification", "subject", "extras", "openstates_url", "first_action_date",
        "latest_action_date", "latest_action_description", "latest_passage_date",
        "other_titles", "other_identifiers", "related_bills", *INCLUDE, *STAMPS,
    }
)  # fmt: skip
VOTE_OPTIONS = {
    "yes": "yes", "no": "no", "abstain": "abstain", "not voting": "not voting",
    "excused": "excused", "absent": "absent", "paired": "other", "proxy": "other",
}  # fmt: skip
RELATIONS = {
    "companion": "companion",
    "prior-session": "prior-session",
    "replaced-by": "replaced-by",
    "replaces": "replaces",
}


class OpenStates(BillSpider):
    """Cursor: ``since`` and ``page`` of the next request, for all bills (``listed``) and for those
    that the search finds (``caught``); ``used`` requests on ``day``."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.read_whole: set[tuple[str, str]] = set()

    def sessions(self) -> tuple[str, ...]:
        return self.only_sessions or ("",)

    def start_session(self, session: str) -> Parsed:
        """A session named on the command line is read whole and leaves the cursor alone."""
        if session:
            yield from self._ask("", 1, session)
            return
        biennium = self.today.year - (self.today.year + 1) % 2
        for place in (LISTED, CAUGHT):
            known = self.cursor.get(place, {"since": f"{biennium}-01-01", "page": 1})
            yield from self._ask(known["since"], known["page"], place=place)
        for unread in self.unread:
            yield from self._ask_again(*unread)

    def _ask_again(self, session: str, identifier: str) -> Parsed:
        if not self._within_allowance():
            return
        which = quote(f"{self.facts.jurisdiction}/{session}/{identifier}")
        query = urlencode([("include", name) for name in INCLUDE])
        yield self.request(f"{API}/{which}?{query}", self.parse_one, headers=self._key())

    def parse_one(self, response: Response) -> Parsed:
        yield from self.each([json_of(response)], self.parse_bill, response, LISTED)

    def _key(self) -> dict[str, str]:
        return {"X-API-KEY": get_settings().openstates_key}

    def _ask(self, since: str, page: int, session: str = "", place: str = LISTED) -> Parsed:
        if not self._within_allowance():
            return
        query = [
            ("jurisdiction", self.facts.jurisdiction),
            ("sort", "updated_asc"),
            ("per_page", str(BILLS_A_PAGE)),
            ("page", str(page)),
            *((("session", session),) if session else (("updated_since", since),)),
            *((("q", ANY_PHRASE),) if place == CAUGHT else ()),
            *(("include", name) for name in INCLUDE),
        ]
        yield self.request(
            f"{API}?{urlencode(query)}",
            self.parse_page,
            headers=self._key(),
            since=since,
            page=page,
            session=session,
            place=place,
        )

    def _within_allowance(self) -> bool:
        day = self.today.isoformat()
        used = self.cursor.get("used", 0) if self.cursor.get("day") == day else 0
        if used >= REQUESTS_A_DAY:
            said = f"today's {REQUESTS_A_DAY} requests are used up; the next run goes on from here"
            self.fail(FailureKind.BUDGET, API, said)
            return False
        self.cursor.update(day=day, used=used + 1)
        return True

    def parse_page(
        self, response: Response, since: str, page: int, session: str, place: str
    ) -> Parsed:
        payload = json_of(response)
        bills: list[dict[str, Any]] = field(payload, "results")
        last_page = field(payload, "pagination", "max_page")
        found = self.records(bills, response, KNOWN)
        yield from self.each(found, self.parse_bill, response, place)
        if not bills:
            self.nothing_new(response)
        if session:
            if page < last_page:
                yield from self._ask("", page + 1, session)
            return
        # A bill that is updated while we read moves to the end and shifts the pages, so the next
        # request starts at the last update seen, unless one moment fills more than a page.
        seen = as_parameter(bills[-1]["updated_at"]) if bills else since
        following = (seen, 1) if seen > since else (since, page + 1)
        more = page < last_page
        self.cursor[place] = dict(zip(("since", "page"), following, strict=True))
        if more:
            yield from self._ask(*following, place=place)
        else:
            self.cursor[place] = {"since": seen, "page": 1}

    def parse_bill(self, bill: dict[str, Any], response: Response, place: str) -> Parsed:
        """All but the texts comes with every bill."""
        abstracts = bill.get("abstracts") or []
        actions = tuple(self.actions(bill))
        stated: dict[str, Any] = {
            "session": bill["session"],
            "identifier": clean(bill.get("identifier")),
            "title": clean(bill.get("title")),
            "abstract": clean(abstracts[0].get("abstract")) if abstracts else "",
            "classification": tuple(bill.get("classification") or ()),
            "chamber": chamber(bill.get("from_organization")),
            "subjects": tuple(map(clean, bill.get("subject") or ())),
            "sources": tuple(sources(bill)),
            "source_id": clean(bill.get("id")),
            "change_hash": fingerprint(bill, without=STAMPS),
        }
        light = self.bill(response, **stated, latest_action=actions[-1] if actions else None)
        due = self.needs_detail(light) or place == CAUGHT
        yield light
        if due and (light.session, light.identifier) not in self.read_whole:
            self.read_whole.add((light.session, light.identifier))
            self.awaited.add((light.session, light.identifier))
            yield from self.with_texts(
                self.bill(
                    response,
                    **stated,
                    detail="full",
                    sponsors=tuple(self.sponsors(bill)),
                    actions=actions,
                    versions=tuple(self.versions(bill)),
                    votes=tuple(self.votes(bill)),
                    related_bills=tuple(map(related, bill.get("related_bills") or ())),
                )
            )

    def wants_text(self, version: VersionItem) -> bool:
        return not version.note.startswith(DOCUMENT)

    def without_text(self, bill: BillItem, kind: FailureKind, url: str, detail: str) -> BillItem:
        """A gap and no more: the troubles of a state's site are not this source's."""
        if kind is FailureKind.NOT_RECORDED:
            self.fail(kind, url, detail)
        elif kind not in HOPELESS:
            self.try_again(bill.session, bill.identifier)
        return with_gap(bill, url)

    def sponsors(self, bill: dict[str, Any]) -> Iterator[SponsorItem]:
        for row in bill.get("sponsorships") or []:
            if not clean(row.get("name")):
                self.gap("sponsorships.name", "missing")
                continue
            yield sponsor(row)

    def actions(self, bill: dict[str, Any]) -> Iterator[ActionItem]:
        for action in sorted(bill.get("actions") or [], key=lambda row: row.get("order", 0)):
            text = clean(action.get("description"))
            if not text:
                self.gap("actions.description", "missing")
                continue
            printed = clean(action.get("date"))
            yield ActionItem(
                text=text,
                date=self.date(printed, *DATES, field="actions.date"),
                date_text=printed,
                actor=chamber(action.get("organization")),
                classification=tuple(action.get("classification") or ()),
            )

    def versions(self, bill: dict[str, Any]) -> Iterator[VersionItem]:
        for kind, prefix in (("versions", ""), ("documents", DOCUMENT)):
            for version in bill.get(kind) or []:
                printed = clean(version.get("date"))
                yield VersionItem(
                    note=prefix + (clean(version.get("note")) or "Version"),
                    date=self.date(printed, *DATES, field=f"{kind}.date"),
                    date_text=printed,
                    links=tuple(links(version)),
                )

    def votes(self, bill: dict[str, Any]) -> Iterator[VoteItem]:
        for vote in bill.get("votes") or []:
            printed = clean(vote.get("start_date"))
            yield VoteItem(
                motion=clean(vote.get("motion_text")),
                date=self.date(printed, *DATES, field="votes.date"),
                date_text=printed,
                chamber=chamber(vote.get("organization")),
                passed={"pass": True, "fail": False}.get(clean(vote.get("result"))),
                counts=tuple(map(count, vote.get("counts") or ())),
                voters=tuple(
                    VoterItem(name=clean(row.get("voter_name")), option=clean(row.get("option")))
                    for row in vote.get("votes") or []
                ),
                source_id=clean(vote.get("id")),
            )


def links(version: dict[str, Any]) -> Iterator[Link]:
    """What can be read best first: HTML, then PDF, then the rest."""
    rows = [row for row in version.get("links") or [] if clean(row.get("url"))]

    def rank(row: dict[str, Any]) -> int:
        kind = clean(row.get("media_type"))
        return READABLE.index(kind) if kind in READABLE else len(READABLE)

    for row in sorted(rows, key=rank):
        yield Link(url=safe_url_string(clean(row["url"])), media_type=clean(row.get("media_type")))


def as_parameter(updated_at: str) -> str:
    """An ``updated_at`` as ``updated_since`` wants it.

    The server compares it, as a string, with its database's own spelling of the moment:
    ``2026-02-03 09:12:44.1234+00``. With a ``T``, a zone or trailing zeros, bills of the same day
    or moment would sort before it and never be seen.
    """
    moment = updated_at.replace("T", " ").removesuffix("Z").removesuffix("+00:00")
    return moment.rstrip("0").rstrip(".") if "." in moment else moment


def chamber(organization: dict[str, Any] | None) -> Chamber | None:
    return CHAMBERS.get(clean((organization or {}).get("classification")))


def sponsor(row: dict[str, Any]) -> SponsorItem:
    person = row.get("person") or {}
    kind = clean(row.get("entity_type"))
    return SponsorItem(
        name=clean(row.get("name")),
        classification=clean(row.get("classification")).lower() or "sponsor",
        primary=bool(row.get("primary")),
        entity_type="person" if kind == "person" else "organization" if kind else "",
        party=clean(person.get("party")),
        source_id=clean(person.get("id")),
    )


def count(row: dict[str, Any]) -> VoteCount:
    option = VOTE_OPTIONS.get(clean(row.get("option")), "other")
    return VoteCount.model_validate({"option": option, "value": row.get("value")})


def related(row: dict[str, Any]) -> RelatedBillItem:
    relation = RELATIONS.get(clean(row.get("relation_type")), "related")
    return RelatedBillItem.model_validate(
        {
            "identifier": row["identifier"],
            "session": clean(row.get("legislative_session")),
            "relation": relation,
        }
    )


def sources(bill: dict[str, Any]) -> Iterator[SourceLink]:
    for row in bill.get("sources") or []:
        yield SourceLink(url=row["url"], note=clean(row.get("note")))
    if bill.get("openstates_url"):
        yield SourceLink(url=bill["openstates_url"], note=ATTRIBUTION)
