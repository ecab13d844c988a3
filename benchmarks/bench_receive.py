"""Measures the messages that Hubwire durably acknowledges per second, and the ceilings of this machine.

The server runs on core 0, wrk on core 1. Every figure is the median of the rounds; the rounds are interleaved, so that
other load affects all of them. Read the ratios: to an empty responder on the same HTTP layer, to the bare append, and
between a full and an empty journal. `per CPU s` is the rate of a core with nothing else to do; other load affects it
less than the rate itself.

    make bench-receive
    .venv/bin/python benchmarks/bench_receive.py --seconds 5 --rounds 3 --rows 3000000
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from hubwire.backends.sqlite.connection import SqliteFile
from hubwire.backends.sqlite.journal import SqliteJournal
from hubwire.message import Entry

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.wrk import PER_UPLOAD, Load, run

HERE = Path(__file__).parent
SERVER_CORE, CLIENT_CORE = 0, 1
BODY = b'{"type":"track","messageId":"m","userId":"user-1","event":"Order Completed","properties":{"text":"%b"}}' % (
    b"x" * 1000
)


@dataclass(frozen=True)
class Measured:
    per_second: float
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    cpu_us: float = 0.0


class Server:
    """The receiver (or the empty responder) as a process pinned to its core."""

    def __init__(self, *arguments: str) -> None:
        command = ["taskset", "-c", str(SERVER_CORE), sys.executable, str(HERE / "receive_server.py"), *arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(json.loads(self._process.stdout.readline())["port"])
        self._cpu = psutil.Process(self._process.pid)

    def cpu_seconds(self) -> float:
        times = self._cpu.cpu_times()
        return float(times.user + times.system)

    def resident_bytes(self) -> int:
        return int(self._cpu.memory_info().rss)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(60)


@contextmanager
def serving(*arguments: str) -> Iterator[Server]:
    server = Server(*arguments)
    try:
        yield server
    finally:
        server.stop()


def load(server: Server, kind: str, seconds: int, connections: int, name: str, delay_ms: float = 0.0) -> Measured:
    """One run of wrk. `kind` is `single` or `upload`; the figure is messages per second."""
    before = server.cpu_seconds()
    sent = Load(kind, seconds, connections, name, delay_ms)
    answered = run(sent, [f"http://127.0.0.1:{server.port}"], CLIENT_CORE)
    cpu_us = (server.cpu_seconds() - before) / answered.messages * 1e6
    return Measured(answered.per_second, answered.p50_ms, answered.p99_ms, cpu_us)


def entries(first: int, count: int) -> list[Entry]:
    now_ms = time.time_ns() // 1_000_000
    return [
        Entry(1, f"bare-{os.getpid()}-{number}-0b1c2d3e-1111", now_ms, BODY) for number in range(first, first + count)
    ]


def bare_append(folder: Path, seconds: int) -> Measured:
    """The journal alone, in groups of 100 on the server's core: what storage gives when HTTP costs nothing."""
    file = SqliteFile(folder / "bare.db")
    journal = SqliteJournal(file, appends=True)
    os.sched_setaffinity(0, {SERVER_CORE})
    count, cpu, started = 0, time.process_time(), time.perf_counter()
    while time.perf_counter() - started < seconds:
        journal.append(entries(count, PER_UPLOAD))
        count += PER_UPLOAD
    elapsed, cpu = time.perf_counter() - started, time.process_time() - cpu
    os.sched_setaffinity(0, {SERVER_CORE, CLIENT_CORE})
    journal.close()
    file.close()
    for path in folder.glob("bare.db*"):
        path.unlink()
    return Measured(count / elapsed, cpu_us=cpu / count * 1e6)


