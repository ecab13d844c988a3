"""The emulator's command starts without the rest of Hubwire."""

from __future__ import annotations

import subprocess
import sys


def test_the_emulators_command_loads_no_library_that_only_other_parts_need() -> None:
    code = "import sys, hubwire.cli.operate.emulator, hubwire.emulator.http.server; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    others = {"cryptography", "httpx2", "jinja2", "liquid", "prometheus_client", "sqlite3", "structlog"}
    assert others.isdisjoint(loaded)
    parts = {name.split(".")[1] for name in loaded if name.startswith("hubwire.")}
    assert parts == {"cli", "emulator", "errors"}
