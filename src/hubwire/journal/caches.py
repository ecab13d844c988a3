"""The facts that a journal keeps in memory, so that it need not search its database: recent message ids, and counts.

De-duplication uses tables with open addressing (64-bit keys -> positions), because a b-tree would cost more than the
append itself. A hit is only a candidate: the journal compares the real row, so a collision can never lose a message. A
table is never rehashed; when it is half full, a larger one is added. A table is dropped when its newest message leaves
the window.
"""

from __future__ import annotations

import mmap
import threading
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

POSITION_BITS = 40
POSITION_MASK = (1 << POSITION_BITS) - 1
SLOT_BYTES = 8
GROWTH = 4


class _Table:
    """A fixed number of slots; a slot holds the top 24 bits of a key and the position, 0 is empty."""

    __slots__ = ("count", "first_at_ms", "limit", "mask", "newest_at_ms", "slots")

    def __init__(self, slot_count: int) -> None:
        # Anonymous mapping: zeroed lazily by the kernel, so that a large table costs nothing at once.
        self.slots = memoryview(mmap.mmap(-1, slot_count * SLOT_BYTES)).cast("Q")
        self.mask = slot_count - 1
        self.limit = slot_count // 2
        self.count = 0
        self.first_at_ms = 0
        self.newest_at_ms = 0


class RecentIds:
    """Positions of recently appended messages by key.

    Units: 16 bytes per message at most half of the time, 32 at worst while a new table fills; `max_count` messages
    are remembered at most, then the oldest table leaves before its window has passed.
    """

    def __init__(self, *, window_ms: int, max_count: int, first_slots: int = 1 << 18) -> None:
        self._window_ms = window_ms
        self._max_count = max_count
        self._max_slots = 1 << max(4, (max_count // 2).bit_length())
        self._first_slots = min(first_slots, self._max_slots)
        self._tables: list[_Table] = []

    def __len__(self) -> int:
        return sum(table.count for table in self._tables)

    @property
    def table_count(self) -> int:
        return len(self._tables)

    def reserve(self, count: int) -> None:
        """Make room for `count` messages in one table, before the messages of a restart are read back."""
        slots = self._first_slots
        while slots // 2 <= count and slots < self._max_slots:
            slots *= 2
        self._tables.append(_Table(slots))

    def candidates(self, keys: Sequence[int]) -> dict[int, list[int]]:
        """Positions that may hold the message, by index into `keys`. A missing index is certainly new."""
        positions: dict[int, list[int]] = {}
        for table in self._tables:
            slots, mask = table.slots, table.mask
            for index, slot in enumerate([slots[key & mask] for key in keys]):
                if not slot:
                    continue
                key = keys[index]
                at = key & mask
                while slot:
                    if slot >> POSITION_BITS == key >> POSITION_BITS:
                        positions.setdefault(index, []).append(slot & POSITION_MASK)
                    at = (at + 1) & mask
                    slot = slots[at]
        return positions

    def add(self, keys: Sequence[int], first_position: int, now_ms: int) -> None:
        """Remember messages of consecutive positions, committed at `now_ms`."""
        done = 0
        while done < len(keys):
            table = self._open_table(now_ms)
            room = table.limit - table.count
            part = keys[done : done + room]
            _put(table, part, first_position + done)
            table.newest_at_ms = max(table.newest_at_ms, now_ms)
            done += len(part)

    def _open_table(self, now_ms: int) -> _Table:
        if self._tables and self._tables[-1].count < self._tables[-1].limit:
            return self._tables[-1]
        slots = self._first_slots
        if self._tables:
            last = self._tables[-1]
            filled_fast = now_ms - last.first_at_ms < self._window_ms // GROWTH
            slots = min((last.mask + 1) * (GROWTH if filled_fast else 1), self._max_slots)
        self._tables = [table for table in self._tables if table.newest_at_ms >= now_ms - self._window_ms]
        while self._tables and len(self) + slots // 2 > self._max_count:
            self._tables.pop(0)
        table = _Table(slots)
        table.first_at_ms = now_ms
        self._tables.append(table)
        return table


def _put(table: _Table, keys: Sequence[int], first_position: int) -> None:
    slots, mask = table.slots, table.mask
    position = first_position
    for key in keys:
        at = key & mask
        while slots[at]:
            at = (at + 1) & mask
        slots[at] = (key >> POSITION_BITS << POSITION_BITS) | position
        position += 1
    table.count += len(keys)


RECOUNT_BELOW = 10_000

Db = TypeVar("Db")


class Stream(NamedTuple):
    """The messages that a lane reads: live or backfill, from some sources or (None) from all."""

    source_ids: tuple[int, ...] | None
    is_backfill: bool

    @classmethod
    def of(cls, source_ids: Sequence[int] | None, is_backfill: bool) -> Stream:
        """The same value for the same sources in any order."""
        return cls(None if source_ids is None else tuple(sorted(source_ids)), is_backfill)


class Backlogs(Generic[Db]):
    """Exact counts of the messages behind a position, cheap to repeat. `between(db, stream, low, high)` counts rows:
    low < position <= high.

    It remembers two facts for each stream: ranges without messages, so that a lane with quiet sources does not scan the
    messages of all others again, and a large count, so that a repeated query counts only the changes.
    Positions become visible in order, and appended messages do not change, so an empty range stays empty.
    """

    def __init__(self, between: Callable[[Db, Stream, int, int], int]) -> None:
        self._between = between
        self._empty: dict[Stream, tuple[int, int]] = {}
        self._counted: dict[Stream, tuple[int, int, int]] = {}
        self._lock = threading.Lock()

    def begin(self, stream: Stream, after: int) -> int:
        """The position from which to search for messages behind `after`; the range in between is empty."""
        with self._lock:
            low, high = self._empty.get(stream, (0, 0))
        return high if low <= after <= high else after

    def found(self, stream: Stream, after: int, first: int | None, newest: int) -> None:
        """Remember that the first row behind `after` is at `first`, or that there is none up to `newest`."""
        nothing_through = newest if first is None else first - 1
        with self._lock:
            low, high = self._empty.get(stream, (0, 0))
            if low <= after <= high:
                self._empty[stream] = (low, max(high, nothing_through))
            elif nothing_through >= after:
                self._empty[stream] = (after, nothing_through)

    def count(self, db: Db, stream: Stream, after: int, oldest: int, newest: int) -> int:
        """The number of a stream's rows behind `after`. `oldest` and `newest`: the journal's positions in the same
        snapshot."""
        with self._lock:
            known = self._counted.get(stream)
        # A large count is carried forward. A small one is counted again, which also corrects it after `forget`.
        is_carried = known is not None and known[0] <= after <= known[1] <= newest and oldest <= known[0] + 1
        if known is not None and is_carried and known[2] > RECOUNT_BELOW:
            count = known[2] - self._between(db, stream, known[0], after) + self._between(db, stream, known[1], newest)
        else:
            count = self._between(db, stream, after, newest)
        with self._lock:
            self._counted[stream] = (after, newest, count)
        return count
