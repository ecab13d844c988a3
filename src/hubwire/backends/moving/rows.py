"""Rows in PostgreSQL's binary COPY format, for writing, reading back and comparing byte by byte.

Source: PostgreSQL 15, "COPY", section "Binary Format", and the `…send` functions of the types.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from hubwire.backends.postgres.connection import storable
from hubwire.backends.postgres.pool import Db

CHUNK_BYTES = 64 * 1024

_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_TRUE, _FALSE = b"\x00\x00\x00\x01\x01", b"\x00\x00\x00\x01\x00"
_MASK = (1 << 128) - 1

Pack = Callable[[Any], bytes]


class Digest:
    """The number of rows, and the sum of their 128-bit hashes, which does not depend on their order."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def counted(self, rows: Iterable[bytes]) -> Iterator[bytes]:
        """The same rows; each one is added to the digest as it passes."""
        for row in rows:
            self.rows += 1
            self._sum += int.from_bytes(hashlib.blake2b(row, digest_size=16).digest(), "big")
            yield row

    def add(self, other: Digest) -> None:
        """Add all rows of another digest."""
        self.rows += other.rows
        self._sum += other._sum

    @property
    def checksum(self) -> str:
        return f"{self._sum & _MASK:032x}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Digest) and (self.rows, self._sum) == (other.rows, other._sum)

    __hash__ = None  # type: ignore[assignment]  # it grows


def digest_of(rows: Iterable[bytes]) -> Digest:
    """The digest of all rows."""
    digest = Digest()
    for _ in digest.counted(rows):
        pass
    return digest


def packer(types: Sequence[str]) -> Callable[[Sequence[Any]], bytes]:
    """The function that packs a row of SQLite values for columns of PostgreSQL types.

    Shape: numbers become booleans for boolean columns, and texts become bytes; text is made storable.
    """
    packs = [_PACKS[kind] for kind in types]
    head = len(packs).to_bytes(2, "big")

    def pack(row: Sequence[Any]) -> bytes:
        return head + b"".join(
            [_NULL if value is None else pack(value) for pack, value in zip(packs, row, strict=True)]
        )

    return pack


def _integer(size: int) -> Pack:
    head = size.to_bytes(4, "big")
    return lambda value: head + value.to_bytes(size, "big", signed=True)


def _text(value: str) -> bytes:
    encoded = storable(value).encode()
    return len(encoded).to_bytes(4, "big") + encoded


def _bytes(value: bytes | str) -> bytes:
    encoded = value if isinstance(value, bytes) else value.encode()
    return len(encoded).to_bytes(4, "big") + encoded


_PACKS: dict[str, Pack] = {
    "bool": lambda value: _TRUE if value else _FALSE,
    "bytea": _bytes,
    "text": _text,
    "int2": _integer(2),
    "int4": _integer(4),
    "int8": _integer(8),
}


def write_rows(db: Db, table: str, columns: Sequence[str], rows: Iterable[bytes]) -> None:
    """Copy packed rows into a table, in the current transaction."""
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT binary)"
    with db.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        for chunk in _chunks(rows):
            copy.write(chunk)


def _chunks(rows: Iterable[bytes]) -> Iterator[bytes]:
    parts, size = [_HEADER], 0
    for row in rows:
        parts.append(row)
        size += len(row)
        if size >= CHUNK_BYTES:
            yield b"".join(parts)
            parts, size = [], 0
    yield b"".join([*parts, _TRAILER])


def read_rows(db: Db, select: str) -> Iterator[bytes]:
    """The packed rows of a query. The server sends each in a message of its own, the header with the first."""
    with db.cursor() as cursor, cursor.copy(f"COPY ({select}) TO STDOUT (FORMAT binary)".encode()) as copy:
        for message in copy:
            row = bytes(message).removeprefix(_HEADER)
            if row and row != _TRAILER:
                yield row
