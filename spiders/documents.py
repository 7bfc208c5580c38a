"""A version's file → its plain text, and which words it adds or strikes.

Every file comes from a stranger: each kind has limits, and whatever cannot be read ends in a
``SourceError`` that says what was seen. PDFs are read in a child process, see ``spiders.pdf``.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field

from lxml import etree
from w3lib.encoding import html_to_unicode

from spiders import pdf
from spiders.errors import FailureKind, SourceError
from tracker.items import MarkKind, TextMark

MOST_BYTES = 60_000_000
MOST_CHARACTERS = 20_000_000

# Everything Unicode calls a control character but for tab and line ends, which are white space.
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff\ud800-\udfff\ufeff]")
SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class Document:
    """``text``: a paragraph a line. ``marks``: ``None`` where the file marks nothing, which may
    mean a wholly new text as well as a format that cannot tell."""

    text: str
    marks: tuple[TextMark, ...] | None = None


@dataclass
class Writer:
    """Collects pieces of text, white space made plain, and remembers where the marked ones lie."""

    parts: list[str] = field(default_factory=list)
    length: int = 0
    spans: list[tuple[int, int, MarkKind]] = field(default_factory=list)

    def add(self, piece: str, kind: MarkKind | None = None) -> None:
        piece = SPACE.sub(" ", CONTROL.sub("", piece))
        if not self.parts or self.parts[-1][-1] in " \n":
            piece = piece.lstrip(" ")
        if not piece:
            return
        if self.length + len(piece) > MOST_CHARACTERS:
            raise SourceError(f"more than {MOST_CHARACTERS:,} characters", FailureKind.TOO_BIG)
        start, self.length = self.length, self.length + len(piece)
        self.parts.append(piece)
        if not kind or not piece.strip():
            return
        if self.spans and self.spans[-1][1:] == (start, kind):
            start = self.spans.pop()[0]
        self.spans.append((start, self.length, kind))

    def end_line(self) -> None:
        if not self.parts or self.parts[-1][-1] == "\n":
            return
        if self.parts[-1][-1] == " ":
            self.length -= 1
            self.parts[-1] = self.parts[-1][:-1]
        self.parts.append("\n")
        self.length += 1

    def document(self) -> Document:
        text = "".join(self.parts).rstrip()
        marks = []
        for start, end, kind in self.spans:
            marked = text[start:end]
            start += len(marked) - len(marked.lstrip())
            end = start + len(marked.strip())
            if start < end:
                marks.append(TextMark(start=start, end=end, kind=kind))
        return Document(text, tuple(marks) or None)


def read_document(body: bytes, media_type: str, *, url: str = "") -> Document:
    """The text of a file served as ``media_type`` (as in HTTP; empty = look at the bytes).

    Raises ``SourceError``: EMPTY_BODY, TOO_BIG, WRONG_TYPE (e.g. an error page where a PDF was
    promised) or DOCUMENT (damaged, protected, a scan without text, a kind we cannot read).
    """
    try:
        if not body.strip(b" \t\r\n\0"):
            raise SourceError("the file is empty", FailureKind.EMPTY_BODY)
        if len(body) > MOST_BYTES:
            raise SourceError(f"{len(body):,} bytes, more than {MOST_BYTES:,}", FailureKind.TOO_BIG)
        document = _reader(body, media_type.lower())(body, media_type)
        if not document.text:
            raise SourceError(
                "it holds no text at all (a scan, or an empty page)", FailureKind.DOCUMENT
            )
        return document
    except SourceError as error:
        raise SourceError(f"{url or media_type or 'document'}: {error}", error.kind) from error


Reader = Callable[[bytes, str], Document]


def _reader(body: bytes, media_type: str) -> Reader:
    """By the first bytes; the declared type only decides between HTML and plain text."""
    start = body[:1024].lstrip(b"\xef\xbb\xbf \t\r\n\0")
    lower = start.lower()
    if b"%PDF-" in body[:1024]:
        return read_pdf
    if start.startswith(b"PK\x03\x04"):
        return read_docx
    if start.startswith(b"{\\rtf"):
        return read_rtf
    if start.startswith((b"\xd0\xcf\x11\xe0", b"\xffWPC")):
        raise SourceError(
            "an old Word or WordPerfect file, which is not read here", FailureKind.DOCUMENT
        )
    looks_like_html = lower.startswith((b"<!doctype html", b"<html")) or b"<html" in lower
    wanted = media_type.split(";")[0].strip()
    if wanted.startswith("application/") and not wanted.endswith(("xhtml+xml", "octet-stream")):
        seen = "an HTML page" if looks_like_html else repr(start[:40])
        raise SourceError(f"promised as {wanted}, but it is {seen}", FailureKind.WRONG_TYPE)
    if looks_like_html or "html" in wanted:
        return read_html
    return read_plain


def read_plain(body: bytes, media_type: str = "text/plain") -> Document:
    writer = Writer()
    for line in _decode(body, media_type).splitlines():
        writer.add(line)
        writer.end_line()
    return writer.document()


def _decode(body: bytes, media_type: str) -> str:
    def fallback(text: bytes) -> str:
        try:
            text.decode("utf-8")
        except UnicodeDecodeError:
            return "cp1252"
        return "utf-8"

    return html_to_unicode(media_type, body, auto_detect_fun=fallback)[1]


def read_pdf(body: bytes, media_type: str = "") -> Document:
    writer = Writer()
    for line in pdf.paragraphs(pdf.pages(body)):
        writer.add(line)
        writer.end_line()
    return writer.document()


# -- HTML ---------------------------------------------------------------------------------------

DELETES = frozenset({"del", "s", "strike"})
INSERTS = frozenset({"ins", "u"})
INVISIBLE = frozenset({"script", "style", "head", "noscript", "template"})
INLINE = frozenset({
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em",
    "font", "i", "ins", "kbd", "label", "mark", "q", "s", "samp", "small", "span", "strike",
    "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
})  # fmt: skip
CELLS = frozenset({"td", "th"})
DECORATION = re.compile(r"text-decoration[\w-]*\s*:[^;}]*?(line-through|underline)", re.I)
STYLE_RULE = re.compile(r"([^{}]{1,2000})\{([^{}]{0,5000})\}")
CLASS_NAME = re.compile(r"\.(-?[A-Za-z_][\w-]*)")
# Class names that say so themselves, where a page keeps its style sheet elsewhere.
TELLING_CLASS = re.compile(
    r"^(?P<delete>strike|struck|strikethrough|strikeout|line-through|linethrough|deleted?|removed)$"
    r"|^(?P<insert>underlined?|underscored?|inserted|added|new-text|newtext)$",
    re.I,
)


def read_html(body: bytes, media_type: str = "text/html") -> Document:
    markup = CONTROL.sub("", _decode(body, media_type))
    parser = etree.HTMLParser(encoding="utf-8", remove_blank_text=False)
    try:
        root = etree.fromstring(markup.encode("utf-8"), parser)
    except etree.LxmlError as error:
        raise SourceError(f"not HTML: {error}", FailureKind.DOCUMENT) from error
    if root is None:
        return Document("")
    return _walk_html(root, _style_classes(markup)).document()


def _walk_html(root: etree._Element, styled: dict[str, MarkKind]) -> Writer:
    writer = Writer()
    kinds: list[MarkKind | None] = [None]
    hidden = preformatted = 0

    def say(words: str | None) -> None:
        if not words or hidden:
            return
        if not preformatted:
            writer.add(words, kinds[-1])
            return
        for number, line in enumerate(words.split("\n")):
            if number:
                writer.end_line()
            writer.add(line, kinds[-1])

    for event, element in etree.iterwalk(root, events=("start", "end", "comment", "pi")):
        tag = element.tag.lower() if isinstance(element.tag, str) else ""
        if event == "start":
            kinds.append(_html_mark(element, tag, styled) or kinds[-1])
            hidden += tag in INVISIBLE
            preformatted += tag == "pre"
            if tag not in INLINE and tag not in CELLS:
                writer.end_line()
            say(element.text)
            continue
        if event == "end":
            kinds.pop()
            hidden -= tag in INVISIBLE
            preformatted -= tag == "pre"
            if tag in CELLS:
                writer.add(" ")
            elif tag not in INLINE:
                writer.end_line()
        say(element.tail)
    return writer


def _html_mark(element: etree._Element, tag: str, styled: dict[str, MarkKind]) -> MarkKind | None:
    if tag in DELETES:
        return "delete"
    if tag in INSERTS:
        return "insert"
    if tag == "a":
        return None
    decoration = DECORATION.search(element.get("style") or "")
    if decoration:
        return _kind(decoration[1])
    for name in (element.get("class") or "").split():
        telling = TELLING_CLASS.match(name)
        if name in styled:
            return styled[name]
        if telling:
            return "delete" if telling["delete"] else "insert"
    return None


def _style_classes(markup: str) -> dict[str, MarkKind]:
    """Classes that the page's own style blocks underline or strike."""
    classes: dict[str, MarkKind] = {}
    for sheet in re.findall(r"<style[^>]*>(.{0,200000}?)</style>", markup, re.I | re.S):
        for selectors, rules in STYLE_RULE.findall(sheet):
            decoration = DECORATION.search(rules)
            if decoration:
                for name in CLASS_NAME.findall(selectors):
                    classes[name] = _kind(decoration[1])
    return classes


