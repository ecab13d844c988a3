"""Uploads as large as RudderStack's SDKs send them: taken side by side, while the receiver's memory stays bounded."""

from __future__ import annotations

import base64
import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

import psutil  # type: ignore[import-untyped]
import pytest
from tests.integration.receive.harness import WEB_KEY, receiving
from tests.integration.receive.harness import WRITE_KEY as SERVER_KEY
from tests.integration.receive.load import post, upload_of
from tests.support.process import WRITE_KEY, HubwireProcess
from tests.support.waiting import until

from hubwire.receive.upload_limits import LARGE_UPLOAD_BYTES, ReceiveLimits

MIB = 1024 * 1024
UPLOADS = 10
UPLOAD_BYTES = 4_000_000
MAX_RISE_BYTES = 16 * MIB
SAMPLE_SECONDS = 0.005
ANSWER_SECONDS = 60


class PeakMemory:
    """The highest resident memory of a process while the block runs, above what it had at the start."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._start = self._peak = self._process.memory_info().rss
        self._ended = threading.Event()
        self._sampler = threading.Thread(target=self._sample)

    @property
    def rise_bytes(self) -> int:
        return int(self._peak - self._start)

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            self._peak = max(self._peak, self._process.memory_info().rss)

    def __enter__(self) -> PeakMemory:
        self._sampler.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._sampler.join()


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[HubwireProcess]:
    """A receiver that has taken uploads before: what its first ones load is not counted."""
    with HubwireProcess(tmp_path, HUBWIRE_ROLE="receive") as process:
        port = port_of(process)
        assert post(port, WRITE_KEY, upload_of([f"warm-{index}" for index in range(100)])) == 200
        assert post(port, WRITE_KEY, large_upload("warm", 6_000)) == 200
        yield process


def port_of(process: HubwireProcess) -> int:
    return int(process.url.rpartition(":")[2])


def large_upload(name: str, message_bytes: int) -> bytes:
    """An upload of `UPLOAD_BYTES` with messages of this size."""
    count = UPLOAD_BYTES // message_bytes
    body = upload_of([f"{name}-{index}" for index in range(count)], filler=message_bytes - 130)
    assert UPLOAD_BYTES * 0.97 < len(body) < UPLOAD_BYTES * 1.03
    return body


@pytest.mark.parametrize(
    ("message_bytes", "pack"), [(1_800, bytes), (6_000, bytes), (400_000, bytes), (6_000, gzip.compress)]
)
def test_ten_uploads_of_4_mb_at_once_raise_the_memory_by_at_most_16_mib(
    receiver: HubwireProcess, message_bytes: int, pack: Callable[[bytes], bytes]
) -> None:
    bodies = [pack(large_upload(f"large-{index}", message_bytes)) for index in range(UPLOADS)]
    with PeakMemory(receiver.pid) as memory, ThreadPoolExecutor(UPLOADS) as senders:
        sending = [senders.submit(post, port_of(receiver), WRITE_KEY, body, ANSWER_SECONDS) for body in bodies]
        statuses = [answer.result() for answer in sending]
    assert statuses == [200] * UPLOADS
    assert memory.rise_bytes <= MAX_RISE_BYTES, f"{memory.rise_bytes / MIB:.1f} MiB"


def begin_large_upload(port: int, write_key: str) -> socket.socket:
    """A connection that has sent the beginning of a large upload, and nothing after it."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS)
    authorization = base64.b64encode(f"{write_key}:".encode()).decode()
    head = (
        f"POST /v1/batch HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {authorization}\r\nContent-Length: {UPLOAD_BYTES}"
    )
    connection.sendall(head.encode() + b"\r\n\r\n" + b" " * (2 * LARGE_UPLOAD_BYTES))
    return connection


def test_a_slow_upload_of_a_website_keeps_no_server_waiting(tmp_path: Path) -> None:
    with receiving(tmp_path) as running, begin_large_upload(running.port, WEB_KEY):
        assert post(running.port, SERVER_KEY, large_upload("server", 6_000)) == 200
        assert post(running.port, WEB_KEY, upload_of(["small"])) == 200


def test_a_large_upload_waits_until_the_one_before_it_is_gone(tmp_path: Path) -> None:
    with receiving(tmp_path) as running, ThreadPoolExecutor() as senders:
        slow = begin_large_upload(running.port, SERVER_KEY)
        until(lambda: running.app.held_bytes() == UPLOAD_BYTES, ANSWER_SECONDS, lambda: "the slow upload has no place")
        second = senders.submit(post, running.port, SERVER_KEY, large_upload("second", 6_000), ANSWER_SECONDS)
        assert post(running.port, SERVER_KEY, upload_of(["small"])) == 200
        assert not second.done()
        slow.close()
        assert second.result() == 200
        until(lambda: running.app.held_bytes() == 0, ANSWER_SECONDS, lambda: "a place was not given back")


def test_a_slow_large_upload_still_meets_the_read_timeout(tmp_path: Path) -> None:
    limits = ReceiveLimits(read_timeout_seconds=1)
    with receiving(tmp_path, limits=limits) as running, begin_large_upload(running.port, SERVER_KEY) as slow:
        assert slow.recv(100).startswith(b"HTTP/1.1 408")
        assert post(running.port, SERVER_KEY, large_upload("next", 6_000)) == 200
