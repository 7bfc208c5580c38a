"""A small FTP server on this machine that lists folders the way the IIS server of Texas does."""

from __future__ import annotations

import socket
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread


class Files:
    """``listings``: folder → its LIST; ``files``: path → bytes; ``drop``: how many of the next
    connections to close without a word; ``asked``: the commands of all sessions, in order."""

    def __init__(self) -> None:
        self.listings: dict[str, str] = {}
        self.files: dict[str, bytes] = {}
        self.drop = 0
        self.asked: list[str] = []
        self.url = ""


class Session(socketserver.StreamRequestHandler):
    files: Files

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode("latin-1"))

    def handle(self) -> None:
        if self.files.drop:
            self.files.drop -= 1
            return
        self.say("220 ready")
        data: socket.socket | None = None
        for raw in self.rfile:
            command, _, path = raw.decode("latin-1").rstrip("\r\n").partition(" ")
            self.files.asked.append(f"{command} {path}".strip())
            if command == "USER":
                self.say("331 password")
            elif command == "PASS":
                self.say("230 logged in")
            elif command in ("EPSV", "PASV"):
                data = socket.create_server(("127.0.0.1", 0))
                port = data.getsockname()[1]
                self.say(
                    f"229 (|||{port}|)"
                    if command == "EPSV"
                    else f"227 (127,0,0,1,{port // 256},{port % 256})"
                )
            elif command in ("LIST", "RETR") and data:
                found = self.body(command, path)
                if found is None:
                    self.say("550 The system cannot find the file specified.")
                else:
                    self.say("125 opening")
                    peer = data.accept()[0]
                    peer.sendall(found)
                    peer.close()
                    self.say("226 done")
                data.close()
            elif command == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("200 ok")

    def body(self, command: str, path: str) -> bytes | None:
        if command == "LIST":
            listing = self.files.listings.get(path)
            return listing.encode("latin-1") if listing is not None else None
        return self.files.files.get(path)


@contextmanager
def serving(files: Files) -> Iterator[Files]:
    handler = type("Bound", (Session,), {"files": files})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        files.url = f"ftp://127.0.0.1:{server.server_address[1]}"
        Thread(target=server.serve_forever, daemon=True).start()
        yield files
        server.shutdown()
