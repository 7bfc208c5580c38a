"""What a mail server tells us about a message of ours: bounces and complaints.

Delivery status notifications are RFC 3464 (status codes RFC 3463), complaints RFC 5965.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from typing import Literal

ReportKind = Literal["hard", "soft", "complaint", "none"]
LARGEST = 1024 * 1024
QUOTED = 300
ENVELOPE_HEADERS = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To")
_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_ADDRESS = re.compile(r"[^\s<>(),;:\"]{1,200}@[^\s<>(),;:\"]{1,255}")


@dataclass(frozen=True, slots=True)
class Report:
    """``kind`` is ``none`` for what changes nothing (a delay, an absence note, no report at all).

    ``status`` is the enhanced code, ``said`` the reporting server's words. ``addresses`` are all
    those that may be our signed return path, the surest first.
    """

    kind: ReportKind
    status: str
    said: str
    addresses: tuple[str, ...]


def read_report(raw: bytes) -> Report:
    """Never raises: a truncated or garbled message is a report of kind ``none`` that says so."""
    message = message_from_bytes(raw[:LARGEST])
    kind, status, said, returned = _judge(message)
    words = "".join(letter if letter.isprintable() else " " for letter in said).split()
    return Report(kind, status, " ".join(words)[:QUOTED], _return_paths(message, returned))


def _judge(message: Message) -> tuple[ReportKind, str, str, str]:
    """(kind, status, said, the return path the report itself names)."""
    for part in message.walk():
        if part.get_content_type() == "message/delivery-status":
            return *_judge_delivery(list(_blocks(part))), ""
        if part.get_content_type() == "message/feedback-report":
            return _judge_feedback(list(_blocks(part)))
    if _text(message, "Auto-Submitted").lower().startswith("auto-replied"):
        return "none", "", "an automatic reply, not a delivery report", ""
    return "none", "", "not a delivery report", ""


def _blocks(part: Message) -> Iterator[Message]:
    payload = part.get_payload()
    if isinstance(payload, list):
        yield from (block for block in payload if isinstance(block, Message))


def _judge_delivery(blocks: list[Message]) -> tuple[ReportKind, str, str]:
    for block in blocks:
        action = _text(block, "Action").lower()
        if not action:
            continue
        said = _text(block, "Diagnostic-Code") or action
        status = _status(_text(block, "Status"), said)
        if action != "failed":
            return "none", status, f"{action}: not final"
        if not status:
            return "none", "", "the report names no status code: is it truncated?"
        return bounce_kind(status), status, said
    return "none", "", "the report names no recipient: is it truncated?"


def _status(field: str, said: str) -> str:
    """The first enhanced code that says something; ``5.0.0`` in the field often hides one."""
    codes = [match[0] for place in (field, said) for match in _STATUS.finditer(place)]
    return next((code for code in codes if code.split(".")[1] != "0"), codes[0] if codes else "")


def bounce_kind(status: str) -> ReportKind:
    """Hard is what is wrong with the address for good, soft with the server, mail or moment.

    RFC 3463 subjects: 1 address, 2 mailbox (2.2 full, 2.3 this message too long), 3 system,
    4 network, 5 protocol, 6 content, 7 policy; 0 says nothing, and a permanent one is meant.
    """
    severity, subject, detail = status.split(".")
    lasting = subject in ("0", "1") or (subject == "2" and detail not in ("2", "3"))
    return "hard" if severity == "5" and lasting else "soft" if severity != "2" else "none"


def _judge_feedback(blocks: list[Message]) -> tuple[ReportKind, str, str, str]:
    for block in blocks:
        feedback = _text(block, "Feedback-Type").lower()
        if feedback:
            kind: ReportKind = "none" if feedback in ("not-spam", "auth-failure") else "complaint"
            return kind, "", f"feedback: {feedback}", _text(block, "Original-Mail-From")
    return "none", "", "the feedback report names no type: is it truncated?", ""


def _return_paths(message: Message, named: str) -> tuple[str, ...]:
    """Where the report was delivered, what it names, and the returned message's own header."""
    places = [value for name in ENVELOPE_HEADERS for value in message.get_all(name, [])]
    places.append(named)
    for part in message.walk():
        if part is not message and part.get("Return-Path"):
            places.append(part["Return-Path"])
        if part.get_content_type() == "text/rfc822-headers":
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes):
                places.append(_text(message_from_bytes(payload), "Return-Path"))
    found = (match for place in places for match in _ADDRESS.findall(str(place)))
    return tuple(dict.fromkeys(found))


def _text(message: Message, name: str) -> str:
    return str(message.get(name, "")).strip()
