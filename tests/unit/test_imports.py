"""Which part of Hubwire may know which: the architecture, held as a table.

Values at the root know only each other; stages know values and protocols; backends implement protocols; the emulator is
a second reading of HubSpot and shares nothing with those that talk to it. What people use comes on top, and only the
wiring knows everything.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import hubwire

ROOT = Path(hubwire.__file__).parent
VALUES = frozenset(
    ["clock", "decoding", "delivery", "destination", "errors", "explanations", "lifecycle", "message", "object_types"]
)
VALUES |= {"operation", "reasons", "rule", "schema", "secret", "settings", "times"}
MAY_KNOW = {
    "journal": "",
    "record": "",
    "registry": "",
    "receive": "",
    "plan": "",
    "hubspot": "",
    "deliver": "journal plan record registry hubspot",
    "backends": "journal record registry",
}
"""The folders that each of these may import from, besides itself and the values at the root."""
ALONE = ("device", "emulator")
"""Import nothing of Hubwire at all."""
PURE = ("plan", *sorted(VALUES - {"clock", "lifecycle", "settings"}))
"""Take values and give values; `clock` reads the time, `lifecycle` has threads, `settings` reads the environment."""
NOT_PURE = frozenset(
    ["asyncio", "httpx", "os", "random", "socket", "sqlite3", "subprocess", "threading", "time", "urllib.request"]
)
ON_TOP = frozenset(["api", "backfill", "cli", "console", "doctor", "installation", "manage", "monitoring", "privacy"])
ON_TOP |= {"process", "reference", "web"}
PEOPLE = frozenset(["api", "cli", "console"])
WIRING = frozenset(["process", "reference", "__main__"])
"""The only parts that may import what people use. `process` wires every part together."""
DIVIDED = frozenset(["cli", "console", "deliver", "emulator"])
"""Large folders, whose own folders have no circle either."""
MAX_MODULES = 22
"""In one folder: a newcomer must take it in at a glance."""
NOT_FOR_PAGES = frozenset(["backends", "emulator", "process", "cli"])


@cache
def modules() -> tuple[tuple[str, Path], ...]:
    """Each module with the part that it belongs to: its folder, or its own name at the root."""
    paths = sorted(ROOT.rglob("*.py"))
    return tuple((path.relative_to(ROOT).parts[0].removesuffix(".py"), path) for path in paths)


IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+(\S+)[ \t]+import[ \t]+(\([^)]*\)|.*)|import[ \t]+(.*))$", re.MULTILINE)


@cache
def imported(path: Path) -> tuple[str, ...]:
    """Full names of what a module imports, wherever in it. Read from the text, which costs a tenth of parsing it."""
    names: list[str] = []
    for module, members, modules in IMPORT.findall(path.read_text(encoding="utf-8")):
        assert not module.startswith("."), f"{path}: imports are absolute"
        prefix = f"{module}." if module else ""
        names += [
            prefix + name.split("#")[0].split(" as ")[0].strip() for name in (members or modules).strip("()").split(",")
        ]
    return tuple(name for name in names if not name.endswith("."))


@cache
def known_parts(path: Path) -> frozenset[str]:
    """The parts of Hubwire that a module imports from."""
    return frozenset({name.split(".")[1] for name in imported(path) if name.startswith("hubwire.")})


@pytest.mark.parametrize("part", [*MAY_KNOW, *sorted(VALUES), *ALONE])
def test_a_part_knows_only_what_it_may(part: str) -> None:
    allowed = {part} if part in ALONE else VALUES | {"__version__", part} | set(MAY_KNOW.get(part, "").split())
    strange = {
        str(path.relative_to(ROOT)): sorted(known_parts(path) - allowed) for owner, path in modules() if owner == part
    }
    assert strange, f"there is no {part}"
    assert {path: names for path, names in strange.items() if names} == {}


def test_the_table_names_every_folder() -> None:
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert folders - MAY_KNOW.keys() == ON_TOP | set(ALONE)


def test_what_people_use_is_known_only_to_the_wiring() -> None:
    users = defaultdict(set)
    for owner, path in modules():
        for part in known_parts(path) & (PEOPLE | {"process"}) - {owner}:
            users[part].add(owner)
    assert set.union(*(users[part] for part in PEOPLE)) - PEOPLE <= WIRING
    assert users["process"] == {"cli"}, "only the command line starts a process"


@pytest.mark.parametrize("part", ["api", "cli", "web"])
def test_the_console_stands_beside_api_and_commands_not_below_them(part: str) -> None:
    users = [
        str(path.relative_to(ROOT)) for owner, path in modules() if owner == part and "console" in known_parts(path)
    ]
    assert users == []


def folder_of(names: Sequence[str]) -> str:
    """The room of a module: its folder at the root; inside a large one the folder or module there."""
    if names[0] not in DIVIDED:
        return names[0]
    inside = ROOT / names[0] / names[1].removesuffix(".py")
    is_room = inside.is_dir() or inside.with_suffix(".py").is_file()
    return f"{names[0]}.{inside.name if is_room else '__init__'}"


def test_no_folder_is_a_long_flat_list() -> None:
    counts = Counter(str(path.parent.relative_to(ROOT)) for _, path in modules() if path.name != "__init__.py")
    assert {folder: count for folder, count in counts.items() if count > MAX_MODULES} == {}


def test_no_circle_among_folders() -> None:
    arrows: dict[str, set[str]] = {}
    for _, path in modules():
        inside = path.relative_to(ROOT).parts
        if len(inside) > 1:
            folder = folder_of(inside)
            targets = (name.split(".")[1:] for name in imported(path) if name.startswith("hubwire."))
            rooms = {folder_of(names) for names in targets if len(names) > 1 and (ROOT / names[0]).is_dir()}
            arrows.setdefault(folder, set()).update(rooms - {folder})
    assert len(arrows) > 30
    TopologicalSorter(arrows).prepare()  # raises CycleError, which names the folders


@pytest.mark.parametrize("part", ["console", "api"])
def test_pages_and_their_twins_read_through_protocols(part: str) -> None:
    for owner, path in modules():
        if owner == part:
            assert known_parts(path) & NOT_FOR_PAGES == set(), path


@pytest.mark.parametrize("part", PURE)
def test_rules_and_values_do_no_io(part: str) -> None:
    for owner, path in modules():
        if owner == part:
            names = {name for name in imported(path) if name in NOT_PURE or name.split(".")[0] in NOT_PURE}
            assert names == set(), path
