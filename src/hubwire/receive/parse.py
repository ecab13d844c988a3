"""Decodes the messages of an upload, each once, and keeps the caller's own bytes.

What must never happen here: a message that later stages cannot decode (each is decoded in full, and nested no deeper
than `MAX_DEPTH`), or an upload that is refused because one number in it is NaN.
Sources: Segment HTTP API, "Batch"; python's SDK writes NaN and Infinity, JavaScript writes lone surrogates.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from hubwire.decoding import text_id
from hubwire.errors import MalformedUpload, UploadRefused, UploadTooLarge
from hubwire.reasons import Reason
from hubwire.receive.paths import Route, Takes
from hubwire.receive.upload_limits import LARGE_UPLOAD_BYTES, ReceiveLimits

MAX_DEPTH = 128
MAX_NUMBER_DIGITS = 4000
MAX_KEPT_VALUE_BYTES = 1024
KEPT_OF_A_BAD_ITEM = ("type", "messageId", "userId", "anonymousId", "event", "timestamp")

CUT_DEPTH = MAX_DEPTH + 8
"""The depth in an upload at which a message is too deep in any case."""
_BRACKETS = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\]]', re.DOTALL)

Fields = dict[str, Any]


class _Body(msgspec.Struct):
    """The fields of an upload other than its messages; further fields are ignored."""

    batch: list[msgspec.Raw] | None = None
    writeKey: Any = None  # noqa: N815
    context: msgspec.Raw = msgspec.Raw()
    integrations: msgspec.Raw = msgspec.Raw()
    sentAt: msgspec.Raw = msgspec.Raw()  # noqa: N815


class Upload(msgspec.Struct):
    """A decoded upload: `bodies[i]` are the bytes of a message, `fields[i]` the same decoded.

    Shape: `rejected` has the reason of each item that is no message, by index; its body and fields are what is kept of
    it.
    """

    bodies: list[bytes]
    fields: Sequence[Fields]
    envelope: bytes | None
    write_key: object
    rejected: dict[int, Reason] = msgspec.field(default_factory=dict)


class _OnDemand(Sequence[Fields]):
    """The messages of a large upload, decoded one by one, because all of them would take as much memory again."""

    def __init__(self, bodies: list[bytes]) -> None:
        self._bodies = bodies

    def __len__(self) -> int:
        return len(self._bodies)

    def __getitem__(self, index: Any) -> Any:
        return _decode(self._bodies[index])


_decode = msgspec.json.Decoder().decode
_decode_body = msgspec.json.Decoder(_Body).decode
_ENVELOPE_FIELDS = ("context", "integrations", "sentAt")


def read_upload(body: bytes | bytearray, route: Route, limits: ReceiveLimits, *, is_strict: bool = False) -> Upload:
    """The messages of a body, as the route takes them.

    Shape: a bad item of a batch does not take its neighbours with it: it is in `rejected`, unless `is_strict`.
    Errors: MalformedUpload when the body is not JSON or not the Tracking API's shape; UploadTooLarge over a limit.
    """
    try:
        upload = _single(body) if route.takes is Takes.SINGLE else _many(body, limits)
    except RecursionError as exc:
        cut = body if is_strict or route.takes is Takes.SINGLE else _cut_deep(body)
        if len(cut) == len(body):
            raise _too_deep() from exc
        return read_upload(cut, route, limits)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        upload = _leniently(body, route, limits, exc)
    _check_items(upload, route, limits, is_strict=is_strict)
    _check_envelope(upload, limits)
    return upload


def name_of(index: int, route: Route) -> str:
    """The name of a message of the upload in an answer."""
    return "message" if route.takes is Takes.SINGLE else f"batch[{index}]"


def encoded(value: object) -> bytes:
    """A value as JSON that every decoder takes, whatever it was read from; lone surrogates become `?`."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8", "replace")


