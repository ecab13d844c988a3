"""Decides, almost always by heads alone, whether two appenders may have appended the same message. Pure.

With several appenders under load, hardly any group knows all groups before it. Fetching bodies for each comparison
would cost every process as much as the whole stream. The heads have keys of eight bytes, which almost always show that
no comparison is needed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from hubwire.backends.nats.group import Head

MAX_BYTES = 8 << 20
HEAD_BYTES = 500
"""The size of a head without its digests."""


class RecentHeads:
    """The latest heads."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._heads: OrderedDict[int, Head] = OrderedDict()
        self._max_bytes = max_bytes
        self._bytes = 0

    def add(self, sequence: int, head: Head) -> None:
        """Remember a head; beyond the limit, the oldest remembered head is dropped."""
        if sequence in self._heads:
            return
        self._heads[sequence] = head
        self._bytes += _size(head)
        while self._bytes > self._max_bytes:
            _, oldest = self._heads.popitem(last=False)
            self._bytes -= _size(oldest)

    def get(self, sequence: int) -> Head | None:
        return self._heads.get(sequence)


def may_hold_copies(sequence: int, head: Head, known: Callable[[int], Head | None]) -> bool:
    """True if a group may have a message of a group that its appender did not know.

    Shape: True also if a needed head is unknown.
    """
    unknown = range(max(head.knows + 1, 1), sequence)
    if not unknown:
        return False
    keys = set(head.keys)
    return any((other := known(sequence)) is None or not keys.isdisjoint(other.keys) for sequence in unknown)


def _size(head: Head) -> int:
    return len(head.digests) + HEAD_BYTES
