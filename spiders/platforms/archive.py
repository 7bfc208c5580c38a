"""The files of a folder or a ZIP behind one reader, with limits against bombs."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MEGABYTE = 1024 * 1024
MOST_BYTES_A_FILE = 512 * MEGABYTE
MOST_BYTES = 4096 * MEGABYTE
"""Of all files of a ZIP together, unpacked."""


class BadArchive(Exception):
    """Missing, cut off, encrypted or too big; the message is for people."""


@dataclass(frozen=True)
class Files:
    """``names`` are paths relative to ``origin``; ``read`` gives one file's bytes."""

    origin: Path
    names: frozenset[str]
    read: Callable[[str], bytes]


def open_files(path: Path) -> Files:
    """Raises :class:`BadArchive`; so does ``read``. Nothing is unpacked to disk."""
    if path.is_dir():
        found = {str(file.relative_to(path)): file for file in path.rglob("*") if file.is_file()}
        return Files(path, frozenset(found), lambda name: _read_file(found[name]))
    if not path.is_file():
        raise BadArchive(f"{path}: no such file or folder")
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, EOFError) as error:
        raise BadArchive(
            f"{path} is no ZIP or was cut off while downloading ({error}); download it again"
        ) from error
    total = sum(entry.file_size for entry in archive.infolist())
    if total > MOST_BYTES:
        raise BadArchive(
            f"{path} would unpack to {total // MEGABYTE:,} MB; "
            f"more than {MOST_BYTES // MEGABYTE:,} MB is not read"
        )
    names = frozenset(entry.filename for entry in archive.infolist() if not entry.is_dir())
    return Files(path, names, lambda name: _read_entry(path, archive, name))


def _read_file(file: Path) -> bytes:
    with file.open("rb") as stream:
        return _limited(stream.read(MOST_BYTES_A_FILE + 1), str(file))


def _read_entry(path: Path, archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        with archive.open(name) as stream:
            return _limited(stream.read(MOST_BYTES_A_FILE + 1), f"{path}: {name}")
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise BadArchive(f"{path}: {name} cannot be unpacked: {error}") from error


def _limited(body: bytes, where: str) -> bytes:
    if len(body) > MOST_BYTES_A_FILE:
        raise BadArchive(f"{where} is larger than {MOST_BYTES_A_FILE // MEGABYTE:,} MB; not read")
    return body
