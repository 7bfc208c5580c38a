"""What we know of each source before we ask it: ``states/*.yaml``, one file beside each spider."""

from __future__ import annotations

import datetime as dt
from functools import cache
from importlib import import_module, resources
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tracker.expectations import Expectations
from tracker.states import jurisdictions

if TYPE_CHECKING:
    from spiders.base import BillSpider


class Facts(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SessionFacts(Facts):
    """``id`` as the source writes it in URLs; polled from ``opens`` until ``closes``."""

    id: str
    name: str
    opens: dt.date
    closes: dt.date


class Politeness(Facts):
    """``delay``: seconds between requests to one host; AutoThrottle only ever slows it down."""

    delay: float = 2.0
    concurrency: int = Field(1, ge=1, le=2)
    max_requests: int = Field(5000, description="A run stops here, whatever is left.")
    max_megabytes: int = Field(200, description="Largest single response.")
    timeout: float = 90.0


class Note(Facts):
    date: dt.date
    text: str


class SourceFacts(Facts):
    """One source. ``code`` is what ``billtracker crawl`` takes.

    An ``any_state`` source (an aggregator) is asked for by ``code-state``. ``verified`` is the
    date of the last live check, or empty: its facts then come from documents only.
    """

    code: str
    title: str
    url: str
    jurisdiction: str = ""
    any_state: bool = False
    sessions: tuple[SessionFacts, ...] = ()
    key: str = ""
    """Name of the setting that holds this source's API key, where it needs one."""
    key_help: str = ""
    license: str = ""
    verified: dt.date | None = None
    every_hours: float = 6
    """How often ``billtracker run`` polls it."""
    ignore_robots: str = ""
    """Reason, when robots.txt does not apply (e.g. FTP); empty = obeyed."""
    politeness: Politeness = Politeness()
    expectations: Expectations = Expectations()
    notes: tuple[Note, ...] = ()
    pages_of: str = ""
    """Which state's pages ``pages/`` holds of an ``any_state`` source."""
    spider: str
    """Module name under ``spiders.states`` (the file beside the YAML)."""

    def sessions_on(self, today: dt.date) -> tuple[SessionFacts, ...]:
        """Sessions to poll today; between sessions the latest one that has opened."""
        current = tuple(s for s in self.sessions if s.opens <= today <= s.closes)
        if current:
            return current
        past = [s for s in self.sessions if s.opens <= today]
        return (max(past, key=lambda s: s.opens),) if past else ()

    def for_state(self, state: str) -> SourceFacts:
        return self.model_copy(
            update={"code": f"{self.code}-{state}", "jurisdiction": state, "any_state": False}
        )

    @property
    def shown_code(self) -> str:
        """The code under which its stored pages are replayed."""
        return f"{self.code}-{self.pages_of}" if self.any_state else self.code

    def spider_class(self) -> type[BillSpider]:
        from spiders.base import BillSpider

        module = import_module(f"spiders.states.{self.spider}")
        for found in vars(module).values():
            if (
                isinstance(found, type)
                and issubclass(found, BillSpider)
                and found.__module__ == module.__name__
            ):
                return found
        raise LookupError(f"spiders/states/{self.spider}.py defines no BillSpider")


class UnknownSource(LookupError):
    """No such source; the message lists the known ones."""


@cache
def catalogue() -> dict[str, SourceFacts]:
    """All sources by code, sorted by code."""
    found: dict[str, SourceFacts] = {}
    for path in resources.files("spiders.states").iterdir():
        if not path.name.endswith(".yaml"):
            continue
        facts: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        try:
            source = SourceFacts(**facts, spider=path.name.removesuffix(".yaml"))
        except ValidationError as error:
            raise ValueError(f"spiders/states/{path.name}: {error}") from error
        found[source.code] = source
    return dict(sorted(found.items()))


def source(name: str) -> SourceFacts:
    """By code (``md``), spider name (``maryland``) or, for aggregators, ``legiscan-mi``."""
    name = name.lower().strip()
    for facts in catalogue().values():
        if name in (facts.code, facts.spider) and not facts.any_state:
            return facts
        state = name.removeprefix(f"{facts.code}-")
        if facts.any_state and state != name and state in jurisdictions():
            return facts.for_state(state)
    known = ", ".join(f"{s.code}-STATE" if s.any_state else s.code for s in catalogue().values())
    raise UnknownSource(f"no source {name!r}; known: {known}")
