"""Appends groups: finds duplicates, detects messages that another appender stored first, and assigns positions."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from hubwire.backends.nats.client import NatsClient
from hubwire.backends.nats.following import Start
from hubwire.backends.nats.group import Head, decode_head, encode_group, position_of, split, storable
from hubwire.backends.nats.groups import Groups
from hubwire.backends.nats.recent import RecentGroups
from hubwire.backends.nats.tail import Tail
from hubwire.errors import BackendError, BackendUnavailable
from hubwire.journal.protocol import repeated
from hubwire.message import Entry

MAX_REMEMBERED = 1 << 25
LOADING_SECONDS = 600.0
"""The time limit for reading the heads of a whole window."""
SEEN_SECONDS = 1.0
"""How long an append waits for earlier groups to arrive. The wait is optional, because the stream's order settles
unknown groups later. A stream that has just lost its leader may show its newest group only when another one follows."""
SPARE_BYTES = 4096
"""The part of the largest stream message that its headers use, without digests."""
MAX_BYTES = 512 * 1024


class Appending:
    """Appends groups. The first append loads the groups of the window; from then on they are followed."""

    def __init__(self, client: NatsClient, groups: Groups, window_ms: int) -> None:
        self._client = client
        self._groups = groups
        self._window_ms = window_ms
        self._lock = threading.Lock()
        self._recent = RecentGroups(window_ms=window_ms, max_count=MAX_REMEMBERED)
        self._tail: Tail | None = None
        self.last = 0
        """The newest group that this process appended."""

    def append(self, entries: Sequence[Entry]) -> list[int | None]:
        """The position of each entry, None for a duplicate; see `NatsJournal.append`."""
        with self._lock:
            if self._tail is None:
                self._tail = self._follow_recent()
            if not entries:
                return []
            with suppress(BackendUnavailable):
                self._tail.wait_for(self.last, SEEN_SECONDS)
            knows, twice = self._duplicates(entries)
            positions: list[int | None] = [None] * len(entries)
            fresh = [index for index in range(len(entries)) if index not in twice]
            done = 0
            for part in split([entries[index] for index in fresh], self._max_bytes()):
                for index, position in zip(fresh[done : done + len(part)], self._publish(part, knows), strict=True):
                    positions[index] = position
                done += len(part)
            return positions

    def _publish(self, entries: Sequence[Entry], knows: int) -> list[int | None]:
        """Append one group; None for a message that another appender stored first."""
        headers, payload = encode_group(entries, knows)
        if len(payload) + SPARE_BYTES > self._client.max_payload:
            raise BackendError(
                f"a message of {len(payload)} bytes is larger than the NATS server accepts",
                hint="Raise max_payload of nats-server, or lower HUBWIRE_MAX_MESSAGE_BYTES.",
            )
        sequence = self._client.run(self._send(headers | {"Nats-Msg-Id": secrets.token_hex(16)}, payload))
        self.last = max(self.last, sequence)
        positions: list[int | None] = [position_of(sequence, index) for index in range(len(entries))]
        if sequence > knows + 1:
            assert self._tail is not None
            self._tail.wait_for(sequence)
            kept = self._client.run(self._kept(sequence, decode_head(headers)))
            if kept is not None:
                positions = [position if position in kept else None for position in positions]
        return positions

    async def _kept(self, sequence: int, head: Head) -> set[int] | None:
        """The positions of our own group that are no duplicates of groups before it; None: all of them."""
        if self._groups.is_whole(sequence, head):
            return None
        return {row.position for row in (await self._groups.view_all([sequence]))[sequence]}

    async def _send(self, headers: dict[str, str], payload: bytes) -> int:
        client = self._client
        ack = await client.insist(
            lambda: client.jetstream.publish(client.subject, payload, headers=headers, stream=client.stream)
        )
        return ack.seq

    def _max_bytes(self) -> int:
        return min(MAX_BYTES, self._client.max_payload - SPARE_BYTES)

    def _duplicates(self, entries: Sequence[Entry]) -> tuple[int, set[int]]:
        """The indexes of duplicates, in the stream or earlier in this call, and the sequence up to which the stream was
        searched."""
        twice = repeated(entries)
        knows, candidates = self._client.run(self._candidates(entries))
        if candidates:
            twice |= self._client.run(self._known(entries, candidates))
        return knows, twice

    async def _candidates(self, entries: Sequence[Entry]) -> tuple[int, dict[int, list[int]]]:
        """Snapshot of known ids and the sequence they reach; runs on the connection's loop so that both agree."""
        assert self._tail is not None
        return self._tail.sequence, self._recent.candidates(entries)

    async def _known(self, entries: Sequence[Entry], candidates: dict[int, list[int]]) -> set[int]:
        groups = await self._groups.fetch(
            sorted({sequence for sequences in candidates.values() for sequence in sequences})
        )
        return {
            index
            for index, sequences in candidates.items()
            if any(
                row.source_id == entries[index].source_id
                and row.message_id == storable(entries[index].message_id)
                and entries[index].received_at_ms - row.received_at_ms <= self._window_ms
                for sequence in sequences
                if sequence in groups
                for row in groups[sequence].rows
            )
        }

    def _follow_recent(self) -> Tail:
        """Load the ids of the window's groups, then follow new groups."""
        last = self._client.run(self._client.state()).last_seq
        since = datetime.now(UTC) - timedelta(milliseconds=self._window_ms)

        async def take(sequence: int, head: Head) -> None:
            self._recent.add(sequence, head)
            self._groups.heads.add(sequence, head)

        tail = Tail(self._client, Start(since=since), take)
        tail.wait_for(last, LOADING_SECONDS)
        return tail
