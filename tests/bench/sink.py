"""A relay that accepts everything and forgets it.

``python -m tests.bench.sink DELAY [CERTIFICATE]``: every answer comes DELAY milliseconds late, as
from a relay at some distance. As quick as can be, so that what is measured is who sends. Like the
relays people use, it takes several commands at once (RFC 2920) and answers them at once.
"""

from __future__ import annotations

import asyncio
import ssl
import sys

ANSWERS = {
    b"MAIL": b"250 2.1.0 ok\r\n",
    b"RCPT": b"250 2.1.5 ok\r\n",
    b"RSET": b"250 2.0.0 ok\r\n",
    b"DATA": b"354 go ahead\r\n",
    b"QUIT": b"221 2.0.0 bye\r\n",
    b"STAR": b"220 2.0.0 go ahead\r\n",
}
FORGOTTEN = b"250 2.0.0 forgotten\r\n"
END = b"\r\n.\r\n"


class Session(asyncio.Protocol):
    def __init__(self, delay: float, tls: ssl.SSLContext | None) -> None:
        self.delay, self.tls = delay, tls
        self.heard = bytearray()
        self.in_message = False
        self.upgrading: asyncio.Task[None] | None = None
        self.offers = b"250-localhost\r\n250-PIPELINING\r\n" + (
            b"250-STARTTLS\r\n250 8BITMIME\r\n" if tls else b"250 8BITMIME\r\n"
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.say(b"220 localhost\r\n")

    def data_received(self, data: bytes) -> None:
        self.heard += data
        if self.upgrading is None:
            self.answer()

    def answer(self) -> None:
        answers = b""
        while (answer := self.next_answer()) is not None:
            answers += answer
        if answers:
            self.say(answers)

    def next_answer(self) -> bytes | None:
        """To the next command, or message, that is all there."""
        if self.in_message:
            end = self.heard.find(END)
            if end < 0:
                return None
            del self.heard[: end + len(END)]
            self.in_message = False
            return FORGOTTEN
        end = self.heard.find(b"\n")
        if end < 0:
            return None
        command = bytes(self.heard[:4]).upper()
        del self.heard[: end + 1]
        self.in_message = command == b"DATA"
        return ANSWERS.get(command, self.offers)

    def say(self, answers: bytes) -> None:
        if self.delay:
            asyncio.get_running_loop().call_later(self.delay, self.write, answers)
        else:
            self.write(answers)

    def write(self, answers: bytes) -> None:
        self.transport.write(answers)
        if answers.endswith(ANSWERS[b"QUIT"]):
            self.transport.close()
        elif answers == ANSWERS[b"STAR"]:
            self.transport.pause_reading()  # what comes now is for TLS
            self.upgrading = asyncio.ensure_future(self.upgrade())

    async def upgrade(self) -> None:
        assert self.tls is not None
        loop = asyncio.get_running_loop()
        secured = await loop.start_tls(self.transport, self, self.tls, server_side=True)
        assert secured is not None
        self.transport = secured
        self.upgrading = None
        self.answer()


async def serve(delay: float, tls: ssl.SSLContext | None) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Session(delay, tls), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main(delay: str, certificate: str = "") -> None:
    tls = None
    if certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate)
    asyncio.run(serve(int(delay) / 1000, tls))


if __name__ == "__main__":
    main(*sys.argv[1:])
