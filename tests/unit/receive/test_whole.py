"""Uploads that come whole in one read: the same answers, rows and counts as those that come in parts, whatever is
between them and whatever becomes of their commit.
"""

from __future__ import annotations

import gc
import json
import weakref
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from tests.unit.receive.harness import packed
from tests.unit.receive.wire import Connected, Wire, post, turns

from hubwire.errors import BackendUnavailable, Overloaded
from hubwire.receive.connection import Connection
from hubwire.receive.connection_limits import MAX_PIPELINED
from hubwire.receive.upload_limits import ReceiveLimits

UPGRADE = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"


ORIGIN = "Origin: https://www.site.test\r\n"


class Piece(NamedTuple):
    """One request on the wire, its status and the messages that it brings."""

    text: bytes
    status: int
    ids: tuple[str, ...] = ()
    closes: bool = False


def track(message_id: str, **more: object) -> bytes:
    return json.dumps({"messageId": message_id, "userId": "u1", "event": "Bought", **more}).encode()


def chunked(body: bytes, key: str = "") -> bytes:
    parts = b"".join(b"%x\r\n%b\r\n" % (len(body[at : at + 9]), body[at : at + 9]) for at in range(0, len(body), 9))
    return (
        f"POST /v1/track HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n{key}\r\n".encode() + parts + b"0\r\n\r\n"
    )


def batch(message_id: str) -> tuple[dict[str, Any], tuple[str, str]]:
    messages = [json.loads(track(f"{message_id}{part}", type="track")) for part in "ab"]
    return {"batch": messages}, (f"{message_id}a", f"{message_id}b")


def _plain(message_id: str) -> Piece:
    return Piece(post(track(message_id)), 200, (message_id,))


def _packed(message_id: str) -> Piece:
    value, ids = batch(message_id)
    return Piece(post(packed(value), path="/v1/batch", extra="Content-Encoding: gzip\r\n"), 200, ids)


def _beacon(message_id: str) -> Piece:
    value, ids = batch(message_id)
    return Piece(post(json.dumps(value).encode(), path="/beacon/v1/batch?writeKey=server-key", key=None), 200, ids)


KINDS: list[Callable[[str], Piece]] = [
    _plain,
    _plain,
    _packed,
    _beacon,
    lambda message_id: Piece(post(track(message_id, writeKey="server-key"), key=None), 200, (message_id,)),
    lambda message_id: Piece(post(track(message_id), path="/v1/k/server-key/track", key=None), 200, (message_id,)),
    lambda message_id: Piece(post(track(message_id), key="web-key", extra=ORIGIN), 200, (message_id,)),
    lambda message_id: Piece(post(track(message_id), key="web-key", extra="Origin: https://other.test\r\n"), 403),
    lambda message_id: Piece(chunked(track(message_id, writeKey="server-key")), 200, (message_id,)),
    lambda message_id: Piece(post(track(message_id), extra="Expect: 100-continue\r\n"), 200, (message_id,)),
    lambda message_id: Piece(post(track(message_id), extra=UPGRADE), 200, (message_id,)),
    lambda message_id: Piece(post(b'{"batch":[]}', path="/v1/batch"), 200),
    lambda message_id: Piece(post(b"{}", path="/v1/m"), 200),
    lambda message_id: Piece(post(b"{"), 400),
    lambda message_id: Piece(post(track(message_id, userId=""), extra="X-Strict-Mode: 1\r\n"), 400),
    lambda message_id: Piece(post(track(message_id), key="nobody"), 401),
    lambda message_id: Piece(post(track(message_id), path="/v1/nowhere"), 404),
    lambda message_id: Piece(b"GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n", 200),
    lambda message_id: Piece(b"OPTIONS /v1/track HTTP/1.1\r\nHost: x\r\n\r\n", 204),
    lambda message_id: Piece(b"\r\n" + post(track(message_id)), 200, (message_id,)),
    lambda message_id: Piece(post(track(message_id), extra="Connection: close\r\n"), 200, (message_id,), closes=True),
    lambda message_id: Piece(
        post(track(message_id)).replace(b"HTTP/1.1", b"HTTP/1.0", 1), 200, (message_id,), closes=True
    ),
    lambda message_id: Piece(post(track(message_id), extra="Connection: close\r\n", key="nobody"), 401, closes=True),
    lambda message_id: Piece(b"GARBAGE\r\n\r\n", 0, closes=True),
]


