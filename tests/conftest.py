"""Every test starts without Hubwire's or HubSpot's settings in its environment, and with structlog's defaults."""

from __future__ import annotations

import gc
import os
import sys
from collections import Counter
from pathlib import Path

import pytest
import structlog

sys.path.insert(0, str(Path(__file__).parent.parent))

pytest_plugins = ["tests.backends", "tests.figures", "tests.servers"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak-minutes", default="3", help="how long tests/e2e/test_soak.py disturbs a fleet")
    parser.addoption("--screens", action="store_true", help="keep pictures of the console's pages in screenshots/")
    parser.addoption("--soak-pause", default="3", help="the mean time between two faults, in seconds")


# Hooks and not fixtures: three fixtures for each of thousands of tests take a second of `make test-fast`.
def pytest_runtest_setup() -> None:
    for name in list(os.environ):
        if name.startswith(("HUBWIRE_", "HUBSPOT_")):
            del os.environ[name]


def pytest_runtest_teardown() -> None:
    """A command that a test runs in process must not leave its logging behind."""
    structlog.reset_defaults()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of tests with one id pytest-xdist would run one, and say nothing."""
    twice = [nodeid for nodeid, count in Counter(item.nodeid for item in items).items() if count > 1]
    if twice:
        raise pytest.UsageError(f"two tests have the id {twice[0]}")


def pytest_collection_finish() -> None:
    """Leave the tests themselves out of garbage collection, and collect less often: it took a seventh of the time."""
    gc.freeze()
    gc.set_threshold(10_000)
