"""Readers that name what is wrong with a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from scrapy.http import HtmlResponse, Response, TextResponse

from spiders.errors import FailureKind, LayoutChanged, SourceError
from spiders.expect import csv_of, decoded, field, json_of, maybe, one, some, xml_of

URL = "https://example.org/list"
LAUGHS = (
    b'<!DOCTYPE x [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b"]><x>&j;</x>"
)


def read(reader: Callable[[Response], Any], body: bytes) -> Any:
    return reader(TextResponse(URL, body=body))


@pytest.mark.parametrize(
    ("reader", "body", "kind"),
    [
        (json_of, b'{"a": [1, 2', FailureKind.TRUNCATED),
        (json_of, b'{"a": "half a wo', FailureKind.TRUNCATED),
        (json_of, b'[{"a": 1}, {"b"', FailureKind.TRUNCATED),
        (json_of, b'{"a": [1,, 2]}', FailureKind.WRONG_TYPE),
        (json_of, b"<html>down</html>", FailureKind.WRONG_TYPE),
        (json_of, b"[" * 100_000 + b"]" * 100_000, FailureKind.WRONG_TYPE),
        (json_of, b"[" + b"9" * 5_000 + b"]", FailureKind.WRONG_TYPE),
        (json_of, b" \0\0\n ", FailureKind.EMPTY_BODY),
        (json_of, '{"a": 1}'.encode("utf-16"), FailureKind.WRONG_TYPE),
        (xml_of, b"<list><bill>HB 1</bill>", FailureKind.TRUNCATED),
        (xml_of, b"<list><bill>HB 1</list>", FailureKind.WRONG_TYPE),
        (xml_of, b"not here", FailureKind.WRONG_TYPE),
        (xml_of, b"", FailureKind.EMPTY_BODY),
        (xml_of, b"<a>" * 100_000 + b"</a>" * 100_000, FailureKind.WRONG_TYPE),
        (xml_of, b"<a>\x0b</a>", FailureKind.WRONG_TYPE),
        (decoded, b"\x81\x8d\x8f", FailureKind.WRONG_TYPE),
    ],
)
def test_a_page_that_is_none_has_a_name(
    reader: Callable[[Response], Any], body: bytes, kind: FailureKind
) -> None:
    with pytest.raises(SourceError) as caught:
        read(reader, body)
    assert caught.value.kind is kind


def test_entities_of_an_xml_page_are_not_expanded() -> None:
    try:
        root = read(xml_of, LAUGHS)
    except SourceError:
        return
    assert len("".join(map(str, root.itertext()))) < 1_000


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_names_survive_the_encodings_sources_use(encoding: str) -> None:
    assert read(json_of, '{"name": "Peña – Núñez"}'.encode(encoding)) == {"name": "Peña – Núñez"}


def test_a_step_that_is_missing_is_named() -> None:
    with pytest.raises(LayoutChanged, match=r"no 'result\.items'"):
        field({"result": {"rows": []}}, "result", "items")
    with pytest.raises(LayoutChanged, match="NoneType"):
        field({"result": None}, "result", "items")


def test_a_csv_must_have_its_columns_and_whole_rows() -> None:
    def rows(text: str) -> list[dict[str, str]]:
        response = TextResponse(URL, body=text.encode())
        return list(csv_of(response, ("Bill_id", "Title")))

    assert rows('\ufeff"Bill_id" , Title\r\nHB1,"Roads, and\nbridges"\r\n') == [
        {"Bill_id": "HB1", "Title": "Roads, and\nbridges"}
    ]
    assert len(rows(f"Bill_id,Title\nHB1,{'x' * 5_000_000}\nHB2,\0\n")[0]["Title"]) == 5_000_000
    with pytest.raises(LayoutChanged, match=r"lacks the columns \['Title'\]"):
        rows("Bill_id,Name\nHB1,Roads\n")
    with pytest.raises(SourceError, match="line 3 of the CSV has too few cells") as caught:
        rows("Bill_id,Title\nHB1,Roads\nHB2")
    assert caught.value.kind is FailureKind.TRUNCATED


def test_selectors_count_what_they_match() -> None:
    page = HtmlResponse(URL, body=b"<table><tr><td>1</td></tr><tr><td>2</td></tr></table>")
    assert one(page, "table").css("td::text").getall() == ["1", "2"]
    assert len(some(page, "tr", at_least=2)) == 2
    assert maybe(page, "h1") is None
    with pytest.raises(LayoutChanged, match="'tr' matched 2 times, expected exactly 1"):
        one(page, "tr")
    with pytest.raises(LayoutChanged, match="matched 0 times, expected at least 1"):
        some(page, "h1")
    with pytest.raises(LayoutChanged, match="at most 1"):
        some(page, "tr", at_most=1)
    with pytest.raises(LayoutChanged, match="at most 1"):
        maybe(page, "tr")
