"""Variables carry the noun of the thing they hold: `for destination in destinations`, not `for one in …`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.docs.pages import ROOT

PACKAGE = ROOT / "src" / "hubwire"
TESTS = ("tests", "benchmarks")

VAGUE = {"one", "most", "least", "said", "made", "wanted", "told", "asked", "those"}
"""Names that say nothing about the thing. Fields of structs may have them: they are names in JSON and in databases."""

FOLDERS_DONE = (
    "api",
    "backends",
    "backfill",
    "cli",
    "console",
    "deliver",
    "device",
    "doctor",
    "emulator",
    "hubspot",
    "installation",
    "journal",
    "manage",
    "monitoring",
    "plan",
    "privacy",
    "process",
    "receive",
    "record",
    "reference",
    "registry",
    "web",
)
"""Folders of src/hubwire whose variables have no vague name: add yours."""


def vague_names(code: str) -> list[str]:
    """The vague names that code gives to variables, parameters, functions and constants, each with its line."""
    return [f"{line}: {name}" for line, name in _bound(ast.parse(code)) if _is_vague(name)]


def _is_vague(name: str) -> bool:
    words = name.strip("_").lower().split("_")
    return name.strip("_") in VAGUE or (name.isupper() and bool({"most", "least"} & set(words)))


def _bound(tree: ast.AST) -> Iterator[tuple[int, str]]:
    fields = {
        id(field.target) for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for field in _fields_of(node)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) if id(node) not in fields:
                yield node.lineno, name
            case ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield node.lineno, name
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                yield node.lineno, name


def _fields_of(node: ast.ClassDef) -> list[ast.AnnAssign]:
    return [field for field in node.body if isinstance(field, ast.AnnAssign)]


def _modules() -> Iterator[Path]:
    yield from PACKAGE.glob("*.py")
    for folder in FOLDERS_DONE:
        yield from (PACKAGE / folder).rglob("*.py")


def test_the_variables_of_done_folders_have_the_noun_of_their_thing() -> None:
    assert all((PACKAGE / folder).exists() for folder in FOLDERS_DONE)
    found = {str(path.relative_to(PACKAGE)): vague_names(path.read_text(encoding="utf-8")) for path in _modules()}
    assert {path: names for path, names in found.items() if names} == {}


def test_the_variables_of_tests_and_benchmarks_have_the_noun_of_their_thing() -> None:
    modules = [path for folder in TESTS for path in (ROOT / folder).rglob("*.py")]
    found = {str(path.relative_to(ROOT)): vague_names(path.read_text(encoding="utf-8")) for path in modules}
    assert {path: names for path, names in found.items() if names} == {}


def test_a_vague_name_is_seen_wherever_it_is_bound() -> None:
    code = (
        "MOST_LINKS = 5\n"
        "def _wanted(said, max_bytes):\n"
        "    self._made = [one for one in said]\n"
        "    return lambda most: most\n"
        "class Check:\n"
        "    said: str\n"
    )
    assert sorted(vague_names(code)) == [
        "1: MOST_LINKS",
        "2: _wanted",
        "2: said",
        "3: _made",
        "3: one",
        "4: most",
    ]
