"""A million messages move while more come in: nothing lost, nothing doubled, memory bounded, and how long it took."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.servers import PostgresServer
from tests.support.fleet import SECRET_KEY, Sender
from tests.support.process import HUBWIRE, WRITE_KEY, HubwireProcess
from tests.support.waiting import until

from hubwire.backends.store import open_store
from hubwire.clock import SystemClock
from hubwire.message import Entry
from hubwire.secret import Secret
from hubwire.settings import Settings

MESSAGES = 1_000_000
PEOPLE = 100_000
GROUP_MESSAGES = 2_000
MAX_BYTES = 128 << 20
FIELDS = "position, source_id, message_id, received_at_ms, body"

Rows = Iterable[Sequence[Any]]


def body(number: int) -> bytes:
    """A track call of the usual size."""
    user = number % PEOPLE
    return json.dumps(
        {
            "type": "track",
            "event": "Order Completed",
            "messageId": f"m-{number:08d}-4f3c9a412b6e5f",
            "userId": f"user-{user}",
            "timestamp": "2026-11-23T10:00:00.000Z",
            "properties": {"orderId": f"o-{number}", "total": number % 1000, "currency": "EUR", "sku": ["a-1", "b-2"]},
            "context": {"library": {"name": "analytics-python", "version": "2.3.4"}, "ip": "10.1.2.3"},
        }
    ).encode()


def build(folder: Path) -> Path:
    """A file with a million messages, of which many are delivered, discarded or known of."""
    path = folder / "data" / "hubwire.db"
    store = open_store(
        Settings(data=str(path.parent), secret_key=Secret(SECRET_KEY)),
        SystemClock(),
        appends=True,
    )
    now_ms = SystemClock().now_ms()
    for first in range(0, MESSAGES, GROUP_MESSAGES):
        numbers = range(first, first + GROUP_MESSAGES)
        store.journal.append(
            [
                Entry(1, f"m-{number:08d}-4f3c9a412b6e5f", now_ms - (MESSAGES - number) // 10, body(number))
                for number in numbers
            ]
        )
    store.journal.close()
    store.close()
    with closing(sqlite3.connect(path)) as db, db:
        people = [f"user-{number}@example.com" for number in range(PEOPLE)]
        db.executemany(
            "INSERT INTO person VALUES (1, ?, ?, ?, ?, 0, NULL)",
            [(person, str(number), now_ms, os.urandom(120)) for number, person in enumerate(people)],
        )
        db.executemany(
            "INSERT INTO link VALUES ('server', ?, ?, 3, ?, ?)",
            [(f"u:user-{number}", person, now_ms, now_ms) for number, person in enumerate(people)],
        )
        db.executemany(
            "INSERT INTO delivery (destination_id, position, state, reason, updated_at_ms)"
            " VALUES (1, ?, 'discarded', 'filtered', ?)",
            [(position, now_ms) for position in range(1, MESSAGES, 10)],
        )
        db.execute("INSERT INTO lane (destination_id, live_cursor) VALUES (1, ?)", (MESSAGES // 2,))
    return path


@dataclass
class Cost:
    """What one run of the command took."""

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    said: Any


def peak_bytes(pid: int) -> int:
    """The most memory that a process has had so far; 0 when it is gone. (What `wait4` tells includes its parent's.)"""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


@dataclass
class Mover:
    """Runs the command."""

    path: Path
    url: str

    def start(self, *more: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "HUBWIRE_SECRET_KEY": SECRET_KEY}
        source = f"sqlite:///{self.path}"
        return subprocess.Popen(
            [HUBWIRE, "migrate", "--from", source, "--to", self.url, "--json", *more],
            env=environment,
            stdout=subprocess.PIPE,
        )

    def run(self, *more: str) -> Cost:
        begun_at, peak, ended = time.monotonic(), 0, 0
        process = self.start(*more)
        while not ended:
            peak = peak_bytes(process.pid) or peak
            time.sleep(0.02)
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
        took = time.monotonic() - begun_at
        process.returncode = os.waitstatus_to_exitcode(status)
        with process:
            assert process.stdout is not None
            text = process.stdout.read()
        assert process.returncode == 0
        return Cost(took, used.ru_utime + used.ru_stime, peak, json.loads(text))

    def copied(self) -> int:
        """How far a run has come."""
        try:
            with psycopg.connect(self.url) as db:
                row = db.execute("SELECT copied_through FROM move").fetchone()
        except psycopg.errors.UndefinedTable:
            return 0
        return int(row[0]) if row else 0

    def kill_after(self, positions: int) -> None:
        """kill -9, in the middle of whatever it does then."""
        process = self.start()
        until(lambda: process.poll() is not None or self.copied() >= positions, 300)
        assert process.poll() is None, "it ended before it was killed"
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def checksum(rows: Rows) -> tuple[int, str]:
    """How many rows, and a hash over all of them in their order: the test's own, not the command's."""
    count, digest = 0, hashlib.sha256()
    for row in rows:
        count += 1
        digest.update(repr(tuple(row)).encode())
    return count, digest.hexdigest()


@pytest.fixture
def durable_server(postgres_server: PostgresServer) -> Iterator[PostgresServer]:
    """A server that waits for its disk, as one at work does."""
    server = PostgresServer(fsync="on")
    server.start()
    yield server
    server.remove()


@pytest.mark.slow
def test_a_million_messages_move_while_more_come_in(tmp_path: Path, durable_server: PostgresServer) -> None:
    mover = Mover(build(tmp_path), durable_server.database())
    shared = {"HUBWIRE_SECRET_KEY": SECRET_KEY, "HUBWIRE_ROLE": "receive", "HUBSPOT_ACCESS_TOKEN": "pat"}
    serving: list[str] = []
    with HubwireProcess(tmp_path, None, **shared) as old:
        serving.append(old.url)
        senders = [
            Sender(lambda: list(serving), WRITE_KEY, f"s{number}", upload_messages=20, pause_seconds=0.1)
            for number in range(2)
        ]
        mover.kill_after(100_000)
        mover.kill_after(400_000)
        resumed_after = mover.copied()
        filled = mover.run()
        again = mover.run()
        serving.clear()
        old.stop()
    finished = mover.run("--finish")
    new = HubwireProcess(tmp_path, None, **shared, HUBWIRE_DATABASE_URL=mover.url)
    with new:
        serving.append(new.url)
        before = sum(len(sender.acknowledged) for sender in senders)
        until(lambda: sum(len(sender.acknowledged) for sender in senders) >= before + 1_000, 120)
        for sender in senders:
            sender.stop()

    acknowledged = [message_id for sender in senders for message_id in sender.acknowledged]
    with closing(sqlite3.connect(mover.path)) as here, psycopg.connect(mover.url) as there:
        last = here.execute("SELECT max(position) FROM journal").fetchone()[0]
        of_file = checksum(here.execute(f"SELECT {FIELDS} FROM journal ORDER BY position"))
        with there.cursor("rows") as cursor:
            cursor.execute(f"SELECT {FIELDS} FROM journal WHERE position <= {last} ORDER BY position".encode())
            of_target = checksum(cursor)
        assert of_target == of_file
        found = there.execute("SELECT count(*), count(DISTINCT message_id), max(position) FROM journal").fetchone()
        sent = there.execute("SELECT count(*) FROM journal WHERE message_id = ANY (%s)", (acknowledged,)).fetchone()
    assert sent == (len(acknowledged),)
    assert found == (MESSAGES + len(acknowledged),) * 3
    assert 400_000 <= resumed_after < MESSAGES
    assert {table["table"]: table["rows"] for table in finished.said["tables"]}["journal"] == last
    for cost in (filled, again, finished):
        assert cost.peak_bytes < MAX_BYTES
    for what, cost in (("fill, the rest of it", filled), ("fill again", again), ("finish", finished)):
        print(
            f"{what}: {cost.said['copied']} messages, {cost.wall_seconds:.1f} s, CPU {cost.cpu_seconds:.1f} s,"
            f" {cost.peak_bytes >> 20} MiB"
        )
    print(f"journal of {last} messages, sha256 {of_file[1][:16]}…; {len(acknowledged)} came in meanwhile")
    print(f"longest wait of a sender: {max(sender.longest_seconds for sender in senders):.1f} s")
