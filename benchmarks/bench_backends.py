"""Compares SQLite, PostgreSQL and JetStream: their rates of receiving and delivery, and the gain of a second receiver.

    make bench-backends
    .venv/bin/python benchmarks/bench_backends.py --rounds 5 --only PostgreSQL

Each round starts real processes (`hubwire serve --role receive`, `--role deliver`) and real servers on this machine.
The rounds are interleaved, so that other load affects all backends, and every figure is a median.

Receiving: wrk sends messages of about 1.2 KB. A message counts when it was answered with 200, after the commit. SQLite
and PostgreSQL have then written it to disk; JetStream has it in the files of a majority of its nodes, which it flushes
at its own pace. Nothing is delivered meanwhile. "us" is the CPU time per message of the receivers, of database and
JetStream, and of the load generator. They share the cores of this machine with other processes; "others" is the share
of those. A second receiver can use only the free part: "at most" is the rate at which no core is idle. A further
measurement holds each receiver to a quarter of a core, so that the machine is not the limit.

Delivery: the benchmark imports a corpus, and one deliverer sends it to the emulator, whose limits are off. It counts
from the end of the first cycle to the end of the last, which leaves out start-up and reading the portal's schema.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.corpus import write
from benchmarks.delivering import Delivered, deliver
from benchmarks.holding import held
from benchmarks.installations import BACKENDS, Backend, Installation, cpu_of, installation, machine_cpu
from benchmarks.wrk import Load, run

KINDS = {"single": ("singles", 256), "upload": ("uploads of 100", 64)}
"""What is sent, and over how many connections: enough that two receivers have groups as large as one has."""
HELD_SHARE = 0.25
CORES = len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Received:
    per_second: float
    p50_ms: float
    p99_ms: float
    receiver_us: float
    server_us: float
    load_us: float
    others: float
    """The part of this machine that strangers used."""

    @property
    def ceiling(self) -> float:
        """Messages per second if no core of this machine ever waited, and strangers used as much as they did."""
        return (1 - self.others) * CORES * 1e6 / (self.receiver_us + self.server_us + self.load_us)


@dataclass(frozen=True)
class Held:
    per_second: float


Round = Iterator[tuple[tuple[str, str, int], Received | Held | Delivered]]


def receive(installed: Installation, receivers: int, seconds: int, name: str) -> Iterator[tuple[str, Received | Held]]:
    """Singles, then uploads, against so many fresh receivers: at full speed, then held."""
    with installed.serving("receive", receivers) as processes:
        urls = [process.url for process in processes]
        for kind, (label, connections) in KINDS.items():
            run(Load(kind, 1, connections, f"warm-{name}"), urls)
            before = (time.monotonic(), machine_cpu(), cpu_of(processes), installed.servers_cpu())
            answered = run(Load(kind, seconds, connections, name), urls)
            after = (time.monotonic(), machine_cpu(), cpu_of(processes), installed.servers_cpu())
            elapsed, busy, *parts = (new - old for new, old in zip(after, before, strict=True))
            parts.append(answered.cpu_seconds)
            others = max(0.0, busy - sum(parts)) / (elapsed * CORES)
            used = (part / answered.messages * 1e6 for part in parts)
            yield label, Received(answered.per_second, answered.p50_ms, answered.p99_ms, *used, others)
            if installed.backend.is_shared:
                with held([process.pid for process in processes], HELD_SHARE):
                    answered = run(Load(kind, seconds, connections, f"held-{name}"), urls)
                yield f"{label}, held", Held(answered.per_second)


def one_round(backends: Sequence[Backend], corpus: Path, given: argparse.Namespace) -> Round:
    for backend in backends:
        with installation(backend) as installed:
            for receivers in (1, 2) if backend.is_shared else (1,):
                for label, received in receive(installed, receivers, given.seconds, f"r{receivers}"):
                    yield (backend.name, label, receivers), received
        if backend.delivers:
            with installation(backend) as installed:
                yield (backend.name, "delivery", 1), deliver(installed, corpus, given.events)


def middle(found: Sequence[Any]) -> Any:
    """The median of every field."""
    kind = type(found[0])
    return kind(*(statistics.median(getattr(result, field.name) for result in found) for field in fields(kind)))


def report(found: dict[tuple[str, str, int], list[Any]], backends: Sequence[Backend]) -> None:
    medians = {key: middle(rounds) for key, rounds in found.items()}
    print(f"\n{'':34}{'messages/s':>12}{'p50 ms':>8}{'p99 ms':>8}{'per CPU s':>11}", end="")
    print(f"{'receiver us':>13}{'servers us':>12}{'load us':>9}{'others':>8}{'at most':>11}")
    for label, _ in KINDS.values():
        for backend in backends:
            for receivers in (1, 2) if backend.is_shared else (1,):
                median = medians[backend.name, label, receivers]
                what = f"{backend.name}, {receivers} receiver{'s' if receivers > 1 else ''}"
                print(f"{what:34}{median.per_second:12,.0f}{median.p50_ms:8.1f}{median.p99_ms:8.1f}", end="")
                print(f"{1e6 / median.receiver_us:11,.0f}{median.receiver_us:13.1f}{median.server_us:12.1f}", end="")
                print(f"{median.load_us:9.1f}{median.others:8.0%}{median.ceiling:11,.0f}  {label}")
    print(
        "\na second receiver gives so many times as much: on these cores, at most on these cores; and held, each to a"
    )
    print("quarter of a core: one, two, the factor")
    for label, _ in KINDS.values():
        for backend in backends:
            if backend.is_shared:
                median, two = (medians[backend.name, label, receivers] for receivers in (1, 2))
                print(f"{two.per_second / median.per_second:7.2f}{two.ceiling / median.per_second:7.2f}", end="")
                median, two = (medians[backend.name, f"{label}, held", receivers] for receivers in (1, 2))
                print(
                    f"{median.per_second:11,.0f}{two.per_second:10,.0f}{two.per_second / median.per_second:7.2f}",
                    end="",
                )
                print(f"  {backend.name}, {label}")
    print(f"\n{'delivery by one deliverer':34}{'events/s':>12}{'per CPU s':>11}{'deliverer us':>14}{'servers us':>12}")
    for backend in backends:
        if backend.delivers:
            median = medians[backend.name, "delivery", 1]
            print(f"{backend.name:34}{median.per_second:12,.0f}{1e6 / median.deliverer_us:11,.0f}", end="")
            print(f"{median.deliverer_us:14.1f}{median.server_us:12.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=3, help="of each run of the load generator")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=7.0, help="no round begins that would not end by then")
    parser.add_argument("--events", type=int, default=50_000, help="that are delivered in each round")
    parser.add_argument("--only", action="append", metavar="BACKEND", help="the beginning of a backend's name")
    given = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("This needs wrk (apt-get install wrk).")
    expected = [backend for backend in BACKENDS if backend.name.startswith(tuple(given.only or [""]))]
    for name in expected:
        if missing := name.why_not():
            print(f"without {name.name}: {missing}")
    backends = [name for name in expected if name.why_not() is None]
    found: dict[tuple[str, str, int], list[Any]] = defaultdict(list)
    began = time.monotonic()
    with TemporaryDirectory(prefix="hubwire-bench-") as folder:
        corpus = Path(folder) / "corpus.ndjson"
        write(corpus, given.events, users=max(100, given.events // 10))
        for number in range(given.rounds):
            if (time.monotonic() - began) * (number + 1) > given.minutes * 60 * number > 0:
                print(f"after {number} of {given.rounds} rounds the time is up", file=sys.stderr)
                break
            print(f"round {number + 1} of {given.rounds}", file=sys.stderr, flush=True)
            for key, measured in one_round(backends, corpus, given):
                found[key].append(measured)
    report(found, backends)


if __name__ == "__main__":
    main()
