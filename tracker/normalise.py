"""Words as stored: what a source printed, without what no reader could see."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

from tracker.items import BillItem, Gap, Item

# Longest values in code points, by field; beyond it is a fault of the page, not a title.
LONGEST = {
    "identifier": 100,
    "title": 20_000,
    "abstract": 200_000,
    "versions.text": 20_000_000,
}
LONGEST_OTHER = 20_000
MOST_ROWS = 20_000

_PARAGRAPHS = frozenset({"abstract"})
_SPANS_POINT_INTO = frozenset({"versions.text"})

# Zero-width space, word joiner, byte order mark, soft hyphen: they split words that readers see
# whole. Joiners and direction marks stay, scripts need them.
_INVISIBLE = (0x200B, 0x2060, 0xFEFF, 0x00AD)
_CONTROL = tuple(code for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n\r\x85")
# Half of a pair, as a broken JSON escape leaves it: no character, and no database takes it.
_HALVES = dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
_DROPPED = {**dict.fromkeys((*_CONTROL, *_INVISIBLE)), **_HALVES}
_BLANKED = {**dict.fromkeys(_CONTROL, " "), **_HALVES}

# "HB 1222", "H. B. 1222", "HB01222", "*HB   1", "S.B. No. 5", "H.J.Res. 12", "A04833-A", "LR1CA"
_IDENTIFIER = re.compile(
    r"[^A-Za-z0-9]*([A-Za-z][A-Za-z.\s]*?)(?:\bNo\b)?[\s.#-]*0*(\d+)\s*-?\s*([A-Za-z]{0,2})\W*",
    re.IGNORECASE,
)


def line(printed: str) -> str:
    """One line: NFC, control and invisible characters out, every white space run one space."""
    if printed.isascii() and printed.isprintable():
        if "  " not in printed and printed[:1] != " " and printed[-1:] != " ":
            return printed
    else:
        printed = unicodedata.normalize("NFC", printed.translate(_DROPPED))
    return " ".join(printed.split())


def paragraphs(printed: str) -> str:
    """Lines as in :func:`line`, kept apart by single line ends."""
    return "\n".join(kept for each in printed.splitlines() if (kept := line(each)))


def same_length(printed: str) -> str:
    """Control characters to spaces one by one, so that spans into the text keep pointing."""
    return printed if printed.isprintable() else printed.translate(_BLANKED)


@lru_cache(maxsize=4096)
def identifier_key(printed: str, jurisdiction: str = "") -> str:
    """``HB 1222`` for every way a source may print it; one of no known shape stays as printed.

    In New York a letter at the end names an amended print of the same bill and is left out;
    elsewhere (``HB 1A`` of a special session) it is part of the number.
    """
    printed = line(printed[: LONGEST["identifier"]])
    found = _IDENTIFIER.fullmatch(printed)
    if not found:
        upper = printed.upper()
        return upper if upper == printed else identifier_key(upper, jurisdiction)
    letters = "".join(c for c in found[1] if c.isalpha()).upper()
    suffix = "" if jurisdiction == "ny" else found[3].upper()
    return f"{letters} {found[2]}{suffix}"


def is_clean(item: BillItem, said: str) -> bool:
    """Whether nothing of the item needs cleaning, told from its JSON ``said`` at a glance.

    (JSON escapes control characters, so a backslash stands for any of them.)
    """
    return (
        len(said) <= min(LONGEST_OTHER, LONGEST["title"])
        and len(item.identifier) <= LONGEST["identifier"]
        and said.isascii()
        and not any(sign in said for sign in ("\\", "\x7f", "  ", '" ', ' "', '""'))
    )


def cleaned(item: BillItem) -> tuple[BillItem, tuple[Gap, ...]]:
    """The item with every text as stored, and a gap for each that was too long to keep whole.

    Rows left without words are dropped. Raises ``ValueError`` if the identifier is.
    """
    gaps: list[Gap] = []
    clean = _clean_fields(item, "", gaps)
    if not clean.identifier:
        raise ValueError("its identifier has no readable character")
    return clean, tuple(gaps)


def _clean_fields(model: Any, path: str, gaps: list[Gap]) -> Any:
    """Objects are only copied where something changes: most pages are clean."""
    updates: dict[str, Any] = {}
    for name, value in model.__dict__.items():
        if type(value) is str:
            now: Any = _clean_text(value, path + name, gaps) if value else value
        elif type(value) is tuple and value and name != "gaps":
            now = _clean_rows(value, name, gaps)
        elif isinstance(value, Item):
            now = _clean_fields(value, f"{name}.", gaps)
            if not getattr(now, "text", True):
                now = None
        else:
            continue
        if now is not value:
            updates[name] = now
    if "text" in updates and getattr(model, "marks", None):
        length = len(updates["text"])
        updates["marks"] = tuple(mark for mark in model.marks if mark.end <= length)
    return model.model_copy(update=updates) if updates else model


def _clean_rows(values: tuple[Any, ...], name: str, gaps: list[Gap]) -> tuple[Any, ...]:
    if len(values) > MOST_ROWS:
        gaps.append(Gap(field=name, reason="oversized", seen=f"{len(values):,} rows"))
        values = values[:MOST_ROWS]
    if isinstance(values[0], Item):
        rows = [_clean_fields(value, f"{name}.", gaps) for value in values]
        kept = tuple(row for row in rows if _says_something(row))
    else:
        kept = tuple(text for value in values if (text := _clean_text(value, name, gaps)))
    same = len(kept) == len(values) and all(
        now is value for now, value in zip(kept, values, strict=True)
    )
    return values if same else kept


def _says_something(row: Any) -> bool:
    """Actions need words, sponsors a name, related bills an identifier."""
    fields = row.__dict__
    words = fields.get("text", True) or "note" in fields
    return bool(words and fields.get("name", True) and fields.get("identifier", True))


def _clean_text(value: str, path: str, gaps: list[Gap]) -> str:
    limit = LONGEST.get(path, LONGEST_OTHER)
    if len(value) > limit:
        gaps.append(Gap(field=path, reason="oversized", seen=f"{len(value):,} characters"))
        value = value[:limit]
    if path in _SPANS_POINT_INTO:
        return same_length(value)
    return paragraphs(value) if path in _PARAGRAPHS else line(value)
