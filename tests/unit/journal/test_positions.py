"""The positions of recent messages by source: many lanes search one journal once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hubwire.journal.caches import Backlogs, Stream
from hubwire.journal.positions import Access, Place, StreamPositions
from hubwire.message import JournalRow

SOURCES = 300


class Log:
    """A journal in a dictionary; the rows that a search passed are counted."""

    def __init__(self) -> None:
        self.rows: dict[int, JournalRow] = {}
        self.passed = 0

    def append(self, source_id: int, *, is_backfill: bool = False) -> int:
        position = self._ends()[1] + 1
        self.rows[position] = JournalRow(
            position, source_id, f"m{position}", 1000 + position, b"", None, is_backfill, None
        )
        return position

    def positions(self, max_count: int = 1 << 20) -> StreamPositions:
        backlogs: Backlogs[None] = Backlogs(lambda db, stream, low, high: 0)
        return StreamPositions(Access(self._ends, self._places, self._rows_at), backlogs, max_count)

    def _ends(self) -> tuple[int, int]:
        return next(iter(self.rows), 0), next(reversed(self.rows), 0)

    def _places(self, low: int, high: int) -> list[Place]:
        rows = [self.rows[position] for position in range(low + 1, high + 1) if position in self.rows]
        self.passed += len(rows)
        return [(row.position, row.source_id, row.is_backfill) for row in rows if row.rejected is None]

    def _rows_at(self, positions: Sequence[int]) -> dict[int, JournalRow]:
        return {position: self.rows[position] for position in positions if position in self.rows}


def of(*source_ids: int, is_backfill: bool = False) -> Stream:
    return Stream.of(source_ids, is_backfill)


def found(rows: list[JournalRow] | None) -> list[int]:
    assert rows is not None
    return [row.position for row in rows]


@pytest.fixture
def log() -> Log:
    log = Log()
    for number in range(3 * SOURCES):
        log.append(1 + number % SOURCES)
    return log


def test_many_lanes_pass_each_message_once(log: Log) -> None:
    positions = log.positions()
    for source_id in range(1, SOURCES + 1):
        assert positions.count(of(source_id), 0) == (3, 1000 + source_id)
        assert found(positions.read(of(source_id), source_id, 10)) == [source_id + SOURCES, source_id + 2 * SOURCES]
    assert log.passed == 3 * SOURCES


def test_new_messages_are_found_without_a_new_search_of_old_ones(log: Log) -> None:
    positions = log.positions()
    positions.count(of(1), 0)
    new = log.append(1)
    assert found(positions.read(of(1), 2 * SOURCES + 1, 10)) == [new]
    assert log.passed == 3 * SOURCES + 1


def test_a_lane_that_is_further_back_extends_the_known_range(log: Log) -> None:
    positions = log.positions()
    assert positions.count(of(1), 2 * SOURCES) == (1, 1000 + 2 * SOURCES + 1)
    assert found(positions.read(of(1), 0, 2)) == [1, SOURCES + 1]
    assert log.passed == 3 * SOURCES


def test_several_sources_are_read_in_the_order_of_the_journal_and_imports_apart(log: Log) -> None:
    positions = log.positions()
    imported = log.append(1, is_backfill=True)
    assert found(positions.read(of(2, 1), 0, 3)) == [1, 2, SOURCES + 1]
    assert found(positions.read(of(1, is_backfill=True), 0, 3)) == [imported]


def test_redacted_and_removed_messages_are_neither_read_nor_first(log: Log) -> None:
    positions = log.positions()
    assert positions.count(of(1), 0) == (3, 1001)
    del log.rows[1]
    log.rows[SOURCES + 1] = JournalRow(SOURCES + 1, 1, "m", 1, b"", None, False, "suppressed")
    assert positions.count(of(1), 0) == (1, 1000 + 2 * SOURCES + 1)
    assert found(positions.read(of(1), 0, 10)) == [2 * SOURCES + 1]


def test_what_is_too_far_back_or_of_all_sources_is_not_answered(log: Log) -> None:
    positions = log.positions(max_count=2 * SOURCES)
    assert positions.count(of(1), 0) is None
    assert positions.read(of(1), 0, 1) is None
    assert positions.count(Stream.of(None, is_backfill=False), 3 * SOURCES) is None


def test_the_known_range_stays_bounded(log: Log) -> None:
    positions = log.positions(max_count=SOURCES)
    cursor = 3 * SOURCES
    for _ in range(10 * SOURCES):
        cursor = log.append(1)
        assert found(positions.read(of(1), cursor - 1, 10)) == [cursor]
    assert positions.known_count <= 2 * SOURCES + 1