async def answered(pieces: list[Piece], cuts: list[int], steps: list[int]) -> None:
    """Send them cut there; between the reads the loop turns or commits end, as the steps say."""
    server = Connected()
    wire = server.connect()
    stream = b"".join(piece.text for piece in pieces)
    places = sorted({cut % (len(stream) + 1) for cut in cuts} | {0, len(stream)})
    for number, (start, end) in enumerate(pairwise(places)):
        wire.send(stream[start:end])
        step = steps[number % len(steps)]
        if step > 1:
            server.held.commit()
        if step > 0:
            await turns()
    for _ in range(2 * len(pieces) + 2):
        await turns()
        server.held.commit()
    last = next((number for number, piece in enumerate(pieces, 1) if piece.closes), len(pieces))
    expected = pieces[:last]
    assert wire.is_closing() == any(piece.closes for piece in expected)
    if expected[-1].status == 0:
        check_before_garbage(wire, server, expected[:-1])
        return
    assert wire.statuses == [piece.status for piece in expected], "one answer a request, in their order"
    assert server.ids == [message_id for piece in expected for message_id in piece.ids], (
        "every accepted message is journaled, once"
    )
    assert server.app.counts.uploads == sum(piece.status == 200 and b"POST" in piece.text for piece in expected) - sum(
        b"/v1/m " in piece.text for piece in expected
    )
    assert sum(server.app.counts.refused.values()) == sum(piece.status >= 400 for piece in expected)


def check_before_garbage(wire: Wire, server: Connected, before: list[Piece]) -> None:
    """What was under way is answered; what waited behind it is not, and not kept either."""
    statuses = wire.statuses
    heard = [piece for piece, status in zip(before, statuses, strict=False) if piece.status == status]
    assert statuses in ([piece.status for piece in heard], [*(piece.status for piece in heard), 400])
    assert server.ids == [message_id for piece in heard for message_id in piece.ids]


async def test_what_is_behind_a_whole_upload_and_never_comes_whole_hears_so() -> None:
    server = Connected(ReceiveLimits(read_timeout_seconds=0.05))
    wire = server.connect()
    wire.send(post(track("m1")) + post(b"{", length=500))
    server.held.commit()
    await wire.until(lambda wire: len(wire.statuses) == 2)
    assert wire.statuses == [200, 408]


async def test_a_stranger_behind_a_whole_upload_is_refused_before_its_body_is_there() -> None:
    server = Connected()
    wire = server.connect()
    wire.send(post(track("m1")) + post(b"{", length=500, key="nobody"))
    await turns()
    server.held.commit()
    await turns()
    assert wire.statuses == [200, 401]


async def test_a_commit_that_failed_is_told_and_not_tried_again() -> None:
    server = Connected()
    wire = server.connect()
    wire.send(post(track("")))
    server.held.commit(BackendUnavailable("the disk is full"))
    await turns()
    [(status, headers, body)] = wire.answers
    assert (status, headers["retry-after"], json.loads(body)["code"]) == (503, "3", "unavailable")
    assert server.held.tries == 1
    assert server.held.waiting == 0
    assert server.app.counts.refused == {"unavailable": 1}
    assert server.app.counts.uploads == 0
    wire.send(post(track("")))
    server.held.commit()
    await turns()
    assert wire.statuses == [503, 200]
    assert len(server.ids) == 1


async def test_a_refusal_is_met_once() -> None:
    server = Connected()
    wire = server.connect()
    server.held.refusal = Overloaded("too much", retry_after_seconds=1)
    wire.send(post(track("m1")))
    await turns()
    assert wire.statuses == [429]
    assert server.held.tries == 1
    assert server.app.counts.refused == {"overloaded": 1}


async def test_a_refused_upload_takes_its_share_of_the_rate_once() -> None:
    server = Connected()
    wire = server.connect()
    # Ten a second: the second refused batch of five brings the bucket to nothing, not the first.
    value = {"batch": [{"type": "track", "event": "e"}] * 5}
    body = post(json.dumps(value).encode(), path="/v1/batch", key="slow-key", extra="X-Strict-Mode: 1\r\n")
    for _ in range(3):
        wire.send(body)
        await turns()
    assert wire.statuses == [400, 400, 429]


async def test_a_failure_that_nobody_hears_is_counted() -> None:
    server = Connected()
    wire = server.connect()
    wire.send(post(track("m1")) + post(track("m2")))
    wire.lose()
    server.held.commit(BackendUnavailable("the disk is full"))
    await turns()
    assert server.app.counts.refused == {"unavailable": 1}
    assert server.ids == []


async def test_a_caller_that_left_during_its_commit_is_counted_and_costs_the_others_nothing() -> None:
    server = Connected()
    gone, stays = server.connect(), server.connect()
    gone.send(post(track("m1")) + post(track("m2")))
    stays.send(post(track("m3")))
    gone.lose()
    server.held.commit()
    await turns()
    assert (gone.statuses, stays.statuses) == ([], [200])
    assert server.ids == ["m1", "m3"]
    assert server.app.counts.uploads == 2


ENDS = ("answered", "gone", "gone behind", "failed", "failed behind", "refused", "strange", "partial", "overloaded")


@pytest.mark.parametrize("end", ENDS)
async def test_a_connection_that_ended_in_any_way_leaves_nothing_for_the_garbage_collector(end: str) -> None:
    # The server lets it run rarely, and there may be a body of hundreds of KB in each.
    server = Connected()
    gc.disable()
    try:
        gone = await one_connection(server, end)
        assert gone() is None
    finally:
        gc.enable()


