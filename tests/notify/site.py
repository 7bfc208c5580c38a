"""The site with the pages for subscribers, over a real relay, at a time the test sets."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import Engine, select

from notify.compose import compose
from notify.match import plan
from notify.notices import send_notices
from notify.pages import subscriber_pages
from tests.notify.relay import Inbox, Script, relay, settings_for
from tests.notify.stories import NOW, add_bill, add_change
from tracker.db import reading
from tracker.models import Base, RateCount, Subscriber
from tracker.settings import Settings
from tracker.web.app import create_app


@dataclass
class Site:
    engine: Engine
    settings: Settings
    inbox: Inbox
    now: dt.datetime = NOW
    pages: TestClient = field(init=False)

    def __post_init__(self) -> None:
        mount = subscriber_pages(self.settings, clock=self.clock)
        app = create_app(self.engine, mounts=[mount])
        self.pages = TestClient(app, follow_redirects=False, client=("203.0.113.7", 50000))

    def clock(self) -> dt.datetime:
        return self.now

    def ask(self, email: str = "ann@example.org", **fields: Any) -> Any:
        return self.pages.post("/subscribe", data={"email": email, **fields})

    def send(self) -> dict[str, int]:
        return dict(send_notices(self.engine, self.settings, clock=self.clock))

    def mailed(self, index: int = -1) -> str:
        """The text part of a message the relay kept."""
        part = self.inbox.message(index).get_body(("plain",))
        assert part is not None
        return str(part.get_content())

    def link(self, page: str, index: int = -1) -> str:
        """The path of the link to a page that a mail holds."""
        found = re.search(rf"https://bills\.example\.org(/{page}/\S+)", self.mailed(index))
        assert found is not None, self.mailed(index)
        return found[1]

    def subscribe(self, email: str = "ann@example.org", **fields: Any) -> str:
        """The whole way; the path of the reader's own page."""
        self.ask(email, **fields)
        answer = self.pages.post(self.link("confirm"))
        assert answer.status_code == 303
        return str(answer.headers["location"]).partition("?")[0]

    def digest(self) -> None:
        """Something moves, and a digest of it is made for everybody."""
        self.now += dt.timedelta(hours=1)
        add_change(self.engine, add_bill(self.engine), released_at=self.now)
        plan(self.engine, self.now)
        compose(self.engine, self.settings, self.now, regardless=True)

    def stored(self) -> dict[str, list[Any]]:
        """Every row there is, but for the counters of visits."""
        with reading(self.engine) as session:
            return {
                table.name: [tuple(row) for row in session.execute(select(table))]
                for table in Base.metadata.sorted_tables
                if table.name != RateCount.__tablename__
            }

    def reader(self, email: str = "ann@example.org") -> Subscriber:
        with reading(self.engine) as session:
            found = session.scalars(select(Subscriber).where(Subscriber.address_key == email)).one()
            assert found.subscriptions is not None
            return found


@contextmanager
def open_site(
    engine: Engine, script: Script = lambda step, recipient: None, **settings: Any
) -> Iterator[Site]:
    with relay(script) as inbox:
        yield Site(engine, settings_for(inbox).model_copy(update=settings), inbox)


def words(html: str) -> str:
    """A page as read, without tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())
