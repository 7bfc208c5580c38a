"""Record every response to a folder, or answer every request from one.

A folder holds ``index.jsonl``, one line a response: url (secrets removed), method, body_sha256 of
the request, status, headers, file, fetched_at, provenance (``recorded`` or ``reconstructed``).
Answers to one URL are served in the order recorded; the last one repeats.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections import defaultdict, deque
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError
from scrapy import Request
from scrapy.http import Headers, Response
from scrapy.responsetypes import responsetypes

from spiders.errors import NotRecorded
from spiders.parse import without_secrets

INDEX = "index.jsonl"
EMPTY_BODY = hashlib.sha256(b"").hexdigest()


class TapeLine(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str
    method: str = "GET"
    body_sha256: str = EMPTY_BODY
    status: int = 200
    headers: dict[str, str] = {}
    file: str = ""
    fetched_at: AwareDatetime
    provenance: str


class BadRecording(Exception):
    """A folder that cannot be replayed; the message says why."""


def read_index(folder: Path) -> list[TapeLine]:
    """Raises :class:`BadRecording`."""
    index = folder / INDEX
    if not index.is_file():
        raise BadRecording(f"{folder} is no recording: it has no {INDEX}")
    found = []
    for number, line in enumerate(index.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            found += [TapeLine.model_validate_json(line)] if line.strip() else []
        except ValidationError as error:
            wrong = "; ".join(
                " ".join((*map(str, one["loc"]), one["msg"])) for one in error.errors()
            )
            raise BadRecording(f"{index} line {number}: {wrong}") from error
    if not found:
        raise BadRecording(f"{index} lists no response")
    return found


class Replay:
    """Answers from a recorded folder; a request it lacks raises NotRecorded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines = read_index(folder)
        self._answers: dict[tuple[str, str, str], deque[TapeLine]] = defaultdict(deque)
        for line in self.lines:
            self._answers[line.method, line.url, line.body_sha256].append(line)

    @property
    def now(self) -> dt.datetime:
        """The moment the recording began: a replayed spider lives at that time."""
        return min(line.fetched_at for line in self.lines)

    @property
    def provenance(self) -> str:
        return "+".join(sorted({line.provenance for line in self.lines}))

    def answer(self, request: Request) -> Response:
        url = without_secrets(request.url)
        waiting = self._answers.get((request.method, url, _body_hash(request)))
        if not waiting:
            if url.endswith("/robots.txt"):
                return Response(request.url, status=404)
            raise NotRecorded(
                f"{self.folder} has no {request.method} {url}; record it, or remove the request"
            )
        line = waiting.popleft() if len(waiting) > 1 else waiting[0]
        etag = line.headers.get("ETag", "").encode()
        if etag and request.headers.get("If-None-Match") == etag:
            return Response(request.url, status=304)
        body = (self.folder / line.file).read_bytes() if line.file else b""
        request.meta["fetched_at"] = line.fetched_at
        headers = Headers(line.headers)
        kind = responsetypes.from_args(headers=headers, url=request.url, body=body)
        return kind(request.url, status=line.status, headers=headers, body=body)


class Recorder:
    """Appends each response to a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, request: Request, response: Response) -> None:
        body = response.body
        sha = hashlib.sha256(body).hexdigest()
        tail = re.sub(r"[^\w.-]+", "_", request.url.split("?")[0].rstrip("/").rsplit("/", 1)[-1])
        name = f"{sha[:12]}-{tail[-60:]}" if body else ""
        if name:
            (self.folder / name).write_bytes(body)
        line = TapeLine(
            url=without_secrets(request.url),
            method=request.method,
            body_sha256=_body_hash(request),
            status=response.status,
            headers={
                key.decode("latin-1"): b", ".join(values).decode("latin-1")
                for key, values in response.headers.items()
                if key.lower() not in (b"set-cookie", b"content-encoding", b"transfer-encoding")
            },
            file=name,
            fetched_at=dt.datetime.now(dt.UTC),
            provenance="recorded",
        )
        with (self.folder / INDEX).open("a", encoding="utf-8") as index:
            index.write(json.dumps(line.model_dump(mode="json"), ensure_ascii=False) + "\n")


class Tape:
    """The middleware: nearest to the network but for decompression."""

    def __init__(self, replay: Replay | None, recorder: Recorder | None) -> None:
        self.replay = replay
        self.recorder = recorder

    @classmethod
    def from_crawler(cls, crawler: Any) -> Tape:
        return cls(crawler.spider.replay, crawler.spider.recorder)

    def process_request(self, request: Request) -> Response | None:
        return self.replay.answer(request) if self.replay else None

    def process_response(self, request: Request, response: Response) -> Response:
        if self.recorder:
            self.recorder.add(request, response)
        return response


def _body_hash(request: Request) -> str:
    return hashlib.sha256(request.body).hexdigest()
