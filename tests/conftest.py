"""Every test starts without Hubwire's or HubSpot's settings in its environment, and with structlog's defaults."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent.parent))

pytest_plugins = ["tests.backends", "tests.servers"]

# The same examples in every run; `make test-slow` explores: more examples, a fresh seed, which it prints.
settings.register_profile("same-every-time", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=1000, deadline=None, print_blob=True)
settings.load_profile("same-every-time")


@pytest.fixture(autouse=True)
def scrubbed_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("HUBWIRE_", "HUBSPOT_")):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """A command that a test runs in process must not leave its logging behind."""
    yield
    structlog.reset_defaults()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of tests with one id pytest-xdist would run one, and say nothing."""
    twice = [nodeid for nodeid, count in Counter(item.nodeid for item in items).items() if count > 1]
    if twice:
        raise pytest.UsageError(f"two tests have the id {twice[0]}")
