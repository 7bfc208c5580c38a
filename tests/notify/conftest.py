"""Shared by the tests of notify."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.notify.certificates import self_signed
from tests.notify.site import Site, open_site
from tracker.db import make_engine


@pytest.fixture
def sqlite_engine(sqlite_template: Path, tmp_path: Path) -> Iterator[Engine]:
    """For tests of words and conversations, where one kind of database is enough."""
    path = tmp_path / "billtracker.sqlite3"
    shutil.copy(sqlite_template, path)
    engine = make_engine(f"sqlite:///{path}")
    yield engine
    engine.dispose()


@pytest.fixture
def certificate(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a self-signed certificate for a host name; the file holds its key too."""
    return lambda host: self_signed(host, tmp_path)


@pytest.fixture
def site(engine: Engine) -> Iterator[Site]:
    """The pages for subscribers, mailing through a relay of their own."""
    with open_site(engine) as opened:
        yield opened
