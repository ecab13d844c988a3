"""Finds the kind of a file by its first bytes, never by its name: `.json` from S3 is often gzip. Pure.

Sources: RFC 1952 (gzip), RFC 8878 (zstd), the ZIP application note, the Parquet and SQLite file formats.
"""

from __future__ import annotations

import codecs
from enum import StrEnum
from typing import Final

HEAD_BYTES: Final = 64


class Kind(StrEnum):
    """The kind of a file. The values are shown to people."""

    GZIP = "gzip"
    ZSTD = "zstd"
    ZIP = "zip"
    PARQUET = "Parquet"
    SQLITE = "SQLite"
    TEXT = "text"
    EMPTY = "empty"
    OTHER = "other"


_MAGIC: Final = (
    (b"\x1f\x8b", Kind.GZIP),
    (b"\x28\xb5\x2f\xfd", Kind.ZSTD),
    (b"PK\x03\x04", Kind.ZIP),
    (b"PK\x05\x06", Kind.ZIP),
    (b"PAR1", Kind.PARQUET),
    (b"SQLite format 3\x00", Kind.SQLITE),
)
_REFUSED: Final = (
    (b"BZh", "bzip2", "Unpack it first: bunzip2."),
    (b"\xfd7zXZ", "xz", "Unpack it first: unxz."),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)", "Save it as .xlsx or CSV."),
    (b"Obj\x01", "Avro", "Export it as Parquet, CSV or JSON lines."),
    (b"ORC", "ORC", "Export it as Parquet, CSV or JSON lines."),
    (b"%PDF", "a PDF", ""),
    (b"\x89PNG", "an image", ""),
    (b"\xff\xd8\xff", "an image", ""),
    (b"GIF8", "an image", ""),
    (b"\x00\x00\x00\x01Bud1", "a file of macOS's Finder", ""),
)
_MARKUP: Final = (b"<!doctype", b"<?xml", b"<html", b"<table")
_WIDE_MARKS: Final = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_TEXT_CONTROLS: Final = frozenset(b"\t\n\v\f\r\x1b")


def kind_of(head: bytes) -> Kind:
    """The kind of a file, from its first 64 bytes."""
    if not head:
        return Kind.EMPTY
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    return Kind.OTHER if refusal(head) is not None else Kind.TEXT


def marked_encoding(head: bytes) -> str | None:
    """The encoding that a byte order mark of UTF-16 or UTF-32 shows."""
    return next((name for mark, name in _WIDE_MARKS.items() if head.startswith(mark)), None)


def is_wide(encoding: str | None) -> bool:
    """Whether a text in this encoding has NUL bytes."""
    return encoding is not None and b"\x00" in "a".encode(encoding)


def refusal(head: bytes) -> tuple[str, str] | None:
    """Why a file cannot be read, and the remedy; None if it can be read."""
    for magic, name, hint in _REFUSED:
        if head.startswith(magic):
            return name, hint
    if head.removeprefix(codecs.BOM_UTF8).lstrip().lower().startswith(_MARKUP):
        return "HTML or XML", "Open it in a spreadsheet and save it as .xlsx or CSV."
    is_binary = b"\x00" in head or any(byte < 32 and byte not in _TEXT_CONTROLS for byte in head[:4])
    if not is_binary or marked_encoding(head) is not None or any(head.startswith(magic) for magic, _ in _MAGIC):
        return None
    return "a binary file", "Take CSV, JSON lines, Parquet, SQLite or .xlsx."
