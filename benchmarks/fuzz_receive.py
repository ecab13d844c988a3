"""Fuzzes the receiver over HTTP for a given time: no 500, no traceback, constant memory, uploads still accepted.

    .venv/bin/python benchmarks/fuzz_receive.py --minutes 10

The inputs are the corpus of tests/unit/receive and its mutations, on every path, with headers of every kind. A finding
prints the seed and the input.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import http.client
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from hubwire.receive.paths import known_paths

HERE = Path(__file__).parent
CORPUS = HERE.parent / "tests" / "unit" / "receive" / "corpus"
KEY = "bench-write-key"
EXPECTED = frozenset({200, 204, 400, 401, 403, 404, 405, 408, 413, 429, 431})
PIECES = [
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b",",
    b":",
    b"null",
    b"NaN",
    b"1e999",
    b"\\ud800",
    b"\xff",
    b"\x00",
    b'"batch":',
]
PIECES += [b'"type":"track"', b'"userId":1', b'"messageId":""', b'"writeKey":"' + KEY.encode() + b'"', b"9" * 400]
WARM_SECONDS = 20
GROWTH_BYTES = 48_000_000


def mutated(rng: random.Random, seeds: list[bytes]) -> bytes:
    """A seed with pieces put in, taken out, doubled, or joined with another seed."""
    body = bytearray(rng.choice(seeds)[:20_000])
    for _ in range(rng.randrange(6)):
        at, length = rng.randrange(len(body) + 1), rng.randrange(1, 9)
        match rng.randrange(4):
            case 0:
                body[at:at] = rng.choice(PIECES)
            case 1:
                del body[at : at + length]
            case 2:
                body[at:at] = body[at : at + length * 20]
            case _:
                body[at:] = rng.choice(seeds)[at : at + 20_000]
    if rng.random() < 0.15:
        packed = bytearray(gzip.compress(bytes(body)))
        if rng.random() < 0.5:
            packed[rng.randrange(len(packed))] ^= 1 << rng.randrange(8)
        return bytes(packed)
    return bytes(body)


def headers(rng: random.Random) -> dict[str, str]:
    basic = base64.b64encode(f"{KEY}:".encode()).decode()
    given = {"Authorization": rng.choice([f"Basic {basic}"] * 6 + ["Basic x", "Bearer y", "", f"Basic {basic[:-3]}"])}
    for name, values in {
        "Content-Type": ["application/json", "text/plain", "application/x-www-form-urlencoded", "x/y; charset=\xff"],
        "Content-Encoding": ["gzip", "br", "identity"],
        "X-Strict-Mode": ["1", "0"],
        "X-Backfill": ["1"],
        "Origin": ["https://www.site.test", "null", "\xff"],
    }.items():
        if rng.random() < 0.3:
            given[name] = rng.choice(values)
    return given


class Fuzzed:
    """The receiver as a child process, asked over one connection that is made anew when it breaks."""

    def __init__(self, folder: Path) -> None:
        self._log = open(folder / "server.log", "w+b")  # noqa: SIM115
        command = [sys.executable, str(HERE / "receive_server.py"), "--database", str(folder / "fuzz.db")]
        self._child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log, text=True)
        assert self._child.stdout is not None
        self._port = int(json.loads(self._child.stdout.readline())["port"])
        self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)

    def ask(self, method: str, path: str, body: bytes, given: dict[str, str]) -> int:
        """The status; 0 when the connection was closed without one."""
        try:
            self._connection.request(method, path, body, given)
            answer = self._connection.getresponse()
            answer.read()
            return answer.status
        except (http.client.HTTPException, OSError):
            self._connection.close()
            return 0

    def resident_bytes(self) -> int:
        return int(psutil.Process(self._child.pid).memory_info().rss)

    def stop(self) -> str:
        """Stop it; what it wrote to its log."""
        self._child.terminate()
        self._child.wait(60)
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace")


def fuzz(fuzzed: Fuzzed, seed: int, seconds: float) -> Counter[int]:
    rng = random.Random(seed)
    seeds = [path.read_bytes() for path in sorted(CORPUS.iterdir())]
    paths = [
        *known_paths(),
        f"/v1/k/{KEY}/t",
        "/v1/k/%ff/t",
        "/v1/pixel/track?data=%00",
        f"/beacon/v1/batch?writeKey={KEY}",
    ]
    statuses: Counter[int] = Counter()
    started = time.monotonic()
    warm = 0
    while (elapsed := time.monotonic() - started) < seconds:
        path, body, given = rng.choice(paths), mutated(rng, seeds), headers(rng)
        method = rng.choice(["GET" if "pixel" in path else "POST"] * 20 + ["GET", "POST", "OPTIONS", "PUT"])
        status = fuzzed.ask(method, path, body, given)
        statuses[status] += 1
        if status not in EXPECTED:
            raise SystemExit(f"status {status} for {method} {path} {given} (seed {seed}):\n{body!r}")
        if not warm and elapsed > min(WARM_SECONDS, seconds / 3):
            warm = fuzzed.resident_bytes()
    grown = fuzzed.resident_bytes() - warm
    print(f"{statuses.total():,} requests, statuses {dict(statuses.most_common())}, memory grew {grown / 1e6:+.1f} MB")
    if grown > GROWTH_BYTES:
        raise SystemExit("memory is not flat")
    return statuses


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        fuzzed = Fuzzed(Path(folder))
        try:
            statuses = fuzz(fuzzed, arguments.seed, arguments.minutes * 60)
        finally:
            log = fuzzed.stop()
        if "Traceback" in log:
            raise SystemExit(f"a traceback (seed {arguments.seed}):\n{log[:5000]}")
        if statuses[200] == 0:
            raise SystemExit("no upload was taken: this found nothing out")
        print("no 500, no traceback")


if __name__ == "__main__":
    main()
