"""Arrays in PostgreSQL's binary format, packed fast for many small values: an append sends one per column.

psycopg's own list dumper decides the type of every element again and takes three times as long (`bench_backends.py`).
Source: PostgreSQL 15, `array_recv`: dimensions, null flag, element type, then length and lower bound of each dimension,
then every element with its length in front, -1 for null.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from psycopg import Connection, pq
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.rows import TupleRow

BOOL, BYTEA, INT8, INT4, TEXT, UUID = 16, 17, 20, 23, 25, 2950

_HEADER = struct.Struct(">iiIii")
_NULL = b"\xff\xff\xff\xff"
_TRUE, _FALSE = b"\x00\x00\x00\x01\x01", b"\x00\x00\x00\x01\x00"
_LENGTH = [length.to_bytes(4, "big") for length in range(4096)]


class Packed(bytes):
    """A packed array. A cast in the statement sets its type."""


class _PackedDumper(Dumper):
    format = pq.Format.BINARY
    oid = 0

    def dump(self, obj: Packed) -> Buffer:
        return obj


def register(db: Connection[TupleRow]) -> None:
    """Let statements of this connection accept packed arrays."""
    db.adapters.register_dumper(Packed, _PackedDumper)


def pack_bytes(values: Sequence[bytes | None], element: int = BYTEA) -> Packed:
    """An array of byte strings, or of texts (`TEXT`) or uuids (`UUID`) given as their bytes."""
    parts = [_header(element, len(values))]
    for value in values:
        if value is None:
            parts.append(_NULL)
        else:
            size = len(value)
            parts.append(_LENGTH[size] if size < 4096 else size.to_bytes(4, "big"))
            parts.append(value)
    return Packed(b"".join(parts))


def pack_texts(values: Sequence[str | None]) -> Packed:
    """An array of texts, which must be storable."""
    return pack_bytes([None if value is None else value.encode() for value in values], TEXT)


def pack_int8(values: Sequence[int]) -> Packed:
    return Packed(
        b"".join([_header(INT8, len(values)), *[b"\x00\x00\x00\x08" + value.to_bytes(8, "big") for value in values]])
    )


def pack_int4(values: Sequence[int]) -> Packed:
    return Packed(
        b"".join([_header(INT4, len(values)), *[b"\x00\x00\x00\x04" + value.to_bytes(4, "big") for value in values]])
    )


def pack_bools(values: Sequence[bool]) -> Packed:
    return Packed(b"".join([_header(BOOL, len(values)), *[_TRUE if value else _FALSE for value in values]]))


def _header(element: int, count: int) -> bytes:
    # An empty array has no dimension at all.
    return _HEADER.pack(1, 1, element, count, 1) if count else struct.pack(">iiI", 0, 0, element)
