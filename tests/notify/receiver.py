"""A webhook receiver on a real socket that checks signatures as the README tells people to."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver(ThreadingHTTPServer):
    """``answers``: the next statuses, then 200. ``got``: bodies whose answer was 2xx."""

    secret = ""
    echoes = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[int] = []
        self.asked: list[dict[str, Any]] = []
        self.got: list[dict[str, Any]] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"

    @property
    def summaries(self) -> list[str]:
        return [body["change"]["summary"] for body in self.got if body["type"] == "change"]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            status = self.server.answers.pop(0) if self.server.answers else 200
        if self.server.secret and not self._genuine(body):
            status = 401
        told = json.loads(body)
        self.server.asked.append(told)
        if 200 <= status < 300:
            self.server.got.append(told)
        reply = told.get("challenge", "") if self.server.echoes else "hello"
        self.send_response(status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply.encode())

    def _genuine(self, body: bytes) -> bool:
        signed = self.headers["X-Billtracker-Timestamp"].encode() + b"." + body
        mac = hmac.new(self.server.secret.encode(), signed, hashlib.sha256).hexdigest()
        return hmac.compare_digest(f"v1={mac}", self.headers["X-Billtracker-Signature"])

    def log_message(self, *_: object) -> None: ...


@contextmanager
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
