"""One Segment call in three shapes: receive writes an `Entry`, the journal returns a `JournalRow`, the planner reads a
`Message`.

The stored body is the caller's own bytes; batch-level `context`, `integrations` and `sentAt` ride beside it in the
envelope and are merged only when the message is planned, so that receiving never encodes anything again.
Sources: Segment spec "Common fields" (ids, timestamps) and HTTP API "Batch" (merging).
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

import msgspec

MAX_ID_LENGTH = 1024


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
    """One message as the journal gives it back, in order of `position` (starts at 1, only grows)."""

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

    def as_json(self) -> dict[str, Any]:
        """The message as rules see it: the fields of Segment's spec.

        Shape: fields without a value and empty objects are absent; ids are texts; `timestamp` is the corrected time.
        Treat as read-only.
        """
        fields: dict[str, Any] = {
            "type": self.type.value,
            "messageId": self.message_id,
            "timestamp": _iso(self.timestamp_ms),
            "receivedAt": _iso(self.received_at_ms),
        }
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
        for name, value in (
            ("traits", self.traits),
            ("properties", self.properties),
            ("context", self.context),
            ("integrations", self.integrations),
            ("_metadata", self.metadata),
        ):
            if value:
                fields[name] = value
        return fields


def _iso(at_ms: int) -> str:
    minute, rest_ms = divmod(at_ms, 60_000)
    return f"{_iso_minute(minute)}{rest_ms // 1000:02d}.{rest_ms % 1000:03d}Z"


@lru_cache(maxsize=1024)
def _iso_minute(minute: int) -> str:
    """The part of a time that messages of one minute share."""
    return datetime.fromtimestamp(minute * 60, UTC).strftime("%Y-%m-%dT%H:%M:")


def text_id(value: object) -> str | None:
    """An id as text, or None. Numbers are written out (raw HTTP callers send them); null and "" are absent."""
    text = value if isinstance(value, str) else written_out(value)
    return text[:MAX_ID_LENGTH] if text else None


def written_out(value: object) -> str | None:
    """A number as text, whole ones without a fraction; None for everything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() else repr(value)
    return None


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def time_ms(value: object) -> int | None:
    """Epoch ms of an ISO-8601 text (naive means UTC), or None for anything else.

    Numbers are not times: the seed asks for ISO-8601 and says that UNIX timestamps are left alone.
    """
    if not isinstance(value, str) or len(value) < 10:
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return round(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def merged(body: dict[str, Any], envelope: dict[str, Any] | None) -> dict[str, Any]:
    """A message with what the upload around it said; the message wins, in `context` and `integrations` by field."""
    around = envelope or {}
    whole = {**around, **body}
    for name in ("context", "integrations"):
        outer, inner = around.get(name), body.get(name)
        if isinstance(outer, dict) and isinstance(inner, dict):
            whole[name] = {**outer, **inner}
    return whole


def corrected_ms(original: object, timestamp: object, sent_at: object, received_at_ms: int) -> int:
    """When it happened, by our clock: receivedAt - (sentAt - originalTimestamp); without sentAt, the timestamp itself.

    Shape: `original` is `originalTimestamp`, which only some SDKs send; it goes before `timestamp`.

    Source: Segment spec, "Common fields", timestamps.
    """
    happened_ms = time_ms(original)
    if happened_ms is None:
        happened_ms = time_ms(timestamp)
    if happened_ms is None:
        return received_at_ms
    sent_ms = time_ms(sent_at)
    if sent_ms is None:
        return happened_ms
    return received_at_ms - (sent_ms - happened_ms)


class _Body(msgspec.Struct, gc=False, rename="camel"):
    """What is read of a message; the rest is passed over without being kept."""

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


_decode = msgspec.json.Decoder().decode
_decode_body = msgspec.json.Decoder(_Body).decode
_TYPES = {str(one): one for one in MessageType}


def read_message(row: JournalRow) -> Message:
    """The message of a journal row, with the upload's envelope merged in (the item wins) and its clock corrected.

    Errors: none for rows that receive wrote; an unknown type cannot get here, receive marks it as rejected.
    """
    body = _decode_body(row.body)
    context, integrations, sent_at = _mapping(body.context), _mapping(body.integrations), body.sent_at
    if row.envelope is not None:
        envelope = _decode(row.envelope)
        context = {**_mapping(envelope.get("context")), **context}
        integrations = {**_mapping(envelope.get("integrations")), **integrations}
        sent_at = sent_at or envelope.get("sentAt")
    return Message(
        row.position,
        row.source_id,
        row.message_id,
        _TYPES[body.type],
        corrected_ms(body.original_timestamp, body.timestamp, sent_at, row.received_at_ms),
        row.received_at_ms,
        text_id(body.user_id),
        text_id(body.anonymous_id),
        row.is_backfill,
        text_id(body.event),
        text_id(body.name),
        text_id(body.group_id),
        text_id(body.previous_id),
        _mapping(body.traits),
        _mapping(body.properties),
        context,
        integrations,
        _mapping(body.metadata),
    )
