"""POST to strangers' URLs: real sockets, real TLS, and every way inside refused."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from notify.public_http import FailedPost, RefusedURL, Target, is_public, post, target

LOOPBACK = ipaddress.ip_address("127.0.0.1")
OWN = [ipaddress.ip_network("127.0.0.0/8")]


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, dict(self.headers), body))
        status = 302 if self.path == "/moved" else 200
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        reply = b"x" * 300_000 if self.path == "/huge" else b"taken"
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def receiver() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.seen = []
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def pinned(port: int, path: str = "/", host: str = "rebinding.invalid", secure: bool = False):
    """A target judged before; its host name leads nowhere by now."""
    return Target(secure=secure, host=host, port=port, path=path, address=LOOPBACK)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://localhost/",
        "https://0.0.0.0/",
        "https://10.0.0.8/",
        "https://172.16.5.4/",
        "https://192.168.1.1/",
        "https://100.64.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://224.0.0.1/",
        "https://240.0.0.1/",
        "https://255.255.255.255/",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[fe80::1]/",
        "https://[fd00:ec2::254]/",
        "https://[ff02::1]/",
        "https://[fec0::1]/",
        "https://[::127.0.0.1]/",
        "https://[::ffff:0:127.0.0.1]/",
        "https://[64:ff9b:1::7f00:1]/",
    ],
)
def test_nothing_inside_is_reached(url: str) -> None:
    with pytest.raises(RefusedURL, match="not on the public internet"):
        target(url)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://8.8.8.8/", "start with https"),
        ("ftp://8.8.8.8/", "start with https"),
        ("file:///etc/passwd", "start with https"),
        ("https://", "start with https"),
        ("https://user:pass@8.8.8.8/", "no user name or password"),
        ("https://8.8.8.8:99999/", "not a URL"),
        ("https://[::1/", "not a URL"),
        ("https://8.8.8.8/a\r\nX: y", "control characters"),
        ("https://8.8.8.8/" + "a" * 3000, "too long"),
        ("https://no-such-host.invalid/", "cannot be found"),
        ("https://" + "a" * 70 + ".com/", "cannot be found"),
    ],
)
def test_a_bad_url_is_refused_with_its_reason(url: str, why: str) -> None:
    with pytest.raises(RefusedURL, match=why):
        target(url)


def test_public_addresses_are_public() -> None:
    assert target("https://8.8.8.8:8443/hook?a=b") == Target(
        True, "8.8.8.8", 8443, "/hook?a=b", ipaddress.ip_address("8.8.8.8")
    )
    assert is_public(ipaddress.ip_address("2606:4700::1111"))
    assert is_public(ipaddress.ip_address("64:ff9b::808:808"))


def test_one_inside_address_among_public_ones_refuses_the_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answers(host: str, port: int, **_: object) -> list[object]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("8.8.8.8", "169.254.169.254")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", answers)
    with pytest.raises(RefusedURL, match=r"169\.254\.169\.254"):
        target("https://mixed.example/")


def test_an_operator_may_open_a_network(receiver: ThreadingHTTPServer) -> None:
    where = target(f"http://127.0.0.1:{receiver.server_port}/in?x=1", allowed=OWN)
    assert post(where, b"{}", {"Content-Type": "application/json"}).body == b"taken"
    path, headers, body = receiver.seen[0]
    assert (path, body, headers["Content-Type"]) == ("/in?x=1", b"{}", "application/json")


def test_the_name_is_not_asked_again_after_it_was_judged(receiver: ThreadingHTTPServer) -> None:
    assert post(pinned(receiver.server_port), b"{}", {}).status == 200
    assert receiver.seen[0][1]["Host"] == f"rebinding.invalid:{receiver.server_port}"


def test_a_redirect_is_an_answer(receiver: ThreadingHTTPServer) -> None:
    assert post(pinned(receiver.server_port, "/moved"), b"{}", {}).status == 302
    assert [path for path, _, _ in receiver.seen] == ["/moved"]


def test_a_huge_reply_is_cut(receiver: ThreadingHTTPServer) -> None:
    assert len(post(pinned(receiver.server_port, "/huge"), b"{}", {}).body) == 64 * 1024


@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"])
def test_a_peer_that_drips_is_cut_at_the_time_limit(says: bytes) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        peer, _ = listener.accept()
        with peer:
            try:
                peer.sendall(says)
                while True:
                    peer.sendall(b"H")
                    time.sleep(0.05)
            except OSError:
                return

    threading.Thread(target=drip, daemon=True).start()
    started = time.monotonic()
    with pytest.raises(FailedPost, match=r"within 0\.5 s"):
        post(pinned(listener.getsockname()[1]), b"{}", {}, seconds=0.5)
    assert time.monotonic() - started < 2
    listener.close()


def test_refused_and_garbled_connections_are_named(receiver: ThreadingHTTPServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        closed = probe.getsockname()[1]
    with pytest.raises(FailedPost, match="refused"):
        post(pinned(closed), b"{}", {})
    with pytest.raises(FailedPost, match=r"(?i)ssl|tls"):
        post(pinned(receiver.server_port, secure=True), b"{}", {})


def test_tls_is_verified_against_the_name(
    receiver: ThreadingHTTPServer,
    certificate: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = certificate("hooks.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made)
    receiver.socket = context.wrap_socket(receiver.socket, server_side=True)
    with pytest.raises(FailedPost, match="certificate verify failed"):
        post(pinned(receiver.server_port, host="hooks.example", secure=True), b"{}", {})
    monkeypatch.setenv("SSL_CERT_FILE", str(made))
    good = pinned(receiver.server_port, host="hooks.example", secure=True)
    assert post(good, b"{}", {}).status == 200
    with pytest.raises(FailedPost, match="certificate verify failed"):
        post(pinned(receiver.server_port, host="other.example", secure=True), b"{}", {})
