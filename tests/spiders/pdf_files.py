"""PDF files made by hand: just enough of the format to hold lines of text."""

from __future__ import annotations

import zlib
from collections.abc import Sequence


def pdf_of(*pages: Sequence[str]) -> bytes:
    """One page per sequence of lines, in Helvetica (Windows-1252 characters only)."""
    return assemble([page_stream(lines) for lines in pages])


def page_stream(lines: Sequence[str]) -> bytes:
    moves = b"".join(
        b"(" + line.encode("cp1252").translate(None, b"\0").replace(b"\\", b"\\\\")
        .replace(b"(", b"\\(").replace(b")", b"\\)") + b") Tj T*\n"
        for line in lines
    )  # fmt: skip
    return b"BT /F1 11 Tf 14 TL 72 740 Td\n" + moves + b"ET"


def assemble(streams: Sequence[bytes]) -> bytes:
    """A whole file around page content streams, compressed, with a correct cross-reference."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(streams)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(streams)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, stream in enumerate(streams):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792]"
            b" /Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>" % (5 + 2 * number)
        )
        packed = zlib.compress(stream, 9)
        objects.append(
            b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(packed), packed)
        )
    out = b"%PDF-1.4\n"
    offsets = []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return (
        out
        + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
        + table
        + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (len(objects) + 1, len(out))
    )