def _kind(decoration: str) -> MarkKind:
    return "delete" if decoration.lower() == "line-through" else "insert"


# -- DOCX ---------------------------------------------------------------------------------------

WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
MOST_DOCX_XML = 50_000_000
OFF = frozenset({"0", "false", "none", "off"})


def read_docx(body: bytes, media_type: str = "") -> Document:
    try:
        with (
            zipfile.ZipFile(io.BytesIO(body)) as archive,
            archive.open("word/document.xml") as part,
        ):
            xml = part.read(MOST_DOCX_XML + 1)
        if len(xml) > MOST_DOCX_XML:
            raise SourceError(
                f"its text unpacks to more than {MOST_DOCX_XML:,} bytes", FailureKind.TOO_BIG
            )
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
        root = etree.fromstring(xml, parser)
    except KeyError as error:
        raise SourceError(
            "a ZIP file without word/document.xml, so no Word document", FailureKind.DOCUMENT
        ) from error
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, NotImplementedError) as error:
        raise SourceError(f"a damaged or protected file: {error}", FailureKind.DOCUMENT) from error
    except (etree.XMLSyntaxError, ValueError) as error:
        raise SourceError(f"its text is no XML: {error}", FailureKind.DOCUMENT) from error
    return _walk_docx(root).document()


