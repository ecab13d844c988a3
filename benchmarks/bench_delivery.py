"""Measures delivery, from the journal to the recorded outcome: calls, events per CPU-second, memory, limits, a day.

    python benchmarks/bench_delivery.py [--events 1000000] [--only calls|live|throughput|limits|day]

Everything runs on this machine: `hubwire serve` in one process, the emulator in another. "CPU" is the user and system
time of the Hubwire process, from its start until nothing is pending; it does not include the import. Only the day runs
in one process, in simulated time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
from segment.analytics.client import Client  # type: ignore[import-untyped]

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.corpus import Corpus, write
from tests.support.day import Day, Others, Traffic, quantile, refused

from hubwire.monitoring.logs import configure_logs

HUBWIRE = Path(sys.executable).with_name("hubwire")
TOKEN = "pat-bench-token"
WRITE_KEY = "wk_bench_write_key"
LOOK_SECONDS = 0.25
COMMAND = "from hubwire.cli import main; main()"
"""The command line of the Hubwire in PYTHONPATH."""
EMULATOR = """
import sys
from hubwire.emulator.http.server import EmulatorConfig, run
limits, port = sys.argv[1:]
run(EmulatorConfig(access_token="pat-bench-token", burst=100, limits_enabled=limits == "on", keep_events=1000,
                   keep_requests=100, portal_id=1234567), port=int(port))
"""


class Installation:
    """A data folder, an emulator, and the commands on them."""

    def __init__(self, folder: Path, emulator_url: str, sources: Path | None = None) -> None:
        self.folder = folder
        self.command: list[str] = [str(HUBWIRE)] if sources is None else [sys.executable, "-c", COMMAND]
        self.emulator_url = emulator_url
        self.url = ""
        """Where it receives, while it serves."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HUBWIRE_", "HUBSPOT_"))}
        target = {"HUBSPOT_BASE_URL": emulator_url, "HUBSPOT_ACCESS_TOKEN": TOKEN, "HUBSPOT_HUB_ID": "1234567"}
        self.environment = {**kept, **target, "HUBWIRE_PORT": "0", "HUBWIRE_LOG_LEVEL": "warning"}
        self.environment["HUBWIRE_WRITE_KEY"] = WRITE_KEY
        if sources is not None:
            self.environment["PYTHONPATH"] = str(sources)

    def run(self, *arguments: str) -> Any:
        done = subprocess.run(
            [*self.command, *arguments, "--json"],
            cwd=self.folder,
            env=self.environment,
            check=True,
            stdout=subprocess.PIPE,
        )
        return json.loads(done.stdout)

    def lane(self) -> dict[str, Any]:
        [lane] = self.run("status")["destinations"]
        return dict(lane)

    def stats(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.emulator_url}/_emulator/stats", timeout=30) as response:
            return dict(json.load(response))

    @contextmanager
    def serving(self) -> Iterator[psutil.Process]:
        server = subprocess.Popen(
            [*self.command, "serve"], cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, text=True
        )
        assert server.stdout is not None
        try:
            self.url = next(line for line in server.stdout if "Hubwire is up" in line).split()[-1]
            urllib.request.urlopen(f"{self.url}/ready", timeout=30).close()
            yield psutil.Process(server.pid)
        finally:
            server.terminate()
            server.wait(60)
            server.stdout.close()


@contextmanager
def installation(*, limits: bool, port: int = 18_491, sources: Path | None = None) -> Iterator[Installation]:
    """A fresh folder and a fresh emulator on a loopback port; `sources`: a folder with another Hubwire."""
    with tempfile.TemporaryDirectory() as folder:
        emulator = subprocess.Popen([sys.executable, "-c", EMULATOR, "on" if limits else "off", str(port)])
        installed = Installation(Path(folder), f"http://127.0.0.1:{port}", sources)
        try:
            for _ in range(100):
                try:
                    installed.stats()
                    break
                except OSError:
                    time.sleep(0.1)
            yield installed
        finally:
            emulator.terminate()
            emulator.wait(30)


