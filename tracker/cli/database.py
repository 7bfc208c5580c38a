"""billtracker db …"""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="The database: create, upgrade, describe.", no_args_is_help=True)


@app.command()
def upgrade() -> None:
    """Bring the database to the newest schema; creates it on first use."""
    from tracker.db import make_engine, upgrade

    engine = make_engine()
    upgrade(engine)
    typer.echo(f"up to date: {engine.url.render_as_string(hide_password=True)}")


@app.command()
def revision(
    message: Annotated[str, typer.Argument(help="What the migration does, e.g. 'add bill.lang'.")],
) -> None:
    """Write a new migration from the difference between models and database."""
    from alembic import command

    from tracker.db import alembic_config, open_database

    command.revision(alembic_config(open_database()), message=message, autogenerate=True)