def _walk_docx(root: etree._Element) -> Writer:
    writer = Writer()
    kinds: list[MarkKind | None] = [None]
    for event, element in etree.iterwalk(root, events=("start", "end")):
        tag = str(element.tag).removeprefix(WORD)
        if event == "start":
            kinds.append(_word_mark(element, tag) or kinds[-1])
            if tag in ("t", "delText"):
                writer.add(element.text or "", kinds[-1])
            elif tag in ("tab", "noBreakHyphen", "ptab"):
                writer.add("-" if tag == "noBreakHyphen" else " ", kinds[-1])
            elif tag in ("br", "cr"):
                writer.end_line()
            continue
        kinds.pop()
        if tag == "p":
            writer.end_line()
    return writer


def _word_mark(element: etree._Element, tag: str) -> MarkKind | None:
    """Tracked changes, or a run that is struck through or underlined."""
    if tag in ("ins", "moveTo"):
        return "insert"
    if tag in ("del", "moveFrom"):
        return "delete"
    if tag != "r":
        return None
    looks = {
        str(look.tag).removeprefix(WORD)
        for look in element.iterfind(f"{WORD}rPr/*")
        if (look.get(f"{WORD}val") or "on").lower() not in OFF
    }
    if looks & {"strike", "dstrike"}:
        return "delete"
    return "insert" if "u" in looks else None


