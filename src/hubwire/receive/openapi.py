"""The OpenAPI 3.1 document of the Tracking API, from the table of paths, and the reference page made of it.

Served at `/v1/openapi.json`; `python -m hubwire.receive.openapi` writes the page; Schemathesis checks the answers.
"""

from __future__ import annotations

import sys
from typing import Any

from hubwire import __version__
from hubwire.receive.paths import Route, Takes, known_paths, route_of
from hubwire.receive.upload_limits import ReceiveLimits

Json = dict[str, Any]

LIMITS = ReceiveLimits()
FIELDS = {
    "type": "The call. On a path that names the call, `type` may be missing, and the path wins.",
    "messageId": "Unique within a source. Hubwire keeps one of repeated messages, and derives a missing id.",
    "userId": "The person's id in the sender's own database.",
    "anonymousId": "The id of a person who is not known yet. A message needs this or userId.",
    "event": "The name of a track call. A track call needs it.",
    "groupId": "The company of a group call. A group call needs it.",
    "previousId": "The earlier id of an alias call. An alias call needs it.",
    "name": "The name of a page or screen.",
    "timestamp": "The time of the call, ISO 8601. If it is missing, ambiguous or in the future, the time of arrival.",
    "sentAt": "The sender's clock at the time of sending. Hubwire corrects `timestamp` with it.",
    "traits": "Fields of the person or company.",
    "properties": "Fields of the event or page.",
    "context": "The circumstances of the call; `library` names the SDK.",
    "integrations": "The destinations that may receive the message.",
    "writeKey": "The source's write key, if there is no HTTP Basic header.",
}
OBJECTS = frozenset({"traits", "properties", "context", "integrations"})
IDS = frozenset({"messageId", "userId", "anonymousId", "groupId", "previousId"})
REFUSALS = {
    "400": "Not JSON, the wrong shape, or over a limit. In strict mode also: a message that cannot be delivered.",
    "401": "There is no write key, or no source has it.",
    "403": "The source does not allow the origin of this page.",
    "408": "The body did not arrive in time.",
    "429": "Too many messages at once, or more than the source may send. Nothing was kept. Retry after `Retry-After`.",
    "503": "Hubwire cannot write to the journal. Nothing was kept. Try again after `Retry-After`.",
}
RETRIED = frozenset({"429", "503"})


