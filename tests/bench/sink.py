"""A relay that accepts everything and forgets it.

``python -m tests.bench.sink DELAY [CERTIFICATE]``: every answer comes DELAY milliseconds late, as
from a relay at some distance. As quick as can be, so that what is measured is who sends.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from asyncio import IncompleteReadError, StreamReader, StreamWriter

ANSWERS = {
    b"MAIL": b"250 2.1.0 ok\r\n",
    b"RCPT": b"250 2.1.5 ok\r\n",
    b"RSET": b"250 2.0.0 ok\r\n",
    b"DATA": b"354 go ahead\r\n",
    b"QUIT": b"221 2.0.0 bye\r\n",
    b"STAR": b"220 2.0.0 go ahead\r\n",
}


async def serve(delay: float, tls: ssl.SSLContext | None) -> None:
    async def answer(writer: StreamWriter, said: bytes) -> None:
        if delay:
            await asyncio.sleep(delay)
        writer.write(said)

    async def talk(reader: StreamReader, writer: StreamWriter) -> None:
        offers = (
            b"250-localhost\r\n250-STARTTLS\r\n250 8BITMIME\r\n" if tls else b"250 localhost\r\n"
        )
        await answer(writer, b"220 localhost\r\n")
        while True:
            command = (await reader.readline())[:4].upper()
            if not command:
                break
            await answer(writer, ANSWERS.get(command, offers))
            if command == b"DATA":
                await reader.readuntil(b"\r\n.\r\n")
                await answer(writer, b"250 2.0.0 forgotten\r\n")
            elif command == b"STAR" and tls:
                await writer.drain()
                await writer.start_tls(tls)
            elif command == b"QUIT":
                break
        writer.close()

    async def session(reader: StreamReader, writer: StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(session, "127.0.0.1", 0, limit=1 << 20)
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
