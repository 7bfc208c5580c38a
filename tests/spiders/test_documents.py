"""Files of bills, good and hostile: text with its marks, or a failure with a name."""

from __future__ import annotations

import io
import time
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiders import pdf
from spiders.documents import Document, read_document
from spiders.errors import FailureKind, SourceError
from spiders.pdf_process import MOST_PAGES
from tests.spiders.pdf_files import assemble, pdf_of


def marked(document: Document) -> list[tuple[str, str]]:
    return [(mark.kind, document.text[mark.start : mark.end]) for mark in document.marks or ()]


def failure(body: bytes, media_type: str) -> SourceError:
    with pytest.raises(SourceError) as caught:
        read_document(body, media_type, url="https://leg.example/hb1.pdf")
    assert "https://leg.example/hb1.pdf" in str(caught.value)
    return caught.value


def docx_of(paragraphs: str) -> bytes:
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "word/document.xml", f"<w:document {space}><w:body>{paragraphs}</w:body></w:document>"
        )
    return out.getvalue()


# -- HTML ---------------------------------------------------------------------------------------


def test_html_marks_of_every_style() -> None:
    page = """<!DOCTYPE html><html><head><title>HB 1</title><style>
      .c7 { color: red; text-decoration : line-through }  .c8{text-decoration-line:underline}
    </style><script>var detainer = 1;</script></head><body>
    <p>A sheriff <u>may</u> <strike>shall</strike>&nbsp;not
       <span style="text-decoration: underline">honor</span> a
       <span class="c7">civil</span> <b class="c8">detainer</b><!-- note --> request.</p>
    <div>Section <a href="#" style="text-decoration:underline">2</a> <ins>is <i>new</i></ins></div>
    <p class="deleted">Gone.</p><table><tr><td>a</td><td>b</td></tr></table></body></html>"""
    document = read_document(page.encode(), "text/html; charset=utf-8")
    assert document.text.splitlines() == [
        "A sheriff may shall not honor a civil detainer request.",
        "Section 2 is new",
        "Gone.",
        "a b",
    ]
    assert marked(document) == [
        ("insert", "may"),
        ("delete", "shall"),
        ("insert", "honor"),
        ("delete", "civil"),
        ("insert", "detainer"),
        ("insert", "is new"),
        ("delete", "Gone."),
    ]


def test_html_without_marks_does_not_claim_that_nothing_is_added() -> None:
    assert read_document(b"<html><p>All new law.</p></html>", "text/html").marks is None


def test_preformatted_lines_stay_lines() -> None:
    page = b"<html><body><pre>\n<b>SEC. 1.</b>\n  No   entity\n\nshall</pre>tail</body></html>"
    assert read_document(page, "text/html").text == "SEC. 1.\nNo entity\nshall\ntail"


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        ("<html><p>Peña §1373 “x”</p></html>".encode(), "text/html"),
        ("<html><p>Peña §1373 “x”</p></html>".encode("cp1252"), "text/html"),
        ("Peña §1373 “x”".encode("cp1252"), "text/plain"),
        ("Peña §1373 “x”".encode("utf-16"), "text/plain"),
        ("\ufeffPeña §1373 “x”".encode(), "text/plain; charset=utf-8"),
    ],
)
def test_encodings(body: bytes, media_type: str) -> None:
    assert read_document(body, media_type).text == "Peña §1373 “x”"


def test_control_characters_go_and_letters_of_any_script_stay() -> None:
    text = "de\0tainer\x07 \u202bעצור\u202c 🚔 l\u2028ine\x85two &#1; &#0;"
    assert read_document(text.encode(), "text/plain").text == (
        "detainer \u202bעצור\u202c 🚔 l\nine\ntwo &#1; &#0;"
    )
    html = read_document(f"<html><p>{text}</p></html>".encode(), "text/html").text
    assert html.startswith("detainer") and not set(html) & set("\0\x01\x07")


def test_deep_nesting_neither_crashes_nor_hangs() -> None:
    page = b"<html>" + b"<div><u>" * 30_000 + b"deep"
    began = time.monotonic()
    try:
        assert "deep" in read_document(page, "text/html").text
    except SourceError as error:
        assert error.kind is FailureKind.DOCUMENT
    assert time.monotonic() - began < 10


