"""The site's navigation has every page, and no other."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

from tests.docs.pages import DOCS, ROOT


def entries(nav: list[Any]) -> Iterator[str]:
    """The pages of a navigation, its groups opened."""
    for one in nav:
        for target in one.values():
            if isinstance(target, list):
                yield from entries(target)
            else:
                yield target


def test_every_page_is_in_the_navigation() -> None:
    project = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
    pages = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}
    assert sorted(entries(project["nav"])) == sorted(pages), "a page is added to docs/ and to zensical.toml together"
