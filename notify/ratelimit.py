"""How often one visitor or one address may ask; counted in the database, so over all processes.

Keys are kept as keyed hashes: the table tells nobody who visited or subscribed.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import ipaddress
from dataclasses import dataclass

from sqlalchemy import Connection, delete, text

from tracker.models import RateCount


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``times`` in each window of ``every``, for one key of this ``name``."""

    name: str
    times: int
    every: dt.timedelta


_COUNT = text(
    "INSERT INTO rate_count (key_hash, expires_at, count) VALUES (:key, :expires, 1) "
    "ON CONFLICT (key_hash) DO UPDATE SET count = rate_count.count + 1 RETURNING count"
)


def within(connection: Connection, limit: Limit, key: str, secret: str, now: dt.datetime) -> bool:
    """Count one more; False once the limit is passed. Runs inside the caller's transaction."""
    seconds = int(limit.every.total_seconds())
    window = int(now.timestamp()) // seconds
    connection.execute(delete(RateCount).where(RateCount.expires_at <= int(now.timestamp())))
    digest = hmac.new(
        secret.encode(), f"{limit.name}\0{key}\0{window}".encode(), hashlib.sha256
    ).hexdigest()
    count = connection.execute(
        _COUNT, {"key": digest, "expires": (window + 1) * seconds}
    ).scalar_one()
    return bool(count <= limit.times)


def visitor(host: str | None) -> str:
    """One visitor per IPv4 address or IPv6 /64, which is what one household gets."""
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
