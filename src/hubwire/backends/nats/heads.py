"""Whether two appenders can have brought the same message: told from the heads alone, in nearly every case. Pure.

With several appenders under load hardly any group knows all that is before it. To fetch bodies for each comparison
would cost every process as much as the whole stream; keys of eight bytes, which the heads have, say almost always that
there is nothing to compare.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from hubwire.backends.nats.group import Head

MOST_BYTES = 8 << 20
HEAD_BYTES = 500
"""What a head takes beside its digests."""


class RecentHeads:
    """The heads that came by last."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._heads: OrderedDict[int, Head] = OrderedDict()
        self._most_bytes = most_bytes
        self._bytes = 0

    def add(self, sequence: int, head: Head) -> None:
        """Remember a head; the one that was remembered first is forgotten when there are too many."""
        if sequence in self._heads:
            return
        self._heads[sequence] = head
        self._bytes += _size(head)
        while self._bytes > self._most_bytes:
            _, oldest = self._heads.popitem(last=False)
            self._bytes -= _size(oldest)

    def get(self, sequence: int) -> Head | None:
        return self._heads.get(sequence)


def may_hold_copies(sequence: int, head: Head, known: Callable[[int], Head | None]) -> bool:
    """Whether a group may hold a message that came in with a group which its appender did not know.

    Shape: True also where a head that it takes to tell is not known.
    """
    unknown = range(max(head.knows + 1, 1), sequence)
    if not unknown:
        return False
    keys = set(head.keys)
    return any((other := known(one)) is None or not keys.isdisjoint(other.keys) for one in unknown)


def _size(head: Head) -> int:
    return len(head.digests) + HEAD_BYTES
