"""The emulator is a reading of HubSpot of its own: it shares no code with the rest, and moves on its own clock only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import hubwire.emulator

FOLDER = Path(hubwire.emulator.__file__).parent
ALLOWED = ("hubwire.emulator", "msgspec", "starlette", "uvicorn", "__future__")


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(FOLDER.rglob("*.py")):
        yield str(path.relative_to(FOLDER)), ast.parse(path.read_text())


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_it_imports_nothing_of_hubwire_but_itself() -> None:
    names = {(path, name) for path, tree in modules() for name in imported(tree)}
    assert len(names) > 100
    foreign = {(path, name) for path, name in names if name.startswith("hubwire") and not name.startswith(ALLOWED)}
    assert foreign == set()


def test_only_the_clock_reads_the_machines_clock() -> None:
    readers = {
        path
        for path, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr)
        in {("time", "time"), ("time", "time_ns"), ("datetime", "now"), ("time", "monotonic"), ("asyncio", "sleep")}
    }
    assert readers == {"store/clock.py"}
