"""Which part of Hubwire may import which: one way, from the values at the root to what people use."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "hubwire"
VALUES = frozenset(
    {
        *("message", "operation", "delivery", "reasons", "schema", "destination", "errors"),
        *("settings", "settings_table", "clock", "secret", "checks"),
    }
)
"""Root modules of values and rules: no I/O."""
PROTOCOLS = VALUES | {"journal", "record", "registry"}
DOMAINS = {
    "journal": VALUES,
    "record": VALUES,
    "registry": VALUES,
    "hubspot": VALUES,
    "plan": VALUES,
    "receive": VALUES,
    "deliver": PROTOCOLS | {"plan", "hubspot"},
    "backends": PROTOCOLS,
    "emulator": frozenset[str](),
    "device": frozenset[str](),
}
"""What each folder of the way of a message may import beside itself."""
PEOPLE = frozenset({"console", "api", "cli"})
WIRING = frozenset({"service", "server", "pages", "reference"})
"""The modules that know the folders for people."""
NOT_FOR_PEOPLE = frozenset({"backends", "emulator", "service", "server", "pages", "cli"})


def imported(path: Path) -> Iterator[str]:
    """The parts of Hubwire that a module names, within functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "hubwire":
            yield from (one.name for one in node.names if not one.name.startswith("__"))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hubwire."):
            yield str(node.module).split(".")[1]


def imports() -> dict[str, set[str]]:
    """part -> the other parts that it imports."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in SOURCE.rglob("*.py"):
        part = path.relative_to(SOURCE).with_suffix("").parts[0]
        found[part] |= set(imported(path)) - {part}
    return found


IMPORTS = imports()


@pytest.mark.parametrize("part", sorted(VALUES))
def test_values_know_nothing_but_values(part: str) -> None:
    assert IMPORTS[part] <= VALUES


@pytest.mark.parametrize("part", DOMAINS)
def test_a_folder_imports_what_comes_before_it(part: str) -> None:
    assert IMPORTS[part] <= DOMAINS[part]


def test_what_people_use_is_known_to_the_wiring_only() -> None:
    assert {part for part in IMPORTS if IMPORTS[part] & PEOPLE} - PEOPLE <= WIRING


@pytest.mark.parametrize("part", ["console", "api"])
def test_console_and_api_read_through_protocols(part: str) -> None:
    assert not IMPORTS[part] & NOT_FOR_PEOPLE


def test_the_whole_of_the_source_was_read() -> None:
    assert {"service", "console", "plan", "backends"} <= set(IMPORTS)
