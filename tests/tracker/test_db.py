"""The schema in the migrations is the schema in the models, on both databases."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from sqlalchemy import Engine, insert, select

from tracker.db import alembic_config, open_database, pending_migrations, upgrade, writing
from tracker.models import SourceState


def test_models_and_migrations_agree(engine: Engine) -> None:
    command.check(alembic_config(engine))


def test_first_use_creates_the_database(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "bills.sqlite3"
    engine = open_database(f"sqlite:///{path}")
    assert path.exists()
    assert not pending_migrations(engine)


def test_an_older_schema_is_brought_up_to_date_with_its_rows(engine: Engine) -> None:
    command.downgrade(alembic_config(engine), "0001")
    with writing(engine) as connection:
        connection.execute(insert(SourceState).values(source="va", cursor={}, rules_hash=""))
    upgrade(engine)
    command.check(alembic_config(engine))
    with engine.connect() as connection:
        assert connection.scalars(select(SourceState.source)).all() == ["va"]


def test_a_failed_transaction_leaves_nothing(engine: Engine) -> None:
    try:
        with writing(engine) as connection:
            connection.execute(insert(SourceState).values(source="va", cursor={}, rules_hash=""))
            raise RuntimeError("killed here")
    except RuntimeError:
        pass
    with engine.connect() as connection:
        assert connection.execute(select(SourceState.source)).all() == []
