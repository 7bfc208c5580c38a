"""A local mail server that delivers into a folder: for the demo, and for a cautious operator."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller


class FolderSink:
    """Stores each accepted message as ``NNN-recipient.eml`` and its HTML part beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        number = len(list(self.folder.glob("*.eml"))) + 1
        recipient = "".join(c if c.isalnum() else "-" for c in envelope.rcpt_tos[0])[:40]
        stem = self.folder / f"{number:03d}-{recipient}"
        stem.with_suffix(".eml").write_bytes(envelope.content)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        html = message.get_body(preferencelist=("html",))
        if html is not None:
            stem.with_suffix(".html").write_text(html.get_content(), encoding="utf-8")
        return "250 Stored"


@contextmanager
def mail_sink(folder: Path, port: int = 0) -> Iterator[int]:
    """Run the sink on a loopback port (0 = a free one) and give the port."""
    port = port or _free_port()
    controller = Controller(FolderSink(folder), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def _free_port() -> int:
    """aiosmtpd connects to the port it was told, so 0 has to be resolved before."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        found: int = probe.getsockname()[1]
    return found
