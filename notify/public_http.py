"""POST to a URL a stranger gave us, without lending them our place in the network.

The name is resolved once, every address it has is judged, and the connection goes to an address
judged good: a second DNS answer cannot move it. Redirects are an answer, never followed.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

SECONDS = 10.0
"""For everything after the DNS answer: connect, TLS, request and reply together."""
REPLY_BYTES = 64 * 1024
LONGEST_URL = 2000
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
UNICAST = ipaddress.IPv6Network("2000::/3")
"""All that IANA has given out of the public IPv6 internet."""


class RefusedURL(ValueError):
    """We will not send there; the message says why and is fit for a page."""


class FailedPost(OSError):
    """No usable HTTP answer: refused, timed out, bad certificate, broken reply."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads, decided once."""

    secure: bool
    host: str
    port: int
    path: str
    address: IPAddress


@dataclass(frozen=True, slots=True)
class Reply:
    """``body`` holds at most :data:`REPLY_BYTES`."""

    status: int
    body: bytes


def target(url: str, allowed: Sequence[IPNetwork] = ()) -> Target:
    """Judge a URL. ``allowed`` are networks the operator opens beside the public internet.

    Raises :class:`RefusedURL`; plain http is only for the operator's own networks.
    """
    if len(url) > LONGEST_URL or any(ord(c) <= 32 or ord(c) == 127 for c in url):
        raise RefusedURL("the URL is too long or has spaces or control characters in it")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise RefusedURL(f"not a URL: {error}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise RefusedURL("the URL has to start with https:// and a host name")
    if parts.username is not None or parts.password is not None:
        raise RefusedURL("the URL must hold no user name or password; we sign what we send")
    secure = parts.scheme == "https"
    port = port or (443 if secure else 80)
    addresses = _resolve(host, port)
    for address in addresses:
        inside = any(address in network for network in allowed)
        if not inside and not is_public(address):
            raise RefusedURL(f"{host} is at {address}, which is not on the public internet")
        if not inside and not secure:
            raise RefusedURL("the URL has to start with https://")
    path = parts.path or "/"
    return Target(
        secure=secure,
        host=host,
        port=port,
        path=f"{path}?{parts.query}" if parts.query else path,
        address=addresses[0],
    )


def _resolve(host: str, port: int) -> list[IPAddress]:
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise RefusedURL(f"{host} cannot be found: {error}") from None
    return [ipaddress.ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers]


def is_public(address: IPAddress) -> bool:
    """Whether an address is a single host of the public internet, also when IPv6 wraps IPv4."""
    if isinstance(address, ipaddress.IPv6Address):
        wrapped = address.ipv4_mapped or address.sixtofour
        if wrapped is None and address in NAT64:
            wrapped = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if wrapped is not None:
            return is_public(wrapped)
        if address not in UNICAST:
            return False
    return address.is_global and not address.is_multicast


class _Pinned(http.client.HTTPConnection):
    """Speaks to the judged address while naming the host in TLS and in the Host header."""

    def __init__(self, to: Target, seconds: float) -> None:
        super().__init__(to.host, to.port, timeout=seconds)
        self.default_port = 443 if to.secure else 80
        self.late = False
        self._to = to
        self._wire: socket.socket | None = None

    def connect(self) -> None:
        wire = socket.create_connection((str(self._to.address), self._to.port), self.timeout)
        if self._to.secure:
            wire = ssl.create_default_context().wrap_socket(
                wire, server_hostname=self._to.host, do_handshake_on_connect=False
            )
        self.sock = self._wire = wire
        if isinstance(wire, ssl.SSLSocket):
            wire.do_handshake()

    def cut(self) -> None:
        """End it from another thread: a peer that drips bytes never trips a socket's timeout."""
        self.late = True
        if self._wire is not None:
            with contextlib.suppress(OSError):
                self._wire.shutdown(socket.SHUT_RDWR)


def post(to: Target, body: bytes, headers: Mapping[str, str], seconds: float = SECONDS) -> Reply:
    """One POST. Raises :class:`FailedPost` where no answer came within ``seconds``."""
    connection = _Pinned(to, seconds)
    timer = threading.Timer(seconds, connection.cut)
    timer.start()
    try:
        connection.request("POST", to.path, body, dict(headers))
        with connection.getresponse() as answer:
            reply = Reply(answer.status, answer.read(REPLY_BYTES))
    except (OSError, http.client.HTTPException, ValueError) as error:
        if connection.late or isinstance(error, TimeoutError):
            raise FailedPost(f"no answer within {seconds:g} s") from error
        raise FailedPost(_plain(error)) from error
    finally:
        timer.cancel()
        connection.close()
    if connection.late:
        raise FailedPost(f"no complete answer within {seconds:g} s")
    return reply


def _plain(error: Exception) -> str:
    """Without Python's ``[Errno 111]``; TLS says more in its own words."""
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