def document() -> Json:
    """The whole document, as JSON values."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Hubwire Tracking API",
            "version": __version__,
            "description": "Segment's HTTP Tracking API. Every Segment SDK works when only its host is changed.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {path: _operations(path) for path in known_paths()},
        "components": {
            "securitySchemes": {
                "writeKey": {"type": "http", "scheme": "basic", "description": "User name: the write key. No password."}
            },
            "schemas": {
                "Message": _message(),
                "Upload": _upload(),
                "Success": _object({"success": {"type": "boolean", "const": True}}, required=True),
                "Refusal": _refusal(),
            },
        },
    }


def _operations(path: str) -> Json:
    route = route_of(path)
    assert route is not None
    if route.takes is Takes.DOCUMENT:
        answer = {"description": "This document.", "content": {"application/json": {"schema": {"type": "object"}}}}
        return {"get": {"operationId": _id(path), "summary": "This document", "responses": {"200": answer}}}
    if route.takes is Takes.PIXEL:
        return {"get": _pixel(path, route)}
    return {"post": _post(path, route)}


def _post(path: str, route: Route) -> Json:
    operation: Json = {"operationId": _id(path), "summary": _summary(route), "responses": _answers(route)}
    if route.takes is Takes.METRICS:
        schema: Json = {"type": "object"}
    else:
        operation["security"] = [{"writeKey": []}, {}]
        operation["parameters"] = [
            {
                "name": "X-Strict-Mode",
                "in": "header",
                "schema": {"type": "string", "enum": ["1"]},
                "description": "Refuse a message that cannot be delivered, instead of keeping it as rejected.",
            }
        ]
        schema = {"$ref": f"#/components/schemas/{'Message' if route.takes is Takes.SINGLE else 'Upload'}"}
    operation["requestBody"] = {
        "required": True,
        "description": "JSON, whatever the content type says. Gzip is recognised.",
        "content": {"application/json": {"schema": schema}},
    }
    return operation


def _pixel(path: str, route: Route) -> Json:
    image = {"image/gif": {"schema": {"type": "string", "contentMediaType": "image/gif"}}}
    described = "The message as base64 JSON, including `writeKey`."
    return {
        "operationId": _id(path),
        "summary": f"One {route.type} call as an image request",
        "parameters": [{"name": "data", "in": "query", "schema": {"type": "string"}, "description": described}],
        "responses": {"200": {"description": "A transparent image, even if nothing was kept.", "content": image}},
    }


def _answers(route: Route) -> Json:
    def content(name: str) -> Json:
        return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}

    answers: Json = {"200": {"description": "The messages are on disk.", "content": content("Success")}}
    if route.takes is Takes.METRICS:
        answers["200"]["description"] = "The metrics are discarded."
        return answers
    for status, meaning in REFUSALS.items():
        answers[status] = {"description": meaning, "content": content("Refusal")}
        if status in RETRIED:
            seconds = {"schema": {"type": "integer", "minimum": 1}, "required": True, "description": "Seconds."}
            answers[status]["headers"] = {"Retry-After": seconds}
    return answers


def _summary(route: Route) -> str:
    if route.takes is Takes.METRICS:
        return "Metrics of analytics.js: accepted and discarded"
    return "Many messages" if route.takes is Takes.UPLOAD else f"One {route.type} call"


def _id(path: str) -> str:
    return path.strip("/").replace("/", "-").replace(".", "-")


def _message() -> Json:
    properties: Json = {}
    for name, meaning in FIELDS.items():
        kind: Json = {"type": ["string", "null"]}
        if name in OBJECTS:
            kind = {"type": ["object", "null"]}
        elif name in IDS:
            kind = {"type": ["string", "number", "null"]}
        properties[name] = {**kind, "description": meaning}
    return {"type": "object", "properties": properties, "description": f"At most {LIMITS.max_message_bytes} bytes."}


def _upload() -> Json:
    shared = {name: _message()["properties"][name] for name in ("context", "integrations", "sentAt", "writeKey")}
    batch = {"type": "array", "items": {"$ref": "#/components/schemas/Message"}}
    return {
        "type": "object",
        "required": ["batch"],
        "properties": {"batch": batch, **shared},
        "description": (
            f"At most {LIMITS.max_upload_bytes} bytes decompressed and {LIMITS.max_upload_messages} messages."
            " `context`, `integrations` and `sentAt` apply to every message that does not have its own."
        ),
    }


def _refusal() -> Json:
    fields: Json = {
        "code": {"type": "string", "description": "A fixed word."},
        "message": {"type": "string", "description": "The field, its value and the limit."},
        "success": {"type": "boolean", "const": False},
    }
    return _object(fields, required=True)


def _object(fields: Json, *, required: bool) -> Json:
    described: Json = {"type": "object", "properties": fields, "additionalProperties": False}
    return described | ({"required": sorted(fields)} if required else {})


def reference() -> str:
    """The reference page, in Markdown."""
    paths: dict[tuple[str, str], list[str]] = {}
    for path in known_paths():
        [(method, operation)] = _operations(path).items()
        paths.setdefault((operation["summary"], method.upper()), []).append(path)
    lines = [PAGE, "## Paths", "", "Each path also works with a trailing slash.", ""]
    lines += ["| request | method | paths |", "|---|---|---|"]
    for (summary, method), found in sorted(paths.items()):
        lines.append(f"| {summary} | {method} | {', '.join(f'`{path}`' for path in found)} |")
    lines += ["| Any of the above | POST | `/v1/k/{writeKey}/…`: needs no header, so browsers send no preflight |", ""]
    lines += ["## Fields of a message", "", "| field | meaning |", "|---|---|"]
    lines += [f"| `{name}` | {meaning} |" for name, meaning in FIELDS.items()]
    lines += ["", "## Answers", "", "| status | meaning |", "|---|---|"]
    lines += ['| 200 | The messages are on disk: `{"success": true}`. |']
    lines += [f"| {status} | {meaning} |" for status, meaning in REFUSALS.items()]
    return "\n".join(lines) + "\n" + CLOSING


PAGE = f"""# Tracking API

<!-- Written by `python -m hubwire.receive.openapi`; a test compares them. -->

SDKs send messages to the Tracking API. It is Segment's HTTP Tracking API and includes the paths of analytics.js and of
RudderStack's SDKs. [SDKs and their settings](../sdks.md) lists what each SDK needs. The OpenAPI 3.1 document is at
`/v1/openapi.json`.

- **Answer.** Hubwire answers `200 {{"success": true}}` after the messages are on disk, never before. It never
  redirects.
- **Write key.** Hubwire looks for it in this order: HTTP Basic (user name: the write key, no password), the path, a
  bearer token or the header `X-Write-Key` (the part before a colon) that a source has, `writeKey` in the body, the
  first message, the query.
- **Body.** The body is JSON, whatever the content type says. Gzip is recognised by its first bytes. `NaN` and
  `Infinity` are read as null, and bytes that are not UTF-8 are replaced, so one bad value does not cost an upload.
- **Limits** (settings): {LIMITS.max_message_bytes} bytes for a message; {LIMITS.max_upload_bytes} bytes
  (decompressed) and {LIMITS.max_upload_messages} messages for an upload. Messages beyond the last limit are kept as
  rejected.
- **Rejected messages.** A message without ids or with an unknown type, a track call without `event`, a group call
  without `groupId`, an alias call without `previousId`, an item that is not an object, and a message that is too large
  or too deep can never be delivered. Hubwire answers 200, keeps the message with its reason, and accepts its
  neighbours. With the header `X-Strict-Mode: 1` it refuses the upload with 400 and names field and
  value. Use that for development and CI.
- **Backfill.** With the header `X-Backfill: 1`, the upload of a server source waits behind live messages.
- **Browsers.** Every origin may send, unless the source lists its allowed origins (`https://www.site.test`,
  `https://*.site.test`). Other origins then get 403.
"""
CLOSING = """
A refusal is `{"code", "message", "success": false}`. A request that is not HTTP (`malformed-request`) gets 400, and a
request with more than 32 KB of headers (`headers-too-large`) gets 431; Hubwire then closes the connection. An image
request (`/v1/pixel/…`) always gets an image.
"""


if __name__ == "__main__":
    sys.stdout.write(reference())
