"""A small legislature on this machine: a real HTTP server, and a spider that crawls it.

Run as a module it is the crawling process; the database comes by environment.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from scrapy.http import Response

from spiders.base import BillSpider, Parsed
from spiders.catalog import Politeness, SessionFacts, SourceFacts
from spiders.crawl import CrawlOptions, crawl
from spiders.expect import field, json_of
from tracker.db import make_engine, open_database
from tracker.items import ActionItem, Link, VersionItem

JSON = "application/json"
KNOWN = frozenset({"number", "title", "status", "date"})


class Answer:
    """One scripted answer; ``cut`` closes the connection after that many bytes of the body."""

    def __init__(
        self,
        body: bytes | str | dict[str, Any],
        status: int = 200,
        kind: str = JSON,
        headers: dict[str, str] | None = None,
        cut: int | None = None,
        wait: float = 0,
    ) -> None:
        if isinstance(body, dict):
            body = json.dumps(body)
        self.body = body.encode() if isinstance(body, str) else body
        self.status = status
        self.headers = {"Content-Type": kind, **(headers or {})}
        self.cut = cut
        self.wait = wait


class Legislature:
    """Routes by path; a list of answers is used up one by one, its last repeats."""

    def __init__(self) -> None:
        self.routes: dict[str, list[Answer]] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.url = ""

    def set(self, path: str, *answers: Answer) -> None:
        self.routes[path] = list(answers)

    def paths(self) -> list[str]:
        return [path for path, _ in self.requests if path != "/robots.txt"]

    def answer(self, path: str, headers: dict[str, str]) -> Answer:
        self.requests.append((path, headers))
        waiting = self.routes.get(path)
        if not waiting:
            return Answer("not here", 404, "text/plain")
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        etag = answer.headers.get("ETag")
        if etag and headers.get("If-None-Match") == etag:
            return Answer(b"", 304)
        return answer


@contextmanager
def serving() -> Iterator[Legislature]:
    legislature = Legislature()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = legislature.answer(self.path, dict(self.headers))
            time.sleep(answer.wait)
            with suppress(ConnectionError):
                self.say(answer)

        def say(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body if answer.cut is None else answer.body[: answer.cut])
            if answer.cut is not None:
                self.wfile.flush()
                self.connection.close()

        def log_message(self, *arguments: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    legislature.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield legislature
    finally:
        server.shutdown()
        server.server_close()


class LoopbackSpider(BillSpider):
    def start_session(self, session: str) -> Parsed:
        yield self.request(
            f"{self.facts.url}/listing.json", self.parse_listing, session=session, conditional=True
        )

    def parse_listing(self, response: Response, session: str) -> Parsed:
        rows = self.records(field(json_of(response), "bills"), response, KNOWN)
        yield from self.each(rows, self.parse_row, response, session)
        self.listed(session, [row["number"] for row in rows if row.get("number")])

    def parse_row(self, row: dict[str, Any], response: Response, session: str) -> Parsed:
        printed = row.get("date", "")
        light = self.bill(
            response,
            session=session,
            identifier=row["number"],
            title=row.get("title"),
            latest_action=ActionItem(
                text=row["status"],
                date=self.date(printed, "%Y-%m-%d", field="latest_action.date"),
                date_text=printed,
            ),
        )
        detail = self.needs_detail(light)
        yield light
        if detail:
            yield self.request(
                f"{self.facts.url}/bill/{row['number'].replace(' ', '')}.json",
                self.parse_detail,
                session=session,
            )

    def parse_detail(self, response: Response, session: str) -> Parsed:
        page = json_of(response)
        stated: dict[str, Any] = {
            "session": session,
            "identifier": field(page, "number"),
            "detail": "full",
            "title": field(page, "title"),
            "actions": tuple(
                ActionItem(
                    text=action["text"],
                    date=self.date(action["date"], "%Y-%m-%d", field="actions.date"),
                    date_text=action["date"],
                )
                for action in field(page, "actions")
            ),
        }
        if "text" in page:
            link = Link(url=page["text"], media_type="text/html")
            stated["versions"] = (VersionItem(note="Introduced", links=(link,)),)
        yield from self.with_texts(self.bill(response, **stated))


class LoopbackFacts(SourceFacts):
    def spider_class(self) -> type[BillSpider]:
        return LoopbackSpider


def facts(url: str) -> LoopbackFacts:
    session = SessionFacts.model_validate(
        {"id": "2026", "name": "2026", "opens": "2026-01-01", "closes": "2099-12-31"}
    )
    return LoopbackFacts(
        code="loop",
        jurisdiction="md",
        title="A legislature on this machine",
        url=url,
        sessions=(session,),
        politeness=Politeness(delay=0.01, max_megabytes=20, timeout=2),
        spider="loopback",
    )


def bill(
    number: int, title: str = "Highways - Signs", status: str = "Introduced"
) -> dict[str, Any]:
    return {"number": f"HB {number}", "title": title, "status": "Introduced", "date": "2026-01-15"}


def listing(count: int = 40, etag: str = "", **first: Any) -> Answer:
    """A listing of ``count`` bills; HB 1 is on topic, ``first`` overrides its fields."""
    rows: list[dict[str, Any]] = [bill(number) for number in range(1, count + 1)]
    rows[0] = {
        **bill(1, "Immigration Enforcement - 287(g) Agreements With ICE - Prohibition"),
        **first,
    }
    return Answer({"bills": rows}, headers={"ETag": etag} if etag else None)


def detail(number: int = 1, *texts: str, **more: Any) -> Answer:
    texts = texts or ("Introduced",)
    actions = [{"text": text, "date": f"2026-01-{15 + n}"} for n, text in enumerate(texts)]
    title = "Immigration Enforcement - 287(g) Agreements With ICE - Prohibition"
    return Answer({"number": f"HB {number}", "title": title, "actions": actions, **more})


def crawl_once(url: str, database: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One crawl of the loopback legislature in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "tests.spiders.loopback", url, *arguments],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "BILLTRACKER_DATABASE_URL": database},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def main(url: str, *tape: str) -> None:
    """``URL [record|replay FOLDER]``"""
    how: dict[str, Callable[[Path], CrawlOptions]] = {
        "record": lambda folder: CrawlOptions(record=folder),
        "replay": lambda folder: CrawlOptions(replay=folder),
    }
    options = how[tape[0]](Path(tape[1])) if tape else CrawlOptions()
    crawl(facts(url), open_database(), options)


def fingerprint(database: str) -> str:
    """sha256 over every stored bill and action, to show that nothing was touched."""
    engine = make_engine(database)
    with engine.connect() as connection:
        rows = [
            connection.exec_driver_sql(f"SELECT {columns} FROM {table} ORDER BY id").all()
            for table, columns in (
                ("bill", "identifier, title, stage, latest_action_text, vanished_at"),
                ("action", "text, date, retracted_at"),
                ("version", "note, text_sha256"),
            )
        ]
    engine.dispose()
    return hashlib.sha256(repr(rows).encode()).hexdigest()


if __name__ == "__main__":
    main(*sys.argv[1:])