def disk_syncs(folder: Path, seconds: int) -> Measured:
    """How often the disk takes 100 KB and says that it is safe."""
    handle = os.open(folder / "sync.bin", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    data, count, started = b"x" * 100_000, 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        os.pwrite(handle, data, (count % 200) * len(data))
        os.fdatasync(handle)
        count += 1
    os.close(handle)
    (folder / "sync.bin").unlink()
    return Measured(count / (time.perf_counter() - started))


def fill(database: Path, count: int) -> None:
    """Put messages into the journal, as many as asked for."""
    file = SqliteFile(database)
    journal = SqliteJournal(file, appends=True)
    size = 5_000
    for first in range(0, count, size):
        journal.append(entries(first, min(size, count - first)))
        if first % 250_000 == 0:
            print(f"  {first:,} of {count:,} rows", file=sys.stderr, flush=True)
    journal.close()
    file.close()


def one_round(folder: Path, databases: dict[str, Path], seconds: int, number: int) -> Iterator[tuple[str, Measured]]:
    yield "disk: fdatasync of 100 KB", disk_syncs(folder, 1)
    yield "journal alone, groups of 100", bare_append(folder, seconds)
    for layer in ("asgi", "whole"):
        with serving("--empty", layer) as server:
            yield f"empty responder ({layer}), singles", load(server, "single", seconds, 64, f"e{number}")
            yield f"empty responder ({layer}), uploads of 100", load(server, "upload", seconds, 16, f"f{number}")
    for label, database in databases.items():
        with serving("--database", str(database)) as server:
            for kind, name, connections, per_request in (
                ("single", "singles", 64, 1),
                ("upload", "uploads of 100", 16, PER_UPLOAD),
            ):
                full = load(server, kind, seconds, connections, f"{kind}{number}{label}")
                yield f"receiver{label}, {name}", full
                pause_ms = connections * per_request / (0.8 * full.per_second) * 1000 - full.p50_ms * 0.5
                calm = load(server, kind, seconds, connections, f"calm-{kind}{number}{label}", max(0.0, pause_ms))
                yield f"receiver{label}, {name} at about 80 % load", calm
            yield f"receiver{label}, resident MB", Measured(server.resident_bytes() / 1e6)


def report(found: dict[str, list[Measured]], rows: int) -> None:
    middle = {
        name: Measured(
            *(statistics.median(getattr(sample, field) for sample in all_) for field in Measured.__annotations__)
        )
        for name, all_ in found.items()
    }
    print(f"\n{'':58}{'per second':>12}{'p50 ms':>8}{'p99 ms':>8}{'CPU us':>8}{'per CPU s':>11}")
    for name, median in middle.items():
        per_cpu_second = f"{1e6 / median.cpu_us:11,.0f}" if median.cpu_us else ""
        print(
            f"{name:58}{median.per_second:12,.0f}{median.p50_ms:8.1f}{median.p99_ms:8.1f}{median.cpu_us:8.1f}{per_cpu_second}"
        )
    print("\nratios: per second, and per CPU second of the server")
    for kind in ("singles", "uploads of 100"):
        for layer in ("asgi", "whole"):
            ratio("receiver, " + kind, f"empty responder ({layer}), {kind}", middle)
    ratio("receiver, uploads of 100", "journal alone, groups of 100", middle)
    if rows:
        for kind in ("singles", "uploads of 100"):
            ratio(f"receiver with {rows:,} rows, {kind}", f"receiver, {kind}", middle)


def ratio(name: str, ceiling: str, middle: dict[str, Measured]) -> None:
    share = middle[name].per_second / middle[ceiling].per_second
    cpu_share = middle[ceiling].cpu_us / middle[name].cpu_us
    print(f"  {share:6.2f} {cpu_share:6.2f}  {name} / {ceiling}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=4, help="of each run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=0, help="already in the journal, measured beside an empty one")
    parser.add_argument("--folder", type=Path, help="where the databases lie for the time being")
    arguments = parser.parse_args()
    if shutil.which("wrk") is None or (os.cpu_count() or 1) < 2:
        raise SystemExit("This needs wrk (apt-get install wrk) and two cores.")
    with tempfile.TemporaryDirectory(dir=arguments.folder, prefix="hubwire-bench-") as work_folder:
        folder = Path(work_folder)
        databases = {"": folder / "empty.db"}
        if arguments.rows:
            databases[f" with {arguments.rows:,} rows"] = folder / "full.db"
            fill(folder / "full.db", arguments.rows)
        found: dict[str, list[Measured]] = defaultdict(list)
        for number in range(arguments.rounds):
            print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr, flush=True)
            for name, measured in one_round(folder, databases, arguments.seconds, number):
                found[name].append(measured)
            for path in folder.glob("empty.db*"):
                path.unlink()
        report(found, arguments.rows)


if __name__ == "__main__":
    main()
