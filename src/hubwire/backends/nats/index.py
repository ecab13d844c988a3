"""The index of groups by source and stream, with message counts, for counting and reading. Pure.

It stores two numbers for each group and kind in arrays, so a backlog of a million groups takes some tens of megabytes.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from heapq import merge

from hubwire.record.intake import Count


class _Kind:
    """The groups with messages of one kind: their sequences, and the totals up to and with each."""

    __slots__ = ("forgotten", "sequences", "totals")

    def __init__(self) -> None:
        self.sequences = array("Q")
        self.totals = array("Q")
        self.forgotten = 0
        """The total before the first group of the index."""

    def add(self, sequence: int, count: int) -> None:
        self.totals.append((self.totals[-1] if self.totals else self.forgotten) + count)
        self.sequences.append(sequence)

    def count_after(self, sequence: int) -> int:
        at = bisect_right(self.sequences, sequence)
        return 0 if at == len(self.sequences) else self.totals[-1] - self._before(at)

    def forget_before(self, sequence: int) -> None:
        at = bisect_left(self.sequences, sequence)
        # Not bit by bit: dropping the front moves everything behind it.
        if at > len(self.sequences) // 2:
            self.forgotten = self._before(at)
            del self.sequences[:at], self.totals[:at]

    def _before(self, at: int) -> int:
        return self.totals[at - 1] if at else self.forgotten

    def change(self, sequence: int, count: int) -> None:
        """Correct the count of one group."""
        at = bisect_right(self.sequences, sequence) - 1
        if at < 0 or self.sequences[at] != sequence:
            return
        difference = count - (self.totals[at] - self._before(at))
        for later in range(at, len(self.totals)):
            self.totals[later] += difference


class StreamIndex:
    """Deliverable messages (not rejected) by kind, from the sequence `start` on."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.removed_before = 0
        """Groups with lower sequences have left the stream."""
        self._kinds: dict[tuple[int, bool], _Kind] = {}

    def add(self, sequence: int, counts: Iterable[Count]) -> None:
        """Add the next group."""
        for count in counts:
            if count.rejected is None:
                self._kinds.setdefault((count.source_id, count.is_backfill), _Kind()).add(sequence, count.total)

    def change(self, sequence: int, counts: Iterable[Count]) -> None:
        """Replace the counts of a group; a kind that it no longer has counts zero."""
        now = {(count.source_id, count.is_backfill): count.total for count in counts if count.rejected is None}
        for key, kind in self._kinds.items():
            kind.change(sequence, now.get(key, 0))

    def count_after(self, sequence: int, source_ids: Sequence[int] | None, is_backfill: bool) -> int:
        """The number of matching messages in the groups behind a sequence."""
        sequence = max(sequence, self.removed_before - 1)
        return sum(kind.count_after(sequence) for kind in self._kinds_of(source_ids, is_backfill))

    def next_groups(self, first: int, source_ids: Sequence[int] | None, is_backfill: bool, limit: int) -> list[int]:
        """The next sequences, from `first` on, with matching messages."""
        first = max(first, self.removed_before)
        slices = []
        for kind in self._kinds_of(source_ids, is_backfill):
            at = bisect_right(kind.sequences, first - 1)
            slices.append(kind.sequences[at : at + limit])
        return list(dict.fromkeys(merge(*slices)))[:limit]

    def forget_before(self, sequence: int) -> None:
        """Forget everything before a sequence; nobody reads it again."""
        self.start = max(self.start, sequence)
        for kind in self._kinds.values():
            kind.forget_before(sequence)

    def _kinds_of(self, source_ids: Sequence[int] | None, is_backfill: bool) -> list[_Kind]:
        return [
            kind
            for (source_id, backfill), kind in self._kinds.items()
            if backfill is is_backfill and (source_ids is None or source_id in source_ids)
        ]
