"""Reads records from HubSpot with the history of their values. Pure.

Source: HubSpot docs, batch read (100 records a call, 50 with `propertiesWithHistory`; merged ids and additional e-mails
find their record), and the OpenAPI's version of a value (value, timestamp, sourceType, sourceId).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from hubwire.hubspot.wire import ADDITIONAL_DOMAINS, iso_utc

RECORDS_PER_READ = 100
RECORDS_PER_HISTORY_READ = 50
ADDITIONAL_EMAILS = "hs_additional_emails"
CHANGED_PAGE = 200
SECOND_MS = 1000
_LARGEST_SECONDS = 10**11

_encode = msgspec.json.Encoder().encode


class Version(NamedTuple):
    """One value in a property's history. `source` is HubSpot's word for its writer (`CRM_UI`, `INTEGRATION`, …)."""

    value: str
    at_ms: int
    source: str = ""
    source_id: str = ""


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """The current state of a record in HubSpot. `history`: the versions of the requested properties, newest first."""

    record_id: str
    properties: Mapping[str, str] = field(default_factory=dict)
    history: Mapping[str, Sequence[Version]] = field(default_factory=dict)

    @property
    def emails(self) -> list[str]:
        """The contact's address and its additional ones, lower-cased."""
        return _split(self.properties.get("email")) + _split(self.properties.get(ADDITIONAL_EMAILS))

    @property
    def domains(self) -> list[str]:
        """The company's domain and its additional ones, lower-cased."""
        return _split(self.properties.get("domain")) + _split(self.properties.get(ADDITIONAL_DOMAINS))


# -- requests


def read_objects(
    keys: Sequence[str],
    properties: Sequence[str],
    with_history: Sequence[str] = (),
    *,
    id_property: str | None = None,
) -> bytes:
    """The body of a batch read by record ids, or by a unique property."""
    body: dict[str, Any] = {
        "properties": list(properties),
        "propertiesWithHistory": list(with_history),
        "inputs": [{"id": key} for key in keys],
    }
    return _encode(body if id_property is None else {**body, "idProperty": id_property})


def search_changed(modified_name: str, since_ms: int, properties: Sequence[str], after: str | None = None) -> bytes:
    """The body of a search for records that anybody changed since a time."""
    body: dict[str, Any] = {
        "filterGroups": [{"filters": [{"propertyName": modified_name, "operator": "GTE", "value": str(since_ms)}]}],
        "properties": list(properties),
        "limit": CHANGED_PAGE,
    }
    return _encode(body if after is None else {**body, "after": after})


def read_associated(ids: Sequence[str]) -> bytes:
    """The body of a batch read of associations."""
    return _encode({"inputs": [{"id": record_id} for record_id in ids]})


# -- answers


def held_records(body: bytes) -> list[HeldRecord]:
    """The records in the answer to a read or a search; missing ones are omitted. An unreadable body has none."""
    raw = _decoded(body)
    entries = raw.get("results") if "results" in raw else [raw]
    return [_held(entry) for entry in _list(entries) if isinstance(entry, dict) and _text(entry.get("id"))]


def total_and_next(body: bytes) -> tuple[int, str | None]:
    """The number of records that a search matches, and the start of its next page."""
    raw = _decoded(body)
    total, paging = raw.get("total"), raw.get("paging")
    following = paging.get("next") if isinstance(paging, dict) else None
    after = _text(following.get("after")) if isinstance(following, dict) else ""
    return (total if isinstance(total, int) else 0), after or None


def associated_ids(body: bytes) -> dict[str, list[str]]:
    """Record id -> the ids of the records that are associated with it."""
    associated: dict[str, list[str]] = {}
    for entry in _list(_decoded(body).get("results")):
        if not isinstance(entry, dict) or not isinstance(entry.get("from"), dict):
            continue
        ends = [end for end in _list(entry.get("to")) if isinstance(end, dict)]
        associated[_text(entry["from"].get("id"))] = [
            _text(end.get("toObjectId")) or _text(end.get("id")) for end in ends
        ]
    return associated


def moment_ms(raw: object) -> int | None:
    """The moment of a time in HubSpot's formats: an ISO text or epoch milliseconds."""
    text = _text(raw)
    if text.isdecimal() and len(text) <= len(str(_LARGEST_SECONDS * SECOND_MS)):
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
        aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        return round(aware.timestamp() * SECOND_MS)
    except (ValueError, OverflowError):
        return None


def when(at_ms: int) -> str:
    """A moment for people, in the format of the reasons."""
    return iso_utc(at_ms)


def _held(entry: Mapping[str, Any]) -> HeldRecord:
    properties, history = entry.get("properties"), entry.get("propertiesWithHistory")
    return HeldRecord(
        record_id=_text(entry["id"]),
        properties={name: _text(value) for name, value in _dict(properties).items() if value is not None},
        history={name: _versions(versions) for name, versions in _dict(history).items()},
    )


def _versions(raw: object) -> list[Version]:
    """The versions, newest first. A version without a readable time cannot be compared and is skipped."""
    versions: list[Version] = []
    for entry in _list(raw):
        if not isinstance(entry, dict):
            continue
        at_ms = moment_ms(entry.get("timestamp"))
        if at_ms is not None:
            source, source_id = _text(entry.get("sourceType")), _text(entry.get("sourceId"))
            versions.append(Version(_text(entry.get("value")), at_ms, source, source_id))
    return sorted(versions, key=lambda version: version.at_ms, reverse=True)


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        raw = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return {}
    return raw if isinstance(raw, dict) else {}


def _split(text: str | None) -> list[str]:
    return [part.strip().lower() for part in (text or "").split(";") if part.strip()]


def _dict(raw: object) -> dict[str, Any]:
    return raw if isinstance(raw, dict) else {}


def _list(raw: object) -> list[Any]:
    return raw if isinstance(raw, list) else []


def _text(raw: object) -> str:
    if isinstance(raw, bool):
        return "true" if raw else "false"
    return raw if isinstance(raw, str) else "" if raw is None or isinstance(raw, dict | list) else str(raw)
