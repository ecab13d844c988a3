"""Counts of what lies behind a position, exact. Asked again, only what came and went since is counted.

Pure bookkeeping: the backend says how many rows lie between two positions.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

RECOUNT_BELOW = 100_000

Db = TypeVar("Db")


class Stream(NamedTuple):
    """What a lane reads: live or backfill, from some sources or (None) from all."""

    source_ids: tuple[int, ...] | None
    is_backfill: bool

    @classmethod
    def of(cls, source_ids: Sequence[int] | None, is_backfill: bool) -> Stream:
        """The same value for the same sources in any order."""
        return cls(None if source_ids is None else tuple(sorted(source_ids)), is_backfill)


class Backlogs(Generic[Db]):
    """Remembers the last count of each stream. `between(db, stream, low, high)` counts rows with low < position <= high
    in the same snapshot that gave `oldest` and `newest`."""

    def __init__(self, between: Callable[[Db, Stream, int, int], int]) -> None:
        self._between = between
        self._known: dict[Stream, tuple[int, int, int]] = {}
        self._lock = threading.Lock()

    def count(self, db: Db, stream: Stream, after: int, oldest: int, newest: int) -> int:
        """How many rows of a stream lie behind `after`; `oldest` and `newest` are the journal's positions now."""
        with self._lock:
            known = self._known.get(stream)
        # A large count is carried forward; a small one is cheap to take anew, which also heals what `forget` removed.
        is_carried = known is not None and known[0] <= after <= known[1] <= newest and oldest <= known[0] + 1
        if known is not None and is_carried and known[2] > RECOUNT_BELOW:
            count = known[2] - self._between(db, stream, known[0], after) + self._between(db, stream, known[1], newest)
        else:
            count = self._between(db, stream, after, newest)
        with self._lock:
            self._known[stream] = (after, newest, count)
        return count
