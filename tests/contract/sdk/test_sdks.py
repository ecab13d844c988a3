"""Real SDKs with only the host changed: every call arrives once, whatever the receiver answers on the way."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.integration.receive.harness import WRITE_KEY, LostAnswer, Receiving

from hubwire.decoding import read_message
from hubwire.errors import BackendUnavailable, HubwireError, Overloaded
from hubwire.message import Message
from hubwire.receive.paths import TYPES

HERE = Path(__file__).parent
RUN_SECONDS = 90

Environment = dict[str, str] | None


def stumbles() -> list[HubwireError]:
    """What the first uploads meet: too much at once, a full disk, and an answer that is lost after the commit."""
    return [
        Overloaded("too much at once", retry_after_seconds=1),
        BackendUnavailable("database or disk is full"),
        LostAnswer("committed, and the answer is lost"),
    ]


def send(server: Receiving, command: Sequence[str], environment: Environment = None) -> dict[str, Message]:
    """Run a client to its end; what the journal holds then, by type."""
    done = subprocess.run(
        [*command, server.url, WRITE_KEY],
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return arrived(server)


def show(server: Receiving, command: Sequence[str], *more: str, types: Sequence[str] = TYPES) -> dict[str, Message]:
    """Run a page or an app until all that it sent, and sent again, was taken; these have no end of their own."""
    shown = subprocess.Popen(
        [*command, server.url, WRITE_KEY, *more], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        assert server.door.wait_settled(len(types), RUN_SECONDS), "not everything arrived"
    finally:
        shown.terminate()
        shown.wait()
    return arrived(server, types)


def arrived(server: Receiving, types: Sequence[str] = TYPES) -> dict[str, Message]:
    rows = server.rows
    assert [row.rejected for row in rows] == [None] * len(rows)
    messages = [read_message(row) for row in rows]
    assert sorted(message.type for message in messages) == sorted(types), "each call once"
    return {message.type: message for message in messages}


def check(messages: dict[str, Message], library: str) -> None:
    """That the calls are the ones the clients make, with the SDK's name wherever the SDK put it."""
    assert messages["identify"].user_id == "u1"
    assert messages["identify"].traits["email"] == "peter@example.com"
    assert messages["track"].event == "Bought"
    assert messages["track"].properties["plan"] == "pro"
    assert messages["group"].group_id == "g1"
    assert messages["group"].traits == {"name": "Initech"}
    assert messages["alias"].previous_id == "a1"
    assert {message.context["library"]["name"] for message in messages.values()} == {library}


def check_stumbled(server: Receiving) -> None:
    assert server.door.refused == len(stumbles()), "every refusal was met"


@pytest.mark.parametrize("packing", ["plain", "gzip"])
@pytest.mark.parametrize("version", ["2.3.4", "newest"])
def test_segment_analytics_python(
    server: Receiving, version: str, packing: str, request: pytest.FixtureRequest
) -> None:
    server.door.refusals.extend(stumbles())
    environment = None
    if version != "newest":
        environment = {"PYTHONPATH": str(request.getfixturevalue("python_2_3"))}
    command = [sys.executable, str(HERE / "python_client.py"), packing]
    check(send(server, command, environment), "analytics-python")
    check_stumbled(server)
    seen = server.requested("/v1/batch")
    assert {request.get("content-encoding") for request in seen} == {"gzip" if packing == "gzip" else None}
    agent = {request["user-agent"] for request in seen}
    assert (agent == {"analytics-python/2.3.4"}) is (version != "newest")


def test_segment_analytics_node(server: Receiving, node: str) -> None:
    server.door.refusals.extend(stumbles())
    check(send(server, [node, str(HERE / "node" / "client.mjs"), "segment"]), "@segment/analytics-node")
    check_stumbled(server)
    assert [request.get("x-retry-count") for request in server.requests] == [None, "1", "2", "3"]


def test_rudder_sdk_node(server: Receiving, node: str) -> None:
    server.door.refusals.extend(stumbles())
    check(send(server, [node, str(HERE / "node" / "client.mjs"), "rudderstack"]), "analytics-node")
    check_stumbled(server)
    [kinds] = {(request["content-type"], request["content-encoding"]) for request in server.requested("/v1/batch")}
    assert kinds == ("application/x-www-form-urlencoded", "gzip")


@pytest.mark.parametrize("strategy", ["standard", "batching"])
def test_segment_analytics_next(server: Receiving, node: str, strategy: str) -> None:
    server.door.refusals.extend(stumbles())
    check(show(server, [node, str(HERE / "node" / "browser.mjs")], strategy), "analytics.js")
    check_stumbled(server)
    paths = {request[":path"] for request in server.requests}
    assert paths == ({"/v1/b"} if strategy == "batching" else {f"/v1/{name[0]}" for name in TYPES})


def test_analytics_go(server: Receiving, go_client: str) -> None:
    server.door.refusals.extend(stumbles())
    check(send(server, [go_client]), "analytics-go")
    check_stumbled(server)
    assert len(server.requested("/v1/batch")) == 4


@pytest.mark.slow  # the client waits 15 seconds and more between its tries
def test_analytics_java(server: Receiving, java_client: list[str]) -> None:
    # It waits 15 seconds and more between its tries: two of the three stumbles are enough of that.
    met = [
        stumble for stumble in stumbles() if stumble.code != BackendUnavailable.code or isinstance(stumble, LostAnswer)
    ]
    server.door.refusals.extend(met)
    check(send(server, [*java_client, "Client"]), "analytics-java")
    assert server.door.refused == len(met) == 2
    assert len(server.requested("/v1/import/")) == 3


@pytest.mark.slow  # the client waits 15 seconds and more between its tries
def test_analytics_kotlin(server: Receiving, java_client: list[str]) -> None:
    server.door.refusals.extend(stumbles())
    # It keeps what it could not send in this folder, whatever the settings say: a run that was cut short left some.
    shutil.rmtree(Path("/tmp/analytics-kotlin") / WRITE_KEY, ignore_errors=True)
    mobile = [name for name in TYPES if name != "page"]
    messages = show(server, [*java_client, "KotlinClient"], types=mobile)
    assert messages["identify"].traits == {"email": "peter@example.com"}
    assert {message.context["library"]["name"] for message in messages.values()} == {"analytics-kotlin"}
    check_stumbled(server)
    sent = [
        (request.get("content-encoding"), request.get("transfer-encoding")) for request in server.requested("/v1/b")
    ]
    assert sent == [("gzip", "chunked")] * 4