def _single(body: bytes | bytearray) -> Upload:
    fields = _decode(body)
    if not isinstance(fields, dict):
        raise MalformedUpload(f"body: expected an object, got {_kind(fields)}")
    return Upload([bytes(body)], [fields], None, fields.get("writeKey"))


def _many(body: bytes | bytearray, limits: ReceiveLimits) -> Upload:
    try:
        parts = _decode_body(body)
    except msgspec.ValidationError as exc:
        raise MalformedUpload(_shape_fault(_decode(body))) from exc
    if parts.batch is None:
        raise MalformedUpload("batch: expected an array, got nothing")
    _check_count(len(parts.batch), limits)
    bodies = [bytes(raw) for raw in parts.batch]
    fields = _fields_of(bodies, len(body))
    return Upload(bodies, fields, _envelope(parts), _upload_key(parts.writeKey, fields))


def _fields_of(bodies: list[bytes], upload_bytes: int) -> Sequence[Fields]:
    return [_decode(body) for body in bodies] if upload_bytes <= LARGE_UPLOAD_BYTES else _OnDemand(bodies)


def _envelope(parts: _Body) -> bytes | None:
    """The fields of the upload that apply to all its messages, checked by decoding them once."""
    given = [
        b'"%b":%b' % (name.encode(), bytes(raw))
        for name, raw in zip(_ENVELOPE_FIELDS, (parts.context, parts.integrations, parts.sentAt), strict=True)
        if bytes(raw) not in (b"", b"null")
    ]
    if not given:
        return None
    envelope = b"{" + b",".join(given) + b"}"
    _check_depth(envelope, _decode(envelope))
    return envelope


def _leniently(body: bytes | bytearray, route: Route, limits: ReceiveLimits, cause: Exception) -> Upload:
    """The upload, read as leniently as by Segment's own server: NaN becomes null, and invalid UTF-8 is replaced."""
    try:
        value = json.loads(
            body.decode("utf-8-sig", "replace"), parse_constant=_nothing, parse_float=_finite, parse_int=_bounded
        )
        if route.takes is Takes.SINGLE:
            return _single(encoded(value))
        if not isinstance(value, dict) or not isinstance(value.get("batch"), list):
            raise MalformedUpload(_shape_fault(value))
        _check_count(len(value["batch"]), limits)
        bodies = [encoded(item) for item in value["batch"]]
        fields = _fields_of(bodies, len(body))
        given = {name: value[name] for name in _ENVELOPE_FIELDS if value.get(name) is not None}
        envelope = encoded(given) if given else None
        if envelope is not None:
            _check_depth(envelope, _decode(envelope))
        return Upload(bodies, fields, envelope, _upload_key(value.get("writeKey"), fields))
    except RecursionError as exc:
        raise _too_deep() from exc
    except (ValueError, msgspec.DecodeError) as exc:
        raise MalformedUpload(f"body: not JSON: {cause}") from exc


def _upload_key(own: object, fields: Sequence[Fields]) -> object:
    # analytics.js repeats the write key in every message of a batch.
    first = next((message_fields for message_fields in fields if isinstance(message_fields, dict)), None)
    return own if own or first is None else first.get("writeKey")


def _check_count(count: int, limits: ReceiveLimits) -> None:
    if count > limits.max_messages_read:
        raise UploadTooLarge(
            f"batch: {count} messages; an upload takes {limits.max_upload_messages}", code="too-many-messages"
        )


def _check_items(upload: Upload, route: Route, limits: ReceiveLimits, *, is_strict: bool) -> None:
    """Find the items that are not messages. Errors: those of a single message, and of any item in strict mode."""
    decoded, max_bytes = upload.fields, limits.max_message_bytes
    for index, body in enumerate(upload.bodies):
        fields = decoded[index]
        try:
            if type(fields) is not dict:
                fault = f"{name_of(index, route)}: expected an object, got {_kind(fields)}"
                raise MalformedUpload(fault, code=Reason.NOT_AN_OBJECT if route.takes is Takes.UPLOAD else None)
            if len(body) > max_bytes:
                fault = f"{name_of(index, route)}: {len(body)} bytes; a message takes {max_bytes}"
                raise UploadTooLarge(fault, code=Reason.MESSAGE_TOO_LARGE)
            _check_depth(body, fields)
        except UploadRefused as refused:
            if is_strict or route.takes is Takes.SINGLE:
                raise
            _set_aside(upload, index, Reason(refused.code))


