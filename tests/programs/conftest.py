"""The portal that each program meets: five contacts, three companies, three links, a deal, a ticket and a note."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.programs.world import SEED, TOKEN, Program

from hubwire.testing import Emulator, running_emulator


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Emulator]:
    with running_emulator(
        https=tmp_path / "tls", access_token=TOKEN, limits_enabled=False, search_lag_seconds=0
    ) as emulator:
        emulator.seed(**SEED)
        yield emulator


@pytest.fixture
def program(portal: Emulator, tmp_path: Path) -> Callable[[Path], Program]:
    """Puts an installed program beside the portal."""
    return lambda folder: Program(portal, folder, tmp_path / "tls" / "ca.pem")
