"""Jitsu: its backups hold Segment's calls; its tables hold all calls together, flattened, with their `type`. Pure.

Sources: Jitsu's test of a failover log (`httpPayload`); Jitsu docs, "Database schema" (`type`, `message_id`, `user_id`,
objects flattened with underscores).
"""

from __future__ import annotations

from typing import Any, Final

from hubwire.backfill.records import Omission, Sample
from hubwire.backfill.systems.cells import id_of, plain
from hubwire.backfill.systems.messages import TYPES, message_of
from hubwire.backfill.systems.people import identified
from hubwire.backfill.systems.reader import DocumentReader, Made, object_in
from hubwire.backfill.systems.shapes import Message

_FIELDS: Final = {
    "user_id": "userId",
    "anonymous_id": "anonymousId",
    "message_id": "messageId",
    "group_id": "groupId",
    "previous_id": "previousId",
}
_TIMES: Final = ("timestamp", "_timestamp", "original_timestamp", "received_at")
_OBJECTS: Final = (("properties_", "properties"), ("traits_", "traits"))
_CONTEXT_TRAITS: Final = "context_traits_"


def jitsu_reader(sample: Sample) -> DocumentReader | None:
    """The reader of Jitsu's backups or of rows of its tables, None for others."""
    if any("httpPayload" in row for row in sample.rows):
        return DocumentReader(
            "Jitsu's backup", lambda document: message_of(object_in(document, "httpPayload")), keeps_untimed=True
        )
    keys = {column.lower() for column in sample.columns}
    if {"type", "message_id"} <= keys and keys & {"user_id", "anonymous_id"} and _has_calls(sample):
        return DocumentReader("rows of Jitsu's tables", _row)
    return None


def _has_calls(sample: Sample) -> bool:
    return any(name.lower() == "type" and value in TYPES for row in sample.rows for name, value in row.items())


def _row(given: dict[str, Any]) -> Made:
    row = {name.lower(): value for name, value in given.items()}
    kind = row.get("type")
    if kind not in TYPES:
        return Omission(f"a row of type {kind!r}", True)
    message: Message = {"type": kind}
    for column, name in _FIELDS.items():
        if (value := id_of(row.get(column))) is not None:
            message[name] = value
    for name in ("event", "name"):
        if (value := plain(row.get(name))) is not None:
            message[name] = value
    time = next((row[name] for name in _TIMES if row.get(name) not in (None, "")), None)
    if time is not None:
        message["timestamp"] = time
    for column, value in row.items():
        _add(message, column, plain(value))
    identified(message)
    return [message]


def _add(message: Message, column: str, value: Any) -> None:
    if value is None:
        return
    for prefix, name in _OBJECTS:
        if column.startswith(prefix):
            message.setdefault(name, {})[column.removeprefix(prefix)] = value
    if column.startswith(_CONTEXT_TRAITS):
        name = column.removeprefix(_CONTEXT_TRAITS)
        # An identify has all the person's fields; in any other call, only the e-mail belongs to the person.
        if message["type"] == "identify":
            message.setdefault("traits", {}).setdefault(name, value)
        elif name == "email":
            message["context"] = {"traits": {"email": value}}
