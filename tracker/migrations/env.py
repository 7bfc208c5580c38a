from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection

from tracker.models import Base, UTCDateTime

SEARCH_TABLES = ("bill_search",)


def include_name(name: str | None, kind: str, parents: object) -> bool:
    """Leave the full-text tables, which models do not describe, out of comparisons."""
    return not (kind == "table" and name is not None and name.startswith(SEARCH_TABLES))


def render_item(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Migrations stand alone: they name SQLAlchemy's type, not our decorator."""
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_name=include_name,
        render_item=render_item,
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()


with (
    context.config.attributes["engine"].connect().execution_options(write=True) as connection,
    connection.begin(),
):
    migrate(connection)
