"""The ASGI shell: bodies in parts, the page, unknown paths, and faults that need time or a connection."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hubwire.emulator.http.server import EmulatorApp
from hubwire.testing import Emulator

Message = dict[str, Any]


class Caller:
    """One HTTP exchange with an ASGI application, without a socket."""

    def __init__(
        self, app: EmulatorApp, path: str = "/crm/v3/objects/contacts", body: tuple[bytes, ...] = (b"",)
    ) -> None:
        self.sent: list[Message] = []
        self.gone = asyncio.Event()
        self._parts = list(body)
        self._app = app
        self.scope: Message = {
            "type": "http",
            "method": "POST" if body != (b"",) else "GET",
            "path": path,
            "query_string": b"",
            "headers": [(b"authorization", b"Bearer t")],
        }

    async def run(self) -> None:
        await self._app(self.scope, self._receive, self._send)

    @property
    def status(self) -> int:
        status: int = self.sent[0]["status"]
        return status

    async def _receive(self) -> Message:
        if self._parts:
            return {"type": "http.request", "body": self._parts.pop(0), "more_body": bool(self._parts)}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        self.sent.append(dict(message))


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_body_in_several_parts_is_read_whole(emulator: Emulator) -> None:
    exchange = Caller(emulator.app, body=(b'{"properties": {"email":', b' "ada@exam', b'ple.com"}}'))
    await exchange.run()
    assert exchange.status == 201
    assert emulator.contacts()[0]["properties"]["email"] == "ada@example.com"


async def test_the_browser_stand_ins_are_served_beside_the_api(emulator: Emulator) -> None:
    log = Caller(emulator.app, "/_emulator/browser/log")
    script = Caller(emulator.app, "/_hubspot/js/1234567.js")
    for exchange in (log, script):
        await exchange.run()
        assert exchange.status == 200


async def test_hang_answers_524_once_the_clock_says_so(emulator: Emulator) -> None:
    emulator.fault(kind="hang")
    exchange = Caller(emulator.app)
    task = asyncio.create_task(exchange.run())
    await settle()
    emulator.advance(99)
    await settle()
    assert exchange.sent == []
    emulator.advance(1)
    await task
    assert exchange.status == 524


async def test_hang_ends_when_the_caller_goes_away(emulator: Emulator) -> None:
    emulator.fault(kind="hang")
    exchange = Caller(emulator.app)
    task = asyncio.create_task(exchange.run())
    await settle()
    exchange.gone.set()
    await task
    assert exchange.sent == []


async def test_latency_delays_an_otherwise_good_answer(emulator: Emulator) -> None:
    emulator.fault(kind="latency", latency_ms=500)
    exchange = Caller(emulator.app)
    task = asyncio.create_task(exchange.run())
    await settle()
    assert exchange.sent == []
    emulator.advance(0.5)
    await task
    assert exchange.status == 200


async def test_reset_cuts_the_connection(emulator: Emulator) -> None:
    emulator.fault(kind="reset")
    with pytest.raises(ConnectionResetError):
        await Caller(emulator.app).run()


async def test_a_fault_after_the_work_leaves_the_work_done(emulator: Emulator) -> None:
    emulator.fault(kind="reset", when="after")
    with pytest.raises(ConnectionResetError):
        await Caller(emulator.app, body=(b'{"properties": {"email": "ada@example.com"}}',)).run()
    assert len(emulator.contacts()) == 1


async def test_lifespan_is_answered(emulator: Emulator) -> None:
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[str] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await emulator.app({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_what_is_not_covered_is_a_501_and_a_wrong_method_a_405(emulator: Emulator) -> None:
    answer = emulator.call("GET", "/crm/v3/nothing/here")
    assert (answer.status, answer.body["category"]) == (501, "EMULATOR_NOT_COVERED")
    assert emulator.call("GET", answer.body["links"]["coverage"].removeprefix("http://emulator")).status == 200
    assert emulator.call("PUT", "/crm/v3/objects/contacts").status == 405


def test_malformed_json_is_a_400_with_a_place(emulator: Emulator) -> None:
    refused = emulator.call("POST", "/crm/v3/objects/contacts", b'{"properties": {"email": }}')
    assert refused.status == 400
    assert refused.body["message"].startswith("Invalid input JSON on line 1, column 26:")
    assert "category" not in refused.body


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"inputs": 1}', b'{"inputs": [{"properties": {"email": {}}}]}', b"\xff"]
)
def test_a_body_of_another_shape_is_a_400(emulator: Emulator, body: bytes) -> None:
    refused = emulator.call("POST", "/crm/v3/objects/contacts/batch/create", body)
    assert refused.status == 400
    assert refused.body["message"].startswith("Invalid input JSON on line 1")


def test_unknown_object_type_is_a_400(emulator: Emulator) -> None:
    refused = emulator.call("GET", "/crm/v3/objects/butterflies")
    assert (refused.status, refused.body["message"]) == (400, "Unable to infer object type from: butterflies")


def test_every_answer_carries_its_correlation_id(emulator: Emulator) -> None:
    first = emulator.call("GET", "/crm/v3/objects/contacts/1")
    second = emulator.call("GET", "/crm/v3/objects/contacts")
    assert first.headers["x-hubspot-correlation-id"] == first.body["correlationId"]
    assert second.headers["x-hubspot-correlation-id"] != first.body["correlationId"]


async def test_a_value_in_a_path_may_hold_a_slash(emulator: Emulator) -> None:
    emulator.seed(contacts=[{"properties": {"email": "a/b@example.com"}}])
    exchange = Caller(emulator.app, "/crm/v3/objects/contacts/a/b@example.com")
    exchange.scope["raw_path"] = b"/crm/v3/objects/contacts/a%2Fb%40example.com"
    exchange.scope["query_string"] = b"idProperty=email"
    await exchange.run()
    assert exchange.status == 200
