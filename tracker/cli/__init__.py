"""The composition root: the only place in tracker that may import spiders and notify.

One module per noun; each imports what it needs inside its functions, so that ``--help`` is fast.
"""

from __future__ import annotations

import typer

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

app = typer.Typer(
    name="billtracker",
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
