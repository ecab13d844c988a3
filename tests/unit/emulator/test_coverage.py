"""COVERAGE.md speaks of every operation, and of no other."""

from __future__ import annotations

from hubwire.emulator.coverage import NOTES, PAGE, operation_paths, page_in_step


def test_every_operation_has_a_note() -> None:
    assert set(NOTES) == set(operation_paths())


def test_the_page_is_in_step() -> None:
    text = PAGE.read_text()
    assert page_in_step(text) == text, "run: python -m hubwire.emulator.coverage"
