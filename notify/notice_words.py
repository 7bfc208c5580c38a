"""What the single messages say; see notify.notices for when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify import signups
from notify.filters import in_words
from notify.links import confirm_link, manage_link, unsubscribe_link
from notify.people import DeliveryTime, Wish
from notify.suppression import is_suppressed
from notify.tokens import secret_key
from tracker.models import SignUp, Subscriber, Subscription, WebhookEndpoint
from tracker.settings import Settings

SIGN_UP = "sign-up"
WELCOME = "welcome"
LINK = "link"
WEBHOOK_OFF = "webhook-off"


@dataclass(frozen=True, slots=True)
class Words:
    """What one notice says: paragraphs, one button, and small print below it."""

    subject: str
    lines: Sequence[str]
    button: tuple[str, str]
    """Label and address."""
    after: Sequence[str] = ()


def words_of(session: Session, settings: Settings, notice: Any) -> Words | None:
    """Of a row of Notice; ``None`` where nobody is to be told."""
    if is_suppressed(session.connection(), notice.address_key):
        return None
    reader = session.scalars(
        select(Subscriber).where(Subscriber.address_key == notice.address_key)
    ).first()
    if notice.kind == SIGN_UP:
        return _sign_up(session, settings, notice, reader)
    if reader is None or (reader.status != "active" and notice.kind != LINK):
        return None
    say = {WELCOME: _welcome, LINK: _link, WEBHOOK_OFF: _webhook_off}[notice.kind]
    return say(session, settings, reader)


def _sign_up(session: Session, settings: Settings, notice: Any, reader: Subscriber | None) -> Words:
    row = session.get_one(SignUp, notice.sign_up_id)
    wish = Wish.of(row)
    link = confirm_link(settings.public_url, signups.confirm_token(secret_key(settings), row.id))
    asked = f"Someone, probably you, asked us to send {notice.address} bill news:"
    days = f"The link works for {signups.CONFIRM_WITHIN.days} days."
    if reader is not None and reader.status == "active":
        manage = manage_link(settings.public_url, reader.token)
        return Words(
            "Add this to your bill news?",
            [
                asked,
                _wished(wish, DeliveryTime.of(reader)),
                "You get bill news from us already. This would come on top of it.",
            ],
            ("Look and add it", link),
            [
                f"{days} If it was not you, do nothing: nothing changes.",
                f"Change or end what you get: {manage}",
            ],
        )
    return Words(
        "Please confirm: bill news by mail",
        [asked, _wished(wish, DeliveryTime.of(row)), "We send nothing until you say yes."],
        ("Look and confirm", link),
        [
            f"{days} If it was not you, do nothing: you hear from us again only if someone asks "
            "in your name again."
        ],
    )


def _wished(wish: Wish, clock: DeliveryTime) -> str:
    """Without what was typed freely: we carry no stranger's words to an address that is not proven
    to be theirs.
    """
    chosen = wish.filter.model_copy(update={"keywords": (), "sponsors": (), "committees": ()})
    narrower = "" if chosen == wish.filter else ", narrowed by words that the link below shows"
    return f"{in_words(chosen)}, {wish.often(clock)}{narrower}."


def _welcome(session: Session, settings: Settings, reader: Subscriber) -> Words:
    clock = DeliveryTime.of(reader)
    wishes = (Wish.of(one) for one in reader.subscriptions)
    return Words(
        "You are subscribed to bill news",
        [
            "This is what you get:",
            *(f"{in_words(one.filter)}, {one.often(clock)}." for one in wishes),
            "When nothing moved, nothing is sent.",
        ],
        ("Change what you get", manage_link(settings.public_url, reader.token)),
        [
            "Keep this mail: whoever has the link above can change what you get.",
            f"Unsubscribe: {unsubscribe_link(settings.public_url, reader.token)}",
        ],
    )


def _link(session: Session, settings: Settings, reader: Subscriber) -> Words:
    return Words(
        "Your link to change or end bill news",
        ["Someone, probably you, asked for this link on our page."],
        ("Change what you get", manage_link(settings.public_url, reader.token)),
        [
            f"Unsubscribe: {unsubscribe_link(settings.public_url, reader.token)}",
            "If it was not you, do nothing: nothing changes.",
        ],
    )


def _webhook_off(session: Session, settings: Settings, reader: Subscriber) -> Words:
    off = session.scalars(
        select(WebhookEndpoint)
        .join(Subscription, Subscription.id == WebhookEndpoint.subscription_id)
        .where(Subscription.subscriber_id == reader.id, WebhookEndpoint.status == "disabled")
        .order_by(WebhookEndpoint.id)
    )
    return Words(
        "Your webhook was switched off",
        [
            "We could not deliver, so we have stopped trying:",
            *(f"{one.url}: {one.reason}" for one in off),
            "What was not delivered waits; switch the webhook on again and it comes.",
        ],
        ("Look at your webhooks", manage_link(settings.public_url, reader.token)),
    )