def calls() -> None:
    """HubSpot calls per 10,000 events: cold (schema, definitions and key property included), again, and stripped."""
    for name, is_stripped in (("with context.traits", False), ("stripped", True)):
        with installation(limits=True) as installed, installed.serving():
            write(installed.folder / "corpus.ndjson", 10_000, is_stripped=is_stripped)
            installed.run("import", "corpus.ndjson", "--source", "server")
            installed.run("status", "--wait-drained", "--timeout", "120")
            cold = installed.lane()
            print(f"calls, {name}, cold: {cold['calls']} for 10,000 events; dead {cold['dead']}, held {cold['held']}")
            if not is_stripped:
                lines = (installed.folder / "corpus.ndjson").read_text().replace('"messageId":"', '"messageId":"again-')
                (installed.folder / "again.ndjson").write_text(lines)
                installed.run("import", "again.ndjson", "--source", "server")
                installed.run("status", "--wait-drained", "--timeout", "120")
                print(f"calls, the same people again: {installed.lane()['calls'] - cold['calls']}")


def live(minutes: float, lingers: tuple[int, ...] = (1, 10)) -> None:
    """HubSpot calls for the same 10,000 events as they come in from Segment's Python SDK, cold."""
    for linger in lingers:
        with installation(limits=True) as installed:
            installed.environment["HUBWIRE_LINGER_SECONDS"] = str(linger)
            with installed.serving():
                _send(installed.url, list(Corpus().messages()), minutes * 60)
                installed.run("status", "--wait-drained", "--timeout", "120")
                lane = installed.lane()
        spread = f"live over {minutes:g} minutes, HUBWIRE_LINGER_SECONDS={linger}"
        print(
            f"calls, {spread}: {lane['calls']} for {lane['taken']:,} events; dead {lane['dead']}, held {lane['held']}"
        )


def _send(url: str, messages: list[dict[str, Any]], seconds: float) -> None:
    """Hand the messages to an SDK, evenly spread."""
    sdk = Client(write_key=WRITE_KEY, host=url, gzip=True, max_queue_size=len(messages))
    began = time.monotonic()
    for number, message in enumerate(messages):
        time.sleep(max(0.0, began + seconds * number / len(messages) - time.monotonic()))
        who = {"anonymous_id": message["anonymousId"], "context": message["context"]}
        match message["type"]:
            case "identify":
                sdk.identify(message["userId"], message["traits"], **who)
            case "track":
                sdk.track(message["userId"], message["event"], message["properties"], **who)
            case "group":
                sdk.group(message["userId"], message["groupId"], message["traits"], **who)
            case "page":
                sdk.page(message["userId"], None, message["name"], message["properties"], **who)
    sdk.shutdown()


