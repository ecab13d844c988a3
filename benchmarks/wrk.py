"""Load from wrk (`load.lua`) on one receiver or on several, and its results."""

from __future__ import annotations

import re
import resource
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("load.lua")
WRITE_KEY = "bench-write-key"
"""The key that `load.lua` sends."""
PER_UPLOAD = 100


@dataclass(frozen=True)
class Load:
    """`kind` is `single` (one message a request) or `upload` (100). The receivers share `connections`."""

    kind: str
    seconds: int
    connections: int
    name: str
    delay_ms: float = 0.0

    @property
    def per_request(self) -> int:
        return PER_UPLOAD if self.kind == "upload" else 1


@dataclass(frozen=True)
class Answered:
    """Messages, not requests. `cpu_seconds` is what the load generator itself used."""

    messages: int
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_seconds: float


def run(load: Load, urls: Sequence[str], core: int | None = None) -> Answered:
    """Every receiver gets its part at the same time; times are those of the slowest one.

    Errors: SystemExit when anything was refused: the figures would mean nothing.
    """
    before = _children_cpu()
    started = [_start(load, url, len(urls), number, core) for number, url in enumerate(urls)]
    texts = [process.communicate()[0] for process in started]
    cpu_seconds = _children_cpu() - before
    for process, text in zip(started, texts, strict=True):
        refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
        if refused or process.returncode:
            raise SystemExit(f"{refused[1] if refused else 'all'} uploads were refused\n{text}")
    return Answered(
        messages=sum(int(_match(r"(\d+) requests in", text)) for text in texts) * load.per_request,
        per_second=sum(float(_match(r"Requests/sec:\s+([\d.]+)", text)) for text in texts) * load.per_request,
        p50_ms=max(_ms(_match(r"^\s+50%\s+(\S+)", text)) for text in texts),
        p99_ms=max(_ms(_match(r"^\s+99%\s+(\S+)", text)) for text in texts),
        cpu_seconds=cpu_seconds,
    )


def _start(load: Load, url: str, parts: int, number: int, core: int | None) -> subprocess.Popen[str]:
    pinned = [] if core is None else ["taskset", "-c", str(core)]
    command = [*pinned, "wrk", "-t1", f"-c{load.connections // parts}", f"-d{load.seconds}", "--latency"]
    command += ["-s", str(SCRIPT), f"{url}/", "--", load.kind, f"{load.name}-{number}", str(load.delay_ms)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _children_cpu() -> float:
    """CPU seconds of processes that were started here and have ended; servers that still run are not in it."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _match(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    if found is None:
        raise SystemExit(f"wrk said something unexpected:\n{text}")
    return found[1]


def _ms(text: str) -> float:
    found = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text)
    if found is None:
        raise SystemExit(f"wrk gave a time that this does not know: {text!r}")
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}[found[2]]
