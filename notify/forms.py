"""What is typed into the forms of our pages, and what it means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import Depends, HTTPException, Request
from pydantic import ValidationError
from sqlalchemy import Engine

from notify.bill_names import bill_keys
from notify.filters import Filter, problems
from notify.people import DeliveryTime, Wish
from notify.schedule import checked_frequency

MOST_BYTES = 100_000
MOST_FIELDS = 1_000
CHOSEN = ("states", "topics", "stances", "stages", "kinds")
TYPED = ("bills", "keywords", "sponsors", "committees")
"""Typed one a line."""


class BadForm(ValueError):
    """What is wrong, by the name of its field, fit for the page."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = dict(errors)


class Form:
    """The fields of one POST."""

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        self._fields = fields

    def one(self, name: str) -> str:
        return self._fields.get(name, [""])[0].strip()

    def many(self, name: str) -> tuple[str, ...]:
        return tuple(self._fields.get(name, ()))


async def _posted(request: Request) -> Form:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise HTTPException(413, "That is more than this form can take. Nothing was changed.")
    try:
        return Form(parse_qs(body.decode(), max_num_fields=MOST_FIELDS, errors="strict"))
    except ValueError:
        raise HTTPException(400, "The form did not arrive whole. Nothing was changed.") from None


Posted = Annotated[Form, Depends(_posted)]


@dataclass(frozen=True, slots=True)
class Choices:
    """A subscription as its form shows it: typed or stored, not yet judged."""

    chosen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    typed: Mapping[str, str] = field(default_factory=dict)
    frequency: str = "daily"
    weekday: str = "0"
    quiet_note: bool = False

    @classmethod
    def of_form(cls, form: Form) -> Choices:
        return cls(
            {name: form.many(name) for name in CHOSEN},
            {name: form.one(name) for name in TYPED},
            form.one("frequency") or "daily",
            form.one("weekday") or "0",
            bool(form.one("quiet_note")),
        )

    @classmethod
    def of_wish(cls, wish: Wish) -> Choices:
        return cls(
            {name: getattr(wish.filter, name) for name in CHOSEN},
            {name: "\n".join(getattr(wish.filter, name)) for name in TYPED},
            wish.frequency,
            str(wish.weekday),
            wish.quiet_note,
        )

    @property
    def narrow(self) -> bool:
        """Whether it uses the fields that most people need not see."""
        rare = [*self.typed.values(), *(self.chosen.get(name) for name in ("stages", "kinds"))]
        return any(rare)

    def wish(self, engine: Engine, known: Iterable[str] = ()) -> Wish:
        """``known``: keys of bills followed already, which need not be looked up.

        Raises :class:`BadForm`.
        """
        errors: dict[str, str] = {}
        asked: dict[str, object] = {name: list(values) for name, values in self.chosen.items()}
        asked |= {name: _lines(text) for name, text in self.typed.items()}
        try:
            asked["bills"] = bill_keys(engine, _lines(self.typed.get("bills", "")), known)
        except ValueError as error:
            errors["bills"] = str(error)
            asked["bills"] = []
        wish = Wish()
        try:
            wish = Wish(
                Filter.model_validate(asked),
                checked_frequency(self.frequency),
                _weekday(self.weekday),
                self.quiet_note,
            )
        except ValidationError as error:
            errors |= problems(error)
        except ValueError as error:
            errors["frequency"] = str(error)
        if errors:
            raise BadForm(errors)
        return wish


def clock_of(form: Form) -> DeliveryTime:
    """Raises :class:`BadForm`."""
    try:
        return DeliveryTime.typed(form.one("timezone"), form.one("time"))
    except ValueError as error:
        raise BadForm({"time": str(error)}) from None


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _weekday(typed: str) -> int:
    if typed not in ("0", "1", "2", "3", "4", "5", "6"):
        raise ValueError(f"no day of the week {typed[:20]!r}; 0 is Monday, 6 is Sunday")
    return int(typed)
