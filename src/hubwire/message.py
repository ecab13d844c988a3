"""One Segment call in three shapes: receive writes an `Entry`, the journal returns a `JournalRow`, the planner reads a
`Message`.

The stored body has the caller's own bytes. The envelope has batch-level `context`, `integrations` and `sentAt`; they
are merged only when the message is planned, so that the receiver never encodes anything again.
Sources: Segment spec "Common fields" (ids, timestamps) and HTTP API "Batch" (merging).
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from hubwire.operation import LeftOut
from hubwire.reasons import Reason
from hubwire.times import TimeFault, iso_text, read_time

MAX_ID_LENGTH = 1024
DAY_MS = 86_400_000
FUTURE_GRACE_MS = 5 * 60_000
"""How far a message's time may lie after its arrival, because clocks differ."""
MIN_MS = -2_208_988_800_000
"""1900."""
COMMON_MIN_MS, COMMON_MAX_MS = 100_000_000_000, 4_102_444_800_000
"""1973 to 2100: within this range, a text that Python reads has no second meaning."""


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
    """A number as text, a whole number without a fraction; None for everything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() else repr(value)
    return None


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _object(name: str, value: object, notes: list[LeftOut]) -> dict[str, Any]:
    """An object of a message; anything else counts as none, and is noted unless it is empty (PHP writes `[]`)."""
    if isinstance(value, dict):
        return value
    if value:
        notes.append(LeftOut(name, Reason.WRONG_TYPE, "an object is expected"))
    return {}


def merged(body: dict[str, Any], envelope: dict[str, Any] | None) -> dict[str, Any]:
    """A message with the fields of its upload; the message wins, in `context` and `integrations` for each field."""
    around = envelope or {}
    whole = {**around, **body}
    for name in ("context", "integrations"):
        outer, inner = around.get(name), body.get(name)
        if isinstance(outer, dict) and isinstance(inner, dict):
            whole[name] = {**outer, **inner}
    return whole


class MessageTimes(NamedTuple):
    """The times of a message as its sender gave them: the raw values of these fields."""

    original_timestamp: object
    timestamp: object
    sent_at: object


def happened_at(times: MessageTimes, received_at_ms: int, grace_ms: int = FUTURE_GRACE_MS) -> tuple[int, list[LeftOut]]:
    """The time of a message by our clock, in epoch milliseconds, and notes on times that could not be used.

    Shape: receivedAt - (sentAt - originalTimestamp); without `sentAt`, the time itself. `originalTimestamp`, which only
    some SDKs send, goes before `timestamp`. A message cannot happen after its arrival: a time more than `grace_ms`
    later is the arrival. So is a time that is not understood; it is never taken for another moment.
    Source: Segment spec, "Common fields", timestamps.
    """
    notes: list[LeftOut] = []
    happened_ms = sent_ms = None
    for name, value in (("originalTimestamp", times.original_timestamp), ("timestamp", times.timestamp)):
        if value is not None and happened_ms is None:
            happened_ms = _understood(name, value, notes)
    if happened_ms is None:
        return received_at_ms, notes
    if times.sent_at is not None:
        sent_ms = _understood("sentAt", times.sent_at, notes)
    corrected_ms = happened_ms if sent_ms is None else received_at_ms - (sent_ms - happened_ms)
    if corrected_ms > received_at_ms + grace_ms:
        detail = f"{iso_text(corrected_ms)} is after the arrival at {iso_text(received_at_ms)}, which counts instead"
        notes.append(LeftOut("timestamp", Reason.TIME_IN_FUTURE, detail))
        return received_at_ms, notes
    if corrected_ms < MIN_MS:
        days = round((received_at_ms - corrected_ms) / DAY_MS)
        detail = f"corrected by sentAt it lies {days:,} days before the arrival, which counts instead"
        notes.append(LeftOut("timestamp", Reason.TIME_NOT_UNDERSTOOD, detail))
        return received_at_ms, notes
    return corrected_ms, notes


def _understood(name: str, value: object, notes: list[LeftOut]) -> int | None:
    """The moment of a value. Nearly all are ISO 8601 of our days, which Python reads itself."""
    if type(value) is str and len(value) > len("2026-01-01T00:00") and value[10] in "T ":
        try:
            moment = datetime.fromisoformat(value)
            at_ms = round((moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp() * 1000)
            if COMMON_MIN_MS < at_ms < COMMON_MAX_MS:
                return at_ms
        except (ValueError, OverflowError):
            pass
    parsed = read_time(value)
    if isinstance(parsed, int):
        return parsed
    if parsed.fault is not TimeFault.ABSENT:
        notes.append(LeftOut(name, Reason.TIME_NOT_UNDERSTOOD, parsed.reason))
    return None


class _Body(msgspec.Struct, gc=False, rename="camel"):
    """The fields that are read from a message; others are skipped."""

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
_TYPES = {str(message_type): message_type for message_type in MessageType}


def read_message(row: JournalRow, grace_ms: int = FUTURE_GRACE_MS) -> Message:
    """The message of a journal row, with the upload's envelope merged in (the item wins) and its clock corrected.

    Errors: none for rows that receive wrote; an unknown type cannot get here, receive marks it as rejected. `grace_ms`:
    `happened_at`.
    """
    body = _decode_body(row.body)
    notes: list[LeftOut] = []
    context = _object("context", body.context, notes)
    integrations, sent_at = _object("integrations", body.integrations, notes), body.sent_at
    if row.envelope is not None:
        envelope = _decode(row.envelope)
        context = {**_mapping(envelope.get("context")), **context}
        integrations = {**_mapping(envelope.get("integrations")), **integrations}
        sent_at = sent_at or envelope.get("sentAt")
    times = MessageTimes(body.original_timestamp, body.timestamp, sent_at)
    timestamp_ms, time_notes = happened_at(times, row.received_at_ms, grace_ms)
    return Message(
        row.position,
        row.source_id,
        row.message_id,
        _TYPES[body.type],
        timestamp_ms,
        row.received_at_ms,
        text_id(body.user_id),
        text_id(body.anonymous_id),
        row.is_backfill,
        text_id(body.event),
        text_id(body.name),
        text_id(body.group_id),
        text_id(body.previous_id),
        _object("traits", body.traits, notes),
        _object("properties", body.properties, notes),
        context,
        integrations,
        _mapping(body.metadata),
        notes + time_notes if notes else time_notes,
    )
