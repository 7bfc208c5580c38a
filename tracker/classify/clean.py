"""Text as its readers mean it: without what printing, scanning and page layout put into it.

Soft hyphens, ligatures, typographic quotes and spaces, words broken at line ends, line numbers of
bill prints and page headers between two words go; what stays is ASCII, one blank between words
and a newline between paragraphs. Every character of the result knows where it came from, so a
match can be shown in the stored text to the character.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

INVISIBLE = (
    "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u0336\u0335"
    "\x00-\x08\x0e-\x1f"
)
SPACES = " \t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
LETTERS = {
    "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st",
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "“": '"', "”": '"', "„": '"', "″": '"', "′": "'",
    "‐": "-", "‑": "-", "‒": "-", "–": "-", "−": "-", "—": " - ", "―": " - ",
    "…": "...", "•": "\n", "·": " ", "§": "section ", "¶": "\n", "æ": "ae", "œ": "oe",
}  # fmt: skip
"""What a character stands for; others lose their accents, and what is left over becomes ``?``."""

SPECIAL = re.compile(
    rf"[{INVISIBLE}]+"
    rf"|[{SPACES}]*[\r\n\f\v\x85\u2028\u2029][\s{INVISIBLE}]*"
    rf"|[{SPACES}]{{2,}}|[{SPACES[1:]}]"
    r"|[^\x00-\x7f]"
)
LINE_END = r"[\r\n\f\v\x85\u2028\u2029]"
BREAK = re.compile(LINE_END)
BLANK = re.compile(rf"[\s{INVISIBLE}]*")
UNSEEN = re.compile(f"[{INVISIBLE}]+")
INDENT = re.compile(rf"[{SPACES}{INVISIBLE}]*")
LINE = re.compile(r"[^\r\n\f\v\x85\u2028\u2029]*")
LEFT_NUMBER = re.compile(
    rf"(?:^|(?<={LINE_END}))[{SPACES}]*([0-9]{{1,4}})(?:[{SPACES}]+|(?={LINE_END}|$))"
)
RIGHT_NUMBER = re.compile(
    rf"(?<=[^{SPACES}\s])[{SPACES}]+([0-9]{{1,4}})[{SPACES}]*(?={LINE_END}|$)"
)
LEAST_LEFT, LEAST_RIGHT = 2, 3
"""So many lines in a row count up where their numbers are those of lines: sentences end in
numbers oftener than lines of them begin with any."""
FEW_LINES = 5
"""Line ends between two numbers in a row: of blank lines, of a page's end, or of lines without."""
BILL = (
    r"(?:[hsal]\.? ?(?:[bfrdjcp]\.?){1,3}|[hs]\.?|(?:re-?)?(?:engrossed|enrolled|house|senate"
    r"|assembly|committee|substitute|amended|legislative|bill|file|document|draft|act|lc|for)\b)"
)
STATE_OF_PRINT = (
    r"(?:as )?(?:pre-?filed|filed|introduced|reported|amended|substituted|engrossed|passed|adopted"
    r"|enrolled|enacted|printed)(?: (?:in|by|and)(?: the)? (?:house|senate|assembly|passed))?"
)
PAGE_LINE = re.compile(
    rf"(?:page|pg\.?|p\.) ?\d{{1,4}}(?: ?(?:of|/) ?\d{{1,4}})?"
    r"|[-–—*\[(]* ?\d{1,4} ?[-–—*\])]*"
    rf"|as {STATE_OF_PRINT}"
    rf"|(?:{BILL}[ .]*)+(?:no\.? ?)?\d{{1,5}}[\w. ]{{0,4}}"
    rf"(?:[-–—,|: ]*(?:page|pg\.?|p\.|version|{STATE_OF_PRINT}|of|\d{{1,4}}))*"
    r"[-–—,|: ]*",
    re.IGNORECASE,
)
LIST_START = re.compile(r"\s{0,8}(?:\d{1,4}\s{1,8})?(?:[(\"“]|\d{1,2}[.)]\s)")
"""What a dash before it leads to: "shall ensure that—(1) …"; a line's number may stand there."""
REPEATED = 3
"""A short line that comes back this often is a page header or footer."""
SAYS_SOMETHING = re.compile(r"\b(?:shall|may|must|not)\b|^\s*\(?\w{1,3}[.)] ", re.IGNORECASE)
"""No page header, however often a list says it."""
PARAGRAPH_START = re.compile(
    r"\((?:\d{1,2}|[a-zA-Z]{1,2}|[ivxIVX]{1,5})\)|\d{1,3}[.)] |[A-Za-z][.)] "
    r"|(?:section|sec\.|§|article|chapter|part|whereas|resolved|be it|new section)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Clean:
    """``text`` is ASCII; ``pieces`` hold where each run of it begins, here and in the original."""

    text: str
    here: Sequence[int]
    there: Sequence[int]
    lengths: Sequence[int]
    """Length of a run in the original; a run is copied or, where lengths differ, replaced."""

    def start(self, at: int) -> int:
        """Offset in the original of the character at ``at``."""
        n = bisect_right(self.here, at) - 1
        within = at - self.here[n]
        return self.there[n] + (within if self._copied(n) else 0)

    def end(self, at: int) -> int:
        """Offset in the original just after the character before ``at``."""
        if at <= 0:
            return self.start(0)
        n = bisect_right(self.here, at - 1) - 1
        if self._copied(n):
            return self.there[n] + (at - self.here[n])
        return self.there[n] + self.lengths[n]

    def with_blanks(self, places: Sequence[int]) -> Clean:
        """A blank put in before each of these characters; within a replaced run none can be."""
        parts: list[tuple[str, int, int]] = []
        for n, (first, there) in enumerate(zip(self.here, self.there, strict=True)):
            after = self.here[n + 1] if n + 1 < len(self.here) else len(self.text)
            cuts = places[bisect_left(places, first) : bisect_left(places, after)]
            if not self._copied(n):
                parts += [(" ", there, 0)] * (first in cuts)
                parts.append((self.text[first:after], there, self.lengths[n]))
                continue
            for m, (start, end) in enumerate(pairwise([first, *cuts, after])):
                parts += [(" ", there + start - first, 0)] * (m > 0)
                parts.append((self.text[start:end], there + start - first, end - start))
        texts, theres, lengths = zip(*(part for part in parts if part[0]), strict=True)
        heres = accumulate(map(len, texts), initial=0)
        return Clean("".join(texts), [*heres][:-1], theres, lengths)

    def _copied(self, n: int) -> bool:
        after = self.here[n + 1] if n + 1 < len(self.here) else len(self.text)
        return after - self.here[n] == self.lengths[n]


SENTENCE_END = re.compile(r"[.;:](?=\s|$)")


def clean(
    text: str,
    words: Container[str] = frozenset(),
    start: int = 0,
    end: int | None = None,
    gone: Sequence[tuple[int, int]] = (),
    headers: frozenset[str] | None = None,
) -> Clean:
    """Clean ``text[start:end]`` without the spans in ``gone``; offsets are those of ``text``.

    ``words`` are known whole words: ``law-`` at a line end before ``enforcement`` keeps its hyphen
    when both halves are known and the joined word is not. ``headers`` are :func:`page_headers` of
    the whole text, worked out here if not given.
    """
    headers = page_headers(text) if headers is None else headers
    builder = _Builder(text, words, start, len(text) if end is None else end, headers)
    before = builder.start
    for first, last in _kept(builder.start, builder.stop, gone):
        builder.read(first, last, apart=SENTENCE_END.search(text, before, first) is not None)
        before = last
    return builder.done()


def _kept(start: int, end: int, gone: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    at = start
    for first, last in gone:
        if last <= at or first >= end:
            continue
        if first > at:
            yield at, first
        at = last
    if at < end:
        yield at, end


class _Builder:
    """Collects runs; ``at`` is always the first character of the original not yet read."""

    def __init__(
        self, text: str, words: Container[str], start: int, stop: int, headers: frozenset[str]
    ) -> None:
        self.raw, self.words, self.start, self.stop = text, words, start, stop
        self.out: list[str] = []
        self.length = 0
        self.last = ""
        self.here: list[int] = []
        self.there: list[int] = []
        self.lengths: list[int] = []
        self.headers = headers
        self.left = {
            one.start(1): one.end()
            for one in _counting(text, LEFT_NUMBER.finditer(text, start, stop), LEAST_LEFT)
        }
        self.right = {
            one.start(): one.end()
            for one in _counting(text, RIGHT_NUMBER.finditer(text, start, stop), LEAST_RIGHT)
        }
        self.margins = sorted(self.right)

    def read(self, first: int, last: int, apart: bool = False) -> None:
        """``apart``: a sentence ends in what is left out before."""
        if self.last not in ("", " ", "\n"):
            self.put("\n" if apart else " ", first, 0)
        indent = INDENT.match(self.raw, first, last)
        at = self.left.get(indent.end() if indent else first, first)
        while at < last:
            margin = self._next_margin(at, last)
            found = SPECIAL.search(self.raw, at, margin)
            if found is None:
                self.copy(at, margin)
                if margin == last:
                    return
                at = self.line_break(margin, self._after_blank(self.right[margin], last), last)
                continue
            self.copy(at, found.start())
            if BREAK.search(found.group()):
                at = self.line_break(found.start(), found.end(), last)
            else:
                self.special(found.group(), found.start(), last)
                at = found.end()

    def copy(self, first: int, last: int) -> None:
        if first < last:
            self._add(self.raw[first:last], first, last - first)

    def put(self, new: str, at: int, length: int) -> None:
        """Write ``new`` for what the original has at ``at``; blanks are not doubled."""
        if self.last in ("", " ", "\n"):
            new = new.lstrip(" ")
        if new:
            self._add(new, at, length)

    def _add(self, new: str, at: int, length: int) -> None:
        self.out.append(new)
        self.here.append(self.length)
        self.there.append(at)
        self.lengths.append(length)
        self.length += len(new)
        self.last = new[-1]

    def special(self, found: str, at: int, last: int) -> None:
        if found[0] == "—" and LIST_START.match(self.raw, at + 1):
            self.put(": ", at, 1)
        elif found[0] in SPACES:
            self.put(" ", at, len(found))
        elif found[0] > "\x7f" and not re.match(f"[{INVISIBLE}]", found):
            self.put(_plain(found), at, 1)

    def line_break(self, at: int, end: int, last: int) -> int:
        """Read a line end and all page furniture after it; returns where the next words begin."""
        first, paged = at, False
        breaks = len(BREAK.findall(self.raw[at:end].replace("\r\n", "\n")))
        while end < last:
            line = LINE.match(self.raw, end, last)
            assert line is not None
            words = line.group().strip()
            if words and (PAGE_LINE.fullmatch(words) or _header(words) in self.headers):
                end, paged = line.end(), True
            elif end in self.left:
                end = self.left[end]
            else:
                break
            number_end, end = end, self._after_blank(end, last)
            breaks = 1 if paged else breaks + len(BREAK.findall(self.raw[number_end:end]))
        if end < last and self._joins(first, end):
            return end
        self.put(self._separator(end, last, breaks > 1), first, end - first)
        return end

    def _after_blank(self, at: int, last: int) -> int:
        blank = BLANK.match(self.raw, at, last)
        return blank.end() if blank else at

    def _next_margin(self, at: int, last: int) -> int:
        """Where the next number stands that ends a line, with the blanks before it."""
        n = bisect_left(self.margins, at)
        return min(last, self.margins[n]) if n < len(self.margins) else last

    def _joins(self, at: int, end: int) -> bool:
        """Whether a word goes on over the line end; its hyphen is then gone or stays."""
        before = self.raw[max(self.start, at - 40) : at]
        after = re.compile(r"[A-Za-z]+").match(self.raw, end)
        soft = before.endswith("\u00ad")
        left = re.search(r"([A-Za-z]{2,})[-\u2010\u00ad]$", before)
        if not left or not after or (after[0][0].isupper() and left[1][-1].islower()):
            return False
        whole = (left[1] + after[0]).lower()
        halves = left[1].lower() in self.words and after[0].lower() in self.words
        apart = halves and whole not in self.words
        if not soft and not apart:
            self._drop_hyphen()
        return True

    def _drop_hyphen(self) -> None:
        cut = self.out[-1][:-1]
        self.length -= 1
        self.lengths[-1] -= 1
        self.out[-1] = cut
        self.last = cut[-1:] or (self.out[-2][-1:] if len(self.out) > 1 else "")
        if not cut:
            for runs in (self.out, self.here, self.there, self.lengths):
                runs.pop()

    def _separator(self, end: int, last: int, blank: bool) -> str:
        tail = "".join(self.out[-4:])[-6:].rstrip()
        if self.last == "-" and re.search(r" -$", tail):
            return "\n"
        ended = re.search(r"(?:[;:!?]|(?<!\b[A-Z])\.)[\"')]*$|[;,] ?(?:and|or)$", tail)
        following = UNSEEN.sub("", self.raw[end : min(last, end + 24)])
        if ended:
            return "\n" if blank or PARAGRAPH_START.match(following) else " "
        return "\n" if blank and following[:1].isupper() else " "

    def done(self) -> Clean:
        return Clean("".join(self.out), self.here or [0], self.there or [0], self.lengths or [0])


def _plain(one: str) -> str:
    known = LETTERS.get(one)
    if known is not None:
        return known
    parts = unicodedata.normalize("NFKD", one)
    return "".join(part for part in parts if part < "\x7f") or "?"


def _header(line: str) -> str:
    return re.sub(r"[\d\W]+", " ", line.lower()).strip()


def page_headers(text: str) -> frozenset[str]:
    """Short lines without a sentence's end that come back on every page."""
    if text.count("\n") + text.count("\f") < REPEATED:
        return frozenset()
    lines = Counter(
        _header(line)
        for line in BREAK.split(text)
        if 8 <= len(line.strip()) <= 80
        and line.strip()[-1] not in ".;:,("
        and not SAYS_SOMETHING.search(line)
    )
    return frozenset(line for line, count in lines.items() if count >= REPEATED and len(line) >= 8)


def _counting(text: str, numbers: Iterable[re.Match[str]], least: int) -> Iterator[re.Match[str]]:
    """Those of ``numbers`` that count lines: so many in a row, each one more than the last."""
    row: list[re.Match[str]] = []
    for found in numbers:
        new_page = int(found[1]) == 1 and len(row) >= least
        if row and not new_page and not _follows(text, row[-1], found):
            if len(row) >= least:
                yield from row
            row = []
        row.append(found)
    if len(row) >= least:
        yield from row


def _follows(text: str, one: re.Match[str], another: re.Match[str]) -> bool:
    lines = text.count("\n", one.end(), another.start(1))
    return lines <= FEW_LINES and int(another[1]) - int(one[1]) in (1, lines or 1)
