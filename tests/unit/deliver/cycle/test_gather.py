"""Slices: few enough messages to be decoded at once."""

from __future__ import annotations

from hubwire.deliver.cycle.gather import SLICE_BYTES, SLICE_MESSAGES, slices
from hubwire.message import JournalRow


def rows(count: int, size_bytes: int) -> list[JournalRow]:
    return [
        JournalRow(position, 1, f"m{position}", 0, b"x" * size_bytes, None, False, None) for position in range(count)
    ]


def test_small_messages_are_decoded_a_thousand_at_a_time_in_their_order() -> None:
    made = rows(2 * SLICE_MESSAGES + 1, 10)
    groups = list(slices(made))
    assert [len(group) for group in groups] == [SLICE_MESSAGES, SLICE_MESSAGES, 1]
    assert [row for group in groups for row in group] == made


def test_of_large_messages_a_slice_has_fewer_and_at_least_one() -> None:
    assert [len(group) for group in slices(rows(5, SLICE_BYTES // 2))] == [2, 2, 1]
    assert [len(group) for group in slices(rows(2, 2 * SLICE_BYTES))] == [1, 1]
    assert list(slices([])) == []
