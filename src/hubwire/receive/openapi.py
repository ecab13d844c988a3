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
    "type": "The call; on paths that name one it may be missing, and the path wins.",
    "messageId": "Unique per source: a repeated one is accepted and kept once. One is made when it is missing.",
    "userId": "Who, as the sender's own database knows them.",
    "anonymousId": "Who, before they are known. This or userId is needed.",
    "event": "Name of a track call; needed there.",
    "groupId": "The company of a group call; needed there.",
    "previousId": "The earlier id of an alias call; needed there.",
    "name": "Name of a page or screen.",
    "timestamp": "When it happened, ISO-8601. Missing: when it arrived.",
    "sentAt": "The sender's clock when sending: corrects `timestamp`.",
    "traits": "What is known of the person or company.",
    "properties": "What is known of the event or page.",
    "context": "Where it happened; `library` says which SDK sent it.",
    "integrations": "Which destinations may have it.",
    "writeKey": "The source's key, when there is no HTTP Basic header.",
}
OBJECTS = frozenset({"traits", "properties", "context", "integrations"})
IDS = frozenset({"messageId", "userId", "anonymousId", "groupId", "previousId"})
REFUSALS = {
    "400": "Not JSON, not this shape, over a limit; or, in strict mode, a message that could not be delivered.",
    "401": "No write key, or one that no source has.",
    "403": "A page of an origin that the source does not allow.",
    "408": "The body did not arrive in time.",
    "429": "Too much at once; nothing was kept. Try again after `Retry-After`.",
    "503": "The journal cannot be written to; nothing was kept. Try again after `Retry-After`.",
}
RETRIED = frozenset({"429", "503"})


def document() -> Json:
    """The whole document, as JSON values."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Hubwire Tracking API",
            "version": __version__,
            "description": "Segment's HTTP Tracking API: every Segment SDK works with only its host changed.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {path: _operations(path) for path in known_paths()},
        "components": {
            "securitySchemes": {
                "writeKey": {"type": "http", "scheme": "basic", "description": "User: the write key. No password."}
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
                "description": "Refuse what could not be delivered, instead of keeping it as rejected.",
            }
        ]
        schema = {"$ref": f"#/components/schemas/{'Message' if route.takes is Takes.SINGLE else 'Upload'}"}
    operation["requestBody"] = {
        "required": True,
        "description": "JSON, whatever the content type says; gzip is recognised.",
        "content": {"application/json": {"schema": schema}},
    }
    return operation


def _pixel(path: str, route: Route) -> Json:
    image = {"image/gif": {"schema": {"type": "string", "contentMediaType": "image/gif"}}}
    described = "The message as base64 JSON, with `writeKey` in it."
    return {
        "operationId": _id(path),
        "summary": f"One {route.type} call as an image request",
        "parameters": [{"name": "data", "in": "query", "schema": {"type": "string"}, "description": described}],
        "responses": {"200": {"description": "A transparent image, also when nothing was kept.", "content": image}},
    }


def _answers(route: Route) -> Json:
    def content(name: str) -> Json:
        return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}

    answers: Json = {"200": {"description": "On disk.", "content": content("Success")}}
    if route.takes is Takes.METRICS:
        answers["200"]["description"] = "Thrown away."
        return answers
    for status, told in REFUSALS.items():
        answers[status] = {"description": told, "content": content("Refusal")}
        if status in RETRIED:
            seconds = {"schema": {"type": "integer", "minimum": 1}, "required": True, "description": "Seconds."}
            answers[status]["headers"] = {"Retry-After": seconds}
    return answers


def _summary(route: Route) -> str:
    if route.takes is Takes.METRICS:
        return "Metrics of analytics.js: accepted and thrown away"
    return "Many messages" if route.takes is Takes.UPLOAD else f"One {route.type} call"


def _id(path: str) -> str:
    return path.strip("/").replace("/", "-").replace(".", "-")


def _message() -> Json:
    properties: Json = {}
    for name, told in FIELDS.items():
        kind: Json = {"type": ["string", "null"]}
        if name in OBJECTS:
            kind = {"type": ["object", "null"]}
        elif name in IDS:
            kind = {"type": ["string", "number", "null"]}
        properties[name] = {**kind, "description": told}
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
            " `context`, `integrations` and `sentAt` hold for every message that does not say otherwise."
        ),
    }


def _refusal() -> Json:
    fields: Json = {
        "code": {"type": "string", "description": "A stable word."},
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
    lines = [PAGE, "## Paths", "", "Each also with a trailing slash.", "", "| takes | | path |", "|---|---|---|"]
    for (summary, method), found in sorted(paths.items()):
        lines.append(f"| {summary} | {method} | {', '.join(f'`{path}`' for path in found)} |")
    lines += ["| Any of the above | POST | `/v1/k/{writeKey}/…`: no header, so no preflight in browsers |", ""]
    lines += ["## Fields of a message", "", "| field | |", "|---|---|"]
    lines += [f"| `{name}` | {told} |" for name, told in FIELDS.items()]
    lines += ["", "## Answers", "", "| status | |", "|---|---|", '| 200 | On disk: `{"success": true}`. |']
    lines += [f"| {status} | {told} |" for status, told in REFUSALS.items()]
    return "\n".join(lines) + "\n" + CLOSING


PAGE = f"""# Tracking API

<!-- PropertyValue by `python -m hubwire.receive.openapi`; a test keeps it so. -->

What SDKs send to. Segment's HTTP Tracking API, the paths of analytics.js and of RudderStack's SDKs among them; which
SDK needs which setting stands in [sdks.md](../sdks.md). The OpenAPI 3.1 document is at `/v1/openapi.json`.

- **Answer.** `200 {{"success": true}}` after the messages are on disk, never before. Never a redirect.
- **Write key.** HTTP Basic (user: the write key, no password), else in the path, else `writeKey` in the body, else in
  the first message, else in the query.
- **Body.** JSON whatever the content type says; gzip is recognised by its first bytes. `NaN` and `Infinity` are read
  as null, what is not UTF-8 is replaced: one bad value does not cost an upload.
- **Limits** (settings): {LIMITS.max_message_bytes} bytes a message, {LIMITS.max_upload_bytes} bytes an upload
  (decompressed), {LIMITS.max_upload_messages} messages an upload; messages beyond are kept as rejected.
- **Rejected.** A message without ids, with an unknown type, a track without `event`, a group without `groupId`, an
  alias without `previousId` can never be delivered. It is answered with 200 and kept with its reason. With the header
  `X-Strict-Mode: 1` the upload is refused with 400 instead, naming field and value: for development and CI.
- **Backfill.** With the header `X-Backfill: 1` a server source's upload waits behind live messages.
- **Browsers.** Every origin may send unless the source names its allowed ones (`https://www.site.test`,
  `https://*.site.test`); others get 403.
"""
CLOSING = """
A refusal is `{"code", "message", "success": false}`. Requests that are no HTTP (`malformed-request`), or whose headers
exceed 32 KB (`headers-too-large`), are answered 400 or 431 and disconnected. An image request (`/v1/pixel/…`) is always
answered with an image.
"""


if __name__ == "__main__":
    sys.stdout.write(reference())
