"""A HubSpot that misbehaves at random, as a process of its own."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from tests.support.process import HUBWIRE, START_SECONDS, TOKEN
from tests.support.world import HUB_ID, portal_of

from hubwire.process.server import listening_socket

PATHS = ("*", "*/contacts/batch/*", "*/companies/*", "*/associations/*", "*/send/batch", "*/properties/*")
FAULTS: tuple[dict[str, Any], ...] = (
    {"status": 429},
    {"status": 429, "headers": {"Retry-After": "1"}},
    {"status": 423},
    {"status": 500},
    {"status": 502, "html": True},
    {"status": 503},
    {"kind": "reset"},
    {"kind": "silent_empty"},
    {"kind": "latency", "latency_ms": 700},
    {"status": 200, "body": "<html>maintenance</html>"},
)


def random_faults(random: Random) -> list[dict[str, Any]]:
    """One to three faults of the next calls, some of which come after the call has had its effect."""
    faults = []
    for fault in random.sample(FAULTS, random.randint(1, 3)):
        when = random.choice(["before", "after"]) if fault.get("kind") != "latency" else "before"
        faults.append({**fault, "path": random.choice(PATHS), "times": random.randint(1, 3), "when": when})
    return faults


class HubSpot:
    """`hubwire emulator` at `url`."""

    def __init__(self, url: str) -> None:
        self.url = url

    def misbehave(self, random: Random) -> None:
        """The next calls go wrong."""
        for fault in random_faults(random):
            self._call("POST", "faults", fault)

    def behave(self) -> None:
        self._call("DELETE", "faults")

    def calls(self) -> int:
        """How many it has seen."""
        return int(self._call("GET", "stats")["total"])

    def shown(self) -> dict[str, Any]:
        """What it holds."""
        kinds = ("contacts", "companies", "associations", "events")
        return portal_of(*(self.records(kind) for kind in kinds))

    def records(self, object_type: str) -> list[dict[str, Any]]:
        """The live records of a type."""
        found: list[dict[str, Any]] = self._call("GET", object_type)["results"]
        return found

    def associations(self) -> list[dict[str, Any]]:
        """Every association once."""
        return self.records("associations")

    def read(self, path: str) -> dict[str, Any]:
        """HubSpot's answer to a call of its API."""
        request = urllib.request.Request(f"{self.url}{path}", headers={"authorization": f"Bearer {TOKEN}"})
        found: dict[str, Any] = _answered(request)
        return found

    def _call(self, method: str, name: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        return _answered(urllib.request.Request(f"{self.url}/_emulator/{name}", content, method=method))


def _answered(request: urllib.request.Request) -> Any:
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


@contextmanager
def hubspot_process() -> Iterator[HubSpot]:
    """It runs on a free port."""
    with listening_socket("127.0.0.1", 0) as found:
        port = str(found.getsockname()[1])
    options = ["--port", port, "--portal-id", HUB_ID, "--tier", "enterprise", "--access-token", TOKEN]
    options.append("--no-companies")
    process = subprocess.Popen([HUBWIRE, "emulator", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    hubspot = HubSpot(f"http://127.0.0.1:{port}")
    try:
        _await(hubspot)
        yield hubspot
    finally:
        process.terminate()
        process.wait(30)


def _await(hubspot: HubSpot) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            hubspot.calls()
        except OSError:
            assert time.monotonic() < deadline, "the emulator did not start"
            time.sleep(0.1)
        else:
            return
