"""The stream's messages without their bodies, for counting funnels and activity.

A block is 64 groups. Its sums come from the groups' heads; only a group that may hold copies or deleted messages is
fetched whole.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from hubwire.backends.nats.appending import LOADING_SECONDS
from hubwire.backends.nats.client import NatsClient
from hubwire.backends.nats.group import INDEX_BITS, MAX_MESSAGES, Head, counts_of, place_of, position_of
from hubwire.backends.nats.groups import Groups, heads_between
from hubwire.message import JournalRow
from hubwire.record.intake import Block, Count, IndexedMessage

GROUP_BITS = 6
HEADS_AT_ONCE = 4096


class NatsMessageIndex:
    """The `MessageIndex` of a stream at the moment of its creation."""

    bits = INDEX_BITS + GROUP_BITS
    is_near = False

    def __init__(self, client: NatsClient, groups: Groups) -> None:
        self._client = client
        self._groups = groups
        self._state = client.run(client.state())
        self._heads: dict[int, Head] = {}

    def ends(self) -> tuple[int, int] | None:
        state = self._state
        if state.messages == 0:
            return None
        last = self._client.run(self._groups.fetch([state.last_seq])).get(state.last_seq)
        newest = last.rows[-1].position if last else position_of(state.last_seq, MAX_MESSAGES - 1)
        return position_of(state.first_seq, 0), newest

    def block(self, number: int, first_at_ms: int, last_at_ms: int, counts: list[Count]) -> Block:
        first = number << self.bits
        last = first + (1 << self.bits) - 1
        is_whole = place_of(first)[0] >= self._state.first_seq and place_of(last)[0] <= self._state.last_seq
        return Block(number, first, last, first_at_ms, last_at_ms, counts, is_whole)

    def sums(self, number: int) -> Block | None:
        first = max(number << GROUP_BITS, self._state.first_seq, 1)
        last = min(((number + 1) << GROUP_BITS) - 1, self._state.last_seq)
        heads = self._heads_of(first, last)
        if not heads:
            return None
        totals: dict[tuple[int, bool, str | None], int] = {}
        for sequence, head in heads.items():
            for count in self._counts(sequence, head):
                kind = (count.source_id, count.is_backfill, count.rejected)
                totals[kind] = totals.get(kind, 0) + count.total
        counts = [Count(*kind, total) for kind, total in totals.items()]
        at_ms = [at for head in heads.values() for at in (head.first_at_ms, head.last_at_ms)]
        return self.block(number, min(at_ms), max(at_ms), counts)

    def messages(self, first: int, last: int) -> Iterator[IndexedMessage]:
        begin = max(place_of(first)[0], self._state.first_seq, 1)
        end = min(place_of(last)[0], self._state.last_seq)
        for rows in self._views(range(begin, end + 1)).values():
            for row in rows:
                if first <= row.position <= last:
                    yield IndexedMessage(row.position, row.source_id, row.is_backfill, row.rejected, row.received_at_ms)

    def messages_at(self, positions: Collection[int]) -> Iterator[IndexedMessage]:
        for row in self._at(positions):
            yield IndexedMessage(row.position, row.source_id, row.is_backfill, row.rejected, row.received_at_ms)

    def next_position(self, first: int, last: int) -> int | None:
        sequence = max(place_of(first)[0], self._state.first_seq, 1)
        if self._state.messages == 0 or sequence > self._state.last_seq:
            return None
        position = max(first, position_of(sequence, 0))
        return position if position <= last else None

    def message_ids(self, positions: Sequence[int]) -> dict[int, str]:
        return {row.position: row.message_id for row in self._at(positions)}

    def _at(self, positions: Iterable[int]) -> Iterator[JournalRow]:
        chosen = set(positions)
        for rows in self._views(sorted({place_of(position)[0] for position in chosen})).values():
            yield from (row for row in rows if row.position in chosen)

    def _views(self, sequences: Sequence[int]) -> dict[int, list[JournalRow]]:
        return self._client.run(self._groups.view(sequences), LOADING_SECONDS) if sequences else {}

    def _counts(self, sequence: int, head: Head) -> Iterable[Count]:
        if self._groups.is_whole(sequence, head, self._heads.get):
            return head.counts
        return counts_of(self._views([sequence]).get(sequence, []))

    def _heads_of(self, first: int, last: int) -> dict[int, Head]:
        """The heads between two sequences. It reads ahead, because blocks are summed in order."""
        if first > last:
            return {}
        if first not in self._heads or last not in self._heads:
            end = min(first + HEADS_AT_ONCE, self._state.last_seq)
            self._heads = self._client.run(heads_between(self._client, first, end), LOADING_SECONDS)
        return {sequence: head for sequence in range(first, last + 1) if (head := self._heads.get(sequence))}
