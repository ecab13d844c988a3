"""Whatever comes in, the answer is HubSpot's: a refusal in its shape, never a crash.

Every call of the walk through all operations is made again with one thing wrong: a value of its body replaced or left
out, a path or query that is not one, no token.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from tests.unit.emulator.scenario import Call, Walk, walk_of

from hubwire.emulator.calls.portal.control import answer as control_answer
from hubwire.emulator.wire import Request
from hubwire.testing import Emulator

ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    1.5,
    1e308,
    10**18,
    "",
    "²",
    "9" * 5000,
    "x" * 70_000,
    "\x00\r\nX-Odd: 1",
    "1e999",
    ";",
    "-99999999999999999",
    "2026-02-30",
    [],
    [[]],
    [None],
    {},
    {"a": {"b": []}},
)
BODIES = (
    b"",
    b"{",
    b"null",
    b"[]",
    b"1",
    b'"text"',
    b"\xff\xfe",
    b'{"inputs": null}',
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"inputs": [' + b"[" * 20_000,
)
QUERIES = (
    "limit=0&after=-1",
    "limit=²&after=²",
    "limit=1e3&after=" + "9" * 5000,
    "limit=&after=&idProperty=&properties=,,&propertiesWithHistory=nope&associations=,nope",
    "occurredAfter=soon&occurredBefore=" + "9" * 30,
    "idProperty=email&archived=perhaps&objectType=%00&objectId=%FF&eventType=",
    "limit=%0d%0aX-Odd:1&searchString=%FF&sortOrder=%00&includeProperties=2",
    "%%%&=&&;&limit",
)
CONTROL = (
    ("POST", "seed"),
    ("POST", "faults"),
    ("POST", "clock"),
    ("PUT", "limits"),
    ("PUT", "portal"),
    ("POST", "oauth/code"),
)


@pytest.fixture(scope="module")
def walks() -> list[Walk]:
    return [walk_of(version) for version in ("v3", "2026-03", "2026-09")]


def spoiled(value: Any) -> Iterator[Any]:
    """The value with one thing wrong, in every place and in every way."""
    yield from ODD
    if isinstance(value, dict):
        for name, item in value.items():
            yield {key: other for key, other in value.items() if key != name}
            yield from ({**value, name: bad} for bad in spoiled(item))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from ([*value[:index], bad, *value[index + 1 :]] for bad in spoiled(item))


def spoiled_calls(call: Call) -> Iterator[Call]:
    """The call with one thing wrong in its body, its query or its path."""
    if call.body:
        yield from (call._replace(body=body) for body in BODIES)
        if call.body[:1] in b"{[":
            decoded = msgspec.json.decode(call.body)
            yield from (call._replace(body=msgspec.json.encode(bad)) for bad in spoiled(decoded))
    yield from (call._replace(query=query) for query in QUERIES)
    parts = call.path.split("/")
    for index in range(3, len(parts)):
        for odd in ("", "²", "%ff", "x" * 5000, "-1", "101", "contacts"):
            yield call._replace(path="/".join([*parts[:index], odd, *parts[index + 1 :]]))


def make(walk: Walk, call: Call, token: bytes = b"Bearer t") -> int:
    """Make the call, hold its answer against the shape of HubSpot's errors, and give its status."""
    request = Request(call.method, call.path, call.query.encode(), {b"authorization": token}, call.body)
    reply = walk.app.respond(request)
    where = f"{call.method} {call.path[:200]}?{call.query[:200]} {call.body[:300]!r}: {reply.body[:300]!r}"
    assert reply.status < 500 or reply.status == 501, where
    assert not any(b"\r" in value or b"\n" in value for _, value in reply.headers), where
    if reply.status >= 400:
        body = msgspec.json.decode(reply.body)
        assert isinstance(body["message"], str), where
        assert body["message"], where
        assert body["correlationId"], where
        assert isinstance(body["status"], str), where
    return reply.status


def test_one_thing_wrong_is_refused_in_hubspots_shape(walks: list[Walk]) -> None:
    chance = random.Random(7)
    statuses = set()
    for walk in walks:
        for call in walk.calls:
            wrong = list(spoiled_calls(call))
            statuses |= {make(walk, field) for field in chance.sample(wrong, min(len(wrong), 8))}
    assert {200, 201, 204, 207, 400, 404, 405} <= statuses


@pytest.mark.slow
def test_every_single_thing_wrong_is_refused_in_hubspots_shape(walks: list[Walk]) -> None:
    for walk in walks:
        for call in walk.calls:
            for each_call in spoiled_calls(call):
                make(walk, each_call)


@pytest.mark.parametrize("token", [b"", b"Bearer", b"Bearer  ", b"Basic dDp0", b"Bearer \xff", b"Bearer wrong"])
def test_no_operation_opens_without_the_token(walks: list[Walk], token: bytes) -> None:
    for walk in walks:
        opened = {call.path for call in walk.calls if make(walk, call, token) != 401}
        for_anybody = ("/oauth/", "/submissions/v3/integration/submit/", "/webhooks-journal/files/")
        assert {path for path in opened if not path.startswith(for_anybody)} == set()


@pytest.mark.parametrize(("method", "path"), CONTROL)
def test_the_control_plane_says_what_it_did_not_understand(method: str, path: str) -> None:
    with Emulator(start_at_ms=1_790_000_000_000) as emulator:
        wrong = {
            "seed": {"contacts": 1},
            "faults": {"status": 99},
            "clock": {"advance_seconds": 1e300},
            "limits": {"burst": -5, "time_zone": "Nowhere"},
            "portal": {"scopes": {}},
            "oauth/code": {"scopes": "all"},
        }[path]
        bodies = [*BODIES, *(msgspec.json.encode(bad) for bad in spoiled(wrong))]
        for body in bodies:
            request = Request(method, f"/_emulator/{path}", b"", {}, body)
            with emulator.state.lock:
                reply = control_answer(emulator.state, request)
            assert reply.status in (200, 400), body[:200]
            assert isinstance(msgspec.json.decode(reply.body), dict), body[:200]
            emulator.clear_faults()
        assert emulator.call(method, f"/_emulator/{path}", wrong).status == 400
        assert emulator.call("GET", "/_emulator/requests").status == 200


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("limits", {"burst": 0}, "$.burst"),
        ("limits", {"search_lag_seconds": -1}, "$.search_lag_seconds"),
        ("limits", {"time_zone": "Nowhere"}, "time_zone"),
        ("clock", {"advance_seconds": 1e300}, "9999"),
        ("clock", {"set": "soon"}, "soon"),
        ("faults", {"status": 42}, "$.status"),
        ("faults", {"headers": {"x": "a\r\nb: c"}}, "headers"),
        ("faults", {"kind": "earthquake"}, "$.kind"),
        ("seed", {"contacts": [{"properties": 5}]}, "contacts"),
        ("seed", {"associations": [{}]}, "associations"),
    ],
)
def test_a_bad_control_value_is_named(emulator: Emulator, path: str, body: dict[str, Any], named: str) -> None:
    method = "PUT" if path == "limits" else "POST"
    refused = emulator.call(method, f"/_emulator/{path}", body)
    assert refused.status == 400
    assert named in refused.body["message"]


def test_a_redirect_that_is_no_address_is_refused(emulator: Emulator) -> None:
    path = "/oauth/authorize?client_id=emulator-client-id&redirect_uri="
    for bad in ("", "nowhere", "javascript:alert(1)", "https://example.com/%0d%0aX-Odd:1"):
        assert emulator.call("GET", path + bad, token=None).status == 400
    assert emulator.call("GET", path + "https://example.com/back", token=None).status == 302
