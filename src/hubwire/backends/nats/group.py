"""The format of a group of messages in one stream message, and of a position, which names one of them. Pure.

A group has the messages of one append; a large append is split. The head is a header of the stream message, so that
counting and finding duplicates need no bodies. A position combines the group's sequence in the stream with the index in
the group, so positions only grow, with gaps.
"""

from __future__ import annotations

import base64
import hashlib
from array import array
from collections.abc import Iterator, Sequence
from itertools import groupby

import msgspec

from hubwire.message import Entry, JournalRow
from hubwire.record.intake import Count

INDEX_BITS = 12
MAX_MESSAGES = 1 << INDEX_BITS
HEADER = "Hubwire-Group"
DIGEST_BYTES = 8
MESSAGE_OVERHEAD_BYTES = 64
"""The most bytes that a message adds to its body, envelope and ids, in the group and in the head."""


class Head(msgspec.Struct, array_like=True, frozen=True):
    """The header of a group.

    Shape: `knows` is the last group that its appender had checked for duplicates. A group in between may have the same
    message; then the earlier message counts. `digests` are the keys of its message ids, in order.
    """

    knows: int
    counts: list[Count]
    first_at_ms: int
    last_at_ms: int
    digests: bytes

    @property
    def keys(self) -> array[int]:
        """The digests as numbers."""
        keys = array("Q")
        keys.frombytes(self.digests)
        return keys


_encode = msgspec.msgpack.Encoder().encode
_entries = msgspec.msgpack.Decoder(list[tuple[int, str, int, bytes, bytes | None, bool, str | None]]).decode
_head = msgspec.msgpack.Decoder(Head).decode


def position_of(sequence: int, index: int) -> int:
    """The position of a message: the group's sequence in the stream, and its index there."""
    return sequence << INDEX_BITS | index


def place_of(position: int) -> tuple[int, int]:
    """The sequence and index that a position names."""
    return position >> INDEX_BITS, position & (MAX_MESSAGES - 1)


def digests_of(message_ids: Sequence[str]) -> bytes:
    """Eight bytes per message id. They only point at candidates, which are compared in full."""
    blake2b = hashlib.blake2b
    return b"".join(
        [
            blake2b(message_id.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()
            for message_id in message_ids
        ]
    )


def counts_of(rows: Sequence[JournalRow] | Sequence[Entry]) -> list[Count]:
    """The number of each kind."""
    kinds = sorted((row.source_id, row.is_backfill, row.rejected or "") for row in rows)
    return [Count(*kind[:2], kind[2] or None, len(list(same))) for kind, same in groupby(kinds)]


def encode_group(entries: Sequence[Entry], knows: int) -> tuple[dict[str, str], bytes]:
    """Header and payload of a stream message."""
    times = [entry.received_at_ms for entry in entries]
    digests = digests_of([entry.message_id for entry in entries])
    head = Head(knows, counts_of(entries), min(times), max(times), digests)
    payload = _encode(
        [
            (
                entry.source_id,
                storable(entry.message_id),
                entry.received_at_ms,
                entry.body,
                entry.envelope,
                entry.is_backfill,
                entry.rejected,
            )
            for entry in entries
        ]
    )
    return {HEADER: base64.b64encode(_encode(head)).decode("ascii")}, payload


def decode_head(headers: dict[str, str]) -> Head:
    """The head that `encode_group` made."""
    return _head(base64.b64decode(headers[HEADER]))


def decode_rows(sequence: int, payload: bytes) -> list[JournalRow]:
    """The messages of a group, with their positions."""
    return [
        JournalRow(position_of(sequence, index), source_id, message_id, at_ms, body, envelope, is_backfill, rejected)
        for index, (source_id, message_id, at_ms, body, envelope, is_backfill, rejected) in enumerate(_entries(payload))
    ]


def storable(text: str) -> str:
    """The text with lone surrogates, which no encoding has, replaced."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return text


def split(entries: Sequence[Entry], max_bytes: int) -> Iterator[Sequence[Entry]]:
    """Parts in order, each of which fits into one stream message; a single message may still be too large."""
    start, size = 0, 0
    for index, entry in enumerate(entries):
        own = len(entry.body) + len(entry.envelope or b"") + 4 * len(entry.message_id) + MESSAGE_OVERHEAD_BYTES
        if index > start and (size + own > max_bytes or index - start >= MAX_MESSAGES):
            yield entries[start:index]
            start, size = index, 0
        size += own
    if start < len(entries):
        yield entries[start:]
