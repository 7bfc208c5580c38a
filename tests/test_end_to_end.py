"""The main job as an operator runs it: recorded days, real processes, real SMTP."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from sqlalchemy import func, select

from notify.sink import mail_sink
from tracker.db import make_engine, reading
from tracker.models import Bill, Change, Digest, Outbox, Run, Verdict

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "spiders" / "pages"
SOURCES = {"md": "maryland", "va": "virginia", "wy": "wyoming"}


@dataclass(frozen=True)
class Operator:
    """Somebody with a database, a folder of recordings and a mail server."""

    folder: Path
    environment: dict[str, str]

    @property
    def database(self) -> str:
        return self.environment["BILLTRACKER_DATABASE_URL"]

    def recordings(self, day: str) -> Path:
        """A folder with one recording a source, as ``--replay`` wants it."""
        folder = self.folder / day
        if not folder.exists():
            folder.mkdir()
            for code, spider in SOURCES.items():
                (folder / code).symlink_to(PAGES / spider / day)
        return folder

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "tracker", *arguments]

    def does(self, *arguments: str, exit_code: int = 0) -> str:
        done = subprocess.run(
            self.command(*arguments),
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert done.returncode == exit_code, done.stdout + done.stderr
        return done.stdout

    def runs(self, day: str) -> str:
        return self.does("run", *SOURCES, "--replay", str(self.recordings(day)))

    def mails(self) -> list[tuple[str, str, str]]:
        """(recipient, subject, Message-ID) of every message that arrived."""
        found = []
        for path in sorted((self.folder / "mail").glob("*.eml")):
            message = message_from_bytes(path.read_bytes(), policy=policy.default)
            found.append((message["To"], message["Subject"], message["Message-ID"]))
        return found

    def send_all_that_waits(self) -> str:
        return self.does("digest", "send", "--regardless")


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    with mail_sink(tmp_path / "mail") as port:
        ours = {
            "DATA_DIR": str(tmp_path / "data"),
            "DATABASE_URL": f"sqlite:///{tmp_path / 'data' / 'bills.sqlite3'}",
            "SMTP_HOST": f"127.0.0.1:{port}",
            "SMTP_TLS": "none",
            "MAIL_FROM": "Bill tracker <digest@example.org>",
        }
        plain = {name: value for name, value in os.environ.items() if "BILLTRACKER" not in name}
        yield Operator(tmp_path, plain | {f"BILLTRACKER_{k}": v for k, v in ours.items()})


def told_to_everyone(database: str) -> int:
    """Released changes of bills on topic: what a reader without a filter must hear, once."""
    engine = make_engine(database)
    with reading(engine) as session:
        query = (
            select(func.count())
            .select_from(Change)
            .join(Verdict, Verdict.bill_id == Change.bill_id)
            .where(Change.status == "released", Verdict.relevant)
        )
        count = session.scalar(query) or 0
    engine.dispose()
    return count


def outbox(database: str) -> Counter[str]:
    engine = make_engine(database)
    with reading(engine) as session:
        counts = Counter(session.scalars(select(Outbox.status)))
    engine.dispose()
    return counts


def test_two_days_bring_one_true_mail(operator: Operator) -> None:
    first = operator.runs("day1")
    assert "0 changes matched" in first, "a source's first run is the baseline"
    operator.does("subscribers", "add", "all@example.org", "--daily")
    operator.does("subscribers", "add", "va@example.org", "--states", "va", "--topics", "detainers")
    assert operator.mails() == []

    operator.runs("day2")
    operator.send_all_that_waits()
    mails = operator.mails()
    assert "all@example.org" in {to for to, _, _ in mails}
    told = told_to_everyone(operator.database)
    assert told > 5
    assert outbox(operator.database)["waiting"] == 0

    operator.runs("day2")
    operator.send_all_that_waits()
    assert operator.mails() == mails, "the same day again is no news"
    assert told_to_everyone(operator.database) == told
    assert "all@example.org" in operator.does("subscribers", "list")


def test_a_second_run_at_the_same_time_leaves_at_once(operator: Operator) -> None:
    operator.does("db", "upgrade")
    first = subprocess.Popen(
        operator.command("run", *SOURCES, "--replay", str(operator.recordings("day1"))),
        cwd=ROOT,
        env=operator.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    engine = make_engine(operator.database)
    with engine.connect() as connection:
        while first.poll() is None and connection.scalar(select(func.count(Run.id))) == 0:
            connection.rollback()
            time.sleep(0.05)
    engine.dispose()
    said = operator.does("run", "--no-crawl", "--no-send")
    first.communicate(timeout=120)
    assert "another billtracker run is under way" in said
    assert first.returncode == 0


@pytest.mark.slow
def test_killed_anywhere_it_loses_nothing_and_mails_nothing_twice(operator: Operator) -> None:
    chance = random.Random(287)
    began = time.monotonic()
    operator.runs("day1")
    whole = time.monotonic() - began
    operator.does("subscribers", "add", "all@example.org", "--immediate")
    rows = []
    for attempt in range(14):
        after = round(whole * (attempt + chance.random()) / 14, 2)
        process = subprocess.Popen(
            operator.command("run", *SOURCES, "--replay", str(operator.recordings("day2"))),
            cwd=ROOT,
            env=operator.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(after)
        done = process.poll()
        if done is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        rows.append((after, "ended by itself" if done is not None else "killed"))
    operator.runs("day2")
    engine = make_engine(operator.database)
    with reading(engine) as session:
        unknown = session.scalars(select(Digest.id).where(Digest.status == "unknown")).all()
    engine.dispose()
    for digest in unknown:
        operator.does("digest", "settle", str(digest), "--resend")
    operator.send_all_that_waits()

    ids = Counter(message_id for _, _, message_id in operator.mails())
    doubled = [one for one, count in ids.items() if count > 1]
    print("\nseconds  result")
    for after, result in rows:
        print(f"{after:7.2f}  {result}")
    counts = outbox(operator.database)
    told = told_to_everyone(operator.database)
    print(
        f"changes {told}, sent {counts['sent']}, lost {told - counts['sent']}, "
        f"unknown settled {len(unknown)}, same message twice {len(doubled)}"
    )
    assert len(doubled) <= len(unknown)
    assert counts == {"sent": told}
    assert any(result == "killed" for _, result in rows)


@pytest.mark.slow
def test_the_demo_shows_everything_and_ends(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "tracker", "demo", "--no-serve", "--folder", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    print(f"demo took {time.monotonic() - began:.0f} s")
    assert "What happened" in done.stdout
    mails = list((folder / "mail").glob("*.eml"))
    assert len(mails) == 3
    assert len(list((folder / "mail").glob("*.html"))) == 3
    engine = make_engine(f"sqlite:///{folder / 'billtracker.sqlite3'}")
    with reading(engine) as session:
        assert set(session.scalars(select(Run.status))) == {"sound"}
        assert session.scalar(select(func.count()).select_from(Bill)) > 80
    engine.dispose()


def test_the_demo_does_not_empty_a_folder_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("keep me")
    done = subprocess.run(
        [sys.executable, "-m", "tracker", "demo", "--no-serve", "--folder", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "holds something else" in " ".join(done.stderr.replace("│", " ").split())
    assert (tmp_path / "precious.txt").read_text() == "keep me"
