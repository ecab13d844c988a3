"""An emulator whose clock stands still until a test moves it."""

from __future__ import annotations

import pytest

from hubwire.testing import Emulator

NOON_MS = 1_790_164_800_000  # 2026-09-23T12:00:00Z


@pytest.fixture
def emulator() -> Emulator:
    return Emulator(start_at_ms=NOON_MS, access_token="t")
