"""Words that nobody can guess, and words only we can sign."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from tracker.settings import Settings

SIGNATURE_LENGTH = 16
NOTICE = "n"
"""Before the number of a notice in its return path; that of a digest has none."""


class BadToken(ValueError):
    """The message is fit for a page: what is wrong and what to do."""


def random_token() -> str:
    """192 bits; kept in the database, so that it works for years and dies with its row."""
    return secrets.token_urlsafe(24)


def secret_key(settings: Settings) -> str:
    """The operator's, or one made on first use and kept in the data folder."""
    if settings.secret_key:
        return settings.secret_key
    path = settings.data_dir / "secret-key"
    if not path.exists():
        _make_once(path)
    return path.read_text(encoding="ascii").strip()


def _make_once(path: Path) -> None:
    """Two processes at once end with one and the same key: linking a finished file is atomic."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_urlsafe(32), encoding="ascii")
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def signed(secret: str, purpose: str, payload: str) -> str:
    """A token that says when it was made; for one purpose, useless for another."""
    return str(URLSafeTimedSerializer(secret, salt=purpose).dumps(payload))


def unsigned(secret: str, purpose: str, token: str, max_age: int) -> str:
    """The payload. Raises :class:`BadToken` when forged, garbled or older than seconds."""
    try:
        return str(URLSafeTimedSerializer(secret, salt=purpose).loads(token, max_age=max_age))
    except SignatureExpired:
        raise BadToken("this link is too old; ask for a new one") from None
    except BadSignature:
        raise BadToken("this link is not complete, or not one of ours") from None


def return_path(secret: str, digest_id: int, bounce_address: str) -> str:
    """The envelope sender of one digest (VERP): ``bounces+12-<signature>@example.org``."""
    return _return_path(secret, f"{digest_id}", f"{digest_id}", bounce_address)


def digest_of_return_path(secret: str, address: str, bounce_address: str) -> int | None:
    """The digest an envelope sender names; ``None`` for any other or forged address."""
    named = _number(address, bounce_address, "")
    genuine = named is not None and _same(address, return_path(secret, named, bounce_address))
    return named if genuine else None


def notice_return_path(secret: str, notice_id: int, message_id: str, bounce_address: str) -> str:
    """That of one notice, ``bounces+n12-<signature>@example.org``.

    Its Message-ID is what is signed: the number of a deleted notice may be given to another.
    """
    return _return_path(secret, f"{NOTICE}{notice_id}", message_id, bounce_address)


def notice_of_return_path(
    secret: str, address: str, bounce_address: str, message_id_of: Callable[[int], str | None]
) -> int | None:
    """The notice an envelope sender names; ``None`` for any other, forged or deleted one."""
    named = _number(address, bounce_address, NOTICE)
    message_id = message_id_of(named) if named is not None else None
    if named is None or message_id is None:
        return None
    expected = notice_return_path(secret, named, message_id, bounce_address)
    return named if _same(address, expected) else None


def _return_path(secret: str, tag: str, what: str, bounce_address: str) -> str:
    """Lower-case hex: mail servers may change the case of a local part."""
    local, _, domain = bounce_address.rpartition("@")
    mac = hmac.new(secret.encode(), f"return-path\0{what}".encode(), hashlib.sha256)
    return f"{local}+{tag}-{mac.hexdigest()[:SIGNATURE_LENGTH]}@{domain}"


def _number(address: str, bounce_address: str, mark: str) -> int | None:
    """What an address claims to be the return path of, before anybody looks at the signature."""
    local, _, domain = bounce_address.casefold().rpartition("@")
    prefix, suffix = f"{local}+{mark}", f"@{domain}"
    address = address.casefold()
    if not (address.startswith(prefix) and address.endswith(suffix)):
        return None
    number = address[len(prefix) : -len(suffix)].partition("-")[0]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 19 else None


def _same(address: str, expected: str) -> bool:
    return hmac.compare_digest(address.casefold().encode(), expected.casefold().encode())
