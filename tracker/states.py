"""The 51 jurisdictions we name, and Congress: code, name, time zone, chambers, map tile."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict


class Jurisdiction(BaseModel):
    """``tile`` is (column, row) on the map grid; Congress has none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    name: str
    timezone: str
    lower: str | None = "House"
    upper: str | None = "Senate"
    tile: tuple[int, int] | None = None

    @property
    def ocd_id(self) -> str:
        if self.code == "us":
            return "ocd-jurisdiction/country:us/government"
        kind = "district" if self.code == "dc" else "state"
        return f"ocd-jurisdiction/country:us/{kind}:{self.code}/government"


@cache
def jurisdictions() -> dict[str, Jurisdiction]:
    """By lower-case postal code, ``us`` for Congress."""
    rows: list[dict[str, Any]] = yaml.safe_load(
        (resources.files("tracker") / "states.yaml").read_text(encoding="utf-8")
    )
    return {row["code"]: Jurisdiction(**row) for row in rows}


def jurisdiction(code: str) -> Jurisdiction:
    """Raises ``KeyError`` with the known codes when there is no such jurisdiction."""
    try:
        return jurisdictions()[code.lower()]
    except KeyError:
        known = ", ".join(jurisdictions())
        raise KeyError(f"no jurisdiction {code!r}; known: {known}") from None
