"""The journal on NATS JetStream: appended in groups by any number of processes, read by any.

Durability: an acknowledged group is in the memory of a majority of the stream's replicas and written to their files. It
survives the loss of any minority of nodes, by kill -9 or power. The server flushes the files at its own pace
(`sync_interval`, two minutes by default), so a power cut of a majority at the same moment can lose the newest groups.
With one replica, this applies to that machine.

De-duplication has three steps: among the entries of an append; against the groups that this appender knows and follows
all the time; and, if another appender was faster, by the order of the stream itself (`groups.py`). An unanswered
publish is repeated with the same `Nats-Msg-Id`, which the server stores once.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import aclosing

import msgspec

from hubwire.backends.nats.appending import LOADING_SECONDS, Appending
from hubwire.backends.nats.client import NatsClient
from hubwire.backends.nats.following import Delivered, Manner, Start, follow
from hubwire.backends.nats.group import (
    MAX_MESSAGES,
    digests_of,
    place_of,
    position_of,
    storable,
)
from hubwire.backends.nats.groups import Groups, heads_between
from hubwire.backends.nats.message_index import NatsMessageIndex
from hubwire.backends.nats.reading import Reading
from hubwire.errors import BackendUnavailable
from hubwire.journal.protocol import TOMBSTONE, Extent, read_both_streams
from hubwire.message import Entry, JournalRow

HOUR_MS = 3_600_000
NEWEST_GROUPS = 16
STEP_SECONDS = 0.05
"""The shortest time between two notifications of waiting readers, because under load every group is news."""

_positions = msgspec.msgpack.Decoder(list[int]).decode
_pack = msgspec.msgpack.Encoder().encode


class NatsJournal:
    """A `Journal` in one stream. It owns its connection, and `close()` ends it."""

    group_positions = MAX_MESSAGES

    def __init__(
        self,
        client: NatsClient,
        *,
        dedupe_hours: float = 48.0,
        on_redact: Callable[[Sequence[int]], None] = lambda positions: None,
    ) -> None:
        """Shape: `on_redact` is called after messages were redacted, so that sums of them can be updated."""
        self._client = client
        self._groups = Groups(client)
        self._appending = Appending(client, self._groups, round(dedupe_hours * HOUR_MS))
        self._read_lock = threading.Lock()
        self._on_redact = on_redact
        self._heard: list[Callable[[], None]] = []
        self._is_told = False
        self._reading = Reading(client, self._groups, self._hear)
        self._follow_forgotten()

    def append(self, entries: Sequence[Entry]) -> list[int | None]:
        """Shape: if a large append fails, a part of it may be stored; sending it again stores the rest."""
        return self._appending.append(entries)

    @property
    def name(self) -> str:
        """The identity of this stream. A later stream with the same name has another identity."""
        return self._client.name

    # -- reading

    def read(
        self, after: int, limit: int, *, source_ids: Sequence[int] | None = None, is_backfill: bool | None = None
    ) -> list[JournalRow]:
        if is_backfill is None:
            return read_both_streams(self, after, limit, source_ids)
        with self._read_lock:
            return self._reading.read(after, limit, source_ids, is_backfill, self._appending.last)

    def count_after(
        self, after: int, *, source_ids: Sequence[int] | None = None, is_backfill: bool = False
    ) -> tuple[int, int | None]:
        with self._read_lock:
            return self._reading.count(after, source_ids, is_backfill, self._appending.last)

    def read_at(self, positions: Sequence[int]) -> dict[int, JournalRow]:
        rows = self._client.run(self._at(positions), LOADING_SECONDS)
        return {row.position: row for row in rows}

    def newest(self, before: int | None, limit: int) -> list[JournalRow]:
        return self._client.run(self._newest(before, limit), LOADING_SECONDS)

    def find(self, message_id: str) -> list[JournalRow]:
        return self._client.run(self._find(message_id), LOADING_SECONDS)

    def extent(self) -> Extent:
        return self._client.run(self._extent())

    async def _at(self, positions: Sequence[int]) -> list[JournalRow]:
        chosen = set(positions)
        views = await self._groups.view(sorted({place_of(position)[0] for position in chosen}))
        return [row for rows in views.values() for row in rows if row.position in chosen]

    async def _newest(self, before: int | None, limit: int) -> list[JournalRow]:
        state = await self._client.state()
        last = state.last_seq if before is None else min(state.last_seq, place_of(before)[0])
        rows_found: list[JournalRow] = []
        while len(rows_found) < limit and last >= max(state.first_seq, 1):
            first = max(last - NEWEST_GROUPS + 1, state.first_seq, 1)
            views = await self._groups.view(range(first, last + 1))
            for sequence in sorted(views, reverse=True):
                rows_found += [row for row in reversed(views[sequence]) if before is None or row.position < before]
            last = first - 1
        return rows_found[:limit]

    async def _find(self, message_id: str) -> list[JournalRow]:
        [digest] = [digests_of([message_id])]
        state = await self._client.state()
        heads = await heads_between(self._client, state.first_seq, state.last_seq) if state.messages else {}
        sequences = [sequence for sequence, head in heads.items() if digest in head.digests]
        views = await self._groups.view(sequences)
        return [row for rows in views.values() for row in rows if row.message_id == storable(message_id)]

    async def _extent(self) -> Extent:
        state = await self._client.state()
        self._remove_before(state.first_seq)
        if state.messages == 0:
            return Extent(0, position_of(state.last_seq, MAX_MESSAGES - 1) if state.last_seq else 0)
        groups = await self._groups.fetch(sorted({state.first_seq, state.last_seq}))
        first, last = groups.get(state.first_seq), groups.get(state.last_seq)
        return Extent(
            first.rows[0].position if first else position_of(state.first_seq, 0),
            last.rows[-1].position if last else position_of(state.last_seq, MAX_MESSAGES - 1),
        )

    # -- taking away

    def remove_through(self, position: int, limit: int) -> int:
        """Remove whole groups, at least one; a group that reaches beyond the position stays."""
        return self._client.run(self._remove_through(position, limit), LOADING_SECONDS)

    async def _remove_through(self, position: int, limit: int) -> int:
        sequence, index = place_of(position)
        removed, last = 0, 0
        state = await self._client.state()
        last_wanted = min(sequence, state.last_seq, state.first_seq + limit)
        if state.messages == 0 or last_wanted < state.first_seq:
            return 0
        for head_sequence, head in (await heads_between(self._client, state.first_seq, last_wanted)).items():
            size = len(head.keys)
            if (head_sequence == sequence and index < size - 1) or (removed and removed + size > limit):
                break
            removed, last = removed + size, head_sequence
        if removed:
            await self._client.insist(lambda: self._client.jetstream.purge_stream(self._client.stream, seq=last + 1))
            self._remove_before(last + 1)
        return removed

    def _remove_before(self, sequence: int) -> None:
        self._groups.remove_before(sequence)
        self._reading.remove_before(sequence)

    def redact(self, positions: Sequence[int]) -> int:
        """Hide messages from all readers. Retention removes the bytes with their group."""
        there = [position for position, row in self.read_at(positions).items() if row.body != TOMBSTONE]
        if there:
            self._client.run(self._redact(there))
            self._on_redact(there)
        return len(there)

    async def _redact(self, positions: Sequence[int]) -> None:
        client = self._client
        await client.insist(lambda: client.jetstream.publish(client.redacted_subject, _pack(list(positions))))
        await self._reading.recount(self._groups.redact(positions))

    def _follow_forgotten(self) -> None:
        """Load the redacted messages, then follow new redactions."""
        known, client = threading.Event(), self._client

        async def run() -> None:
            last = (await client.insist(lambda: client.jetstream.stream_info(client.redacted))).state.last_seq
            if not last:
                known.set()
            stream = follow(client, client.redacted, client.redacted_subject, Start(), Manner())
            async with aclosing(stream):
                async for item in stream:
                    if isinstance(item, Delivered):
                        await self._reading.recount(self._groups.redact(_positions(item.payload)))
                    if (item if isinstance(item, int) else item.sequence) >= last:
                        known.set()

        client.spawn(run())
        if not known.wait(LOADING_SECONDS):
            raise BackendUnavailable("nats: what was forgotten could not be read")

    def message_index(self) -> NatsMessageIndex:
        """A snapshot of the messages without their bodies."""
        return NatsMessageIndex(self._client, self._groups)

    # -- news

    def listener(self, appended: Callable[[], None]) -> NatsListener:
        """A listener that calls back on the connection's thread whenever a lane can read a new group."""
        return NatsListener(self._heard, appended)

    def _hear(self) -> None:
        """Announce a new group, together with those that follow immediately."""
        if not self._is_told:
            self._is_told = True
            asyncio.get_running_loop().call_later(STEP_SECONDS, self._tell)

    def _tell(self) -> None:
        self._is_told = False
        for callback in list(self._heard):
            callback()

    def close(self) -> None:
        self._client.close()


class NatsListener:
    """Calls back when a new group arrives, from `start()` to `stop()`."""

    def __init__(self, heard: list[Callable[[], None]], appended: Callable[[], None]) -> None:
        self._heard = heard
        self._appended = appended

    def start(self) -> None:
        self._heard.append(self._appended)

    def stop(self) -> None:
        if self._appended in self._heard:
            self._heard.remove(self._appended)
