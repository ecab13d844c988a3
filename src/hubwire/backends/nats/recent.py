"""An appender's knowledge of the messages in the groups of the last hours.

It stores keys of eight bytes in memory (`RecentIds`), which point at candidates. Each candidate is compared in full
with the message in the stream. `RecentIds` numbers single messages, so groups are numbered here too.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence

from hubwire.backends.nats.group import Head, digests_of
from hubwire.journal.caches import RecentIds
from hubwire.message import Entry

MARK_GROUPS = 4096


class RecentGroups:
    """The messages of the groups within the window.

    Units: 16 bytes for each group in addition to `RecentIds`, for at most two windows.
    """

    def __init__(self, *, window_ms: int, max_count: int) -> None:
        self._window_ms = window_ms
        self._ids = RecentIds(window_ms=window_ms, max_count=max_count)
        self._firsts = array("Q", [1])
        """The number of each group's first message, and at the end the next one."""
        self._sequences = array("Q")
        self._marks: deque[tuple[int, int]] = deque()
        """Samples of the number reached, with the time when its message was received."""

    def add(self, sequence: int, head: Head) -> None:
        """Take on the next group."""
        keys = head.keys
        first = self._firsts[-1]
        self._ids.add(keys, first, head.last_at_ms)
        self._sequences.append(sequence)
        self._firsts.append(first + len(keys))
        if len(self._sequences) % MARK_GROUPS == 0:
            self._marks.append((first, head.last_at_ms))
            self._forget(head.last_at_ms - 2 * self._window_ms)

    def candidates(self, entries: Sequence[Entry]) -> dict[int, list[int]]:
        """Sequences of groups that may hold an entry's message, by the entry's index."""
        keys = array("Q")
        keys.frombytes(digests_of([entry.message_id for entry in entries]))
        oldest = self._firsts[0]
        return {
            index: [self._sequences[bisect_right(self._firsts, number) - 1] for number in numbers if number >= oldest]
            for index, numbers in self._ids.candidates(keys).items()
        }

    def _forget(self, before_ms: int) -> None:
        oldest = 0
        while self._marks and self._marks[0][1] < before_ms:
            oldest, _ = self._marks.popleft()
        if oldest:
            at = bisect_right(self._firsts, oldest) - 1
            del self._firsts[:at], self._sequences[:at]
