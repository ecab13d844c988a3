"""Measures the emulator: batch upserts of 100 contacts with 10 properties per second, and memory.

    python benchmarks/bench_emulator.py [--seconds 5] [--memory]

The rate includes a real loopback connection that is kept alive, HTTP parsing, JSON in both directions, schema
validation of every value, indexes, search view, history, statistics and the request log. Call limits are off. The
client runs in its own process and only writes prepared bytes and reads answers; the CPU seconds are the server's.
`--memory` also measures the memory for 100,000 contacts and 1,000,000 events.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import socket
import time
from collections.abc import Callable, Iterator

import psutil  # type: ignore[import-untyped]

PROPERTIES = ("firstname", "lastname", "phone", "company", "jobtitle", "city", "state", "zip", "country", "website")
TARGET_PER_SECOND = 100
EVENT = "pe1234567_signed_up"


def serve(port: int) -> None:
    """The server's process."""
    from hubwire.emulator.http.server import run
    from hubwire.emulator.store.config import EmulatorConfig

    run(EmulatorConfig(access_token="t", limits_enabled=False), port=port)


def connect(port: int) -> Line:
    """A connection, as soon as the server listens."""
    for _ in range(300):
        try:
            return Line(port)
        except ConnectionRefusedError:
            time.sleep(0.1)
    raise SystemExit("the emulator did not start")


def post(path: str, body: bytes) -> bytes:
    """A whole HTTP request."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: emulator\r\nauthorization: Bearer t\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def upsert(first: int, word: str) -> bytes:
    """An upsert of 100 people from number `first` on."""
    inputs = [
        {
            "id": f"user{number}@example.com",
            "idProperty": "email",
            "objectWriteTraceId": str(number),
            "properties": {name: f"{name} {word} {number}" for name in PROPERTIES},
        }
        for number in range(first, first + 100)
    ]
    return post("/crm/objects/2026-09/contacts/batch/upsert", json.dumps({"inputs": inputs}).encode())


def send(first: int) -> bytes:
    """A send of 500 events."""
    inputs = [
        {
            "eventName": EVENT,
            "email": f"user{number % 10_000}@example.com",
            "uuid": f"00000000-0000-4000-8000-{number:012d}",
            "occurredAt": "2026-11-01T10:00:00Z",
            "properties": {f"property_{index}": "some value" for index in range(6)},
        }
        for number in range(first, first + 500)
    ]
    return post("/events/custom/2026-09/send/batch", json.dumps({"inputs": inputs}).encode())


class Line:
    """One kept-alive connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._file = self._socket.makefile("rb")

    def ask(self, request: bytes) -> int:
        """Send, read the whole answer, give its status."""
        self._socket.sendall(request)
        status = int(self._file.readline().split()[1])
        length = 0
        while (line := self._file.readline()) not in (b"\r\n", b""):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        self._file.read(length)
        return status


def measure(name: str, line: Line, server: psutil.Process, requests: Iterator[bytes], seconds: float) -> float:
    """Ask until the time is up; gives answers per second of the server's CPU."""
    prepared = [request for request, _ in zip(requests, range(round(seconds * 500)), strict=False)]
    cpu_before, started = sum(server.cpu_times()[:2]), time.perf_counter()
    calls = 0
    for request in prepared:
        status = line.ask(request)
        assert status in (200, 204), status
        calls += 1
        if time.perf_counter() - started > seconds:
            break
    wall = time.perf_counter() - started
    cpu = sum(server.cpu_times()[:2]) - cpu_before
    print(f"{name:<44} {calls:>5} calls {calls / wall:>8.0f} /s wall {calls / cpu:>8.0f} /s per core")
    return float(calls / cpu)


def speed(line: Line, server: psutil.Process, seconds: float) -> bool:
    """Print the speeds; True when the target is met."""
    kinds: list[tuple[str, Callable[[int], bytes]]] = [
        ("upsert 100 new contacts x 10 properties", lambda number: upsert(number * 100, "a")),
        ("upsert 100 known contacts, nothing changed", lambda number: upsert(number % 100 * 100, "a")),
        ("upsert 100 known contacts, all changed", lambda number: upsert(number % 100 * 100, f"b{number}")),
    ]
    slowest = min(measure(name, line, server, map(make, range(10**6)), seconds) for name, make in kinds)
    define(line)
    measure("send 500 events x 6 properties", line, server, map(send, range(0, 10**9, 500)), seconds)
    print(f"target: {TARGET_PER_SECOND} upserts per second on one core; the slowest kind reached {slowest:.0f}")
    return slowest >= TARGET_PER_SECOND


def define(line: Line) -> None:
    """The event definition that `send` needs."""
    properties = [{"label": f"property_{index}", "type": "string"} for index in range(6)]
    body = {"label": "Signed up", "includeDefaultProperties": False, "propertyDefinitions": properties}
    assert line.ask(post("/events/custom/2026-09/event-definitions", json.dumps(body).encode())) == 201


def memory(line: Line, server: psutil.Process) -> None:
    """Print what a lot of records weighs."""

    def weight() -> float:
        return float(server.memory_info().rss) / 2**20

    define(line)
    start = weight()
    for first in range(0, 100_000, 100):
        line.ask(upsert(first, "a"))
    contacts = weight()
    for first in range(0, 1_000_000, 500):
        line.ask(send(first))
    print(f"100,000 contacts: {contacts - start:.0f} MiB; 1,000,000 events kept: {weight() - contacts:.0f} MiB")
    line.ask(post("/_emulator/reset", b""))


def main() -> int:
    """Run; 1 when the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each kind of call")
    parser.add_argument("--memory", action="store_true", help="also weigh 100,000 contacts and 1,000,000 events")
    options = parser.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=serve, args=(port,), daemon=True)
    process.start()
    assert process.pid is not None
    server = psutil.Process(process.pid)
    try:
        line = connect(port)
        if options.memory:  # first: a fresh process has no freed memory to fill again
            memory(line, server)
        is_met = speed(line, server, options.seconds)
    finally:
        process.terminate()
        process.join(10)
    return 0 if is_met else 1


if __name__ == "__main__":
    raise SystemExit(main())
