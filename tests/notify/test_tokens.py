"""Links that expire, cannot be forged, and open one door each."""

from __future__ import annotations

import datetime as dt
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from notify.tokens import (
    BadToken,
    digest_of_return_path,
    notice_of_return_path,
    notice_return_path,
    random_token,
    return_path,
    secret_key,
    signed,
    unsigned,
)
from tracker.settings import Settings

NOW = dt.datetime(2026, 3, 3, 12, 0, tzinfo=dt.UTC)
HOUR = 3600


def test_a_token_gives_back_what_was_signed() -> None:
    assert unsigned("secret", "confirm", signed("secret", "confirm", "12"), HOUR) == "12"


def test_an_old_token_says_that_it_is_old() -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        token = signed("secret", "confirm", "12")
        clock.shift(HOUR)
        assert unsigned("secret", "confirm", token, HOUR) == "12"
        clock.shift(1)
        with pytest.raises(BadToken, match="too old; ask for a new one"):
            unsigned("secret", "confirm", token, HOUR)


def test_a_token_is_for_one_purpose_under_one_secret() -> None:
    token = signed("secret", "confirm", "12")
    for secret, purpose in (("other", "confirm"), ("secret", "manage")):
        with pytest.raises(BadToken, match="not one of ours"):
            unsigned(secret, purpose, token, HOUR)


@given(st.text(max_size=80))
def test_no_text_is_a_token(text: str) -> None:
    with pytest.raises(BadToken):
        unsigned("secret", "confirm", text, HOUR)


@given(position=st.integers(0, 200), letter=st.sampled_from("aZ0-_."))
def test_a_changed_letter_spoils_it(position: int, letter: str) -> None:
    token = signed("secret", "confirm", "12")
    position %= len(token)
    changed = token[:position] + letter + token[position + 1 :]
    if changed == token:
        return
    try:
        # The last letter of base64 carries spare bits: another one may spell the same signature.
        assert unsigned("secret", "confirm", changed, HOUR) == "12"
        assert position == len(token) - 1
    except BadToken:
        pass


def test_random_tokens_are_long_and_never_the_same() -> None:
    tokens = {random_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert min(map(len, tokens)) == 32


def test_the_secret_is_made_once_and_kept_private(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "new")
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: secret_key(settings), range(32)))
    (secret,) = made
    assert len(secret) >= 40
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["secret-key"]
    assert stat.S_IMODE((tmp_path / "new" / "secret-key").stat().st_mode) == 0o600
    assert secret_key(Settings(secret_key="named")) == "named"


@given(digest=st.integers(1, 2**40), domain=st.sampled_from(["example.org", "Bills.Example.ORG"]))
def test_a_return_path_names_its_digest(digest: int, domain: str) -> None:
    address = return_path("secret", digest, f"bounces@{domain}")
    for spelling in (address, address.upper()):
        assert digest_of_return_path("secret", spelling, f"bounces@{domain}") == digest
    assert digest_of_return_path("other", address, f"bounces@{domain}") is None
    other = address.replace(f"+{digest}-", f"+{digest + 1}-")
    assert digest_of_return_path("secret", other, f"bounces@{domain}") is None


def test_a_return_path_of_a_notice_names_that_notice_alone() -> None:
    bounces = "bounces@example.org"
    address = notice_return_path("secret", 12, "<a@example.org>", bounces)
    messages = {12: "<a@example.org>", 13: "<b@example.org>"}.get
    for spelling in (address, address.upper()):
        assert notice_of_return_path("secret", spelling, bounces, messages) == 12
    other = address.replace("+n12-", "+n13-")
    digest = return_path("secret", 12, bounces)
    for forged in (other, digest, digest.replace("+12-", "+n12-"), "bounces+n12@example.org", ""):
        assert notice_of_return_path("secret", forged, bounces, messages) is None
    assert notice_of_return_path("other", address, bounces, messages) is None
    assert digest_of_return_path("secret", address.replace("+n12-", "+12-"), bounces) is None


@given(st.text(max_size=60))
def test_other_addresses_name_none(local: str) -> None:
    for address in (local, f"bounces+{local}@example.org", f"bounces+1-{local}@example.org"):
        assert digest_of_return_path("secret", address, "bounces@example.org") is None
