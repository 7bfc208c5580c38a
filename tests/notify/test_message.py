"""The bytes of a message: whatever a title or an operator's name holds, headers stay whole."""

from __future__ import annotations

import base64
import dataclasses
import re
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr, quote

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import assume, example, given
from hypothesis import strategies as st

from notify.message import Letter, check_settings, message_bytes
from notify.render import PERSONAL
from notify.smtp import BadMailSettings
from notify.snapshot import printable
from tests.notify.relay import settings_for
from tests.notify.stories import NOW

LETTER = Letter(
    digest_id=7,
    subscriber_id=3,
    address="ann@example.org",
    reader_token="r" * 32,
    digest_token="d" * 32,
    message_id=f"<{'m' * 32}@bills.example.org>",
    created_at=NOW,
    first_attempt_at=None,
    attempts=0,
    subject="MD HB 1222 passed the House of Delegates; 4 more in 2 states",
    text="Text @@web@@\n",
    html="<p>HTML @@unsubscribe@@</p>",
)
HEADERS = {
    "From", "To", "Subject", "Date", "Message-ID", "List-Id", "List-Unsubscribe",
    "List-Unsubscribe-Post", "Auto-Submitted", "Precedence", "MIME-Version", "Content-Type",
}  # fmt: skip
printable_text = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=400)


def parsed(raw: bytes) -> EmailMessage:
    found = message_from_bytes(raw, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def header_lines(raw: bytes) -> list[bytes]:
    return raw.partition(b"\r\n\r\n")[0].split(b"\r\n")


@given(printable_text)
@example("=?utf-8?q?not_encoded?= by the legislature")
@example("“Ley” de inmigración — " * 9)
@example("x" * 900)
def test_any_title_comes_back_as_it_was(title: str) -> None:
    subject = " ".join(title.split())
    raw = message_bytes(dataclasses.replace(LETTER, subject=subject), settings_for())
    assert raw.isascii()
    assert str(parsed(raw)["Subject"]) == subject
    assert set(parsed(raw).keys()) == HEADERS


@given(st.text(max_size=400))
@example("HB 1 passed\r\nBcc: everyone@example.org")
@example("HB 1\u202e\x00 passed")
def test_no_title_makes_a_header_of_its_own(title: str) -> None:
    subject = printable(title)
    message = parsed(message_bytes(dataclasses.replace(LETTER, subject=subject), settings_for()))
    assert set(message.keys()) == HEADERS
    assert message["To"] == "ann@example.org"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r")))
@example(".\n..\nFrom here\n trailing \n\t\n=3D é" + "x" * 200)
def test_any_words_come_back_as_they_were(words: str) -> None:
    assume(not any(mark in words for mark in PERSONAL))
    raw = message_bytes(dataclasses.replace(LETTER, text=words, html=words), settings_for())
    parts = [part.get_payload(decode=True) for part in parsed(raw).iter_parts()]
    assert parts == [words.replace("\n", "\r\n").encode()] * 2


@given(printable_text.filter(str.strip))
@example("Bürger (für Recht) ) " + "ࠀ" * 30)
@example('O\'Neil, "Ed" & Söhne \\ <news>')
def test_any_name_of_the_operator_comes_back(name: str) -> None:
    name = " ".join(name[:100].split())
    raw = message_bytes(LETTER, settings_for(mail_from=f'"{quote(name)}" <digest@example.org>'))
    (header,) = message_from_bytes(raw).get_all("From", [])
    display, address = parseaddr("".join(header.splitlines()))
    # Python's newer parser would put spaces between encoded words, against RFC 2047.
    assert (str(make_header(decode_header(display))), address) == (name, "digest@example.org")


def test_long_links_and_addresses_stay_on_one_line() -> None:
    """Broken in two, or encoded, they lead nowhere: mail programs then show no unsubscribe."""
    host = f"{'a-very-long-name.' * 6}example.org"
    address = f"{'n' * 64}@{host}"
    letter = dataclasses.replace(LETTER, address=address, message_id=f"<{'m' * 32}@{host}>")
    raw = message_bytes(letter, settings_for(public_url=f"https://{host}"))
    lines = header_lines(raw)
    assert f"To: {address}".encode() in lines
    assert f"Message-ID: <{'m' * 32}@{host}>".encode() in lines
    assert f"List-Unsubscribe: <https://{host}/unsubscribe/{'r' * 32}>".encode() in lines
    assert f"List-Id: Bill digest <digest.{host}>".encode() in lines


def test_lines_are_as_short_as_the_standards_ask() -> None:
    letter = dataclasses.replace(LETTER, subject="Ley de inmigración " * 20, html="é" * 5000)
    for line in message_bytes(letter, settings_for()).split(b"\r\n"):
        assert len(line) <= (998 if line.startswith(b"List-Unsubscribe: ") else 78), line


def test_each_attempt_sends_the_same_bytes() -> None:
    again = dataclasses.replace(LETTER, attempts=3, first_attempt_at=NOW)
    assert message_bytes(LETTER, settings_for()) == message_bytes(again, settings_for())


def pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey, form: str = "PKCS8") -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        getattr(serialization.PrivateFormat, form),
        serialization.NoEncryption(),
    ).decode()


@pytest.mark.parametrize("form", ["TraditionalOpenSSL", "PKCS8"])
def test_a_dkim_signature_holds_and_covers_the_one_click_headers(form: str) -> None:
    key = rsa.generate_private_key(65537, 2048)
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)
    settings = settings_for(dkim_domain="bills.example.org", dkim_key=pem(key, form))
    letter = dataclasses.replace(LETTER, subject="Ley de inmigración " * 9, html="<p>é</p>" * 500)
    raw = message_bytes(letter, settings)

    def dns(name: bytes, timeout: int = 5) -> bytes:
        assert name == b"billtracker._domainkey.bills.example.org."
        return record

    assert dkim.verify(raw, dnsfunc=dns)
    assert not dkim.verify(raw.replace(b"ann@", b"bob@"), dnsfunc=dns)
    signed = re.search(rb"h=([^;]+);", raw)
    assert signed is not None
    names = {name.strip().lower() for name in signed[1].split(b":")}
    assert {b"list-unsubscribe", b"list-unsubscribe-post", b"from", b"subject"} <= names


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"mail_from": "Bill Watch"}, "MAIL_FROM names no address"),
        ({"mail_from": "digest@bücher.example"}, "MAIL_FROM names no address"),
        ({"mail_bounces": "bounces"}, "MAIL_BOUNCES names no address"),
        ({"public_url": "bills.example.org"}, "write it like https://"),
        ({"public_url": "https://bücher.example"}, "xn--"),
        ({"public_url": "http://bills.example.org"}, "only with https://"),
        ({"public_url": "http://10.1.2.3:8000"}, "only with https://"),
        ({"dkim_domain": "bills.example.org", "dkim_key": "none"}, "an RSA key in PEM is needed"),
    ],
)
def test_settings_that_would_spoil_every_message_are_named(
    changes: dict[str, str], says: str
) -> None:
    with pytest.raises(BadMailSettings, match=says):
        check_settings(settings_for(**changes))


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "[::1]:8000"])
def test_pages_on_this_machine_need_no_certificate(host: str) -> None:
    check_settings(settings_for(public_url=f"http://{host}"))


def test_an_ed25519_key_is_refused_before_sending() -> None:
    key = pem(ed25519.Ed25519PrivateKey.generate())
    with pytest.raises(BadMailSettings, match="an RSA key in PEM is needed"):
        check_settings(settings_for(dkim_domain="bills.example.org", dkim_key=key))
