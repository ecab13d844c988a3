"""The emulator moves on its own clock only."""

from __future__ import annotations

import re
from pathlib import Path

import hubwire.emulator

FOLDER = Path(hubwire.emulator.__file__).parent
MACHINE_CLOCK = re.compile(r"\b(time\.(time|time_ns|monotonic)|datetime\.now|asyncio\.sleep)\b")


def test_only_the_clock_reads_the_machines_clock() -> None:
    modules = sorted(FOLDER.rglob("*.py"))
    readers = {str(path.relative_to(FOLDER)) for path in modules if MACHINE_CLOCK.search(path.read_text())}
    assert readers == {"store/clock.py", "http/certificate.py"}  # a certificate is of this machine's time
