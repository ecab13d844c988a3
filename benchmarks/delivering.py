"""One deliverer sends a prepared journal to an emulator without limits."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from msgspec import structs

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.installations import TOKEN, Installation, cpu_of
from tests.servers import free_port
from tests.support.process import HubwireProcess

from hubwire.backends.store import Store

LOOK_SECONDS = 0.1
START_SECONDS = 30.0
DRAIN_SECONDS = 120.0
CALLS_PER_SECOND = 1000.0
EMULATOR = """
import sys
from hubwire.emulator.http.server import EmulatorConfig, run
token, port = sys.argv[1:]
run(EmulatorConfig(access_token=token, limits_enabled=False, keep_events=1000, keep_requests=100, portal_id=1234567),
    port=int(port))
"""


@dataclass(frozen=True)
class Delivered:
    per_second: float
    deliverer_us: float
    server_us: float


def deliver(installed: Installation, corpus: Path, events: int) -> Delivered:
    """Import the corpus, then let one deliverer work it off."""
    with emulator() as url, installed.serving("receive") as [receiver]:
        receiver.run("import", str(corpus), "--source", "server")
        with installed.opened() as store:
            for destination in store.registry.destinations().values():
                changed = structs.replace(destination, base_url=url, calls_per_second=CALLS_PER_SECOND)
                store.registry.save_destination(changed)
            receiver.stop()
            with installed.serving("deliver") as [deliverer]:
                return _watch(installed, store, deliverer, events)


@contextmanager
def emulator() -> Iterator[str]:
    """An emulator's URL, once it answers."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", EMULATOR, TOKEN, str(port)])
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + START_SECONDS
    try:
        while True:
            try:
                urllib.request.urlopen(f"{url}/_emulator/stats", timeout=5).close()
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(LOOK_SECONDS)
        yield url
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def _watch(installed: Installation, store: Store, deliverer: HubwireProcess, events: int) -> Delivered:
    first: tuple[float, ...] | None = None
    deadline = time.monotonic() + DRAIN_SECONDS
    while time.monotonic() < deadline:
        [lane] = store.queries.lanes(time.time_ns() // 1_000_000)
        now = (lane.taken, time.monotonic(), cpu_of([deliverer]), installed.servers_cpu())
        if first is None and lane.taken:
            first = now
        if first is not None and lane.is_drained and lane.taken >= events:
            if lane.dead or first[0] >= events:
                raise SystemExit(f"the figures would mean nothing: {lane}")
            count, seconds, own, servers = (new - old for new, old in zip(now, first, strict=True))
            return Delivered(count / seconds, own / count * 1e6, servers / count * 1e6)
        time.sleep(LOOK_SECONDS)
    raise SystemExit(f"not delivered in {DRAIN_SECONDS:.0f} s: {store.queries.lanes(0)}")
