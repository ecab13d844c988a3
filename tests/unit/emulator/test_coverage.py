"""COVERAGE.md speaks of every operation, and of no other."""

from __future__ import annotations

from tests.unit.emulator.scenario import play

from hubwire.emulator.coverage import NOTES, PAGE, operation_paths, page_in_step
from hubwire.emulator.http.routes import all_routes, standard_router


def test_every_operation_has_a_note() -> None:
    assert set(NOTES) == set(operation_paths())


def test_the_page_is_in_step() -> None:
    text = PAGE.read_text()
    assert page_in_step(text) == text, "run: python -m hubwire.emulator.coverage"


def test_the_walk_that_is_held_against_openapi_reaches_and_refuses_every_operation() -> None:
    answered: set[tuple[str, str]] = set()
    refused: set[tuple[str, str]] = set()
    for exchange in play():
        match = standard_router().find(exchange.method, exchange.path)
        assert match is not None
        (answered if exchange.status < 400 else refused).add((exchange.method, match.route.pattern))
    routes = {(route.method, route.pattern) for route in all_routes()}
    assert routes - answered == set()
    assert {pattern for _, pattern in routes - refused if not pattern.startswith("/oauth/")} == set()