def _set_aside(upload: Upload, index: int, reason: Reason) -> None:
    """The part of a bad item that lets its sender recognise it."""
    fields: object = upload.fields[index]
    kept: Fields
    if isinstance(fields, dict):
        kept = {name: text_id(fields.get(name)) for name in KEPT_OF_A_BAD_ITEM if text_id(fields.get(name))}
        kept["bytes"] = len(upload.bodies[index])
    else:
        kept = {"value": fields if len(upload.bodies[index]) <= MAX_KEPT_VALUE_BYTES else None}
    upload.bodies[index], upload.rejected[index] = encoded(kept), reason
    if isinstance(upload.fields, list):
        upload.fields[index] = kept


def _check_envelope(upload: Upload, limits: ReceiveLimits) -> None:
    if upload.envelope is None:
        return
    envelope_bytes = len(upload.envelope)
    if envelope_bytes > limits.max_message_bytes:
        raise UploadTooLarge(
            f"context: {envelope_bytes} bytes with what else the upload says of all its messages;"
            f" it may take what one message takes, {limits.max_message_bytes}",
            code="context-too-large",
        )
    if envelope_bytes * len(upload.bodies) > limits.max_envelope_bytes:
        raise UploadTooLarge(
            f"context: {envelope_bytes} bytes for each of {len(upload.bodies)} messages;"
            f" an upload takes {limits.max_envelope_bytes} in all",
            code="context-too-large",
        )


def _check_depth(body: bytes, value: object) -> None:
    # So many brackets are needed for so deep a nesting: that settles nearly all. Told from the length without them,
    # because `bytes.count` takes four times as long.
    if 2 * len(body) - len(body.replace(b"{", b"")) - len(body.replace(b"[", b"")) <= MAX_DEPTH:
        return
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ())
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return
    raise _too_deep()


def _cut_deep(body: bytes | bytearray) -> bytes | bytearray:
    """The body with null for whatever no decoder takes, a large one as it is; a message cut like this is too deep."""
    if len(body) > LARGE_UPLOAD_BYTES:
        return body  # a body full of brackets would take too long
    parts: list[bytes] = []
    depth = kept_until = 0
    for token in _BRACKETS.finditer(body):
        bracket = token[0]
        if bracket in b"{[":
            depth += 1
            if depth == CUT_DEPTH:
                parts.append(bytes(body[kept_until : token.start()]) + b"null")
        elif bracket in b"}]":
            if depth == CUT_DEPTH:
                kept_until = token.end()
            depth -= 1
    if depth >= CUT_DEPTH:
        return body
    return b"".join(parts) + bytes(body[kept_until:])


def _too_deep() -> MalformedUpload:
    return MalformedUpload(f"body: nested deeper than {MAX_DEPTH} levels", code=Reason.TOO_DEEP)


def _shape_fault(value: object) -> str:
    if not isinstance(value, dict):
        return f"body: expected an object, got {_kind(value)}"
    return f"batch: expected an array, got {_kind(value.get('batch'))}"


def _kind(value: object) -> str:
    if value is None:
        return "null"
    kinds = {dict: "an object", list: "an array", str: "a string", bool: "a boolean"}
    return kinds.get(type(value), "a number")


def _nothing(_: str) -> None:
    return None


def _finite(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _bounded(text: str) -> int | None:
    return int(text) if len(text) <= MAX_NUMBER_DIGITS else None
