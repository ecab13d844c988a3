"""The site's navigation has every page, and no other; its links are followed when it is built."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.docs.pages import DOCS, ROOT


def entries(nav: list[Any]) -> Iterator[str]:
    """The pages of a navigation, its groups opened."""
    for link in nav:
        for target in link.values():
            if isinstance(target, list):
                yield from entries(target)
            else:
                yield target


def test_every_page_is_in_the_navigation() -> None:
    project = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
    pages = {str(page.relative_to(ROOT)) for page in DOCS.rglob("*.md")}
    listed = set(entries(project["nav"]))
    assert {entry for entry in listed if entry.startswith("docs/")} == pages, (
        "a page is added to docs/ and zensical.toml together"
    )
    gathered = (ROOT / "scripts" / "site").read_text(encoding="utf-8")
    assert all(entry in gathered and (ROOT / entry).is_file() for entry in listed - pages)


def follow(folder: Path) -> tuple[int, list[str]]:
    ran = subprocess.run(
        [sys.executable, ROOT / "scripts" / "links", folder], capture_output=True, text=True, timeout=60, check=False
    )
    return ran.returncode, ran.stdout.splitlines()


def test_links_that_lead_nowhere_fail_the_build(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "index.html").write_text('<h2 id="here">Here</h2><a href="../a.html">back</a>')
    fine = (
        '<a href="sub/">1</a><a href="sub/index.html#here">2</a><a href="https://x.example/">3</a><a href="#top">4</a>'
    )
    (tmp_path / "a.html").write_text(f'<h1 id="top">A</h1>{fine}')
    assert follow(tmp_path) == (0, [])
    (tmp_path / "a.html").write_text('<a href="sub/#gone">1</a><img src="no.png"><a href="b.html">2</a>')
    assert follow(tmp_path) == (
        1,
        [
            "a.html: b.html is not there",
            "a.html: no.png is not there",
            "a.html: sub/#gone has no such heading",
        ],
    )
    build = (ROOT / "scripts" / "site").read_text(encoding="utf-8")
    assert "scripts/links build/site" in build
    assert "zensical build --clean --strict" in build
