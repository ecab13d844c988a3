"""Whatever the bytes: an upload is taken whole or refused with a reason, and what is taken can be read again."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.receive.fuzzing import CORPUS, ROUTES, SOURCES, take


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_nasty_inputs_are_taken_or_refused(path: Path) -> None:
    for route in ROUTES:
        for source in SOURCES:
            take(path.read_bytes(), route, source)
            take(path.read_bytes(), route, source, is_strict=True)
