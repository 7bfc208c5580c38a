"""The database of a request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from tracker.db import reading


def session(request: Request) -> Iterator[Session]:
    with reading(request.app.state.engine) as opened:
        yield opened


Database = Annotated[Session, Depends(session)]
