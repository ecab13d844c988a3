"""Every relative link and anchor of the Markdown pages leads somewhere."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest
from tests.docs.pages import ROOT, prose

LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
DEFINITION = re.compile(r"^\[[^\]]+\]:\s+<?(\S+?)>?\s*$", re.M)
OTHERS = {".venv", "node_modules", "build", "dist", "site", "bundle", "vendor"}
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*\s*$", re.M)
FENCED = re.compile(r"^```.*?^```$", re.M | re.S)


def pages() -> list[Path]:
    """The Markdown files of the repository."""
    known = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    found = (
        known.stdout.splitlines() if known.returncode == 0 else [str(p.relative_to(ROOT)) for p in ROOT.rglob("*.md")]
    )
    return sorted(ROOT / name for name in set(found) if not OTHERS & set(Path(name).parts) and (ROOT / name).exists())


def links(text: str) -> Iterator[str]:
    """Targets of the links of a page, without those that leave the repository."""
    for target in LINK.findall(prose(text)) + DEFINITION.findall(prose(text)):
        if not re.match(r"[a-z][a-z0-9+.-]*:", target):
            yield target


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors that GitHub gives the headings of a page."""
    counts: dict[str, int] = {}
    names = set()
    for heading in HEADING.findall(FENCED.sub("", page.read_text(encoding="utf-8"))):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        count = counts.get(slug, 0)
        counts[slug] = count + 1
        names.add(slug if count == 0 else f"{slug}-{count}")
    return frozenset(names)


def broken(page: Path, target: str) -> str | None:
    """What is wrong with a link, or None."""
    path, _, anchor = target.partition("#")
    there = page if not path else (page.parent / unquote(path)).resolve()
    if not there.exists():
        return f"{target}: no such file"
    if anchor and there.suffix == ".md" and unquote(anchor) not in anchors(there):
        return f"{target}: no such heading"
    return None


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    found = [fault for target in links(page.read_text(encoding="utf-8")) if (fault := broken(page, target))]
    assert not found


def test_broken_links_are_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One Heading\n[a](#one-heading) [b](#two) [c](none.md) `[d](none)` [e](https://example.com)\n")
    assert list(links(page.read_text())) == ["#one-heading", "#two", "none.md"]
    assert broken(page, "#one-heading") is None
    assert broken(page, "#two") == "#two: no such heading"
    assert broken(page, "none.md") == "none.md: no such file"
