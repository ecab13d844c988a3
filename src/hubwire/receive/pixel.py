"""Messages in an image's address: base64 JSON in `data`, or flattened fields (`properties.email=…`).

Source: Segment Pixel Tracking API: always answered 200 with a transparent image, also on error.
"""

from __future__ import annotations

import binascii
from typing import Any
from urllib.parse import parse_qsl

from hubwire.errors import MalformedUpload
from hubwire.receive.parse import Upload, encoded, read_upload
from hubwire.receive.paths import Route, Takes
from hubwire.receive.sources import usable_write_key
from hubwire.receive.upload_limits import ReceiveLimits

GIF = binascii.a2b_hex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
MAX_FIELDS = 200
MAX_NAME_DEPTH = 16
MAX_KEY_QUERY_BYTES = 2048


def pixel_upload(query: bytes, route: Route, limits: ReceiveLimits) -> Upload:
    """The message in a query string. `write_key` is the key in it.

    Errors: MalformedUpload, UploadTooLarge.
    """
    if len(query) > limits.max_message_bytes * 2:
        raise MalformedUpload(f"query: {len(query)} bytes; a message takes {limits.max_message_bytes}")
    try:
        pairs = parse_qsl(query.decode("ascii", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as exc:
        raise MalformedUpload(f"query: more than {MAX_FIELDS} fields") from exc
    given = dict(pairs)
    data = given.get("data")
    body = _decoded(data) if data is not None else encoded(_nested(pairs))
    upload = read_upload(body, Route(Takes.SINGLE, route.type), limits)
    upload.write_key = given.get("writeKey") or upload.write_key
    return upload


def write_key_in(query: bytes) -> str | None:
    """The `writeKey` of a query string (RudderStack's beacon), if there is one."""
    if b"writeKey=" not in query or len(query) > MAX_KEY_QUERY_BYTES:
        return None
    return usable_write_key(dict(parse_qsl(query.decode("ascii", "replace"))).get("writeKey"))


def _decoded(data: str) -> bytes:
    text = data.replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return binascii.a2b_base64(text + "=" * (-len(text) % 4))
    except ValueError as exc:
        raise MalformedUpload(f"data: not base64: {exc}") from exc


def _nested(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        *outer, last = name.split(".", MAX_NAME_DEPTH)
        place: Any = fields
        for part in outer:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise MalformedUpload(f"query: {name[:80]!r} is a field of something that is not an object")
        place[last] = value
    return fields
