"""billtracker serve: the pages."""

from __future__ import annotations

from typing import Annotated

import typer


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8000,
) -> None:
    """Serve the pages until stopped."""
    import uvicorn

    from notify.pages import subscriber_pages
    from tracker.db import open_database
    from tracker.settings import get_settings
    from tracker.web.app import create_app

    app = create_app(open_database(), mounts=[subscriber_pages(get_settings())])
    uvicorn.run(app, host=host, port=port, log_level="warning")
