"""A console for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.console.harness import Console


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    new_console = Console(tmp_path)
    yield new_console
    new_console.close()
