"""Each column of a table has a heading."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from tests.docs.pages import ROOT
from tests.docs.test_links import pages

RULE = re.compile(r"\|[-:| ]+\|")


def headless(text: str) -> Iterator[str]:
    """The head rows of a page's tables that leave a cell empty."""
    lines = text.splitlines()
    for head, below in pairwise(lines):
        if RULE.fullmatch(below) and not all(cell.strip() for cell in head.strip().strip("|").split("|")):
            yield head


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_column_has_a_heading(page: Path) -> None:
    assert list(headless(page.read_text(encoding="utf-8"))) == []


def test_a_missing_heading_is_seen() -> None:
    assert list(headless("| a | b |\n|---|---:|\n| 1 | |\n\n| | b |\n|---|---|\n")) == ["| | b |"]
