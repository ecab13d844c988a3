"""The emulator of the unit tests."""

from __future__ import annotations

from tests.unit.emulator.conftest import emulator

__all__ = ["emulator"]
