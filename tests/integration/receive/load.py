"""Clients that send under load, remember what was acknowledged, and send again what was not, as SDKs do."""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

HEADERS = {"Content-Type": "application/json"}


def upload_of(message_ids: list[str], filler: int = 300) -> bytes:
    batch = [
        {
            "type": "track",
            "messageId": message_id,
            "userId": "u1",
            "event": "Bought",
            "properties": {"text": "x" * filler},
        }
        for message_id in message_ids
    ]
    return json.dumps({"batch": batch}).encode()


def post(port: int, write_key: str, body: bytes, timeout_seconds: float = 30) -> int:
    """The status of the answer; 0 when there was none (refused, reset, cut off)."""
    authorization = "Basic " + base64.b64encode(f"{write_key}:".encode()).decode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_seconds)
    try:
        connection.request("POST", "/v1/batch", body, {**HEADERS, "Authorization": authorization})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


@dataclass
class Load:
    """Several senders, each with one upload under way, until `stop()`."""

    port: int
    write_key: str
    per_upload: int = 5
    acknowledged: list[str] = field(default_factory=list)
    unanswered: list[list[str]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, senders: int, name: str = "m") -> None:
        for sender in range(senders):
            thread = threading.Thread(target=self._send, args=(f"{name}-{sender}",))
            self._threads.append(thread)
            thread.start()

    def _send(self, name: str) -> None:
        for number in itertools.count():
            if self._stopping.is_set():
                return
            ids = [f"{name}-{number}-{index}" for index in range(self.per_upload)]
            status = post(self.port, self.write_key, upload_of(ids))
            with self.changed:
                self.statuses.append(status)
                if status == 200:
                    self.acknowledged.extend(ids)
                else:
                    self.unanswered.append(ids)
                self.changed.notify_all()
            if status == 0:
                return

    def wait_for(self, condition: Callable[[], bool], timeout_seconds: float = 30) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, timeout_seconds)

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def send_again(self, port: int) -> None:
        """What an SDK does with uploads that were refused or not answered."""
        for ids in self.unanswered:
            assert post(port, self.write_key, upload_of(ids)) == 200
            self.acknowledged.extend(ids)
