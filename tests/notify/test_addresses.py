from __future__ import annotations

import pytest

from notify.addresses import BadAddress, address_key, checked_address


@pytest.mark.parametrize(
    ("typed", "mailed"),
    [
        ("ann@reader.example", "ann@reader.example"),
        (" ann@reader.example\n", "ann@reader.example"),
        ("Ann.B+bills@Reader.Example", "Ann.B+bills@reader.example"),
        ("ann@exämple.example", "ann@xn--exmple-cua.example"),
        ("ann@xn--exmple-cua.example", "ann@xn--exmple-cua.example"),
        ("o'hara@reader.example", "o'hara@reader.example"),
    ],
)
def test_good_addresses(typed: str, mailed: str) -> None:
    assert checked_address(typed) == mailed


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ann",
        "@reader.example",
        "ann@",
        "ann@@reader.example",
        "ann@localhost",
        "ann@reader.example.",
        "ann@[127.0.0.1]",
        "ann..b@reader.example",
        "Ann <ann@reader.example>",
        "ann@reader.example, bob@reader.example",
        '"ann b"@reader.example',
        '"ann\\"@evil.example"@reader.example',
        "änn@reader.example",
        "ann@reader.example\r\nBcc: bob@reader.example",
        "ann@reader.example\nSubject: x",
        "ann\0@reader.example",
        "ann@reader\u202e.example",
        "ann@printer.local",
        "a" * 65 + "@reader.example",
        "a" * 10_000,
        "a" * 10_000 + "@reader.example",
        "ann@" + "a" * 10_000 + ".example",
    ],
)
def test_what_we_cannot_mail_is_refused_in_words(typed: str) -> None:
    with pytest.raises(BadAddress) as refused:
        checked_address(typed)
    message = str(refused.value)
    assert "is not an address we can mail: " in message
    assert "\n" not in message and "\0" not in message
    assert len(message) < 300


def test_case_does_not_make_two_readers() -> None:
    one, other = (checked_address(typed) for typed in ("Ann@Reader.Example", "ann@reader.example"))
    assert address_key(one) == address_key(other)
