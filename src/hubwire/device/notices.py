"""The licences of the served scripts: analytics.js and all packages that it depends on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

HEADER = """\
The scripts under /analytics.js/v1/ and /analytics-next/bundles/ are analytics.js, unmodified, with its dependencies.
Their authors' licences follow. The HubSpot plugin in them is Hubwire's, under the Apache License 2.0.
"""


def third_party_notices(browser: Path, *packages: str) -> str:
    """One text with name, version and licence of the packages and all their dependencies, in alphabetical order."""
    modules = browser / "node_modules"
    parts = [_notice(modules / name) for name in sorted(_with_dependencies(modules, packages))]
    return HEADER + "".join(f"\n{'-' * 80}\n{part}\n" for part in parts)


def _with_dependencies(modules: Path, packages: Iterable[str]) -> set[str]:
    bundled: set[str] = set()
    waiting = list(packages)
    while waiting:
        name = waiting.pop()
        if name not in bundled and (modules / name).is_dir():
            bundled.add(name)
            waiting += _manifest(modules / name).get("dependencies", {})
    return bundled


def _manifest(folder: Path) -> dict[str, dict[str, str]]:
    manifest: dict[str, dict[str, str]] = json.loads((folder / "package.json").read_bytes())
    return manifest


def _notice(folder: Path) -> str:
    manifest = _manifest(folder)
    texts = list(_licence_texts(folder)) or [f"License: {manifest.get('license', 'see the package')}"]
    return "\n\n".join([f"{manifest['name']} {manifest['version']}", *texts])


def _licence_texts(folder: Path) -> Iterator[str]:
    """Licence files; for a package without one, the licence section of its readme."""
    files = sorted(
        path for path in folder.iterdir() if re.match(r"(licen[cs]e|copying|notice)", path.name, re.IGNORECASE)
    )
    for path in files:
        yield path.read_text(encoding="utf-8", errors="replace").strip()
    if not files:
        for path in folder.glob("[Rr][Ee][Aa][Dd][Mm][Ee]*"):
            section = re.search(r"^#+ *licen[cs]e\s*\n(.*?)(?=^#|\Z)", path.read_text("utf-8"), re.I | re.M | re.S)
            if section:
                yield f"License: {section.group(1).strip()}"
