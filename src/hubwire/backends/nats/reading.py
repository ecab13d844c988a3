"""Reads and counts the messages behind a position for lanes, with an index of the groups (`index.py`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from hubwire.backends.nats.client import NatsClient
from hubwire.backends.nats.following import Start
from hubwire.backends.nats.group import MAX_MESSAGES, Head, counts_of, place_of
from hubwire.backends.nats.groups import Groups
from hubwire.backends.nats.index import StreamIndex
from hubwire.backends.nats.tail import Tail
from hubwire.message import JournalRow

GROUPS_AT_ONCE = 64
LOAD_SECONDS = 600.0
"""How long the heads of a whole stream may take."""
TRIM_GROUPS = 65_536
"""After this many groups, the index drops the groups that every lane has passed."""


class Reading:
    """Follows the stream from the lowest requested position."""

    def __init__(self, client: NatsClient, groups: Groups, hear: Callable[[], None]) -> None:
        self._client = client
        self._groups = groups
        self._hear = hear
        self._index = StreamIndex(0)
        self._tail: Tail | None = None
        self._first_wanted: dict[tuple[tuple[int, ...] | None, bool], int] = {}
        self._taken = 0

    def read(
        self, after: int, limit: int, source_ids: Sequence[int] | None, is_backfill: bool, must_see: int
    ) -> list[JournalRow]:
        """At most `limit` deliverable rows behind a position, considering at least the groups up to `must_see`."""
        self._follow(after, source_ids, is_backfill, must_see)
        return self._client.run(self._read(after, limit, source_ids, is_backfill))

    def count(
        self, after: int, source_ids: Sequence[int] | None, is_backfill: bool, must_see: int
    ) -> tuple[int, int | None]:
        """The number of deliverable rows behind a position, and receivedAt of the first."""
        self._follow(after, source_ids, is_backfill, must_see)
        return self._client.run(self._count(after, source_ids, is_backfill))

    async def recount(self, sequences: Iterable[int]) -> None:
        """Count these groups again after messages of theirs were redacted."""
        for sequence in sequences:
            if self._tail is not None and self._index.start <= sequence <= self._tail.sequence:
                rows = (await self._groups.view([sequence])).get(sequence, [])
                self._index.change(sequence, counts_of(rows))

    def remove_before(self, sequence: int) -> None:
        """The stream begins here now."""
        self._index.removed_before = max(self._index.removed_before, sequence)

    def end(self) -> None:
        if self._tail is not None:
            self._tail.end()

    def _follow(self, after: int, source_ids: Sequence[int] | None, is_backfill: bool, must_see: int) -> None:
        """Load the index from a position to the current end of the stream at the first call; later calls follow the
        stream."""
        first, _ = place_of(after)
        self._first_wanted[None if source_ids is None else tuple(source_ids), is_backfill] = first
        if self._tail is None or first < self._index.start:
            self.end()
            index = StreamIndex(first)
            must_see = max(must_see, self._client.run(self._client.state()).last_seq)
            tail = Tail(self._client, Start(max(first, 1)), self._taking_into(index))
            try:
                tail.wait_for(must_see, LOAD_SECONDS)
            except BaseException:
                # Every lane tries again: each attempt would leave a follower behind, with an index that nobody reads.
                tail.end()
                raise
            index.removed_before = self._index.removed_before
            self._index, self._tail = index, tail
        self._tail.wait_for(must_see)

    def _taking_into(self, index: StreamIndex) -> Callable[[int, Head], Awaitable[None]]:
        async def take(sequence: int, head: Head) -> None:
            counts = head.counts
            self._groups.heads.add(sequence, head)
            if not self._groups.is_whole(sequence, head):
                counts = counts_of((await self._groups.view_all([sequence])).get(sequence, []))
            index.add(sequence, counts)
            self._taken += 1
            if self._taken % TRIM_GROUPS == 0:
                index.forget_before(min(self._first_wanted.values()))
            self._hear()

        return take

    async def _read(
        self, after: int, limit: int, source_ids: Sequence[int] | None, is_backfill: bool
    ) -> list[JournalRow]:
        rows_read: list[JournalRow] = []
        first, _ = place_of(after)
        while len(rows_read) < limit:
            at_once = min(GROUPS_AT_ONCE, limit - len(rows_read))
            sequences = self._index.next_groups(first, source_ids, is_backfill, at_once)
            if not sequences:
                break
            for rows in (await self._groups.view_all(sequences)).values():
                rows_read += _matching(rows, after, source_ids, is_backfill)
            first = sequences[-1] + 1
        return rows_read[:limit]

    async def _count(self, after: int, source_ids: Sequence[int] | None, is_backfill: bool) -> tuple[int, int | None]:
        sequence, index = place_of(after)
        count = self._index.count_after(sequence, source_ids, is_backfill)
        if sequence and index < MAX_MESSAGES - 1 and self._index.next_groups(sequence, source_ids, is_backfill, 1):
            rows = (await self._groups.view([sequence])).get(sequence, [])
            count += len(_matching(rows, after, source_ids, is_backfill))
        if count == 0:
            return 0, None
        first = await self._read(after, 1, source_ids, is_backfill)
        return count, first[0].received_at_ms if first else None


def _matching(
    rows: Iterable[JournalRow], after: int, source_ids: Sequence[int] | None, is_backfill: bool
) -> list[JournalRow]:
    return [
        row
        for row in rows
        if row.position > after
        and row.is_backfill is is_backfill
        and row.rejected is None
        and (source_ids is None or row.source_id in source_ids)
    ]