@given(st.lists(st.tuples(st.text(max_size=12), st.sampled_from(["u", "s", "p", "br", "td"]))))
def test_marks_always_lie_on_words(pieces: list[tuple[str, str]]) -> None:
    html = "".join(
        f"<{tag}>{words.replace('<', '&lt;').replace('&', '&amp;')}</{tag}>"
        for words, tag in pieces
    )
    try:
        document = read_document(f"<html>x{html}</html>".encode("utf-8", "ignore"), "text/html")
    except SourceError:
        return
    end = 0
    for mark in document.marks or ():
        assert end <= mark.start < mark.end <= len(document.text)
        words = document.text[mark.start : mark.end]
        assert words == words.strip() and words
        end = mark.end


# -- DOCX ---------------------------------------------------------------------------------------


def test_docx_tracked_changes_and_struck_runs() -> None:
    body = docx_of(
        "<w:p><w:r><w:t xml:space='preserve'>A jail </w:t></w:r>"
        "<w:ins><w:r><w:t>may not</w:t></w:r></w:ins>"
        "<w:del><w:r><w:delText xml:space='preserve'> must</w:delText></w:r></w:del>"
        "<w:r><w:tab/><w:t>hold</w:t></w:r>"
        "<w:r><w:rPr><w:strike/></w:rPr><w:t xml:space='preserve'> anyone</w:t></w:r>"
        "<w:r><w:rPr><w:u w:val='single'/></w:rPr><w:t xml:space='preserve'> a person</w:t></w:r>"
        "<w:r><w:rPr><w:u w:val='none'/><w:strike w:val='0'/></w:rPr><w:t>.</w:t></w:r></w:p>"
        "<w:p><w:r><w:t>Second.</w:t></w:r></w:p>"
    )
    document = read_document(body, "")
    assert document.text == "A jail may not must hold anyone a person.\nSecond."
    assert marked(document) == [
        ("insert", "may not"),
        ("delete", "must"),
        ("delete", "anyone"),
        ("insert", "a person"),
    ]


def test_docx_that_is_no_docx() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert failure(out.getvalue(), "application/zip").kind is FailureKind.DOCUMENT
    whole = docx_of("<w:p><w:r><w:t>long enough to be cut</w:t></w:r></w:p>")
    assert failure(whole[:60], "").kind is FailureKind.DOCUMENT
    assert failure(docx_of("<w:p>"), "").kind is FailureKind.DOCUMENT


def test_zip_bomb_ends_in_a_named_failure() -> None:
    bomb = docx_of("<w:p>" + " " * 80_000_000 + "</w:p>")
    assert len(bomb) < 200_000
    assert failure(bomb, "").kind is FailureKind.TOO_BIG


def test_entity_bomb_in_docx() -> None:
    out = io.BytesIO()
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(
            "word/document.xml", f'<!DOCTYPE d [<!ENTITY e0 "x">{entities}]><d>&e9;</d>'
        )
    assert failure(out.getvalue(), "").kind is FailureKind.DOCUMENT


# -- RTF ----------------------------------------------------------------------------------------


def test_rtf() -> None:
    body = (
        rb"{\rtf1\ansi{\fonttbl{\f0 Arial;}}{\*\generator Word;}\uc1 The {\strike shall }{\ul may}"
        rb" honor Pe\'f1a \u8220?detainer\u8221?\par Second \{line\} \ul new\ulnone  old\par}"
    )
    document = read_document(body, "application/rtf")
    assert document.text == "The shall may honor Peña “detainer”\nSecond {line} new old"
    assert marked(document) == [("delete", "shall"), ("insert", "may"), ("insert", "new")]
    assert failure(body[:80], "application/rtf").kind is FailureKind.TRUNCATED


# -- PDF ----------------------------------------------------------------------------------------


