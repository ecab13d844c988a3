"""A journal whose positions have gaps, seen as if they had none: the suite counts messages, not what lies between."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from msgspec.structs import replace

from hubwire.journal.protocol import Extent, Journal
from hubwire.message import Entry, JournalRow

BEYOND = 1 << 52


class RankedJournal:
    """The journal behind it, with 1, 2, 3… for the positions in the order in which they were given out.

    Errors: AssertionError when positions do not grow.
    """

    group_positions = 1

    def __init__(self, journal: Journal, given: list[int]) -> None:
        self._journal = journal
        self._given = given

    def append(self, entries: Sequence[Entry]) -> list[int | None]:
        positions = self._journal.append(entries)
        fresh = [position for position in positions if position is not None]
        assert [*self._given[-1:], *fresh] == sorted({*self._given[-1:], *fresh}), "positions must grow"
        self._given += fresh
        return [None if position is None else self._rank(position) for position in positions]

    def read(
        self, after: int, limit: int, *, source_ids: Sequence[int] | None = None, is_backfill: bool | None = None
    ) -> list[JournalRow]:
        return self._ranked(
            self._journal.read(self._position(after), limit, source_ids=source_ids, is_backfill=is_backfill)
        )

    def read_at(self, positions: Sequence[int]) -> dict[int, JournalRow]:
        rows = self._journal.read_at([self._position(rank) for rank in positions]).values()
        return {row.position: row for row in self._ranked(list(rows))}

    def find(self, message_id: str) -> list[JournalRow]:
        return self._ranked(self._journal.find(message_id))

    def newest(self, before: int | None, limit: int) -> list[JournalRow]:
        return self._ranked(self._journal.newest(None if before is None else self._position(before), limit))

    def extent(self) -> Extent:
        first, last = self._journal.extent()
        return Extent(self._rank(first) if first else 0, bisect_right(self._given, last))

    def count_after(
        self, after: int, *, source_ids: Sequence[int] | None = None, is_backfill: bool = False
    ) -> tuple[int, int | None]:
        return self._journal.count_after(self._position(after), source_ids=source_ids, is_backfill=is_backfill)

    def remove_through(self, position: int, limit: int) -> int:
        return self._journal.remove_through(self._position(position), limit)

    def redact(self, positions: Sequence[int]) -> int:
        return self._journal.redact([self._position(rank) for rank in positions])

    def close(self) -> None:
        self._journal.close()

    def _position(self, rank: int) -> int:
        return 0 if rank == 0 else self._given[rank - 1] if rank <= len(self._given) else BEYOND + rank

    def _rank(self, position: int) -> int:
        at = bisect_left(self._given, position)
        assert self._given[at] == position
        return at + 1

    def _ranked(self, rows: list[JournalRow]) -> list[JournalRow]:
        return [replace(row, position=self._rank(row.position)) for row in rows]
