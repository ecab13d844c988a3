"""Every row of the recorded-truth table, played against a fresh portal."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import msgspec
import pytest

from hubwire.emulator.http.routes import standard_router
from hubwire.emulator.recorded_truth import Row, rows
from hubwire.testing import Answer, Emulator

ROWS = list(rows())
NOON_MS = 1_790_164_800_000
MISSING = object()
KINDS: dict[str, type | tuple[type, ...]] = {
    "text": str,
    "number": (int, float),
    "bool": bool,
    "list": list,
    "object": dict,
    "null": type(None),
}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z\Z")


def at(body: Any, path: str) -> Any:
    for part in path.split("."):
        if isinstance(body, list) and part.isdigit():
            body = body[int(part)] if int(part) < len(body) else MISSING
        elif isinstance(body, dict):
            body = body.get(part, MISSING)
        else:
            return MISSING
    return body


def agrees(found: Any, expected: Any) -> bool:
    if not isinstance(expected, str):
        return type(found) is type(expected) and found == expected
    if expected.startswith("="):
        return bool(found == expected[1:])
    if expected.startswith("~"):
        return isinstance(found, str) and re.search(expected[1:], found) is not None
    if expected == "time":
        return isinstance(found, str) and TIME.match(found) is not None
    return found is not MISSING and isinstance(found, KINDS[expected])


def play(row: Row) -> Answer:
    emulator = Emulator(start_at_ms=NOON_MS, readings=(), **_portal(row))
    emulator.seed(**row.seed)
    if row.rules:
        emulator.set_portal(validation=row.rules)
    token = row.token
    if row.oauth_seconds is not None:
        token = _oauth_token(emulator, row.oauth_seconds)
    for call in row.before:
        method, _, rest = call.partition(" ")
        path, _, body = rest.partition(" ")
        answer = emulator.call(method, path, body.encode())
        assert answer.status < 300, (call, answer.body)
    if row.advance:
        emulator.advance(row.advance)
    return emulator.call(row.method, row.path, row.body, token=token)


def _portal(row: Row) -> dict[str, Any]:
    return {name: frozenset(value) if name == "scopes" else value for name, value in row.portal.items()}


def _oauth_token(emulator: Emulator, age_seconds: float) -> str:
    form = b"grant_type=client_credentials&client_id=emulator-client-id&client_secret=emulator-client-secret"
    answer = emulator.call("POST", "/oauth/v3/token", form, token=None)
    emulator.advance(age_seconds)
    return str(answer.body["access_token"])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_emulator_answers_as_it_was_recorded(row: Row) -> None:
    answer = play(row)
    shown = f"{answer.status} {msgspec.json.encode(answer.body).decode()[:2000]}"
    assert answer.status == row.status, shown
    if row.category is not None:
        assert (answer.body or {}).get("category", "") == row.category, shown
    if row.message:
        assert re.search(row.message, answer.body["message"]), shown
    for path, expected in row.has.items():
        assert agrees(at(answer.body, path), expected), (
            f"{path}: {at(answer.body, path)!r} is not {expected!r} in {shown}"
        )
    for path in row.lacks:
        assert at(answer.body, path) is MISSING, f"{path} in {shown}"
    for name, pattern in row.headers.items():
        assert re.search(pattern, answer.headers.get(name, "")), (name, answer.headers)
    assert not set(row.no_headers) & set(answer.headers)


def test_the_table_is_large_named_once_and_reaches_an_operation_with_every_row() -> None:
    assert len(ROWS) >= 120
    assert [name for name, count in Counter(row.name for row in ROWS).items() if count > 1] == []
    assert sum(row.source.is_recorded for row in ROWS) >= 100
    unreached = [row.call for row in ROWS if standard_router().find(row.method, row.path.partition("?")[0]) is None]
    assert unreached == []
