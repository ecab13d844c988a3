"""Groups as readers see them: fetched, cached, and without duplicates.

Two appenders may append the same message at the same moment, before either knows of the other's group. The stream
decides: the message belongs to the earlier group. Every reader detects this by itself: it compares a group with the
groups that its appender did not know (`Head.knows`). It compares the heads first (`heads.py`), which nearly always rule
out a duplicate. Deleted messages are replaced by tombstones here.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import nats.js.errors
from msgspec.structs import replace

from hubwire.backends.nats.client import NatsClient
from hubwire.backends.nats.following import HEADS, Manner, Start, follow
from hubwire.backends.nats.group import Head, decode_head, decode_rows, place_of
from hubwire.backends.nats.heads import RecentHeads, may_hold_copies
from hubwire.errors import BackendUnavailable
from hubwire.journal.protocol import TOMBSTONE
from hubwire.message import JournalRow
from hubwire.reasons import Reason

READ_SECONDS = 5.0
CACHE_BYTES = 16 << 20
"""A cycle of small messages, or the last seconds of a busy stream, for all lanes of a process. A busy process fills it
sooner or later, so it counts as part of its size."""
FETCHED_TOGETHER = 64
"""From this many consecutive groups on, a consumer reads them; fewer are fetched one by one."""
ONE_BY_ONE = 4
ROW_OVERHEAD_BYTES = 300
GROUP_OVERHEAD_BYTES = 500


@dataclass(frozen=True, slots=True)
class Group:
    """A stream message, decoded. Its rows include copies of earlier messages."""

    sequence: int
    head: Head
    rows: list[JournalRow]
    size_bytes: int

    def identities(self) -> Iterator[tuple[tuple[int, int, str], int]]:
        """The identity of a message, including the key for comparing heads; and its position."""
        for key, row in zip(self.head.keys, self.rows, strict=True):
            yield (key, row.source_id, row.message_id), row.position


class Groups:
    """Fetches groups by sequence. All methods run on the connection's loop."""

    def __init__(self, client: NatsClient, cache_bytes: int = CACHE_BYTES) -> None:
        self._client = client
        self._cache_bytes = cache_bytes
        self.heads = RecentHeads()
        self._cache: OrderedDict[int, Group] = OrderedDict()
        self._cached_bytes = 0
        self._redacted: dict[int, set[int]] = {}

    def remove_before(self, sequence: int) -> None:
        """Drop cached groups before this sequence, where the stream now begins."""
        for gone in [cached for cached in self._cache if cached < sequence]:
            self._cached_bytes -= self._cache.pop(gone).size_bytes

    def redact(self, positions: Iterable[int]) -> set[int]:
        """Hide messages; returns the sequences of the newly hidden ones."""
        changed: set[int] = set()
        for sequence, index in map(place_of, positions):
            hidden = self._redacted.setdefault(sequence, set())
            if index not in hidden:
                hidden.add(index)
                changed.add(sequence)
        return changed

    def is_whole(self, sequence: int, head: Head, known: Callable[[int], Head | None] | None = None) -> bool:
        """True if heads (the latest ones, or the caller's) show no copies in a group, and none is redacted."""
        return sequence not in self._redacted and not may_hold_copies(sequence, head, known or self.heads.get)

    def keep(self, sequence: int, head: Head, payload: bytes) -> Group:
        """Remember a group."""
        self.heads.add(sequence, head)
        rows = decode_rows(sequence, payload)
        size_bytes = GROUP_OVERHEAD_BYTES + len(payload) + ROW_OVERHEAD_BYTES * len(rows)
        group = Group(sequence, head, rows, size_bytes)
        if replaced := self._cache.pop(sequence, None):
            self._cached_bytes -= replaced.size_bytes
        self._cache[sequence] = group
        self._cached_bytes += group.size_bytes
        while self._cached_bytes > self._cache_bytes and len(self._cache) > 1:
            _, oldest = self._cache.popitem(last=False)
            self._cached_bytes -= oldest.size_bytes
        return group

    async def fetch(self, sequences: Sequence[int]) -> dict[int, Group]:
        """The groups with these sequences (ascending) that are in the stream."""
        groups: dict[int, Group] = {}
        missing: list[int] = []
        for sequence in sequences:
            if sequence < 1:
                continue
            group = self._cache.get(sequence)
            if group is None:
                missing.append(sequence)
            else:
                self._cache.move_to_end(sequence)
                groups[sequence] = group
        if len(missing) > ONE_BY_ONE and missing[-1] - missing[0] <= 4 * len(missing):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(READ_SECONDS):
                    await self._read(missing[0], missing[-1], groups)
            missing = [sequence for sequence in missing if sequence not in groups]
        for group in await asyncio.gather(*(self._get(sequence) for sequence in missing)):
            if group is not None:
                groups[group.sequence] = group
        return groups

    async def view(self, sequences: Sequence[int]) -> dict[int, list[JournalRow]]:
        """The messages of these groups without copies; deleted ones are tombstones."""
        groups = await self.fetch(sequences)
        views: dict[int, list[JournalRow]] = {}
        for sequence in sorted(groups):
            group = groups[sequence]
            copies = await self._copies(group)
            hidden = self._redacted.get(sequence, ())
            if not copies and not hidden:
                views[sequence] = group.rows
            else:
                views[sequence] = [
                    _tombstone(row) if place_of(row.position)[1] in hidden else row
                    for row in group.rows
                    if row.position not in copies
                ]
        return views

    async def view_all(self, sequences: Sequence[int]) -> dict[int, list[JournalRow]]:
        """As `view`, for groups that were in the stream; retention has removed any that is missing.

        Errors: BackendUnavailable if a missing group is not one that retention removed. Nodes lag behind each other
        briefly, and a reader that takes a group for removed would skip its messages for ever.
        """
        views = await self.view(sequences)
        await self._check_gone([sequence for sequence in sequences if sequence not in views])
        return views

    async def _check_gone(self, missing: Sequence[int]) -> None:
        if missing:
            state = await self._client.state()
            if state.messages and missing[-1] >= state.first_seq:
                raise BackendUnavailable(f"nats: group {missing[-1]} is not there yet")

    async def _copies(self, group: Group) -> set[int]:
        """The positions of copies: messages that an earlier group, unknown to this group's appender, has too."""
        if not may_hold_copies(group.sequence, group.head, self.heads.get):
            return set()
        unknown = range(max(group.head.knows + 1, 1), group.sequence)
        earlier = await self.fetch(unknown)
        await self._check_gone([sequence for sequence in unknown if sequence not in earlier])
        seen = {identity for other in earlier.values() for identity, _ in other.identities()}
        return {position for identity, position in group.identities() if identity in seen}

    async def _get(self, sequence: int) -> Group | None:
        """One group, from the stream's leader; None if the stream does not have it."""
        try:
            answer = await self._client.insist(lambda: self._ask(sequence))
        except nats.js.errors.NotFoundError:
            return None
        payload = base64.b64decode(answer.get("data", ""))
        return self.keep(sequence, decode_head(_headers(answer.get("hdrs", ""))), payload)

    async def _ask(self, sequence: int) -> dict[str, str]:
        reply = await self._client.connection.request(
            f"$JS.API.STREAM.MSG.GET.{self._client.stream}", json.dumps({"seq": sequence}).encode(), timeout=5.0
        )
        answer = json.loads(reply.data)
        if "error" in answer:
            raise nats.js.errors.APIError.from_error(answer["error"])
        message: dict[str, str] = answer["message"]
        return message

    async def _read(self, first: int, last: int, groups: dict[int, Group]) -> None:
        """The groups between two sequences that a consumer's node has."""
        client = self._client
        stream = follow(client, client.stream, client.subject, Start(first), Manner(batch=FETCHED_TOGETHER))
        async with contextlib.aclosing(stream):
            async for item in stream:
                if isinstance(item, int) or item.sequence > last:
                    break
                groups[item.sequence] = self.keep(item.sequence, decode_head(item.headers), item.payload)
                if item.sequence == last:
                    break


def _tombstone(row: JournalRow) -> JournalRow:
    return replace(row, body=TOMBSTONE, envelope=None, rejected=Reason.SUPPRESSED)


def _headers(encoded: str) -> dict[str, str]:
    """The headers of a stored message: `NATS/1.0`, then a line each."""
    lines = base64.b64decode(encoded).decode().split("\r\n")[1:]
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines) if name}


async def heads_between(client: NatsClient, first: int, last: int) -> dict[int, Head]:
    """The heads of the groups between two sequences, the last of which is in the stream; removed ones are absent."""
    heads: dict[int, Head] = {}
    stream = follow(client, client.stream, client.subject, Start(first), HEADS)
    async with contextlib.aclosing(stream):
        async for item in stream:
            if isinstance(item, int) or item.sequence > last:
                break
            heads[item.sequence] = decode_head(item.headers)
            if item.sequence == last:
                break
    return heads
