"""Reads Amplitude's export of events: one JSON object per line, times in UTC. Pure.

Source: Amplitude docs, "Export API" (fields; `event_time` is UTC without saying so).
"""

from __future__ import annotations

from typing import Any, Final

from hubwire.backfill.records import Omission, Sample
from hubwire.backfill.systems.reader import PAGES_NOTE, DocumentReader, Made, compact, object_in, text, without

_OWN: Final = "an event of Amplitude's own"
_SESSIONS: Final = frozenset(["session_start", "session_end", "[Amplitude] Start Session", "[Amplitude] End Session"])
_PAGES: Final = frozenset(["[Amplitude] Page Viewed", "[Amplitude] Viewed Page"])


def amplitude_reader(sample: Sample) -> DocumentReader | None:
    """The reader of Amplitude's events, None for other documents."""
    keys = set(sample.columns)
    marks = {"event_properties", "user_properties", "amplitude_id", "$insert_id"}
    if "event_type" in keys and keys & marks and keys & {"user_id", "device_id"}:
        return DocumentReader("Amplitude's events", _event, (PAGES_NOTE,))
    return None


def _event(row: dict[str, Any]) -> Made:
    name = text(row.get("event_type"))
    if name is None:
        return Omission("no event_type", True)
    common = compact(
        userId=row.get("user_id"),
        anonymousId=row.get("device_id"),
        messageId=row.get("uuid") or row.get("$insert_id") or row.get("insert_id"),
        timestamp=row.get("event_time") or row.get("client_event_time") or row.get("time"),
    )
    traits = without(object_in(row, "user_properties"), "$")
    if name == "$identify":
        return [{"type": "identify", **common, "traits": traits}] if traits else Omission(_OWN, False)
    if name.startswith("$") or name in _SESSIONS:
        return Omission(_OWN, False)
    properties = object_in(row, "event_properties")
    context = {"context": {"traits": traits}} if traits else {}
    if name in _PAGES:
        page = {key.removeprefix("[Amplitude] Page ").lower(): value for key, value in properties.items()}
        return [{"type": "page", **common, "properties": page, **context}]
    return [{"type": "track", "event": name, **common, "properties": properties, **context}]
