"""Every test starts without Hubwire's or HubSpot's settings in its environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

pytest_plugins = ["tests.backends", "tests.servers"]


@pytest.fixture(autouse=True)
def scrubbed_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("HUBWIRE_", "HUBSPOT_")):
            monkeypatch.delenv(name)
