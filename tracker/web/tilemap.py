"""The states as a grid of tiles, each a link: numbers a reader sees without a chart library."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from tracker.states import Jurisdiction, jurisdictions

# Free places of the grid for who is on no map of states: east of Florida.
_OFF_MAP = {"us": (10, 6), "pr": (10, 7)}
SHADES = 4


@dataclass(frozen=True, slots=True)
class Tile:
    """``shade`` 0 is none, 1 to SHADES few to most."""

    code: str
    name: str
    column: int
    row: int
    count: int
    shade: int
    url: str
    chosen: bool


def tiles(
    counts: Mapping[str, int], url: Callable[[str], str], chosen: Collection[str] = ()
) -> list[Tile]:
    """One tile a jurisdiction, in reading order; ``url`` says where a code's tile leads."""
    most = max(counts.values(), default=0)
    placed = []
    for one in jurisdictions().values():
        column, row = place(one)
        count = counts.get(one.code, 0)
        placed.append(
            Tile(
                code=one.code,
                name=one.name,
                column=column,
                row=row,
                count=count,
                shade=_shade(count, most),
                url=url(one.code),
                chosen=one.code in chosen,
            )
        )
    return sorted(placed, key=lambda tile: (tile.row, tile.column))


def place(one: Jurisdiction) -> tuple[int, int]:
    """Column and row of its tile."""
    return one.tile or _OFF_MAP[one.code]


def _shade(count: int, most: int) -> int:
    """By order of size, so that one state with very many leaves the others apart."""
    if count == 0:
        return 0
    return min(SHADES, 1 + int(SHADES * (count / most) ** 0.5 * 0.999))
