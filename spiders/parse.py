"""Text helpers every spider shares; pure functions."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

SECRET_PARAMETERS = frozenset({"key", "apikey", "api_key", "access_key", "webapikey", "token"})

# "0000-00-00" (LegiScan), "1/1/0001" and "1900-01-01" (.NET and SQL defaults) mean "no date".
NO_DATE = re.compile(r"^\s*(0000-00-00.*|0?1/0?1/(0001|1900).*|(0001|1900)-01-01.*|)\s*$")


def clean(value: object) -> str:
    """Any white space run becomes one space; ``None`` becomes an empty string."""
    return " ".join(str(value).split()) if value is not None else ""


def read_date(printed: str | None, *formats: str) -> dt.date | None:
    """The date as printed, by the source's own strptime formats.

    ``None`` for an empty or null date. Raises ``ValueError`` for anything else it cannot read:
    a guess would be wrong data.
    """
    printed = clean(printed)
    if NO_DATE.match(printed):
        return None
    for form in formats:
        try:
            return dt.datetime.strptime(printed, form).date()
        except ValueError:
            continue
    raise ValueError(f"{printed!r} is no date of the form {' or '.join(formats)}")


def without_secrets(url: str) -> str:
    """The URL with keys and tokens replaced, fit to be stored, logged and shown."""
    parts = urlsplit(url)
    if parts.password:
        host = parts.hostname or ""
        parts = parts._replace(netloc=f"{host}:{parts.port}" if parts.port else host)
    query = [
        (name, "SECRET" if name.lower() in SECRET_PARAMETERS else value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    if not any(name.lower() in SECRET_PARAMETERS for name, _ in query):
        return urlunsplit(parts)
    return urlunsplit(parts._replace(query=urlencode(query)))


def unread(row: Mapping[str, object], known: frozenset[str]) -> list[str]:
    """Names in a record that its spider has never heard of: the source grew a field."""
    return sorted(name for name in row if name not in known)


def fingerprint(record: Mapping[str, object], without: frozenset[str] = frozenset()) -> str:
    """sha256 of a record of a listing; ``without`` names fields that move although nothing did."""
    kept = {name: value for name, value in record.items() if name not in without}
    written = json.dumps(kept, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()
