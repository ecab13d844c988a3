"""Compares the CPU time of Hubwire with that of Segment's own HubSpot destination from npm, against one emulator.

    python benchmarks/bench_segment.py [--events 10000] [--rounds 5] [--compiled]

Both get the mixed corpus and send real HTTP to the same emulator, whose limits are off; they alternate. Segment's
destination gets its events in memory: identify calls in batches of 100 (`upsertContact`), others one by one
(`sendCustomBehavioralEvent`, `upsertCompany`), by the default mapping of each action. Its CPU is that of one process
of Node without the loading of the package. Hubwire's CPU is that of the whole server from the first upload until the
outcomes are recorded: receiving, fsync, de-duplication, planning, delivery. Calls are those that the emulator counts.

The first run installs the package from npm under `build/programs`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.bench_delivery import TOKEN, Installation, installation
from benchmarks.bench_versus import COMPILED, LOOK_SECONDS, ROOT, cpu_seconds, upload
from benchmarks.corpus import EVENTS, Corpus
from benchmarks.wrk import PER_UPLOAD
from tests.programs.world import node_packages

PACKAGE = "@segment/action-destinations@3.387.0"
TIMES = ("timestamp", "originalTimestamp", "sentAt", "receivedAt")
SCRIPT = Path(__file__).with_name("segment_destination.js")
EVENT_PROPERTIES = {"revenue": "number", "currency": "string", "order_id": "string", "quantity": "number",
                    "product": "string"}  # fmt: skip
COMPANY_PROPERTY = {"name": "segment_group_id", "label": "Group", "type": "string", "fieldType": "text",
                    "groupName": "companyinformation", "hasUniqueValue": True}  # fmt: skip


def by_segment(folder: Path, corpus: Path) -> tuple[float, int, dict[str, int]]:
    """CPU seconds, calls, and the failures of Segment's destination by their text."""
    with installation(limits=False) as installed:
        _define(installed)
        before = installed.stats()["total"]
        script = shutil.copy(SCRIPT, folder / SCRIPT.name)  # A script in the folder of the packages finds them.
        done = subprocess.run(
            ["node", str(script), str(corpus), installed.emulator_url, TOKEN],
            stdout=subprocess.PIPE,
            check=True,
        )
        result = json.loads(done.stdout)
        return (
            float(result["cpu_seconds"]),
            installed.stats()["total"] - before,
            result["failures"],
        )


def _define(installed: Installation) -> None:
    """Event definitions and the key property of companies, which Segment's actions expect."""
    for event in EVENTS:
        name = event.lower().replace(" ", "_")
        properties = [{"name": key, "label": key, "type": kind} for key, kind in EVENT_PROPERTIES.items()]
        body = {
            "name": name,
            "label": event,
            "primaryObject": "CONTACT",
            "propertyDefinitions": properties,
        }
        _post(installed, "/events/custom/2026-09/event-definitions", body)
    _post(installed, "/crm/v3/properties/companies", COMPANY_PROPERTY)


def _post(installed: Installation, path: str, body: dict[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    request = urllib.request.Request(installed.emulator_url + path, json.dumps(body).encode(), headers)
    urllib.request.urlopen(request, timeout=30).close()


def by_hubwire(sources: Path, messages: list[dict[str, object]]) -> tuple[float, int]:
    """CPU seconds and calls of Hubwire, from the first upload until nothing is pending."""
    with installation(limits=False, sources=sources) as installed, installed.serving() as server:
        before = cpu_seconds(server)
        for begin in range(0, len(messages), PER_UPLOAD):
            upload(installed.url, messages[begin : begin + PER_UPLOAD])
        while True:
            lane = installed.lane()
            if lane["taken"] >= len(messages) and not lane["backlog_count"] + lane["pending"] + lane["retrying"]:
                return cpu_seconds(server) - before, installed.stats()["total"]
            time.sleep(LOOK_SECONDS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--compiled",
        action="store_true",
        help="Hubwire with the modules that `make compile` built",
    )
    given = parser.parse_args()
    if given.compiled and not COMPILED.is_dir():
        parser.error("--compiled: there is no build/compiled/site yet: make compile")
    folder = node_packages("segment", PACKAGE, overrides={"fast-uri": "3.1.0"})
    corpus = [
        {name: value for name, value in message.items() if name not in TIMES}
        for message in Corpus(given.events).messages()
    ]
    moment = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    path = folder / "corpus.ndjson"
    path.write_text("\n".join(json.dumps({**message, "timestamp": moment}) for message in corpus))
    ratios = []
    for _ in range(given.rounds):
        segment_seconds, segment_calls, failures = by_segment(folder, path)
        own_seconds, own_calls = by_hubwire(COMPILED if given.compiled else ROOT / "src", corpus)
        ratios.append(segment_seconds / own_seconds)
        print(
            f"Segment: {given.events / segment_seconds:,.0f} events per CPU second, {segment_calls:,} calls,"
            f" failures {failures}; Hubwire: {given.events / own_seconds:,.0f}, {own_calls} calls;"
            f" ratio {ratios[-1]:.2f}",
            flush=True,
        )
    print(f"median ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
