"""Decodes rows of the journal: ids, times, and the upload around a message. Sources: as in `hubwire.message`."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import msgspec

from hubwire.message import DAY_MS, FUTURE_GRACE_MS, Body, JournalRow, Message, MessageType
from hubwire.operation import LeftOut
from hubwire.reasons import Reason
from hubwire.times import TimeFault, iso_text, read_time

MAX_ID_LENGTH = 1024
MIN_MS = -2_208_988_800_000
"""1900."""
COMMON_MIN_MS, COMMON_MAX_MS = 100_000_000_000, 4_102_444_800_000
"""1973 to 2100: within this range, a text that Python reads has no second meaning."""


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


def happened_at(body: Body, sent_at: object, row: JournalRow, grace_ms: int, notes: list[LeftOut]) -> int:
    """The time of a message by our clock, in epoch milliseconds. Times that could not be used are noted.

    Shape: receivedAt - (sentAt - originalTimestamp); without `sentAt`, the time itself. `originalTimestamp`, which only
    some SDKs send, goes before `timestamp`. A message cannot happen after its arrival: a time more than `grace_ms`
    later is the arrival. So is a time that is not understood; it is never taken for another moment.
    Source: Segment spec, "Common fields", timestamps.
    """
    received_at_ms = row.received_at_ms
    happened_ms = sent_ms = None
    if body.original_timestamp is not None:
        happened_ms = _understood("originalTimestamp", body.original_timestamp, notes)
    if happened_ms is None and body.timestamp is not None:
        happened_ms = _understood("timestamp", body.timestamp, notes)
    if happened_ms is None:
        return received_at_ms
    if sent_at is not None:
        sent_ms = _understood("sentAt", sent_at, notes)
    corrected_ms = happened_ms if sent_ms is None else received_at_ms - (sent_ms - happened_ms)
    if corrected_ms > received_at_ms + grace_ms:
        detail = f"{iso_text(corrected_ms)} is after the arrival at {iso_text(received_at_ms)}, which counts instead"
        notes.append(LeftOut("timestamp", Reason.TIME_IN_FUTURE, detail))
        return received_at_ms
    if corrected_ms < MIN_MS:
        days = round((received_at_ms - corrected_ms) / DAY_MS)
        detail = f"corrected by sentAt it lies {days:,} days before the arrival, which counts instead"
        notes.append(LeftOut("timestamp", Reason.TIME_NOT_UNDERSTOOD, detail))
        return received_at_ms
    return corrected_ms


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


_decode = msgspec.json.Decoder().decode
_decode_body = msgspec.json.Decoder(Body).decode
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
    return Message(
        row.position,
        row.source_id,
        row.message_id,
        _TYPES[body.type],
        happened_at(body, sent_at, row, grace_ms, notes),
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
        notes,
    )
