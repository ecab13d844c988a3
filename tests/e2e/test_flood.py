"""A flood of bad messages with a website's public write key: a server's messages arrive as fast as without it."""

from __future__ import annotations

import base64
import json
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
from tests.figures import Record
from tests.support.bad_messages import KINDS, bad_message
from tests.support.process import TOKEN, WRITE_KEY, HubwireProcess
from tests.support.waiting import until

from hubwire.testing import Emulator, running_emulator

SERVER_PER_SECOND = 5.0
FLOOD_PER_SECOND = 10.0
QUIET_SECONDS = 120.0
FLOOD_SECONDS = 300.0
MAX_RATIO = 1.5
PEOPLE = 50


class Arrivals(threading.Thread):
    """Notes when the event of each number reaches HubSpot."""

    def __init__(self, emulator: Emulator) -> None:
        super().__init__(daemon=True)
        self.at: dict[int, float] = {}
        self.ending = threading.Event()
        self._emulator = emulator
        self._seen = 0

    def run(self) -> None:
        while not self.ending.wait(0.01):
            with self._emulator.state.lock:
                now, kept = time.monotonic(), self._emulator.state.events.kept
                lines = list(islice(kept, self._seen, None))
            self._seen += len(lines)
            for line in lines:
                total = json.loads(line)["properties"].get("total", "")
                if total.isdigit():
                    self.at.setdefault(int(total), now)


def post(url: str, key: str, body: bytes) -> int:
    credentials = base64.b64encode(f"{key}:".encode()).decode()
    request = urllib.request.Request(url, body, {"authorization": f"Basic {credentials}"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as exc:
        return exc.code


def regularly(per_second: float, seconds: float, act: Callable[[int], None]) -> None:
    """Act at a steady pace, however long each act takes."""
    began_at = time.monotonic()
    for number in range(round(per_second * seconds)):
        time.sleep(max(0.0, began_at + number / per_second - time.monotonic()))
        act(number)


def serve(url: str, first: int, seconds: float) -> dict[int, float]:
    """The server source's messages for so long; when each was sent."""
    sent: dict[int, float] = {}

    def send(number: int) -> None:
        email = f"person{number % PEOPLE}@example.com"
        properties = {"email": email, "total": first + number}
        message = {"messageId": f"s{first + number}", "userId": email, "event": "Ordered", "properties": properties}
        sent[first + number] = time.monotonic()
        assert post(f"{url}/v1/track", WRITE_KEY, json.dumps(message).encode()) == 200

    regularly(SERVER_PER_SECOND, seconds, send)
    return sent


def p95(sent: dict[int, float], arrivals: Arrivals) -> float:
    """The lag in seconds that 95 % of the messages stay within, once all have arrived."""
    until(lambda: sent.keys() <= arrivals.at.keys(), 120, lambda: f"{len(sent.keys() - arrivals.at.keys())} missing")
    lags = sorted(arrivals.at[number] - at for number, at in sent.items())
    return lags[int(0.95 * len(lags))]


@pytest.mark.slow
def test_a_flood_of_bad_messages_does_not_delay_a_server_source(tmp_path: Path, figures: Record) -> None:
    assert len(KINDS) == 40
    with running_emulator(access_token=TOKEN, portal_id=1234567, tier="enterprise") as emulator:
        arrivals = Arrivals(emulator)
        with HubwireProcess(tmp_path, emulator.base_url, HUBWIRE_LINGER_SECONDS="1") as hubwire:
            arrivals.start()
            public = json.loads(hubwire.run("source", "add", "web", "--kind", "web", "--json").stdout)["write_key"]
            p95(serve(hubwire.url, 0, 10), arrivals)  # until contacts and the definition exist
            quiet = p95(serve(hubwire.url, 10_000, QUIET_SECONDS), arrivals)
            statuses: Counter[int] = Counter()

            def flood(number: int) -> None:
                path = "batch" if number % 3 == 0 else "track"
                body = bad_message(number)
                body = b'{"batch":[' + body + b"]}" if path == "batch" else body
                statuses[post(f"{hubwire.url}/v1/{path}", public, body)] += 1

            flooding = threading.Thread(target=regularly, args=(FLOOD_PER_SECOND, FLOOD_SECONDS, flood))
            flooding.start()
            flooded = p95(serve(hubwire.url, 20_000, FLOOD_SECONDS), arrivals)
            flooding.join()
            [lane] = json.loads(hubwire.run("status", "--json").stdout)["destinations"]
        arrivals.ending.set()
        arrivals.join()
    figures(
        bad_messages=statuses.total(),
        kinds=len(KINDS),
        p95_seconds_without_the_flood=round(quiet, 2),
        p95_seconds_with_the_flood=round(flooded, 2),
    )
    assert lane["stopped_reason"] is None
    assert not [status for status in statuses if status >= 500]
    assert "Traceback" not in hubwire.output, hubwire.output[hubwire.output.index("Traceback") - 2000 :][:6000]
    assert flooded <= MAX_RATIO * quiet
