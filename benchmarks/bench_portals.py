"""Compares the CPU time of a message when many portals are busy with that when one is.

    python benchmarks/bench_portals.py [--portals 300] [--messages 60000] [--rounds 3]

The same number of messages is delivered twice: by one destination, and by many, each with a source and people of its
own, so that each message goes to one destination. Sources take turns in the journal. One process delivers to the
emulator, whose limits are off. As many messages are delivered before the measurement: they create event
definitions and read schemas. CPU is user and system time of the process, from the first append until nothing is
pending.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.corpus import Corpus
from benchmarks.delivering import CALLS_PER_SECOND, emulator
from benchmarks.installations import BACKENDS, TOKEN, Backend, cpu_of, installation
from msgspec import structs

from hubwire.backends.store import Store
from hubwire.destination import Destination, Source
from hubwire.message import Entry
from hubwire.secret import Secret

LINGER_SECONDS = "1"
LOOK_SECONDS = 0.5
DRAIN_SECONDS = 900.0
PER_APPEND = 5000
WARM_SHARE = 1
"""One in so many messages is delivered before the measurement."""
TIMES = ("timestamp", "originalTimestamp", "sentAt", "receivedAt")
"""Without them, a message is as old as its arrival."""


def measured(backend: Backend, portals: int, count: int) -> tuple[float, float]:
    """CPU microseconds and calls for each message."""
    with installation(backend) as installed, emulator() as url, installed.opened() as store:
        installed.environment["HUBWIRE_LINGER_SECONDS"] = LINGER_SECONDS
        source_ids = _connect(store, portals, url)
        entries = _entries(source_ids, count + count // WARM_SHARE)
        with installed.serving("deliver") as processes:
            _deliver(store, list(islice(entries, count // WARM_SHARE)))
            rest = list(entries)
            cpu_before, calls_before = cpu_of(processes), _lanes(store)[1]
            _deliver(store, rest)
            cpu_seconds, calls = cpu_of(processes) - cpu_before, _lanes(store)[1] - calls_before
            return cpu_seconds / count * 1e6, calls / count


def _connect(store: Store, portals: int, url: str) -> list[int]:
    """Destinations, and the source of each; the ids of the sources."""
    registry = store.registry
    for destination in registry.destinations().values():
        registry.remove_destination(destination.destination_id)
    source_ids = []
    for number in range(portals):
        source = registry.save_source(Source(source_id=0, name=f"source-{number}"))
        destination = Destination(destination_id=0, name=f"portal-{number}", hub_id="1234567", base_url=url)
        destination = registry.save_destination(
            structs.replace(destination, source_ids=(source.source_id,), calls_per_second=CALLS_PER_SECOND)
        )
        registry.set_token(destination.destination_id, Secret(TOKEN))
        source_ids.append(source.source_id)
    return source_ids


def _entries(source_ids: list[int], count: int) -> Iterator[Entry]:
    """Messages of all sources in turn. People of different sources are different."""
    each = -(-count // len(source_ids))
    streams = [
        Corpus(each, seed=source_id, users=max(20, each // 10), companies=max(2, each // 100)).messages()
        for source_id in source_ids
    ]
    now_ms = time.time_ns() // 1_000_000
    for index in range(count):
        number = index % len(source_ids)
        message = {name: value for name, value in next(streams[number]).items() if name not in TIMES}
        body = json.dumps(message).replace("example.com", f"p{number}.example.com")
        body = body.replace('"user-', f'"p{number}-user-').replace('"acct-', f'"p{number}-acct-')
        yield Entry(source_ids[number], message["messageId"], now_ms, body.encode())


def _deliver(store: Store, entries: list[Entry]) -> None:
    """Append the messages and wait until they are delivered."""
    taken_before = _lanes(store)[0]
    for begin in range(0, len(entries), PER_APPEND):
        store.journal.append(entries[begin : begin + PER_APPEND])
    store.announce()
    deadline = time.monotonic() + DRAIN_SECONDS
    while time.monotonic() < deadline:
        taken, _, is_drained = _lanes(store)
        if is_drained and taken - taken_before >= len(entries):
            return
        time.sleep(LOOK_SECONDS)
    raise SystemExit(f"{taken - taken_before} of {len(entries)} messages delivered in {DRAIN_SECONDS:.0f} s")


def _lanes(store: Store) -> tuple[int, int, bool]:
    lanes = store.queries.lanes(time.time_ns() // 1_000_000)
    if dead := sum(lane.dead for lane in lanes):
        raise SystemExit(f"the figures would mean nothing: {dead} messages are dead")
    is_drained = all(lane.is_drained for lane in lanes)
    return sum(lane.taken for lane in lanes), sum(lane.calls for lane in lanes), is_drained


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--portals", type=int, default=300)
    parser.add_argument("--messages", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    [sqlite] = [backend for backend in BACKENDS if not backend.has_postgres]
    ratios = []
    for _ in range(given.rounds):
        one_us, one_calls = measured(sqlite, 1, given.messages)
        many_us, many_calls = measured(sqlite, given.portals, given.messages)
        ratios.append(many_us / one_us)
        print(
            f"1 portal: {one_us:.0f} us, {one_calls:.4f} calls a message; {given.portals}: {many_us:.0f} us,"
            f" {many_calls:.4f} calls; ratio {ratios[-1]:.2f}",
            flush=True,
        )
    print(f"median ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
