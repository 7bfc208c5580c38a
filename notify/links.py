"""Addresses of our pages as they stand in mail; notify.pages and tracker.web answer them."""

from __future__ import annotations


def bill_link(public_url: str, bill_id: int) -> str:
    return f"{public_url.rstrip('/')}/bills/{bill_id}"


def manage_link(public_url: str, subscriber_token: str) -> str:
    return f"{public_url.rstrip('/')}/manage/{subscriber_token}"


def unsubscribe_link(public_url: str, subscriber_token: str) -> str:
    """POST leaves at once (RFC 8058); GET asks first."""
    return f"{public_url.rstrip('/')}/unsubscribe/{subscriber_token}"


def digest_link(public_url: str, digest_token: str) -> str:
    """The web copy of one digest."""
    return f"{public_url.rstrip('/')}/digests/{digest_token}"


def confirm_link(public_url: str, token: str) -> str:
    """GET shows what was asked for, POST confirms it."""
    return f"{public_url.rstrip('/')}/confirm/{token}"


def feed_link(public_url: str, subscription_token: str) -> str:
    return f"{public_url.rstrip('/')}/feeds/{subscription_token}.atom"


def calendar_link(public_url: str, subscription_token: str) -> str:
    return f"{public_url.rstrip('/')}/feeds/{subscription_token}.ics"
