"""``billtracker …`` as people type it."""

from __future__ import annotations

from typer.testing import CliRunner, Result

from tracker.cli import app


def billtracker(*words: object) -> Result:
    """What a command printed, on a screen wide enough for its tables, and its exit code."""
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})
