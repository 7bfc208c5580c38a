"""What a reader gets, and everything they can change about it."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from notify import people
from notify.desk import PRIVATE, AtDesk, Desk, Reader, Theirs
from notify.forms import BadForm, Choices, Posted, clock_of
from notify.people import DeliveryTime, Wish
from notify.personal_data import personal_data
from tracker.db import reading, writing
from tracker.models import Subscriber

MOST_SUBSCRIPTIONS = 50

SAID = {
    "welcome": "You are subscribed. We have mailed you the link to this page; keep it.",
    "added": "Added. What moves from now on is yours.",
    "saved": "Saved.",
    "ended": "That subscription has ended.",
    "paused": "Its mail is paused. Feed, calendar and webhook go on.",
    "resumed": "Its mail goes on, with what moves from now on.",
    "time": "Saved. Your mails leave at the new time.",
    "back": "Welcome back. What moves from now on is yours.",
}

router = APIRouter(prefix="/manage/{token}")


@router.get("")
def manage(desk: AtDesk, reader: Reader, said: str = "") -> HTMLResponse:
    return _manage(desk, reader, SAID.get(said, ""))


def _manage(
    desk: Desk, reader: Subscriber, said: str = "", errors: dict[str, str] | None = None
) -> HTMLResponse:
    context = {
        "reader": reader,
        "clock": DeliveryTime.of(reader),
        "said": said,
        "errors": errors or {},
    }
    return desk.page("manage.html", context, 422 if errors else 200)


def _back(reader: Subscriber, said: str) -> RedirectResponse:
    return RedirectResponse(f"/manage/{reader.token}?said={said}", 303)


@router.post("/time")
def set_time(desk: AtDesk, reader: Reader, form: Posted) -> Response:
    try:
        clock = clock_of(form)
    except BadForm as error:
        return _manage(desk, reader, errors=error.errors)
    with writing(desk.engine) as connection:
        people.set_clock(connection, reader.id, clock, desk.now)
    return _back(reader, "time")


@router.get("/new")
def new_form(desk: AtDesk, reader: Reader) -> HTMLResponse:
    return _subscription_form(desk, reader, Choices())


@router.post("/new")
def new(desk: AtDesk, reader: Reader, form: Posted) -> Response:
    choices = Choices.of_form(form)
    try:
        wish = choices.wish(desk.engine)
        if len(reader.subscriptions) >= MOST_SUBSCRIPTIONS:
            raise BadForm({"": f"You have {MOST_SUBSCRIPTIONS} subscriptions; end one first."})
    except BadForm as error:
        return _subscription_form(desk, reader, choices, errors=error.errors)
    with writing(desk.engine) as connection:
        people.add_subscription(connection, reader.id, wish, desk.now)
    return _back(reader, "added")


@router.get("/subscriptions/{number:int}")
def edit_form(desk: AtDesk, reader: Reader, one: Theirs) -> HTMLResponse:
    return _subscription_form(desk, reader, Choices.of_wish(Wish.of(one)), one.id)


@router.post("/subscriptions/{number:int}")
def edit(desk: AtDesk, reader: Reader, one: Theirs, form: Posted) -> Response:
    choices = Choices.of_form(form)
    try:
        wish = choices.wish(desk.engine, known=Wish.of(one).filter.bills)
    except BadForm as error:
        return _subscription_form(desk, reader, choices, one.id, error.errors)
    with writing(desk.engine) as connection:
        people.change_subscription(connection, reader.id, one.id, wish, desk.now)
    return _back(reader, "saved")


def _subscription_form(
    desk: Desk,
    reader: Subscriber,
    choices: Choices,
    number: int | None = None,
    errors: dict[str, str] | None = None,
) -> HTMLResponse:
    context = {"reader": reader, "choices": choices, "number": number, "errors": errors or {}}
    return desk.page("subscription.html", context, 422 if errors else 200)


@router.post("/subscriptions/{number:int}/end")
def end(desk: AtDesk, reader: Reader, one: Theirs) -> Response:
    with writing(desk.engine) as connection:
        people.remove_subscription(connection, reader.id, one.id, desk.now)
    return _back(reader, "ended")


@router.post("/subscriptions/{number:int}/pause")
def pause(desk: AtDesk, reader: Reader, one: Theirs) -> Response:
    with writing(desk.engine) as connection:
        people.set_mailing(connection, reader.id, one.id, False, desk.now)
    return _back(reader, "paused")


@router.post("/subscriptions/{number:int}/resume")
def resume(desk: AtDesk, reader: Reader, one: Theirs) -> Response:
    with writing(desk.engine) as connection:
        people.set_mailing(connection, reader.id, one.id, True, desk.now)
    return _back(reader, "resumed")


@router.post("/return")
def come_back(desk: AtDesk, reader: Reader) -> Response:
    with writing(desk.engine) as connection:
        evidence = f"came back by the link of a mail we had sent, {desk.now:%Y-%m-%d %H:%M} UTC"
        people.come_back(connection, reader.id, evidence, desk.now)
    return _back(reader, "back" if reader.status != "suppressed" else "")


@router.get("/data.json")
def data(desk: AtDesk, reader: Reader) -> JSONResponse:
    """All we know of the reader."""
    with reading(desk.engine) as session:
        known = personal_data(session, reader.id)
    headers = {**PRIVATE, "Content-Disposition": 'attachment; filename="bill-news-data.json"'}
    return JSONResponse(known, headers=headers)


@router.get("/delete")
def delete_form(desk: AtDesk, reader: Reader) -> HTMLResponse:
    return desk.page("delete.html", {"reader": reader})


@router.post("/delete")
def delete(desk: AtDesk, reader: Reader) -> HTMLResponse:
    with writing(desk.engine) as connection:
        people.forget(connection, reader.id)
    return desk.page("deleted.html", {"address": reader.address})
