"""Selectors that say how many matches they expect, and readers that name what is wrong."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from lxml import etree
from parsel import Selector, SelectorList
from scrapy.http import Response, TextResponse

from spiders.errors import FailureKind, LayoutChanged, UnusableResponse

# One absurd cell is a gap of its bill, not the end of the file (Python's own limit is 128 KB).
csv.field_size_limit(50_000_000)

CLOSES = {"{": "}", "[": "]"}


def one(page: Selector | TextResponse, css: str) -> Selector:
    """The only match of a CSS selector."""
    found = page.css(css)
    if len(found) != 1:
        raise LayoutChanged(f"{css!r} matched {len(found)} times, expected exactly 1")
    return found[0]


def some(
    page: Selector | TextResponse, css: str, at_least: int = 1, at_most: int | None = None
) -> SelectorList[Selector]:
    """All matches, when there are as many as expected."""
    found = page.css(css)
    if len(found) < at_least or (at_most is not None and len(found) > at_most):
        limit = f"at least {at_least}" + (f", at most {at_most}" if at_most is not None else "")
        raise LayoutChanged(f"{css!r} matched {len(found)} times, expected {limit}")
    return found


def maybe(page: Selector | TextResponse, css: str) -> Selector | None:
    """The match or nothing; two matches are a changed layout."""
    found = page.css(css)
    if len(found) > 1:
        raise LayoutChanged(f"{css!r} matched {len(found)} times, expected at most 1")
    return found[0] if found else None


def field(record: Any, *names: str) -> Any:
    """``record[a][b]…`` of decoded JSON; names the missing step."""
    value = record
    for depth, name in enumerate(names):
        if not isinstance(value, dict) or name not in value:
            raise LayoutChanged(
                f"no {'.'.join(names[: depth + 1])!r} in {type(value).__name__} {str(value)[:120]}"
            )
        value = value[name]
    return value


def body_of(response: Response) -> bytes:
    """The body, when there is one."""
    if not response.body.strip(b" \t\r\n\0"):
        raise UnusableResponse("the body is empty", FailureKind.EMPTY_BODY)
    return response.body


def decoded(response: Response, encodings: tuple[str, ...] = ("utf-8-sig", "cp1252")) -> str:
    """The body as text in the first of the encodings that fits it."""
    body = body_of(response)
    for encoding in encodings:
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UnusableResponse(f"the body is not text in {' or '.join(encodings)}")


def json_of(response: Response) -> Any:
    text = decoded(response)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        begun = text.lstrip()[:1]
        cut = begun in CLOSES and not text.rstrip().endswith(CLOSES[begun])
        raise UnusableResponse(
            f"not JSON: {error.msg} at character {error.pos:,} of {len(text):,}",
            FailureKind.TRUNCATED if cut else FailureKind.WRONG_TYPE,
        ) from error
    except (RecursionError, ValueError) as error:
        raise UnusableResponse(f"JSON that cannot be read: {error}") from error


def xml_of(response: Response) -> etree._Element:
    """The root element; entities are not resolved and nothing is fetched."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    try:
        return etree.fromstring(body_of(response), parser)
    except etree.XMLSyntaxError as error:
        cut = "end of" in str(error.msg).lower() or "premature" in str(error.msg).lower()
        raise UnusableResponse(
            f"not XML: {error.msg}", FailureKind.TRUNCATED if cut else FailureKind.WRONG_TYPE
        ) from error


def csv_of(response: Response, required: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """Rows of a CSV with a header, as dicts; columns the spider needs must be there.

    A row with too few cells ends the file early: it is how a truncated download looks.
    """
    reader = csv.DictReader(io.StringIO(decoded(response), newline=""))
    names = [name.strip() for name in reader.fieldnames or ()]
    missing = [name for name in required if name not in names]
    if missing:
        raise LayoutChanged(f"CSV lacks the columns {missing}; it has {names[:30]}")
    reader.fieldnames = names
    try:
        for row in reader:
            if any(row[name] is None for name in required):
                raise UnusableResponse(
                    f"line {reader.line_num} of the CSV has too few cells: {str(row)[:200]}",
                    FailureKind.TRUNCATED,
                )
            yield row
    except csv.Error as error:
        raise UnusableResponse(f"line {reader.line_num} of the CSV: {error}") from error
