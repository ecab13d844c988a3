"""One Segment call in three shapes: receive writes an `Entry`, the journal returns a `JournalRow`, the planner reads a
`Message`.

The stored body has the caller's own bytes. The envelope has batch-level `context`, `integrations` and `sentAt`; they
are merged only when the message is planned, so that the receiver never encodes anything again.
Sources: Segment spec "Common fields" (ids, timestamps) and HTTP API "Batch" (merging).
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

import msgspec

from hubwire.operation import LeftOut

DAY_MS = 86_400_000
FUTURE_GRACE_MS = 5 * 60_000
"""How far a message's time may lie after its arrival, because clocks differ."""


class MessageType(StrEnum):
    IDENTIFY = "identify"
    TRACK = "track"
    PAGE = "page"
    SCREEN = "screen"
    GROUP = "group"
    ALIAS = "alias"


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One message to append. `rejected` is a reason (`reasons.py`) when the message can never be delivered."""

    source_id: int
    message_id: str
    received_at_ms: int
    body: bytes
    envelope: bytes | None = None
    is_backfill: bool = False
    rejected: str | None = None


class JournalRow(msgspec.Struct, frozen=True, gc=False):
    """One message of the journal, in order of `position` (starts at 1, only grows)."""

    position: int
    source_id: int
    message_id: str
    received_at_ms: int
    body: bytes
    envelope: bytes | None
    is_backfill: bool
    rejected: str | None


class Message(msgspec.Struct, gc=False):
    """One decoded Segment call. `timestamp_ms` is the corrected time at which it happened.

    Shape: ids are strings or None (null, "" and non-scalars count as absent; numbers are written out);
    `traits`, `properties`, `context`, `integrations` are always dicts. Treat as read-only.
    """

    position: int
    source_id: int
    message_id: str
    type: MessageType
    timestamp_ms: int
    received_at_ms: int
    user_id: str | None
    anonymous_id: str | None
    is_backfill: bool
    event: str | None
    name: str | None
    group_id: str | None
    previous_id: str | None
    traits: dict[str, Any]
    properties: dict[str, Any]
    context: dict[str, Any]
    integrations: dict[str, Any]
    metadata: dict[str, Any]
    notes: list[LeftOut] = []
    """The fields of the message that could not be used as they were sent: times, and what is no object."""

    def as_json(self, with_times: bool = True) -> dict[str, Any]:
        """The message as rules see it: the fields of Segment's spec; times cost as much as everything else.

        Shape: fields without a value and empty objects are absent; ids are texts; `timestamp` is the corrected time.
        Treat as read-only.
        """
        fields: dict[str, Any] = {"type": self.type._value_, "messageId": self.message_id}
        if with_times:
            fields["timestamp"] = _iso(self.timestamp_ms)
            fields["receivedAt"] = _iso(self.received_at_ms)
        if self.event:
            fields["event"] = self.event
        if self.name:
            fields["name"] = self.name
        if self.user_id:
            fields["userId"] = self.user_id
        if self.anonymous_id:
            fields["anonymousId"] = self.anonymous_id
        if self.group_id:
            fields["groupId"] = self.group_id
        if self.previous_id:
            fields["previousId"] = self.previous_id
        if self.traits:
            fields["traits"] = self.traits
        if self.properties:
            fields["properties"] = self.properties
        if self.context:
            fields["context"] = self.context
        if self.integrations:
            fields["integrations"] = self.integrations
        if self.metadata:
            fields["_metadata"] = self.metadata
        return fields


class Body(msgspec.Struct, gc=False, rename="camel"):
    """The fields that are read from a stored body; others are skipped."""

    type: str
    user_id: Any = None
    anonymous_id: Any = None
    event: Any = None
    name: Any = None
    group_id: Any = None
    previous_id: Any = None
    traits: Any = None
    properties: Any = None
    context: Any = None
    integrations: Any = None
    metadata: Any = msgspec.field(name="_metadata", default=None)
    timestamp: Any = None
    original_timestamp: Any = None
    sent_at: Any = None


def _iso(at_ms: int) -> str:
    minute, rest_ms = divmod(at_ms, 60_000)
    return f"{_iso_minute(minute)}{rest_ms // 1000:02d}.{rest_ms % 1000:03d}Z"


@lru_cache(maxsize=1024)
def _iso_minute(minute: int) -> str:
    """The part of a time that messages of one minute share."""
    return datetime.fromtimestamp(minute * 60, UTC).strftime("%Y-%m-%dT%H:%M:")
