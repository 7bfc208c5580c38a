"""Real parts for every test: a migrated SQLite file and, where a server is named, PostgreSQL.

``BILLTRACKER_TEST_POSTGRES`` holds a SQLAlchemy URL of a PostgreSQL server on which the tests may
create databases of their own; without it the PostgreSQL half is skipped.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import Engine, create_engine, delete, make_url, text

from tracker.db import make_engine, open_database
from tracker.models import Base
from tracker.settings import get_settings

# How long an example takes says more of the machine than of the code.
hypothesis.settings.register_profile("billtracker", deadline=None)
hypothesis.settings.load_profile("billtracker")

POSTGRES = os.environ.get("BILLTRACKER_TEST_POSTGRES", "")
RECORDED = Path(__file__).parents[2] / "shared" / "recorded"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="Rewrite golden files instead of comparing."
    )


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(scope="session")
def recorded() -> Path:
    """The folder of real recorded responses (see its INDEX.md)."""
    if not RECORDED.is_dir():
        pytest.skip(f"no recorded data at {RECORDED}: only the project's own machines have it")
    return RECORDED


@pytest.fixture(autouse=True)
def private_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test reads the developer's variables, .env or database."""
    for name in list(os.environ):
        if name.startswith("BILLTRACKER_") and name != "BILLTRACKER_TEST_POSTGRES":
            monkeypatch.delenv(name)
    monkeypatch.setenv("BILLTRACKER_DATA_DIR", str(tmp_path / "data"))
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "empty.sqlite3"
    open_database(f"sqlite:///{path}").dispose()
    return path


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A migrated database of this test process, dropped at the end."""
    if not POSTGRES:
        pytest.skip("BILLTRACKER_TEST_POSTGRES names no PostgreSQL server")
    name = f"billtracker_{uuid.uuid4().hex[:12]}"
    admin = create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
    url = make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)
    open_database(url).dispose()
    yield url
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty migrated database; every test using it runs on both kinds."""
    if request.param == "sqlite":
        path = tmp_path / "billtracker.sqlite3"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        engine = make_engine(f"sqlite:///{path}")
    else:
        engine = make_engine(request.getfixturevalue("postgres_url"))
        _empty(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def database(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The test's database, as the one that commands open."""
    url = engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("BILLTRACKER_DATABASE_URL", url)
    get_settings.cache_clear()
    return engine


def _empty(engine: Engine) -> None:
    """TRUNCATE would make the files of all tables and indexes anew: a second a test."""
    with engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(delete(table))
        connection.execute(
            text(
                "SELECT setval(format('%I.%I', schemaname, sequencename), start_value, false)"
                " FROM pg_sequences WHERE last_value IS NOT NULL"
            )
        )
