"""Turns decoded messages into journal entries: sets the type from the path, derives ids, and rejects messages.

A message that Segment would drop silently is journaled with a reason and never delivered; with the header
`X-Strict-Mode: 1` the whole upload is refused instead, naming field and value.
Sources: Segment spec, required fields per call; HTTP API, "Errors".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from uuid import uuid4

import msgspec

from hubwire.decoding import text_id, written_out
from hubwire.destination import Source, SourceKind
from hubwire.errors import MalformedUpload
from hubwire.message import Entry
from hubwire.reasons import Reason
from hubwire.receive.parse import Fields, Upload, encoded, name_of
from hubwire.receive.paths import TYPES, Route
from hubwire.receive.upload_limits import ReceiveLimits

MAX_MESSAGE_ID_LENGTH = 255
"""Longer ids are kept as their SHA-256, so that de-duplication still holds."""
STRICT_MESSAGE_ID_LENGTH = 100

_KNOWN_TYPES = frozenset(TYPES)
_NEEDED = {
    "track": ("event", Reason.NO_EVENT),
    "group": ("groupId", Reason.NO_GROUP_ID),
    "alias": ("previousId", Reason.NO_PREVIOUS_ID),
}
_OBJECTS = ("traits", "properties", "context", "integrations")


class UploadOptions(msgspec.Struct, frozen=True, gc=False):
    """The options of an upload."""

    limits: ReceiveLimits
    is_strict: bool = False
    is_backfill: bool = False


def entries_of(upload: Upload, route: Route, source: Source, received_at_ms: int, terms: UploadOptions) -> list[Entry]:
    """One entry per message, in order.

    Errors: MalformedUpload in strict mode, for the first message that would be journaled as rejected.
    """
    if terms.is_strict:
        check_strictly(upload, route, terms.limits)
    source_id, envelope, is_backfill = source.source_id, upload.envelope, terms.is_backfill
    hides_key = source.kind is SourceKind.SERVER
    max_messages = terms.limits.max_upload_messages
    entries: list[Entry] = []
    seen: dict[bytes, int] = {}
    for index, fields in enumerate(upload.fields):
        body = upload.bodies[index]
        if route.type is not None and fields.get("type") != route.type:
            body = _with_type(body, fields, route.type)
            fields["type"] = route.type
        if hides_key and "writeKey" in fields:
            # A server's write key is a secret and must not be stored in the journal.
            del fields["writeKey"]
            body = encoded(fields)
        rejected = rejection(fields) if index < max_messages else Reason.TOO_MANY_IN_UPLOAD
        if upload.rejected:
            rejected = upload.rejected.get(index, rejected)
        message_id = fields.get("messageId")
        if (
            type(message_id) is not str
            or not 0 < len(message_id) <= MAX_MESSAGE_ID_LENGTH
            or not message_id.isprintable()
        ):
            message_id = usable_message_id(message_id) or id_of_bytes(body, fields, seen)
        entries.append(Entry(source_id, message_id, received_at_ms, body, envelope, is_backfill, rejected))
    return entries


def rejection(fields: Fields) -> Reason | None:
    """The reason why the message can never be delivered, or None."""
    type_ = fields.get("type")
    if type(type_) is not str or type_ not in _KNOWN_TYPES:
        return Reason.NO_TYPE if type_ is None or type_ == "" else Reason.UNKNOWN_TYPE
    if not (_is_given(fields.get("userId")) or _is_given(fields.get("anonymousId"))):
        return Reason.NO_IDS
    needed = _NEEDED.get(type_)
    if needed is not None and not _is_given(fields.get(needed[0])):
        return needed[1]
    return None


def _is_given(value: object) -> bool:
    """True if a value can be an id or a name. Nearly all are texts."""
    return value != "" if type(value) is str else text_id(value) is not None


def id_of_bytes(body: bytes, fields: Fields, seen: dict[bytes, int]) -> str:
    """An id for a message without one: the same when its sender repeats it, and a new one if it has no time.

    Shape: `seen` counts the messages of one upload by their bytes: equal ones in one upload are several messages. A
    message without a time may rightly come twice, byte for byte. `sentAt`, the time of the attempt, does not count.
    Source: clients without `messageId`, such as RudderStack's for Rust, repeat the very same bytes.
    """
    if not any(fields.get(name) for name in ("originalTimestamp", "timestamp")):
        return str(uuid4())
    if "sentAt" in fields:
        body = encoded({name: value for name, value in fields.items() if name != "sentAt"})
    digest = hashlib.sha256(body).digest()
    seen[digest] = seen.get(digest, 0) + 1
    return f"bytes:{digest.hex()[:48]}:{seen[digest]}"


def usable_message_id(value: object) -> str | None:
    """The sender's message id, or a digest of one that is too long or not printable; None when there is none."""
    text = value if isinstance(value, str) else written_out(value)
    if not text:
        return None
    if len(text) <= MAX_MESSAGE_ID_LENGTH and text.isprintable():
        return text
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def check_strictly(upload: Upload, route: Route, limits: ReceiveLimits) -> None:
    """Raise MalformedUpload for the first fault that ordinary mode would journal as rejected."""
    if not upload.fields:
        raise MalformedUpload("batch: no messages in it", code="empty-batch")
    if len(upload.fields) > limits.max_upload_messages:
        raise MalformedUpload(
            f"batch: {len(upload.fields)} messages; an upload takes {limits.max_upload_messages}",
            code=Reason.TOO_MANY_IN_UPLOAD,
        )
    for index, fields in enumerate(upload.fields):
        effective = {**fields, "type": route.type} if route.type is not None else fields
        for fault, code in _faults(effective):
            raise MalformedUpload(f"{name_of(index, route)}.{fault}", code=code)


def _faults(fields: Fields) -> Iterator[tuple[str, str]]:
    reason = rejection(fields)
    if reason in (Reason.NO_TYPE, Reason.UNKNOWN_TYPE):
        yield f"type: {_shown(fields.get('type'))} is not one of {', '.join(TYPES)}", str(reason)
    elif reason is Reason.NO_IDS:
        yield "userId: neither userId nor anonymousId is given", str(reason)
    elif reason is not None:
        name = _NEEDED[fields["type"]][0]
        yield f"{name}: {_shown(fields.get(name))} is not one", str(reason)
    for name in _OBJECTS:
        value = fields.get(name)
        if value is not None and not isinstance(value, dict):
            yield f"{name}: {_shown(value)} is not an object", "not-an-object"
    message_id = fields.get("messageId")
    if isinstance(message_id, str) and len(message_id) > STRICT_MESSAGE_ID_LENGTH:
        yield f"messageId: {len(message_id)} characters; at most {STRICT_MESSAGE_ID_LENGTH}", "message-id-too-long"


def _shown(value: object) -> str:
    text = encoded(value).decode()
    return text if len(text) <= 80 else text[:77] + "..."


def _with_type(body: bytes, fields: Fields, type_: str) -> bytes:
    """The message with the type of its path as the last field, which replaces the message's own type."""
    if "type" in fields:
        return encoded({**fields, "type": type_})
    separator = b"," if fields else b""
    return body.rstrip()[:-1] + separator + b'"type":"' + type_.encode() + b'"}'