def test_pdf_lines_become_paragraphs_and_words_stay_whole() -> None:
    body = pdf_of(
        [
            "1  A law en-",
            "2  forcement agency may not honor a civil de-",
            "3  tainer request, or a non-",
            "4  judicial warrant (8 U.S.C. § 1373).",
            "5  Section 2. A non-judicial warrant is one",
            "6  that no judge signed.",
        ],
        ["Page 2 stays: 287(g) \\ Peña. LAW EN-", "FORCEMENT, Smith-", "Jones."],
    )
    document = read_document(body, "application/pdf")
    assert document.text.splitlines() == [
        "A law enforcement agency may not honor a civil detainer request, or a non-judicial"
        " warrant (8 U.S.C. § 1373).",
        "Section 2. A non-judicial warrant is one that no judge signed.",
        "Page 2 stays: 287(g) \\ Peña. LAW ENFORCEMENT, Smith-Jones.",
    ]
    assert document.marks is None


def test_line_numbers_after_the_line_as_maryland_prints_them() -> None:
    lines = [
        "AN ACT concerning 1",
        "Immigration Detainers 2",
        "FOR the purpose of 3",
        "repealing, on or before July 1",
        "certain provisions. 4",
        "BY adding to 5",
    ]
    assert pdf.without_line_numbers(lines) == [
        "AN ACT concerning",
        "Immigration Detainers",
        "FOR the purpose of",
        "repealing, on or before July 1",
        "certain provisions.",
        "BY adding to",
    ]


def test_numbers_that_do_not_count_lines_stay() -> None:
    lines = ["3 judges sit", "12 members vote", "1 may veto", "7 days later"]
    assert pdf.without_line_numbers(lines) == lines


def test_damaged_pdfs_have_a_name() -> None:
    whole = pdf_of(["A sheriff may honor a detainer."] * 40)
    garbage = b"%PDF-1.4\n" + b"garbage" * 50 + b"%%EOF"
    assert failure(garbage, "application/pdf").kind is FailureKind.DOCUMENT
    assert failure(whole[:-300], "application/pdf").kind is FailureKind.TRUNCATED
    scan = pdf_of([])
    assert "no text" in str(failure(scan, "application/pdf"))


def test_a_page_instead_of_a_pdf() -> None:
    page = b"<!DOCTYPE html><html><title>Maintenance</title></html>"
    error = failure(page, "application/pdf")
    assert error.kind is FailureKind.WRONG_TYPE
    assert "HTML" in str(error)


def test_pdf_bombs_end_in_a_named_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gigabytes of page content in a small file; too many pages; more text than any law."""
    monkeypatch.setattr(pdf, "MOST_SECONDS", 20)
    began = time.monotonic()
    packer = zlib.compressobj(9, wbits=-15)
    spaces = packer.compress(b" " * 50_000_000) + packer.flush(zlib.Z_FULL_FLUSH)
    packed = b"\x78\xda" + spaces * 60 + b"\x03\x00"
    content = b"<< /Length %d /Filter /FlateDecode >>\nstream\n" % len(packed)
    small = assemble([b"BT ET"])
    start = small.index(b"5 0 obj\n") + len(b"5 0 obj\n")
    end = small.index(b"endobj", start)
    bomb = small[:start] + content + packed + b"\nendstream\n" + small[end:]
    assert len(bomb) < 5_000_000
    assert failure(bomb, "application/pdf").kind in (FailureKind.DOCUMENT, FailureKind.TOO_BIG)
    many = assemble([b""] * (MOST_PAGES + 1))
    assert failure(many, "application/pdf").kind is FailureKind.TOO_BIG
    assert time.monotonic() - began < 25


def test_a_reader_that_hangs_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "MOST_SECONDS", 0.01)
    error = failure(pdf_of(["x"]), "application/pdf")
    assert error.kind is FailureKind.TOO_BIG
    assert "took longer" in str(error)


# -- all ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"\0\0\n "])
def test_empty_files(body: bytes) -> None:
    assert failure(body, "application/pdf").kind is FailureKind.EMPTY_BODY


def test_old_word_files_are_refused_by_name() -> None:
    error = failure(b"\xd0\xcf\x11\xe0" + b"\0" * 600, "application/msword")
    assert error.kind is FailureKind.DOCUMENT


def test_more_text_than_any_law() -> None:
    assert failure(b"word " * 5_000_000, "text/plain").kind is FailureKind.TOO_BIG
