"""The positions of recent messages by source and stream, so that many lanes need not search one journal each.

A lane of one source would pass the messages of all other sources to find its own, so the work of many lanes would grow
with the square of their number. Here the journal is searched once for all of them.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import merge
from itertools import islice
from typing import Any, NamedTuple

from hubwire.journal.caches import Backlogs, Stream
from hubwire.message import JournalRow

MAX_POSITIONS = 1 << 20
"""The longest range of positions. Its messages take 8 bytes each; two such ranges may be in memory."""

Place = tuple[int, int, bool]
"""Position, source and stream (whether it is an import) of a deliverable message."""


class Access(NamedTuple):
    """How to ask the journal.

    Shape: `ends` gives its first and last committed position; `places(low, high)` the deliverable messages with
    low < position <= high, in order for each source and stream; `rows_at` the rows that are still there.
    """

    ends: Callable[[], tuple[int, int]]
    places: Callable[[int, int], Iterable[Place]]
    rows_at: Callable[[Sequence[int]], Mapping[int, JournalRow]]


class StreamPositions:
    """The deliverable messages of streams with named sources.

    Positions become visible in order. A message that was redacted or removed is forgotten when a reader misses it.
    Methods return None for a stream of all sources, which needs no search, and for a position that is too far back.
    """

    def __init__(self, access: Access, backlogs: Backlogs[Any], max_count: int = MAX_POSITIONS) -> None:
        self._access = access
        self._backlogs = backlogs
        self._max_count = max_count
        self._kinds: dict[tuple[int, bool], array[int]] = {}
        self._after = self._through = 0
        """The known range: after < position <= through."""
        self._lock = threading.Lock()

    @property
    def known_count(self) -> int:
        """The number of messages in memory."""
        return sum(len(kind) for kind in self._kinds.values())

    def read(self, stream: Stream, after: int, limit: int) -> list[JournalRow] | None:
        """The first rows behind a position."""
        while (found := self._behind(stream, after, limit)) is not None:
            _, positions = found
            rows = self._deliverable(positions)
            if len(rows) == len(positions):
                return rows
        return None

    def count(self, stream: Stream, after: int) -> tuple[int, int | None] | None:
        """The number of messages behind a position, and receivedAt (ms) of the first."""
        while (found := self._behind(stream, after, 1)) is not None:
            count, positions = found
            if not positions:
                return 0, None
            rows = self._deliverable(positions)
            if rows:
                return count, rows[0].received_at_ms
        return None

    def _deliverable(self, positions: Sequence[int]) -> list[JournalRow]:
        """The rows that a lane may still read; the others are forgotten."""
        found = self._access.rows_at(positions) if positions else {}
        rows = [row for position in positions if (row := found.get(position)) is not None and row.rejected is None]
        if len(rows) < len(positions):
            self._forget(set(positions) - {row.position for row in rows})
        return rows

    def _behind(self, stream: Stream, after: int, limit: int) -> tuple[int, list[int]] | None:
        """The number of messages behind a position, and the first of their positions."""
        if stream.source_ids is None:
            return None
        oldest, newest = self._access.ends()
        begin = max(self._backlogs.begin(stream, after), oldest - 1)
        with self._lock:
            if not self._follow(begin, newest):
                return None
            found = [(kind, bisect_right(kind, begin)) for kind in self._kinds_of(stream)]
            count = sum(len(kind) - at for kind, at in found)
            positions = list(islice(merge(*(kind[at : at + limit] for kind, at in found)), limit))
        self._backlogs.found(stream, after, positions[0] if positions else None, newest)
        return count, positions

    def _forget(self, positions: Iterable[int]) -> None:
        with self._lock:
            for position in positions:
                for kind in self._kinds.values():
                    at = bisect_left(kind, position)
                    if at < len(kind) and kind[at] == position:
                        del kind[at]

    def _follow(self, after: int, newest: int) -> bool:
        """Know the range between these positions. Returns False if it is too long."""
        if newest - after > self._max_count:
            return False
        if newest - self._through > self._max_count:
            self._kinds, self._after, self._through = {}, after, after
        if newest > self._through:
            _add(self._kinds, self._access.places(self._through, newest))
            self._through = newest
        if after < self._after:
            kinds: dict[tuple[int, bool], array[int]] = {}
            _add(kinds, self._access.places(after, self._after))
            for key, kind in kinds.items():
                self._kinds[key] = kind + self._kinds.get(key, array("q"))
            self._after = after
        if self._through - self._after > 2 * self._max_count:
            self._after = self._through - self._max_count
            for kind in self._kinds.values():
                del kind[: bisect_right(kind, self._after)]
        return True

    def _kinds_of(self, stream: Stream) -> Iterable[array[int]]:
        kinds = (self._kinds.get((source_id, stream.is_backfill)) for source_id in stream.source_ids or ())
        return [kind for kind in kinds if kind]


def _add(kinds: dict[tuple[int, bool], array[int]], places: Iterable[Place]) -> None:
    for position, source_id, is_backfill in places:
        key = (source_id, bool(is_backfill))
        kind = kinds.get(key)
        if kind is None:
            kind = kinds[key] = array("q")
        kind.append(position)
