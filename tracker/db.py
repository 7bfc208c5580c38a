"""Engine and transactions for SQLite (WAL) and PostgreSQL.

SQLite writers start with ``BEGIN IMMEDIATE``: a deferred transaction that upgrades to a write
fails with "database is locked" at once, whatever the busy timeout. Readers use a deferred one.
A power cut may take the last commits to SQLite, but for those of a ``writer``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Dialect, Engine, Table, Update, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Session

from tracker.settings import get_settings


def make_engine(url: str | None = None) -> Engine:
    """An engine that already speaks our pragmas; does not touch the schema (see open_database)."""
    parsed = make_url(url or get_settings().sqlalchemy_url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True)
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, connect_args={"timeout": 30})
    event.listen(engine, "connect", _sqlite_pragmas)
    event.listen(engine, "begin", _sqlite_begin)
    return engine


def _sqlite_pragmas(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "busy_timeout=30000",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def open_database(url: str | None = None) -> Engine:
    """An engine on an up-to-date schema; the first use creates the database."""
    engine = make_engine(url)
    if pending_migrations(engine):
        upgrade(engine)
    return engine


@contextmanager
def writer(engine: Engine) -> Iterator[Connection]:
    """A connection for many write transactions, one after the other: ``with one.begin()``.

    What it commits outlives a power cut, and with it what was committed before.
    """
    with engine.connect().execution_options(write=True) as connection:
        if connection.dialect.name == "sqlite":
            connection.detach()  # the others wait for no disk
            with closing(connection.connection.cursor()) as cursor:
                cursor.execute("PRAGMA synchronous=FULL")
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One write transaction; commits at the end, rolls back on an exception."""
    with engine.connect().execution_options(write=True) as connection, connection.begin():
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """A session for reading; nothing it does is committed."""
    with Session(engine, expire_on_commit=False) as session:
        yield session


@contextmanager
def writing_session(engine: Engine) -> Iterator[Session]:
    """An ORM session inside one write transaction."""
    with writing(engine) as connection, Session(connection, expire_on_commit=False) as session:
        yield session
        session.flush()


class Prepared:
    """A statement put together once and given straight to the driver: for what is said for each of
    many thousands, of which SQLAlchemy would take most of the time."""

    def __init__(self, statement: Update, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self._words = str(compiled)
        self._order = compiled.positiontup
        self._given = compiled.params
        types = {name: bound.type.dialect_impl(dialect) for name, bound in compiled.binds.items()}
        self._stored = {name: found.bind_processor(dialect) for name, found in types.items()}

    def execute(self, connection: Connection, each: Sequence[Mapping[str, Any]]) -> int:
        """For each of these values of its ``bindparam``s; gives the number of rows it found."""
        with closing(connection.connection.cursor()) as cursor:
            cursor.executemany(self._words, [self._parameters(values) for values in each])
            return cursor.rowcount

    def _parameters(self, values: Mapping[str, Any]) -> Any:
        stored = {
            name: value if (store := self._stored[name]) is None else store(value)
            for name, value in {**self._given, **values}.items()
        }
        return stored if self._order is None else [stored[name] for name in self._order]


@lru_cache(maxsize=64)
def prepared(statement: Update, dialect: Dialect) -> Prepared:
    return Prepared(statement, dialect)


def insert_or(
    connection: Connection, table: Table | type[DeclarativeBase]
) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that can say what to do about a row that is there already (``on_conflict_…``)."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def alembic_config(engine: Engine) -> Config:
    config = Config()
    config.set_main_option("script_location", str(resources.files("tracker") / "migrations"))
    config.attributes["engine"] = engine
    return config


def pending_migrations(engine: Engine) -> bool:
    head = ScriptDirectory.from_config(alembic_config(engine)).get_current_head()
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() != head


def upgrade(engine: Engine) -> None:
    command.upgrade(alembic_config(engine), "head")
