"""The web application: pages, files beside them, what other packages mount, and errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from fastapi.staticfiles import StaticFiles
from sqlalchemy import Engine
from starlette.exceptions import HTTPException

from tracker.db import pending_migrations
from tracker.web import bill_pages, exports, pages
from tracker.web.rendering import STATIC, templates

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

ROBOTS = """\
User-agent: *
Disallow: /bills?
Disallow: /bills.csv
Disallow: /bills.json
"""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class NavLink:
    url: str
    label: str


@dataclass(frozen=True, slots=True)
class Mount:
    """Routes of another package, and the links to them that every page shows.

    ``subscribe_path``: the page that makes a subscription of what it is asked for, which is either
    ``bill``, a key such as ``md:2026:HB 1222``, or the parameters of the list of bills.
    """

    router: APIRouter
    nav: tuple[NavLink, ...] = ()
    subscribe_path: str = ""


def create_app(engine: Engine, mounts: Sequence[Mount] = ()) -> FastAPI:
    """The application over one database.

    Mounted routers reach the database as ``request.app.state.engine`` and may render with
    :class:`tracker.web.rendering.PageTemplates`.
    """
    app = FastAPI(title="billtracker", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.engine = engine
    app.state.nav = [
        NavLink("/bills", "Bills"),
        NavLink("/review", "To review"),
        NavLink("/sources", "Sources"),
        *(link for mount in mounts for link in mount.nav),
    ]
    app.state.subscribe_path = next((one.subscribe_path for one in mounts), "")
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    for router in (pages.router, bill_pages.router, exports.router):
        app.include_router(router)
    for mount in mounts:
        app.include_router(mount.router)
    app.add_api_route("/robots.txt", robots, include_in_schema=False)
    app.add_api_route("/healthz", health, include_in_schema=False)
    app.middleware("http")(secure)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(Exception, broken)
    return app


async def secure(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def robots() -> PlainTextResponse:
    return PlainTextResponse(ROBOTS)


def health(request: Request) -> PlainTextResponse:
    """For a supervisor: 200 while the database answers and has the schema of this program."""
    if pending_migrations(request.app.state.engine):
        return PlainTextResponse("database schema is behind: billtracker db upgrade\n", 503)
    return PlainTextResponse("ok\n")


async def http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return templates.page(
        request,
        "error.html",
        {"status": error.status_code, "detail": error.detail},
        status_code=error.status_code,
        headers=error.headers,
    )


async def broken(request: Request, error: Exception) -> Response:
    log.error("page.broken", path=request.url.path, error=repr(error))
    return templates.page(
        request, "error.html", {"status": 500, "detail": ""}, 500, SECURITY_HEADERS
    )