async def one_connection(server: Connected, end: str) -> weakref.ref[Connection]:
    wire = server.connect()
    message_id = post(track("m1"))
    if end == "answered":
        wire.send(message_id)
        server.held.commit()
    elif end in ("gone", "gone behind"):
        wire.send(message_id if end == "gone" else message_id + message_id + message_id)
        found = weakref.ref(wire.protocol)
        wire.lose()
        server.held.commit()
        await turns()
        return found
    elif end in ("failed", "failed behind"):
        wire.send(message_id if end == "failed" else message_id + message_id)
        server.held.commit(BackendUnavailable("full"))
    elif end == "refused":
        wire.send(post(b"{"))
    elif end == "strange":
        wire.send(post(track("m1"), key="nobody"))
    elif end == "partial":
        wire.send(message_id[:-5])
    else:
        server.held.refusal = Overloaded("too much", retry_after_seconds=1)
        wire.send(message_id)
    await turns()
    found = weakref.ref(wire.protocol)
    wire.lose()
    server.held.commit()
    await turns()
    return found


async def test_a_request_that_began_before_the_last_answer_is_not_ended_as_idle() -> None:
    server = Connected(keep_alive_seconds=0.1)
    slow, idle = server.connect(), server.connect()
    second = post(track("m2"))
    slow.send(post(track("m1")) + second[:30])
    server.held.commit()
    slow.send(second[30:])
    idle.send(post(b"{"))
    await idle.until(Wire.is_closing)
    assert not slow.is_closing()
    server.held.commit()
    assert slow.statuses == [200, 200]
    await slow.until(Wire.is_closing)


async def test_a_connection_whose_upload_was_refused_early_is_idle_when_the_rest_has_come() -> None:
    server = Connected(keep_alive_seconds=0.1)
    wire, idle = server.connect(), server.connect()
    whole = post(track("m1"), key="nobody")
    wire.send(whole[:-5])
    await turns()
    idle.send(post(b"{"))
    await idle.until(Wire.is_closing)
    assert (wire.statuses, wire.is_closing()) == ([401], False)
    wire.send(whole[-5:])
    await wire.until(Wire.is_closing)


async def test_a_caller_that_reads_no_answers_is_given_no_more_of_them() -> None:
    server = Connected()
    wire = server.connect()
    wire.protocol.pause_writing()
    for number in range(3 * MAX_PIPELINED):
        wire.send(post(track(f"m{number}")))
    for _ in range(3):
        await turns()
        server.held.commit()
    assert server.ids == ["m0"]
    assert wire.statuses == []
    wire.protocol.resume_writing()
    for _ in range(4 * MAX_PIPELINED):
        await turns()
        server.held.commit()
    assert wire.statuses == [200] * 3 * MAX_PIPELINED
    assert server.ids == [f"m{number}" for number in range(3 * MAX_PIPELINED)]


async def test_an_end_of_the_server_answers_what_waits_and_closes() -> None:
    server = Connected()
    pending, idle, behind = (server.connect() for _ in range(3))
    pending.send(post(track("m1")))
    behind.send(post(track("m2")) + post(track("m3")))
    for wire in (pending, idle, behind):
        wire.protocol.shutdown()
    assert [wire.is_closing() for wire in (pending, idle, behind)] == [False, True, False]
    for _ in range(2):
        server.held.commit()
        await turns()
    assert [headers.get("connection") for _, headers, _ in pending.answers] == ["close"]
    assert [headers.get("connection") for _, headers, _ in behind.answers] == [None, "close"]
    assert pending.is_closing()
    assert behind.is_closing()
    assert server.ids == ["m1", "m2", "m3"]


async def test_what_was_under_way_before_the_bad_request_is_not_ended_with_its_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Connection, "header_timeout_seconds", 0.05)
    server = Connected()
    wire, silent = server.connect(), server.connect()
    wire.send(post(track("m1")) + b"POST /v1/track HTTP/1.1\r\n")
    wire.send(b"X: " + b"y" * 40_000)
    silent.send(b"POST")
    await silent.until(Wire.is_closing)
    assert not wire.is_closing()
    server.held.commit()
    assert wire.statuses == [200]
    assert wire.is_closing()


async def test_a_caller_that_reads_no_answers_is_disconnected_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "write_timeout_seconds", 0.05)
    server = Connected(keep_alive_seconds=0.05)
    full, last, idle, refused, reads = (server.connect() for _ in range(5))
    full.protocol.pause_writing()
    full.send(post(track("m1")))
    for wire, text in ((last, post(b"{", extra="Connection: close\r\n")), (idle, post(b"{")), (refused, b"x\r\n\r\n")):
        wire.is_read = False
        wire.send(text)
    reads.protocol.pause_writing()
    reads.send(post(track("m2")))
    reads.protocol.resume_writing()
    for wire in (full, last, idle, refused):
        await wire.until(lambda wire: wire.is_lost)
    assert not reads.is_closing()
    server.held.commit()
    await turns()
    assert reads.statuses == [200]
    assert server.ids == ["m1", "m2"]