def throughput(events: int) -> None:
    """Events per CPU-second, resident memory, and the time per event as the backlog is worked off."""
    with installation(limits=False) as installed:
        write(installed.folder / "corpus.ndjson", events, users=max(100, events // 10))
        with installed.serving():
            pass
        pinned = installed.run("destination", "list")[0]["name"]
        subprocess.run(
            [HUBWIRE, "destination", "change", pinned, "--calls-per-second", "1000"],
            cwd=installed.folder, env=installed.environment, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        installed.run("import", "corpus.ndjson", "--source", "server")
        with installed.serving() as server:
            curve, most_memory = _watch(installed, server, events)
        print(f"throughput: {events:,} events, {events // 10:,} people, emulator's limits off, from the journal")
        taken, cpu_seconds = curve[-1]
        print(f"  {taken / cpu_seconds:,.0f} events per CPU-second; resident memory at most {most_memory >> 20} MiB")
        for (taken_a, cpu_a), (taken_b, cpu_b) in pairwise(curve):
            if taken_b > taken_a:
                print(f"  at {taken_b:>9,} events: {(cpu_b - cpu_a) / (taken_b - taken_a) * 1e6:6.1f} us CPU per event")


def _watch(installed: Installation, server: psutil.Process, events: int) -> tuple[list[tuple[int, float]], int]:
    curve: list[tuple[int, float]] = [(0, 0.0)]
    most_memory = 0
    while True:
        lane = installed.lane()
        cpu = server.cpu_times()
        most_memory = max(most_memory, server.memory_info().rss)
        is_drained = lane["taken"] >= events and not (lane["backlog_count"] or lane["pending"] or lane["retrying"])
        if is_drained or lane["taken"] - curve[-1][0] >= events // 10:
            curve.append((lane["taken"], cpu.user + cpu.system))
        if is_drained:
            return curve, most_memory
        time.sleep(LOOK_SECONDS)


def limits() -> None:
    """With 100 calls per 10 s: the drain against the limits' own time, and how often HubSpot had to say 429."""
    with installation(limits=True) as installed:
        write_crowd(installed.folder / "crowd.ndjson", people=150_000)
        with installed.serving():
            pass
        installed.run("import", "crowd.ndjson", "--source", "server")
        before = Counter(installed.stats()["calls"])
        with installed.serving():
            began = time.monotonic()
            installed.run("status", "--wait-drained", "--timeout", "900")
            seconds = time.monotonic() - began
            lane = installed.lane()
        stats = installed.stats()
    calls = Counter(stats["calls"])
    calls.subtract(before)
    print(f"limits: {lane['taken']:,} messages, {lane['delivered']:,} delivered, {calls.total():,} calls")
    own_seconds = 0.0
    for name, counts, capacity, window_seconds in WINDOWS:
        count = sum(n for call, n in calls.items() if counts(call))
        allowed_seconds = max(0, count - 1) // capacity * window_seconds
        own_seconds = max(own_seconds, allowed_seconds)
        print(f"  {name}: {count:,} calls; {capacity:,} per {window_seconds:g} s allow them in {allowed_seconds:.0f} s")
    print(f"  drained in {seconds:.1f} s, {seconds / own_seconds:.3f} times the limits' own time")
    print(f"  429s: {stats['refused'].get('429', 0)}")


def _is_search(call: str) -> bool:
    return call.endswith("/search")


def _is_of_events(call: str) -> bool:
    return "/send" in call


WINDOWS: tuple[tuple[str, Callable[[str], bool], int, float], ...] = (
    ("records, associations, schema", lambda call: not (_is_search(call) or _is_of_events(call)), 100, 10.0),
    ("of them associations", lambda call: "/associations/" in call, 100, 10.0),
    ("searches", _is_search, 5, 1.0),
    ("occurrences of events", _is_of_events, 1_250, 1.0),
)
"""What counts together, and how many calls HubSpot (the emulator with `burst=100`) takes in any so many seconds: the
first of n calls may go at once, the last when (n - 1) // capacity windows are over."""


def write_crowd(path: Path, people: int) -> None:
    """Write NDJSON in which everybody is new: an identify and two tracks each, and every tenth is of some company."""
    with path.open("w") as file:
        for number in range(people):
            ids = {"userId": f"u{number}", "timestamp": f"2026-01-15T{number // 3600 % 24:02d}:00:00Z"}
            email, company = f"person{number}@example.com", f"company{number // 10 % 5000}.example.com"
            messages: list[dict[str, Any]] = [
                {"type": "identify", "traits": {"email": email, "firstName": f"P{number}"}}
            ]
            messages += [
                {"type": "track", "event": "Seen", "properties": {"number": number + step}} for step in range(2)
            ]
            if number % 10 == 0:
                messages.append({"type": "group", "groupId": company, "traits": {"website": company, "name": company}})
            for index, message in enumerate(messages):
                file.write(json.dumps({"messageId": f"m{number}-{index}", **ids, **message}) + "\n")


def day() -> None:
    """A million messages on a budget of 40,000 calls, of which others spend 12,000: what each hour saw."""
    configure_logs("warning", "console")
    daily, others = 40_000, Others(nightly_calls=4_000, office_calls=8_000)
    with tempfile.TemporaryDirectory() as folder:
        day = Day(Path(folder), Traffic(1_000_000), others, daily=daily)
        asyncio.run(day.run())
        print(f"day: {day.delivered:,} messages; {day.least_calls_at_once:,} calls had every second's gone at once")
        ends = "yes" if day.exhausted_at_ms else "never"
        print(f"  budget of {daily:,} calls exhausted: {ends}; 429s: {refused(day)['429']}")
        print("  hour messages  calls others  left | lag of identifies p50, p99, most (s) | of tracks")
        for number, hour in enumerate(day.hours):
            lags = [
                f"{quantile(seconds, 0.5):6.1f} {quantile(seconds, 0.99):6.1f} {max(seconds, default=0):6.1f}"
                for seconds in (hour.identify_lags, hour.track_lags)
            ]
            counts = f"{hour.messages:8,} {hour.calls:6,} {hour.calls_of_others:6,} {hour.remaining:6,}"
            print(f"  {number:4} {counts} | {lags[0]} | {lags[1]}")
        asyncio.run(day.world.close())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--only", choices=["calls", "live", "throughput", "limits", "day"])
    parser.add_argument("--minutes", type=float, default=3.0, help="how long the live traffic takes")
    given = parser.parse_args()
    if given.only in (None, "calls"):
        calls()
    if given.only in (None, "live"):
        live(given.minutes)
    if given.only in (None, "throughput"):
        throughput(given.events)
    if given.only in (None, "limits"):
        limits()
    if given.only in (None, "day"):
        day()


if __name__ == "__main__":
    main()
