"""Exact counts of the messages behind a position, cheap to repeat. Pure bookkeeping: the backend does the counting.

It remembers two facts for each stream: ranges without messages, so that a lane with quiet sources does not scan the
messages of all others again, and a large count, so that a repeated query counts only the changes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

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
    """Remembers the counts of each stream. `between(db, stream, low, high)` counts rows: low < position <= high.

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
