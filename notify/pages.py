"""All pages for subscribers, to be mounted by ``tracker.web.app.create_app``."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse

from notify import leaving_pages, manage_pages, reading_pages, signup_pages, webhook_pages
from notify.desk import STATIC, Desk
from notify.send import Clock, utcnow
from tracker.settings import Settings
from tracker.web.app import Mount, NavLink


def subscriber_pages(settings: Settings, *, clock: Clock = utcnow) -> Mount:
    async def sit_down(request: Request) -> None:
        request.state.desk = Desk(request, request.app.state.engine, settings, clock)

    router = APIRouter(dependencies=[Depends(sit_down)], include_in_schema=False)
    for pages in (signup_pages, manage_pages, webhook_pages, leaving_pages, reading_pages):
        router.include_router(pages.router)
    router.add_api_route("/subscriber-pages.css", style_sheet)
    return Mount(router, nav=(NavLink("/subscribe", "Get e-mail"),), subscribe_path="/subscribe")


def style_sheet() -> FileResponse:
    return FileResponse(STATIC / "subscriber-pages.css", media_type="text/css")
