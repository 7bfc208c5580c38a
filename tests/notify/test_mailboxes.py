"""Maildir, mbox and a real IMAP server: each message once, marked only when dealt with."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from notify.mailboxes import BadMailbox, messages

REPORTS = Path(__file__).with_name("reports")
SERVER = Path(__file__).with_name("imap_server.py")
NAMES = ["absence-note", "feedback-abuse", "postfix-unknown-user"]


def maildir(path: Path) -> str:
    for folder in ("new", "cur", "tmp"):
        (path / folder).mkdir(parents=True)
    for number, name in enumerate(NAMES):
        folder, suffix = ("cur", ":2,R") if number == 1 else ("new", "")
        (path / folder / f"17{number}.host{suffix}").write_bytes(
            (REPORTS / f"{name}.eml").read_bytes()
        )
    return str(path)


@contextmanager
def imap(folder: Path, *certificate: str) -> Iterator[int]:
    folder.mkdir(exist_ok=True)
    for name in NAMES:
        (folder / f"{name}.eml").write_bytes((REPORTS / f"{name}.eml").read_bytes())
    command = [sys.executable, str(SERVER), str(folder), *certificate]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        try:
            yield int(child.stdout.readline())
        finally:
            child.terminate()


@pytest.fixture(params=["maildir", "imap"])
def marked_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "maildir":
        yield maildir(tmp_path / "box")
    else:
        with imap(tmp_path / "box") as port:
            yield f"imap://reader@127.0.0.1:{port}/Bounces"


def same(raw: bytes) -> str:
    return next(
        name
        for name in NAMES
        if raw.replace(b"\r\n", b"\n") == (REPORTS / f"{name}.eml").read_bytes()
    )


def test_each_message_is_given_once(marked_place: str) -> None:
    assert sorted(same(raw) for raw in messages(marked_place, "secret")) == NAMES
    assert list(messages(marked_place, "secret")) == []


def test_a_message_whose_handling_failed_comes_again(marked_place: str) -> None:
    first, second = [], []
    for raw in messages(marked_place, "secret"):
        first.append(same(raw))
        if len(first) == 2:
            break  # the second was not dealt with
    second = [same(raw) for raw in messages(marked_place, "secret")]
    assert sorted(first[:1] + second) == NAMES


def test_an_mbox_is_read_whole(tmp_path: Path) -> None:
    box = tmp_path / "bounces.mbox"
    for name in NAMES:
        with box.open("ab") as file:
            file.write(b"From MAILER-DAEMON Mon Mar  2 12:00:00 2026\n")
            file.write((REPORTS / f"{name}.eml").read_bytes() + b"\n")
    assert [same(raw) for raw in messages(str(box))] == NAMES


def bad_places(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "plain").mkdir()
    (tmp_path / "notes.txt").write_text("Not mail.\n")
    return {
        str(tmp_path / "absent"): "neither a Maildir folder nor an mbox file",
        str(tmp_path / "plain"): "no Maildir",
        str(tmp_path / "notes.txt"): "no mbox file",
        "imap://127.0.0.1/INBOX": "names no user",
        "imaps://reader:secret@127.0.0.1/": "keep the password out of the URL",
        "imap://reader@127.0.0.1:1/": "refused",
    }


def test_a_bad_place_says_what_is_wrong(tmp_path: Path) -> None:
    for place, why in bad_places(tmp_path).items():
        with pytest.raises(BadMailbox, match=why):
            list(messages(place, "secret"))


@pytest.mark.parametrize(
    ("place", "password", "why"),
    [
        ("imap://reader@127.0.0.1:{port}/Bounces", "wrong", "(?i)fail|invalid|denied"),
        ("imap://reader@127.0.0.1:{port}/Absent", "secret", "no folder 'Absent'"),
    ],
)
def test_a_refusing_imap_server_is_quoted(
    place: str, password: str, why: str, tmp_path: Path
) -> None:
    with imap(tmp_path / "box") as port, pytest.raises(BadMailbox, match=why):
        list(messages(place.format(port=port), password))


def test_imap_over_tls_checks_the_certificate(
    tmp_path: Path, certificate: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = certificate("localhost")
    with imap(tmp_path / "box", str(made)) as port:
        place = f"imaps://reader@localhost:{port}/Bounces"
        with pytest.raises(BadMailbox, match="certificate verify failed"):
            list(messages(place, "secret"))
        monkeypatch.setenv("SSL_CERT_FILE", str(made))
        assert sorted(same(raw) for raw in messages(place, "secret")) == NAMES
