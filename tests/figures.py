"""Figures of the slow tests, for docs/concepts/what-holds.md: `--write-figures` keeps them in figures.json."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hubwire import __version__

FILE = Path(__file__).with_name("figures.json")
Record = Callable[..., None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-figures", action="store_true", help="keep figures of slow tests in figures.json")


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Record:
    """Prints the figures of a test, and keeps them with date and version. A name says what its figure counts."""

    def record(**named: object) -> None:
        print(f"figures of {request.node.name}: {named}")
        if not request.config.getoption("--write-figures"):
            return
        kept = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
        kept[request.node.name] = {
            "date": datetime.now(UTC).date().isoformat(),
            "version": __version__,
            "figures": named,
        }
        FILE.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n", encoding="utf-8")

    return record
