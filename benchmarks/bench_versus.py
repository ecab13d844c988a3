"""Compares this checkout with an older commit: receiving, delivering, calls and memory, as ratios of one run.

    make bench-versus BASE=808b6a4
    .venv/bin/python benchmarks/bench_versus.py BASE [--rounds 5] [--events 20000] [--only receive|deliver] [--compiled]

The older commit is checked out beside this one and runs with the packages of this one's environment. With `--compiled`
(`make bench-versus COMPILED=yes`) this checkout delivers with its compiled modules, as the container image does. The
two alternate, and the first of a round changes with each round; a ratio is the median of the rounds' ratios, with the
smallest and the largest. Above 1, this checkout is better.

Receiving: wrk on core 1, the commit's own `receive_server.py` on core 0, a fresh SQLite journal, fsync before each
answer. Delivering: the commit's `hubwire serve` takes the mixed corpus in uploads of 100, as of now, and delivers it to
this checkout's emulator, whose limits are off; CPU is user and system time of the whole server from the first upload
until nothing is pending, memory its largest resident size.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.bench_delivery import WRITE_KEY, installation
from benchmarks.corpus import Corpus
from benchmarks.wrk import PER_UPLOAD, Load, run

ROOT = Path(__file__).parents[1]
COMPILED = ROOT / "build" / "compiled" / "site"
SERVER_CORE, CLIENT_CORE = 0, 1
LOOK_SECONDS = 0.2
DRAIN_SECONDS = 600
CONNECTIONS = {"single": 64, "upload": 16}

Figures = dict[str, float]
"""Figure -> value. Figures of which less is better are given as their inverse."""


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """A worktree of another commit, with this checkout's browser bundle, which needs npm to be built."""
    with tempfile.TemporaryDirectory(prefix="hubwire-base-") as folder:
        base = Path(folder) / "base"
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", base, commit], cwd=ROOT, check=True)
        bundle = Path("src/hubwire/device/bundle")
        (base / bundle).mkdir(parents=True, exist_ok=True)
        for path in (ROOT / bundle).iterdir():
            if path.is_file():
                (base / bundle / path.name).write_bytes(path.read_bytes())
        try:
            yield base
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", base], cwd=ROOT, check=True)


def received(checkout: Path, seconds: int) -> Figures:
    """Messages acknowledged per second, and per CPU second of the server."""
    figures: Figures = {}
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CORE), sys.executable, "benchmarks/receive_server.py", "--database",
             str(Path(folder) / "journal.db")],
            cwd=checkout, env={**os.environ, "PYTHONPATH": str(checkout / "src")}, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert server.stdout is not None
        try:
            url = f"http://127.0.0.1:{json.loads(server.stdout.readline())['port']}"
            process = psutil.Process(server.pid)
            for kind, connections in CONNECTIONS.items():
                before = cpu_seconds(process)
                answered = run(Load(kind, seconds, connections, kind), [url], CLIENT_CORE)
                figures[f"{kind}s: messages per second"] = answered.per_second
                figures[f"{kind}s: messages per CPU second"] = answered.messages / (cpu_seconds(process) - before)
            figures["receiver: 1 / resident memory"] = 1 / process.memory_info().rss
        finally:
            server.terminate()
            server.wait(60)
            server.stdout.close()
    return figures


def delivered(sources: Path, events: int) -> Figures:
    """Events per CPU second from upload to recorded outcome, calls, and peak memory, of the Hubwire in this folder."""
    messages = [
        {name: value for name, value in message.items() if name != "timestamp"}
        for message in Corpus(events, users=max(100, events // 10)).messages()
    ]
    with installation(limits=False, sources=sources) as installed, installed.serving() as server:
        before, began = cpu_seconds(server), time.monotonic()
        for begin in range(0, len(messages), PER_UPLOAD):
            upload(installed.url, messages[begin : begin + PER_UPLOAD])
        peak_bytes = server.memory_info().rss
        while True:
            lane = installed.lane()
            peak_bytes = max(peak_bytes, server.memory_info().rss)
            waiting = lane["backlog_count"] + lane["pending"] + lane["retrying"]
            if lane["taken"] >= len(messages) and not waiting:
                break
            if time.monotonic() - began > DRAIN_SECONDS:
                raise SystemExit(f"{sources}: {waiting} messages are pending after {DRAIN_SECONDS} s")
            time.sleep(LOOK_SECONDS)
        return {
            "delivery: events per CPU second": len(messages) / (cpu_seconds(server) - before),
            "delivery: 1 / calls": 1 / lane["calls"],
            "delivery: 1 / peak memory": 1 / peak_bytes,
        }


def upload(url: str, messages: list[dict[str, object]]) -> None:
    """Send one upload; the server has stored it afterwards."""
    key = base64.b64encode(f"{WRITE_KEY}:".encode()).decode()
    headers = {"Authorization": f"Basic {key}", "Content-Type": "application/json"}
    body = json.dumps({"batch": messages}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{url}/v1/batch", body, headers), timeout=60).close()


def cpu_seconds(process: psutil.Process) -> float:
    """User and system time."""
    times = process.cpu_times()
    return float(times.user + times.system)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", help="the older commit")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--seconds", type=int, default=3, help="of each run of wrk")
    parser.add_argument("--only", choices=["receive", "deliver"])
    parser.add_argument("--compiled", action="store_true", help="deliver with the modules that `make compile` built")
    given = parser.parse_args()
    if given.compiled and not COMPILED.is_dir():
        parser.error("--compiled: there is no build/compiled/site yet: make compile")
    ratios: dict[str, list[float]] = defaultdict(list)
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    with checked_out(given.base) as base:
        for number in range(given.rounds):
            sides = [("base", base), ("now", ROOT)]
            found: dict[str, Figures] = {}
            for name, checkout in sides if number % 2 == 0 else reversed(sides):
                found[name] = {}
                if given.only != "deliver":
                    found[name] |= received(checkout, given.seconds)
                if given.only != "receive":
                    is_compiled = given.compiled and checkout is ROOT
                    found[name] |= delivered(COMPILED if is_compiled else checkout / "src", given.events)
            for figure in found["now"]:
                ratios[figure].append(found["now"][figure] / found["base"][figure])
                for name, figures in found.items():
                    values[name, figure].append(figures[figure])
            print(f"round {number + 1} of {given.rounds} done", file=sys.stderr, flush=True)
    print(f"{'':34}{'now / ' + given.base:>16}{'least':>8}{'most':>8}{'now':>14}{given.base:>14}")
    for figure, all_ in ratios.items():
        shown = [statistics.median(values[name, figure]) for name in ("now", "base")]
        texts = [f"{1 / value:,.0f}" if "1 / " in figure else f"{value:,.0f}" for value in shown]
        print(
            f"{figure.replace('1 / ', 'fewer '):34}{statistics.median(all_):16.2f}{min(all_):8.2f}{max(all_):8.2f}"
            f"{texts[0]:>14}{texts[1]:>14}"
        )


if __name__ == "__main__":
    main()
