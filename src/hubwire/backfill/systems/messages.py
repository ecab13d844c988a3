"""Messages in Segment's own shape: archives of Segment and RudderStack, and bodies of uploads. Pure.

Sources: Segment docs, "Amazon S3 destination"; rudder-server, router/batchrouter and its staging files; RudderStack
docs, "merge".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from hubwire.backfill.records import Omission, Reading, Record, Sample
from hubwire.backfill.systems.reader import DocumentReader, Made, RowReaders, mapping
from hubwire.backfill.systems.shapes import Shape
from hubwire.backfill.systems.warehouse import BY_NAME, EVENTS
from hubwire.decoding import merged
from hubwire.message import MessageType

TYPES: Final = frozenset(str(name) for name in MessageType)
_RUDDER: Final = frozenset(["rudderId", "request_ip", "channel"])
_SAME: Final = "the same data as a row of another table"
_STAGED_ELSEWHERE: Final = {"tracks": _SAME, "users": _SAME}
_RULES: Final = "RudderStack's own bookkeeping"


def messages_reader(sample: Sample) -> DocumentReader | None:
    """The reader of documents in Segment's shape, None for others."""
    rows = sample.rows
    if any(isinstance(row.get("batch"), list) for row in rows):
        return DocumentReader("bodies of uploads in Segment's format", message_of, keeps_untimed=True)
    typed = [row for row in rows if isinstance(kind := row.get("type"), str) and (kind in TYPES or kind == "merge")]
    if not typed:
        return None
    is_rudder = any(row.keys() & _RUDDER or row["type"] == "merge" for row in typed)
    title = "RudderStack's archive" if is_rudder else "messages in Segment's format"
    return DocumentReader(title, message_of, keeps_untimed=True)


def message_of(document: dict[str, Any]) -> Made:
    """The messages of a document in Segment's shape: itself, those of an upload, or the identify of a merge."""
    batch = document.get("batch")
    if isinstance(batch, list):
        around = {name: value for name, value in document.items() if name not in ("batch", "writeKey")}
        if not batch:
            return Omission("an upload without messages", False)
        return [merged(item, around) if isinstance(item, dict) else {} for item in batch]
    if document.get("type") == "merge":
        return _merge(document)
    return [document]


def _merge(document: dict[str, Any]) -> Made:
    """The identify of a merge. HubSpot has a place for an e-mail with an id, or for two ids."""
    found: dict[str, Any] = {}
    for item in document.get("mergeProperties") or ():
        kind = str(mapping(item).get("type", "")).lower().replace("_", "")
        found.setdefault(kind, mapping(item).get("value"))
    email, user, device = found.get("email"), found.get("userid") or document.get("userId"), found.get("anonymousid")
    if not (email or user) or not ((email and (user or device)) or (user and device)):
        return Omission("a merge of identifiers that HubSpot does not have", False)
    kept = ("messageId", "timestamp", "originalTimestamp", "receivedAt", "sentAt")
    message = {"type": "identify", **{name: document[name] for name in kept if name in document}}
    if user:
        message["userId"] = user
    if device:
        message["anonymousId"] = device
    if email:
        message["traits"] = {"email": email}
    return [message]


def is_staging(row: dict[str, Any]) -> bool:
    """Whether a document is a line of RudderStack's staging files."""
    return isinstance(row.get("metadata"), dict) and isinstance(row.get("data"), dict) and "table" in row["metadata"]


class StagingReader:
    """RudderStack's staging files: rows of several tables, mixed."""

    title = "RudderStack's staging files"
    uses = ()
    notes = ("Hubwire skips rows of tracks and users: the rows of the events and of identifies have the same data.",)

    def __init__(self, sample: Sample) -> None:
        self._rows = RowReaders(sample.options)

    def read(self, records: Iterator[Record]) -> Iterator[Reading]:
        """The message of each row."""
        for record in records:
            if (omission := record.omission) is not None:
                yield Reading(record.number, (), omission)
                continue
            table = str(mapping(record.values.get("metadata")).get("table", "")).lower().strip("_")
            shape = self._shape(table)
            if isinstance(shape, str):
                yield Reading(record.number, (), Omission(shape, False))
            else:
                yield self._rows.reading(shape, Record(record.number, mapping(record.values.get("data"))))

    @staticmethod
    def _shape(table: str) -> Shape | str:
        if table in _STAGED_ELSEWHERE:
            return _STAGED_ELSEWHERE[table]
        return _RULES if table.startswith("rudder") else BY_NAME.get(table, EVENTS)
