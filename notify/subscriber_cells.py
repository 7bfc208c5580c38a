"""How the cells of a subscriber file are written, and read back as they were."""

from __future__ import annotations

from collections.abc import Iterable

from tracker.web.exports import spreadsheet_safe


def guarded(cell: str) -> str:
    """A spreadsheet takes it for text; a quote that was there before gets another."""
    return f"'{cell}" if cell.startswith("'") else str(spreadsheet_safe(cell))


def unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and guarded(cell[1:]) == cell else cell


def joined(values: Iterable[str]) -> str:
    """``md;va``; where a value has a semicolon in it, one a line."""
    listed = list(values)
    if any(";" in value for value in listed):
        return "".join(f"{value}\n" for value in listed)
    return ";".join(listed)


def parted(cell: str) -> list[str]:
    return [one.strip() for one in cell.split("\n" if "\n" in cell else ";") if one.strip()]