# -- RTF ----------------------------------------------------------------------------------------

RTF_TOKEN = re.compile(
    rb"\\'([0-9a-fA-F]{2})|\\([a-z]{1,32})(-?\d{1,10})? ?|\\([^a-z])|([{}])|([^\\{}\r\n]+)|[\r\n]+"
)
RTF_HIDDEN = frozenset({
    "colortbl", "datastore", "fonttbl", "footer", "footerf", "footerl", "footerr", "generator",
    "header", "headerf", "headerl", "headerr", "info", "listoverridetable", "listtable", "object",
    "pict", "rsidtbl", "stylesheet", "themedata",
})  # fmt: skip
RTF_BREAKS = frozenset({"par", "line", "row", "page", "sect"})
RTF_CHARACTERS = {
    "tab": " ", "cell": " ", "emdash": "—", "endash": "–", "lquote": "‘", "rquote": "’",
    "ldblquote": "“", "rdblquote": "”", "bullet": "•", "emspace": " ", "enspace": " ",
}  # fmt: skip
RTF_SYMBOLS = {"~": " ", "_": "-", "\\": "\\", "{": "{", "}": "}", "-": ""}
RTF_DEEPEST = 500


@dataclass(frozen=True)
class _RtfState:
    hidden: bool = False
    struck: bool = False
    underlined: bool = False
    replacement: int = 1
    """How many plain characters stand after a Unicode one for old readers."""

    @property
    def kind(self) -> MarkKind | None:
        return "delete" if self.struck else "insert" if self.underlined else None

    def after(self, word: str, number: str) -> _RtfState:
        hidden, struck, underlined = self.hidden, self.struck, self.underlined
        replacement = self.replacement
        if word in RTF_HIDDEN:
            hidden = True
        elif word in ("strike", "striked", "deleted"):
            struck = number != "0"
        elif word in ("ul", "ulw", "uld", "uldb", "revised"):
            underlined = number != "0"
        elif word == "ulnone":
            underlined = False
        elif word == "plain":
            struck = underlined = False
        elif word == "uc" and number:
            replacement = int(number)
        return _RtfState(hidden, struck, underlined, replacement)


def read_rtf(body: bytes, media_type: str = "") -> Document:
    writer = Writer()
    states = [_RtfState()]
    skip = 0
    for match in RTF_TOKEN.finditer(body):
        byte, word, number, symbol, brace, words = (
            part.decode("cp1252", "replace") if part is not None else "" for part in match.groups()
        )
        state = states[-1]
        if brace == "{":
            if len(states) > RTF_DEEPEST:
                raise SourceError("RTF groups nested too deeply", FailureKind.DOCUMENT)
            states.append(state)
        elif brace and len(states) > 1:
            states.pop()
        elif symbol == "*":
            states[-1] = state.after("generator", "")
        elif word == "u" and number:
            if not state.hidden:
                writer.add(_rtf_character(int(number)), state.kind)
            skip = state.replacement
        elif word in RTF_BREAKS and not state.hidden:
            writer.end_line()
        elif word and word not in RTF_CHARACTERS:
            states[-1] = state.after(word, number)
        elif not state.hidden:
            said = bytes.fromhex(byte).decode("cp1252", "replace") if byte else words
            said = said or RTF_CHARACTERS.get(word, "") or RTF_SYMBOLS.get(symbol, "")
            writer.add(said[skip:], state.kind)
            skip = max(0, skip - len(said))
    if len(states) > 1:
        raise SourceError("the RTF file breaks off inside a group", FailureKind.TRUNCATED)
    return writer.document()


def _rtf_character(number: int) -> str:
    code = number % 0x10000
    return "" if 0xD800 <= code <= 0xDFFF else chr(code)
