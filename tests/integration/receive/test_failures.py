"""A killed process, a full disk, a disk that stalls: nothing acknowledged is missing, nothing sent again is doubled."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.figures import Record
from tests.integration.receive.harness import WRITE_KEY, receiving
from tests.integration.receive.load import Load, post, upload_of

SERVER = Path(__file__).parents[3] / "benchmarks" / "receive_server.py"
SERVER_KEY = "bench-write-key"
KILLS = 6


class Child:
    """The receiver as a process of its own, on a database that stays."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> int:
        self._process = subprocess.Popen(
            [sys.executable, str(SERVER), "--database", str(self._database)], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        port: int = json.loads(self._process.stdout.readline())["port"]
        return port

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(30)
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    child = Child(tmp_path / "hubwire.db")
    yield child
    child.end(signal.SIGKILL)


def journaled(database: Path) -> Counter[str]:
    """How often each message id is in the journal."""
    db = sqlite3.connect(database)
    try:
        return Counter(message_id for (message_id,) in db.execute("SELECT message_id FROM journal"))
    finally:
        db.close()


def check_exactly_once(database: Path, load: Load) -> dict[str, int]:
    """Every acknowledged message is in the journal once. Returns the counts."""
    found = journaled(database)
    missing = [message_id for message_id in load.acknowledged if found[message_id] == 0]
    assert missing == []
    doubled = [result for result, count in found.items() if count > 1]
    assert doubled == []
    return {"acknowledged_messages": len(load.acknowledged), "lost": len(missing), "doubled": len(doubled)}


@pytest.mark.parametrize("acknowledged", [50, 5_000])
def test_kill_9_under_load_loses_and_doubles_nothing(child: Child, tmp_path: Path, acknowledged: int) -> None:
    # 5,000 is beyond the first block of digests: what is in blocks and what is not must both be known again.
    load = Load(child.start(), SERVER_KEY, per_upload=5 if acknowledged < 1000 else 100)
    load.start(senders=8)
    load.wait_for(lambda: len(load.acknowledged) >= acknowledged)
    child.end(signal.SIGKILL)
    load.stop()
    assert load.unanswered, "some uploads were under way"
    found = journaled(tmp_path / "hubwire.db")
    assert [message_id for message_id in load.acknowledged if found[message_id] != 1] == []

    port = child.start()
    load.send_again(port)
    # A caller that did not hear its 200 before the kill sends that again as well.
    assert post(port, SERVER_KEY, upload_of(load.acknowledged[:100])) == 200
    child.end(signal.SIGTERM)
    check_exactly_once(tmp_path / "hubwire.db", load)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_kill_9_again_and_again_loses_and_doubles_nothing(
    child: Child, tmp_path: Path, seed: int, figures: Record
) -> None:
    rng = random.Random(seed)
    everything = Load(0, SERVER_KEY)
    for number in range(KILLS):
        load = Load(child.start(), SERVER_KEY, per_upload=rng.choice([1, 20, 100, 700]))
        load.unanswered = everything.unanswered
        load.send_again(load.port)
        everything.unanswered = []
        load.unanswered = []
        load.start(senders=rng.choice([1, 4, 16]), name=f"{seed}-{number}")
        expected = rng.randrange(1, 3000)
        load.wait_for(lambda load=load, expected=expected: len(load.acknowledged) >= expected)  # type: ignore[misc]
        child.end(signal.SIGKILL)
        load.stop()
        everything.acknowledged += load.acknowledged
        everything.unanswered = load.unanswered
    everything.send_again(child.start())
    child.end(signal.SIGTERM)
    figures(kills=KILLS, **check_exactly_once(tmp_path / "hubwire.db", everything))


def test_a_full_disk_refuses_and_recovers(child: Child, tmp_path: Path, figures: Record) -> None:
    load = Load(child.start(), SERVER_KEY, per_upload=100)
    # No file of the process may grow beyond this: the database is full for it as on a full disk.
    unlimited = resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
    load.start(senders=4)
    load.wait_for(lambda: load.statuses.count(503) >= 8)
    load.stop()
    assert set(load.statuses) == {200, 503}
    assert load.acknowledged, "there was room at first"

    resource.prlimit(child.pid, resource.RLIMIT_FSIZE, unlimited)
    refused = load.statuses.count(503)
    load.send_again(load.port)
    child.end(signal.SIGTERM)
    figures(refused_uploads=refused, **check_exactly_once(tmp_path / "hubwire.db", load))


def test_a_disk_that_stalls_holds_back_callers_before_memory(tmp_path: Path) -> None:
    with receiving(tmp_path, max_waiting_messages=100) as server:
        load = Load(server.port, WRITE_KEY, per_upload=20)
        assert post(server.port, WRITE_KEY, upload_of(["first"])) == 200
        stall = sqlite3.connect(tmp_path / "hubwire.db", isolation_level=None)
        stall.execute("BEGIN IMMEDIATE")
        # The disk takes nothing: five uploads wait, every other one is told to come again.
        load.start(senders=16)
        load.wait_for(lambda: load.statuses.count(429) >= 50)
        assert 200 not in load.statuses
        assert server.door.groups.waiting_messages <= 100
        stall.execute("ROLLBACK")
        stall.close()
        load.wait_for(lambda: 200 in load.statuses)
        load.stop()
        load.unanswered = load.unanswered[:40]
        load.send_again(server.port)
        assert set(load.statuses) == {200, 429}
        load.acknowledged.append("first")
    check_exactly_once(tmp_path / "hubwire.db", load)


def test_a_graceful_stop_answers_what_is_under_way(child: Child, tmp_path: Path) -> None:
    load = Load(child.start(), SERVER_KEY)
    load.start(senders=4)
    load.wait_for(lambda: len(load.acknowledged) >= 100)
    os.kill(child.pid, signal.SIGTERM)
    load.stop()
    child.end(signal.SIGTERM)
    assert set(load.statuses) <= {200, 0}
    check_exactly_once(tmp_path / "hubwire.db", load)


def test_memory_does_not_grow_with_what_was_received(child: Child) -> None:
    psutil: Any = pytest.importorskip("psutil")
    port = child.start()

    def send(name: str, uploads: int) -> None:
        def some(part: int) -> None:
            for number in range(uploads):
                ids = [f"{name}-{part}-{number}-{index}" for index in range(100)]
                assert post(port, SERVER_KEY, upload_of(ids, filler=3_000)) == 200

        threads = [threading.Thread(target=some, args=(part,)) for part in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    send("warm", 10)
    before = psutil.Process(child.pid).memory_info().rss
    send("more", 40)
    grown = psutil.Process(child.pid).memory_info().rss - before
    # 16,000 messages, 48 MB: the page cache of SQLite and 8 to 32 bytes a message may grow, bodies may not.
    assert grown < 24_000_000
