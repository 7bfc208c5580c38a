"""Which addresses we mail, and when two spellings are one reader."""

from __future__ import annotations

from email_validator import EmailNotValidError, validate_email

SHOWN = 60


class BadAddress(ValueError):
    """Says what was typed and what is wrong with it, fit for a page or an import report."""


def checked_address(typed: str) -> str:
    """The address as we mail it: international domains in their ASCII form.

    Refused: anything that could break out of a header line, quoted or non-ASCII local parts
    (few servers deliver them), address literals, and names reserved by RFC 6761.
    """
    typed = typed.strip(" \t\r\n")
    try:
        found = validate_email(
            typed, check_deliverability=False, allow_smtputf8=False, strict=True
        ).ascii_email
    except EmailNotValidError as error:
        shown = typed if len(typed) <= SHOWN else typed[:SHOWN] + "…"
        raise BadAddress(f"{shown!r} is not an address we can mail: {error}") from None
    assert found is not None  # only absent for the non-ASCII local parts refused above
    return found


def address_key(address: str) -> str:
    """The same for two spellings of one mailbox: the case of letters aside.

    Servers may tell ``Ann@`` from ``ann@``, none is known to; subscribing both would mail twice.
    """
    return address.casefold()
