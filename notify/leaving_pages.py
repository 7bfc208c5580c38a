"""Unsubscribing with one click, by people and by mail programs (RFC 8058)."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from notify import people
from notify.desk import AtDesk, Reader
from tracker.db import writing

router = APIRouter(prefix="/unsubscribe/{token}")


@router.get("")
def ask(desk: AtDesk, reader: Reader) -> HTMLResponse:
    """Changes nothing: programs that check links in mail open this page too."""
    return desk.page("unsubscribe.html", {"reader": reader})


@router.post("")
def leave(desk: AtDesk, reader: Reader) -> HTMLResponse:
    """Whatever the body says: the address is the proof. Doing it twice is doing it once."""
    with writing(desk.engine) as connection:
        people.leave(connection, reader.id)
    return desk.page("left.html", {"reader": reader})
