"""What `make set-up` installs runs on the oldest Python that is promised."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]


def test_every_pinned_package_runs_on_the_oldest_python() -> None:
    """Debian 12 has Python 3.11.2: a pin that wants 3.11.5 stops `make run` there before anything is installed."""
    promised = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    oldest = f"{promised.removeprefix('>=')}.0"
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    wants: dict[str, str] = {}
    for name, version in pins.items():
        try:
            installed = metadata(name)
        except PackageNotFoundError:
            continue
        if installed["Version"] == version:
            wants[f"{name} {version}"] = installed["Requires-Python"] or ""
    assert len(wants) > len(pins) // 2
    assert {pin: want for pin, want in wants.items() if not SpecifierSet(want).contains(oldest)} == {}
