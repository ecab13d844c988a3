"""Recent ids: every message that was added is a candidate, memory stays bounded, the window is kept."""

from __future__ import annotations

from collections.abc import Iterable

from hubwire.journal.caches import RecentIds

HOUR_MS = 3_600_000


DAY_MS = 24 * HOUR_MS


def spread(numbers: Iterable[int]) -> list[int]:
    """Numbers as keys that differ in all their bits, as digests do."""
    return [number * 0x9E3779B97F4A7C15 % 2**64 for number in numbers]


def recent(*, window_ms: int = DAY_MS, max_count: int = 1 << 20, first_slots: int = 16) -> RecentIds:
    return RecentIds(window_ms=window_ms, max_count=max_count, first_slots=first_slots)


def test_the_same_key_twice_gives_both_positions() -> None:
    ids = recent()
    ids.add([5, 5], 10, 0)
    assert ids.candidates([5]) == {0: [10, 11]}


def test_tables_grow_fourfold_while_they_fill_fast() -> None:
    ids = recent()
    ids.add(spread(range(8)), 1, 0)
    assert ids.table_count == 1
    ids.add(spread(range(8, 40)), 9, 1000)
    assert ids.table_count == 2
    assert len(ids) == 40


def test_a_table_leaves_when_its_newest_message_leaves_the_window() -> None:
    ids = recent(window_ms=HOUR_MS)
    ids.add(spread(range(8)), 1, 0)
    ids.add(spread(range(8, 16)), 9, HOUR_MS)
    assert ids.candidates(spread([0])) == {0: [1]}
    # The second table is full: a third begins, and the first one is out of the window by now.
    ids.add(spread(range(16, 24)), 17, HOUR_MS + 1)
    assert ids.candidates(spread([0])) == {}
    assert ids.candidates(spread([8])) == {0: [9]}


def test_no_more_than_the_bound_is_remembered_and_the_oldest_leaves_first() -> None:
    ids = recent(max_count=64)
    for start in range(0, 1000, 8):
        ids.add(spread(range(start, start + 8)), start + 1, start)
        assert len(ids) <= 64
    assert ids.candidates(spread([999])) == {0: [1000]}
    assert ids.candidates(spread([0])) == {}


def test_a_restart_fills_one_table() -> None:
    ids = recent()
    ids.reserve(1000)
    for start in range(0, 1000, 100):
        ids.add(spread(range(start, start + 100)), start + 1, 0)
    assert ids.table_count == 1
    assert ids.candidates(spread([999])) == {0: [1000]}
