"""CONTRIBUTING names every folder and every module of the root; the contributors' pages name files that exist."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from tests.docs.pages import DOCS, ROOT, section

import hubwire

PACKAGE = Path(hubwire.__file__).parent
TABLE = section((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), "Where a line belongs")
OUTSIDE = {"browser/"}
"""Folders of the repository that are no part of the package."""


def test_the_table_names_every_folder_and_every_module_of_the_root() -> None:
    rows = [line.split("|")[1] for line in TABLE.splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`([\w./]+)`", row)]
    folders = {f"{path.name}/" for path in PACKAGE.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    modules = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py"}
    assert sorted(named) == sorted(folders | modules | OUTSIDE)
    assert all((ROOT / name).is_dir() for name in OUTSIDE)


PAGES = sorted((DOCS / "contributing").glob("*.md"))
NAMED = re.compile(r"`((?:[\w-]+/)*[\w-]+\.(?:py|md|json|sql)|(?:[\w-]+/)+)`")


def missing(text: str, paths: Iterable[str]) -> set[str]:
    """The files and folders that a page names and that are nowhere in the repository."""
    known = {f"/{path}" for path in paths}
    known |= {f"{parent}/" for path in known for parent in map(str, Path(path).parents)}
    return {name for name in NAMED.findall(text) if not any(path.endswith(f"/{name}") for path in known)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_files_that_a_page_names_exist(page: Path) -> None:
    places = [ROOT / "src", ROOT / "tests", ROOT / "benchmarks", DOCS]
    paths = [str(path.relative_to(ROOT)) for place in places for path in place.rglob("*.*")] + ["CHANGELOG.md"]
    assert missing(page.read_text(encoding="utf-8"), paths) == set()


def test_a_file_that_is_gone_is_seen() -> None:
    paths = ["src/hubwire/deliver/lanes/driver.py"]
    assert missing("`lanes/driver.py` `deliver/lanes/` `driver.py` `gone.py` `lane/`", paths) == {"gone.py", "lane/"}
