"""The emulator moves on its own clock only, and starts without the rest of Hubwire."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import hubwire.emulator

FOLDER = Path(hubwire.emulator.__file__).parent
MACHINE_CLOCK = re.compile(r"\b(time\.(time|time_ns|monotonic)|datetime\.now|asyncio\.sleep)\b")


def test_only_the_clock_reads_the_machines_clock() -> None:
    modules = sorted(FOLDER.rglob("*.py"))
    readers = {str(path.relative_to(FOLDER)) for path in modules if MACHINE_CLOCK.search(path.read_text())}
    assert readers == {"store/clock.py", "http/certificate.py"}  # a certificate is of this machine's time


def test_the_emulators_command_loads_no_library_that_only_other_parts_need() -> None:
    code = "import sys, hubwire.cli.operate.emulator, hubwire.emulator.http.server; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    others = {"cryptography", "httpx2", "jinja2", "liquid", "prometheus_client", "sqlite3", "structlog"}
    assert others.isdisjoint(loaded)
    parts = {name.split(".")[1] for name in loaded if name.startswith("hubwire.")}
    assert parts == {"cli", "emulator", "errors"}
