"""Every answer of the emulator against HubSpot's public OpenAPI documents, which are fetched, never committed.

    python -m tests.unit.emulator.openapi_check FOLDER

FOLDER holds the JSON documents of HubSpot/HubSpot-public-api-spec-collection (any depth). Prints one line per finding
and a summary; exit code 1 when an answer, success or error, lacks a required key, has a value of another type, or has a
key or a status that the document does not know, unless `BORNE` says why.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.unit.emulator.scenario import Caller, play

Document = dict[str, Any]


BORNE = {
    r"status 207, the document lists (200|201)": "third parties saw 207; the 200 of these documents has `errors` too",
    r"status 20[04], the document lists nothing": "the token documents of dates list errors only",
    r"[45]\d\d: \.status is not in the document": "recorded error bodies have them",
    r"404: \.category is missing": "a plain v3 404 was recorded without",
    r"400: \.category is missing": "the body for malformed JSON was recorded without, and OAuth's has its own words",
    r"label is null": "unlabelled associations",
    r"207: \.errors\[\]\.(errors|links) is missing": "recorded 207 bodies have neither",
    r"\.(from|to)ObjectId is int, not string": "recorded association answers have numbers",
    r"\.metaType is not in the document": "the recorded schema of contacts has it",
    r"/v3/.*\.(url|objectWriteTraceId) is not in the document": "recorded v3 records have them",
    r"account-info/2026-09.*\.(portalName|createdAt) is not in the document": "optional, says its guide",
    r"oauth/2026-09/token/introspect 200: .* is not in the document": "as 2026-03 has them",
}
"""Findings that are no faults, each with its reason; COVERAGE.md tells of them."""


@dataclass
class Findings:
    """What was seen."""

    faults: Counter[str] = field(default_factory=Counter)
    borne: Counter[str] = field(default_factory=Counter)
    checked: set[str] = field(default_factory=set)
    refused: Counter[str] = field(default_factory=Counter)
    unknown: set[str] = field(default_factory=set)

    def add(self, line: str) -> None:
        """A fault, or something that is borne."""
        reason = next((reason for pattern, reason in BORNE.items() if re.search(pattern, line)), None)
        if reason is None:
            self.faults[line] += 1
        else:
            self.borne[reason] += 1


class Specs:
    """All operations of all documents."""

    def __init__(self, folder: Path) -> None:
        self._operations: list[tuple[str, re.Pattern[str], int, Document, Document]] = []
        for path in sorted(folder.rglob("*.json")):
            document = json.loads(path.read_text())
            for template, methods in document.get("paths", {}).items():
                pattern = re.compile(re.sub(r"\{[^}]+\}", "[^/]+", template.rstrip("/")) + r"\Z")
                for method, operation in methods.items():
                    if method in ("get", "post", "put", "patch", "delete"):
                        literal = len(re.sub(r"\{[^}]+\}", "", template))
                        self._operations.append((method.upper(), pattern, literal, document, operation))

    def find(self, method: str, path: str) -> tuple[Document, Document] | None:
        """The document and operation of a call, the most literal path first."""
        found = [entry for entry in self._operations if entry[0] == method and entry[1].match(path)]
        if not found:
            return None
        best = max(found, key=lambda entry: entry[2])
        return best[3], best[4]


def check(exchange: Caller, specs: Specs, findings: Findings) -> None:
    """Judge one exchange."""
    operation = specs.find(exchange.method, exchange.path)
    name = f"{exchange.method} {exchange.label}"
    if operation is None:
        findings.unknown.add(name)
        return
    document, definition = operation
    responses = definition["responses"]
    if exchange.status >= 400:
        response = responses.get(str(exchange.status), responses.get("default"))
        if response is None:
            findings.add(f"{name}: status {exchange.status}, the document lists no error")
        else:
            findings.refused[str(exchange.status)] += 1
            _check_body(exchange, document, response, name, findings)
        return
    findings.checked.add(name)
    response = responses.get(str(exchange.status))
    if response is None:
        listed = ", ".join(status for status in responses if status != "default") or "nothing"
        findings.add(f"{name}: status {exchange.status}, the document lists {listed}")
        response = next((responses[status] for status in ("200", "201") if status in responses), None)
    if response is not None:
        _check_body(exchange, document, response, name, findings)


def _check_body(exchange: Caller, document: Document, response: Document, name: str, findings: Findings) -> None:
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
    content = response.get("content", {})
    schema = next((entry.get("schema") for entry in content.values()), None)
    if schema is None:
        if exchange.body is not None:
            findings.add(f"{name}: a body where the document has none")
        return
    for fault in _faults(document, schema, exchange.body, ""):
        findings.add(f"{name} {exchange.status}: {fault}")


def _faults(document: Document, schema: Document, value: Any, where: str) -> Iterator[str]:
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    if alternatives := schema.get("oneOf") or schema.get("anyOf"):
        results = [list(_faults(document, option, value, where)) for option in alternatives]
        yield from min(results, key=len)
        return
    if value is None:
        if not schema.get("nullable") and where.split(".")[-2:-1] != ["properties"]:
            yield f"{where or 'body'} is null"
        return
    kind = schema.get("type", "object" if "properties" in schema else None)
    if kind == "object":
        yield from _object_faults(document, schema, value, where)
    elif kind == "array":
        if not isinstance(value, list):
            yield f"{where} is not a list"
            return
        for item in value:
            yield from _faults(document, schema.get("items", {}), item, where + "[]")
    else:
        yield from _scalar_faults(schema, kind, value, where)


def _object_faults(document: Document, schema: Document, value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where} is not an object"
        return
    known = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{where}.{name} is missing"
    rest = schema.get("additionalProperties")
    for name, item in value.items():
        if name in known and item is None and name not in schema.get("required", ()):
            yield f"{where}.{name} is null"
        elif name in known and where.endswith("errors[]") and name == "subCategory":
            yield from () if isinstance(item, str) else [f"{where}.{name} is not the text that was observed live"]
        elif name in known:
            yield from _faults(document, known[name], item, f"{where}.{name}")
        elif isinstance(rest, dict):
            yield from _faults(
                document, rest, item, f"{where}.{'properties' if where.endswith('properties') else '*'}.*"
            )
        elif known:
            yield f"{where}.{name} is not in the document"


def _scalar_faults(schema: Document, kind: str | None, value: Any, where: str) -> Iterator[str]:
    types: dict[str | None, tuple[type, ...]] = {
        "string": (str,),
        "integer": (int,),
        "boolean": (bool,),
        "number": (int, float),
    }
    if kind in types and (not isinstance(value, types[kind]) or (kind == "integer" and isinstance(value, bool))):
        yield f"{where} is {type(value).__name__}, not {kind}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where} is {value!r}, not one of {schema['enum'][:6]}"
    is_moment = schema.get("format") == "date-time" and isinstance(value, str)
    if is_moment and not re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z\Z", value):
        yield f"{where} is not a date-time: {value}"


def main(folder: str) -> int:
    """Check everything; 1 when there are faults."""
    specs, findings = Specs(Path(folder)), Findings()
    for exchange in play():
        check(exchange, specs, findings)
    for line, count in sorted(findings.faults.items()):
        print(f"FAULT {line} (x{count})")
    for reason, count in sorted(findings.borne.items()):
        print(f"borne {count} times: {reason}")
    for name in sorted(findings.unknown):
        print(f"not in the documents: {name}")
    refused = ", ".join(f"{count} x {status}" for status, count in sorted(findings.refused.items()))
    print(f"{len(findings.checked)} operations answered; refused: {refused}; {len(findings.faults)} faults")
    return 1 if findings.faults else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
