"""System clocks that a test steps while the programs run, one for each program. Monotonic clocks are left alone."""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

SOURCE = Path(__file__).with_name("stepped_clock.c")


class SteppedClocks:
    """Clocks by name. `environment` of a clock goes to the program, which follows each step at once."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hubwire-clocks-"))
        self.folder.chmod(0o755)  # PostgreSQL reads it as another user
        self._library = self.folder / "stepped_clock.so"
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", self._library, SOURCE], check=True, capture_output=True)

    @staticmethod
    def why_not() -> str | None:
        return None if shutil.which("cc") else "no C compiler (apt-get install gcc libc6-dev): no clock is stepped"

    def environment(self, name: str) -> Mapping[str, str]:
        """What a program needs to follow this clock."""
        if not self._path(name).exists():
            self.set_lead(name, 0.0)
        return {"LD_PRELOAD": str(self._library), "STEPPED_CLOCK_FILE": str(self._path(name))}

    def set_lead(self, name: str, seconds: float) -> None:
        """Set a clock so far ahead of the machine's (negative: behind)."""
        path = self._path(name)
        with path.open("r+b" if path.exists() else "wb") as file:
            file.write(struct.pack("q", round(seconds * 1000)))
        path.chmod(0o644)

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.lead"
