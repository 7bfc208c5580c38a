"""Subscribe, "check your mail", confirm, and "mail me my link"."""

from __future__ import annotations

import datetime as dt

from fastapi import APIRouter, BackgroundTasks, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import Connection
from starlette.datastructures import QueryParams

from notify import notices, people, signups
from notify.addresses import BadAddress, address_key, checked_address
from notify.desk import AtDesk, Desk
from notify.filters import STANCES
from notify.forms import BadForm, Choices, Form, Posted, clock_of
from notify.notice_words import LINK, SIGN_UP, WELCOME
from notify.people import DeliveryTime, NotPossible
from notify.ratelimit import Limit, within
from notify.tokens import BadToken
from tracker.db import reading, writing
from tracker.models import Subscriber
from tracker.stages import STAGES
from tracker.states import jurisdictions
from tracker.topics import CHOICES

HOUR = dt.timedelta(hours=1)
PER_VISITOR = Limit("visitor", 20, HOUR)
PER_ADDRESS = Limit("address", 3, dt.timedelta(days=1))
"""For each kind of mail: who asks to sign a reader up must not keep their link from them."""
PER_SITE = Limit("site", 500, HOUR)
"""So that nobody makes us flood others from a thousand places at once."""
TRAP = "website"
"""A field that people do not see, and programs fill in."""

router = APIRouter()


@router.get("/subscribe")
def subscribe_form(desk: AtDesk) -> HTMLResponse:
    """``?bill=md:2026:HB 1222``, and the parameters of the list of bills, fill the form in."""
    return _form(desk, prefilled(desk.request.query_params), Form({}))


@router.post("/subscribe")
def subscribe(desk: AtDesk, form: Posted, background: BackgroundTasks) -> Response:
    if not desk.settings.smtp_host:
        raise HTTPException(503, "This site sends no mail yet, so nobody can subscribe by mail.")
    if form.one(TRAP):
        return _check_your_mail()
    choices = Choices.of_form(form)
    errors: dict[str, str] = {}
    try:
        address = checked_address(form.one("email"))
    except BadAddress as error:
        errors["email"] = str(error)
    try:
        wish = choices.wish(desk.engine)
    except BadForm as error:
        errors |= error.errors
    try:
        clock = clock_of(form)
    except BadForm as error:
        errors |= error.errors
    if errors:
        return _form(desk, choices, form, errors)
    with writing(desk.engine) as connection:
        if _may_mail(connection, desk, SIGN_UP, address):
            sign_up_id = signups.ask(connection, address, wish, clock, desk.now)
            notices.want(connection, SIGN_UP, address, desk.now, desk.settings, sign_up_id)
    desk.send_soon(background)
    return _check_your_mail()


def _may_mail(connection: Connection, desk: Desk, kind: str, address: str) -> bool:
    """Whether one more of its kind may go to the address; the page must not show that it does not.

    Raises 429 for a visitor, or a site, that is too busy.
    """
    if not within(connection, PER_VISITOR, desk.visitor, desk.secret, desk.now):
        raise HTTPException(
            429, "That was often for one hour. Nothing was changed; please try again later."
        )
    key = f"{kind}\0{address_key(address)}"
    if not within(connection, PER_ADDRESS, key, desk.secret, desk.now):
        return False
    if not within(connection, PER_SITE, "", desk.secret, desk.now):
        raise HTTPException(
            503, "Too many people ask for mail just now. Please try again in an hour."
        )
    return True


def _check_your_mail() -> RedirectResponse:
    return RedirectResponse("/subscribe/sent", 303)


@router.get("/subscribe/sent")
def sent(desk: AtDesk) -> HTMLResponse:
    return desk.page("sent.html", {"most": PER_ADDRESS.times})


def _form(
    desk: Desk, choices: Choices, form: Form, errors: dict[str, str] | None = None
) -> HTMLResponse:
    usual = DeliveryTime()
    context = {
        "choices": choices,
        "email": form.one("email")[:320],
        "time": form.one("time")[:10] or f"{usual.hour:02}:{usual.minute:02}",
        "timezone": form.one("timezone")[:60] or usual.timezone,
        "errors": errors or {},
    }
    return desk.page("subscribe.html", context, 422 if errors else 200)


def prefilled(asked: QueryParams) -> Choices:
    """What is not known is left out: a link made by hand is no form."""

    def among(name: str, known: object) -> tuple[str, ...]:
        return tuple(value for value in asked.getlist(name) if value in known)  # type: ignore[operator]

    return Choices(
        {
            "states": among("state", jurisdictions()),
            "topics": among("topic", CHOICES),
            "stances": among("stance", STANCES),
            "stages": among("stage", [stage.slug for stage in STAGES]),
        },
        {
            "bills": "\n".join(asked.getlist("bill"))[:500],
            "keywords": asked.get("q", "")[:100],
        },
    )


@router.get("/confirm/{token}")
def confirm_form(token: str, desk: AtDesk) -> HTMLResponse:
    """Changes nothing: programs that check links in mail open this page too."""
    with reading(desk.engine) as session:
        connection = session.connection()
        try:
            asked = signups.asked_by(connection, desk.secret, token)
        except BadToken as error:
            return _useless(desk, str(error))
        reader = people.find_subscriber(connection, asked.address)
        known = session.get(Subscriber, reader) if reader is not None else None
    if asked.used:
        return _useless(desk, "this link has done its work already")
    active = known is not None and known.status == "active"
    clock = DeliveryTime.of(known) if active else asked.clock
    return desk.page("confirm.html", {"asked": asked, "clock": clock, "active": active})


@router.post("/confirm/{token}")
def confirm(token: str, desk: AtDesk, background: BackgroundTasks) -> Response:
    try:
        with writing(desk.engine) as connection:
            asked = signups.asked_by(connection, desk.secret, token)
            reader_token = signups.confirm(connection, asked, desk.now)
            notices.want(connection, WELCOME, asked.address, desk.now, desk.settings)
    except (BadToken, NotPossible) as error:
        return _useless(desk, str(error))
    desk.send_soon(background)
    return RedirectResponse(f"/manage/{reader_token}?said=welcome", 303)


def _useless(desk: Desk, why: str) -> HTMLResponse:
    return desk.page("useless.html", {"why": why[:1].upper() + why[1:]}, 400)


@router.get("/manage")
@router.get("/unsubscribe")
def link_form(desk: AtDesk) -> HTMLResponse:
    return desk.page("link.html", {"email": "", "error": ""})


@router.post("/manage")
def mail_link(desk: AtDesk, form: Posted, background: BackgroundTasks) -> Response:
    if form.one(TRAP):
        return _check_your_mail()
    try:
        address = checked_address(form.one("email"))
    except BadAddress as error:
        return desk.page("link.html", {"email": form.one("email")[:320], "error": str(error)}, 422)
    with writing(desk.engine) as connection:
        if _may_mail(connection, desk, LINK, address):
            notices.want(connection, LINK, address, desk.now, desk.settings)
    desk.send_soon(background)
    return _check_your_mail()
