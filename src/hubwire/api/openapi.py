"""The OpenAPI 3.1 document and the reference page, both written from the table of operations."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from hubwire import __version__
from hubwire.api.operation import PREFIX, ApiOperation, Nothing, reason_phrase
from hubwire.secret import Secret
from hubwire.web.request import Problem

PATH_VALUE = re.compile(r"\{(\w+)(?::(\w+))?\}")
REF = "#/components/schemas/{name}"
HEAD = """# Admin API

Programs can use the admin API to read and change everything that the console shows. Send `Authorization: Bearer
<HUBWIRE_ADMIN_TOKEN>`, or a member's token. Times are epoch milliseconds (UTC). The OpenAPI 3.1 document is at
`/api/v1/openapi.json`.

An error is `{code, message}`. It has `hint` if something can be done, and `field`, `value` and `limit` if a field is
wrong. The statuses are: 400 wrong value; 401 missing or unknown token; 403 the role does not permit the operation; 404
not found (also if the query or the body names something that does not exist); 409 already exists; 413 body over 1 MiB;
429 too many wrong tokens (`Retry-After`); 502 HubSpot refused or did not answer; 503 the database is not available.

Roles: `view` reads, with payloads masked. `operate` also reads payloads, makes dry runs, replays, discards and pauses.
`admin` also changes sources, destinations and tokens."""
COMMON_STATUSES = (400, 401, 403, 429)


def document(operations: tuple[ApiOperation, ...]) -> dict[str, Any]:
    """The whole document, as JSON values."""
    types = [
        Problem,
        *(kind for operation in operations for kind in (operation.body, operation.answer) if kind is not None),
    ]
    _, components = msgspec.json.schema_components(types, schema_hook=_hook, ref_template=REF)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(_plain(operation), {})[operation.method.lower()] = _operation(operation)
    described = {
        "openapi": "3.1.0",
        "info": {
            "title": "Hubwire admin API",
            "version": __version__,
            "description": "Reads and changes everything that the console shows. Times are epoch milliseconds (UTC).",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag for operation in operations)],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "HUBWIRE_ADMIN_TOKEN, or a member's token.",
                }
            },
        },
    }
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(described))
    return plain


def _plain(operation: ApiOperation) -> str:
    """The path as OpenAPI writes it."""
    return PREFIX + PATH_VALUE.sub(r"{\1}", operation.path)


def _operation(operation: ApiOperation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": f"Needs the role `{operation.role}`.",
        "tags": [operation.tag],
        "parameters": [*_path_parameters(operation), *_query_parameters(operation)],
        "responses": {str(operation.status): _answer(operation)},
    }
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": _content(operation.body)}
    for status in sorted({*COMMON_STATUSES, *operation.statuses}):
        described["responses"][str(status)] = {"description": reason_phrase(status), "content": _content(Problem)}
    return described


def _answer(operation: ApiOperation) -> dict[str, Any]:
    described: dict[str, Any] = {"description": reason_phrase(operation.status)}
    if operation.answer is not None:
        described["content"] = _content(operation.answer)
    return described


def _content(kind: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([kind], schema_hook=_hook, ref_template=REF)
    return {"application/json": {"schema": schema}}


def _path_parameters(operation: ApiOperation) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
            if kind == "int"
            else {"type": "string", "minLength": 1},
        }
        for name, kind in PATH_VALUE.findall(operation.path)
    ]


def _query_parameters(operation: ApiOperation) -> list[dict[str, Any]]:
    if operation.query is Nothing:
        return []
    _, components = msgspec.json.schema_components([operation.query], schema_hook=_hook, ref_template=REF)
    schema = components[operation.query.__name__]
    required = schema.get("required", [])
    parameters = []
    for name, described in schema["properties"].items():
        shape = _without_null(_inlined(described, components))
        parameters.append({"name": name, "in": "query", "required": name in required, "schema": shape})
    return parameters


def _inlined(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    """A parameter's schema without references: query structs are not among the components."""
    if "$ref" in schema:
        return dict(components[schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return {**schema, "anyOf": [_inlined(each, components) for each in schema["anyOf"]]}
    return schema


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without null: an optional query parameter is omitted and never null."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind.get("type") != "null"]
    return kinds[0] if len(kinds) == 1 else {key: value for key, value in schema.items() if key != "default"}


def _hook(kind: type) -> dict[str, Any]:
    if kind is Secret:
        return {"type": "string", "writeOnly": True}
    raise NotImplementedError(kind)


def reference(operations: tuple[ApiOperation, ...]) -> str:
    """The reference page, as Markdown."""
    lines = [HEAD]
    for tag in dict.fromkeys(operation.tag for operation in operations):
        lines.append(f"## {tag.capitalize()}")
        for operation in (each for each in operations if each.tag == tag):
            lines += _reference_entry(operation)
    return "\n\n".join(lines) + "\n"


def _reference_entry(operation: ApiOperation) -> list[str]:
    lines = [f"### `{operation.method} {_plain(operation)}`", f"{operation.summary} Role: {operation.role}."]
    parameters = [_parameter_words(each) for each in _query_parameters(operation)]
    for title, entries in (("Query", parameters), ("Body", [] if operation.body is None else _fields(operation.body))):
        if entries:
            lines.append(f"{title}: {', '.join(entries)}.")
    return lines


def _parameter_words(parameter: dict[str, Any]) -> str:
    required = " (required)" if parameter["required"] else ""
    return f"`{parameter['name']}`{required}"


def _fields(kind: type[msgspec.Struct]) -> list[str]:
    return [f"`{field.encode_name}`{' (required)' if field.required else ''}" for field in msgspec.structs.fields(kind)]
