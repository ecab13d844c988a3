"""What `hubwire serve` itself brings to receiving, beside the receiver: its event loop, and room for connections."""

from __future__ import annotations

import re
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest
from tests.integration.receive.load import post, upload_of
from tests.support.process import HUBWIRE, WRITE_KEY, HubwireProcess

FEW, MANY = 200, 4_000
IDLE = 1_500


class Limited(HubwireProcess):
    """With few open files until it asks for more."""

    command = ("prlimit", f"--nofile={FEW}:{MANY}", HUBWIRE)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[HubwireProcess]:
    with Limited(tmp_path, PYTHONFAULTHANDLER="1") as process:
        yield process


def test_it_runs_on_uvloop(served: HubwireProcess) -> None:
    # Told to give up, Python says where it stood.
    psutil.Process(served.pid).send_signal(signal.SIGABRT)
    served.await_output("Fatal Python error: Aborted")
    served.await_output("in main")
    assert re.search(r'uvloop/__init__\.py", line \d+ in run\n.*hubwire/process/server\.py', served.output)


def test_idle_connections_beyond_the_usual_limit_keep_nobody_out(served: HubwireProcess) -> None:
    assert psutil.Process(served.pid).rlimit(psutil.RLIMIT_NOFILE) == (MANY, MANY)
    port = int(served.url.rpartition(":")[2])
    with ExitStack() as idle:
        for _ in range(IDLE):
            idle.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
        assert post(port, WRITE_KEY, upload_of(["m1"])) == 200
