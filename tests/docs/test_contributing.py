"""The table of CONTRIBUTING says where a line belongs: it names every folder and every module of the root, once."""

from __future__ import annotations

import re
from pathlib import Path

from tests.docs.pages import ROOT, section

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
