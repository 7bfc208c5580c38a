from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

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


typed = st.one_of(
    st.text(max_size=80),
    st.emails(),
    st.tuples(st.emails(), st.text('\r\n\t ,;<>"\0:@', max_size=4), st.emails()).map("".join),
)


@given(typed)
@example("ann@example.org\r\nBcc: bob@example.org")
def test_whatever_is_typed_is_refused_or_safe_in_a_header(text: str) -> None:
    try:
        address = checked_address(text)
    except BadAddress as refused:
        assert str(refused).isprintable()
        return
    assert address.isascii() and address.isprintable() and " " not in address
    assert address.count("@") == 1
    assert checked_address(address) == address
    assert address_key(checked_address(address.upper())) == address_key(address)
    message = EmailMessage(policy=SMTP)
    message["To"] = address
    assert [one.addr_spec for one in message["To"].addresses] == [address]
    assert list(message) == ["To"]
