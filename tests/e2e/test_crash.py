"""kill -9 while messages pour in: what got a 200 is delivered after the restart, exactly once in effect."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from pathlib import Path

from tests.support.process import TOKEN, WRITE_KEY, HubwireProcess

from hubwire.testing import running_emulator

ROUNDS = 3
ACKNOWLEDGED_BEFORE_KILL = 150
PEOPLE = 20


class Sender:
    """Sends uploads of five track messages until it is told to stop; remembers what got its 200."""

    def __init__(self, url: str, name: str) -> None:
        self.acknowledged: list[str] = []
        self.enough = threading.Event()
        self._url = url
        self._name = name
        self._thread = threading.Thread(target=self._run)
        self._stopping = False
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._thread.join()

    def _run(self) -> None:
        number = 0
        while not self._stopping:
            ids = [f"{self._name}-{number + index}" for index in range(5)]
            number += 5
            try:
                if self._send(ids):
                    self.acknowledged += ids
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                return
            if len(self.acknowledged) >= ACKNOWLEDGED_BEFORE_KILL:
                self.enough.set()

    def _send(self, ids: list[str]) -> bool:
        batch = [
            {
                "type": "track",
                "event": "Counted",
                "messageId": message_id,
                "userId": f"user-{hash(message_id) % PEOPLE}",
                "properties": {"id": message_id},
                "context": {"traits": {"email": f"user-{hash(message_id) % PEOPLE}@example.com"}},
            }
            for message_id in ids
        ]
        body = json.dumps({"batch": batch, "writeKey": WRITE_KEY}).encode()
        with urllib.request.urlopen(f"{self._url}/v1/batch", data=body, timeout=10) as response:
            return bool(response.status == 200)


def test_every_acknowledged_message_survives_kill_9_and_has_its_effect_once(tmp_path: Path) -> None:
    acknowledged: list[str] = []
    with running_emulator(access_token=TOKEN, limits_enabled=False) as hubspot:
        hubwire = HubwireProcess(tmp_path, hubspot.base_url)
        for round_number in range(ROUNDS):
            with hubwire:
                senders = [Sender(hubwire.url, f"r{round_number}-s{index}") for index in range(4)]
                enough = [sender.enough.wait(60) for sender in senders]
                hubwire.kill()
            for sender in senders:
                sender.stop()
                acknowledged += sender.acknowledged
            assert all(enough)
        with hubwire:
            lane = hubwire.drained()
            for message_id in acknowledged[:: len(acknowledged) // 5]:
                [detail] = json.loads(hubwire.run("message", message_id, "--json").stdout)
                assert [fate["state"] for fate in detail["summary"]["fates"]] == ["delivered"]
        events = [event["properties"]["id"] for event in hubspot.events()]
    assert len(acknowledged) >= ROUNDS * 4 * ACKNOWLEDGED_BEFORE_KILL
    assert set(acknowledged) <= set(events)
    assert len(events) == len(set(events)) == lane["taken"]
    assert (lane["dead"], lane["retrying"], lane["held"]) == (0, 0, 0)
