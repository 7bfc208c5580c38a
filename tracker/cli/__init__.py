"""The composition root: the only place in tracker that may import spiders and notify.

One module per noun; each imports what it needs inside its functions, so that ``--help`` is fast.
"""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from tracker.cli import (
    classify,
    crawl,
    database,
    decide,
    demo,
    digest,
    imports,
    rules,
    run,
    serve,
    sources,
    subscribers,
)


class Commands(TyperGroup):
    """Mistakes in a rule file are told to whoever edited it, whatever command meets them."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            from tracker.rules.schema import RulesError
            from tracker.stage_rules import BadRules

            if not isinstance(error, (RulesError, BadRules)):
                raise
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from error


app = typer.Typer(
    name="billtracker",
    cls=Commands,
    help="Track bills about ICE cooperation, detainers and data sharing; mail what changed.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(demo.demo)
app.command()(run.run)
app.command()(crawl.crawl)
app.add_typer(imports.app, name="import")
app.command()(classify.classify)
app.command()(decide.decide)
app.add_typer(rules.app, name="rules")
app.add_typer(database.app, name="db")
app.add_typer(subscribers.app, name="subscribers")
app.add_typer(digest.app, name="digest")
app.command()(sources.sources)
app.add_typer(sources.runs, name="runs")
app.command()(serve.serve)


def main() -> None:
    app()
