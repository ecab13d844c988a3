"""Rows as PostgreSQL's binary COPY says them, and the sum over them."""

from __future__ import annotations

import pytest

from hubwire.backends.moving.rows import digest_of, packer


@pytest.mark.parametrize(
    ("kind", "value", "packed"),
    [
        ("int8", -2, b"\x00\x00\x00\x08\xff\xff\xff\xff\xff\xff\xff\xfe"),
        ("int4", 258, b"\x00\x00\x00\x04\x00\x00\x01\x02"),
        ("int2", 3, b"\x00\x00\x00\x02\x00\x03"),
        ("bool", 1, b"\x00\x00\x00\x01\x01"),
        ("bool", 0, b"\x00\x00\x00\x01\x00"),
        ("text", "é\x00", b"\x00\x00\x00\x05\xc3\xa9\xef\xbf\xbd"),
        ("bytea", b"\x00\x01", b"\x00\x00\x00\x02\x00\x01"),
        ("bytea", "{}", b"\x00\x00\x00\x02{}"),
        ("text", None, b"\xff\xff\xff\xff"),
    ],
)
def test_each_type_is_packed_as_postgresql_sends_it(kind: str, value: object, packed: bytes) -> None:
    assert packer([kind])([value]) == b"\x00\x01" + packed


def test_a_row_begins_with_the_number_of_its_columns() -> None:
    assert packer(["bool", "bool"])([1, None]) == b"\x00\x02\x00\x00\x00\x01\x01\xff\xff\xff\xff"


def test_the_sum_does_not_depend_on_the_order_but_on_every_row() -> None:
    rows = [b"a", b"b", b"b", b"c"]
    assert digest_of(rows) == digest_of(reversed(rows))
    assert digest_of(rows).checksum == digest_of(sorted(rows, reverse=True)).checksum
    for other in ([b"a", b"b", b"c"], [b"a", b"b", b"c", b"c"], [b"a", b"b", b"b", b"d"], []):
        assert digest_of(other) != digest_of(rows)
        assert digest_of(other).checksum != digest_of(rows).checksum


def test_sums_of_parts_add_up() -> None:
    whole, part = digest_of([b"a", b"b", b"c"]), digest_of([b"c"])
    part.add(digest_of([b"b", b"a"]))
    assert part == whole
    assert (part.rows, part.checksum) == (3, whole.checksum)
