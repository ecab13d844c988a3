"""One look: console, demo page and emulator's page take their colours from one style sheet, and the documentation site
shows the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import hubwire
from hubwire.emulator.http.page_style import STYLE

PACKAGE = Path(hubwire.__file__).parent
LOOK = (PACKAGE / "look" / "look.css").read_text(encoding="utf-8")
SHEETS = ("console/static/console.css", "device/demo_page/demo.css", "emulator/http/page.css")
COLOUR = re.compile(r"(?<![\w&])#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl|oklch)a?\(")


@pytest.mark.parametrize("name", SHEETS)
def test_a_page_has_no_colours_and_no_fonts_of_its_own(name: str) -> None:
    sheet = (PACKAGE / name).read_text(encoding="utf-8")
    assert COLOUR.findall(sheet.replace("#000)", ")")) == []
    assert "system-ui" not in sheet
    assert "monospace" not in sheet


@pytest.mark.parametrize("name", SHEETS)
def test_every_shared_value_that_a_page_uses_is_there(name: str) -> None:
    sheet = (PACKAGE / name).read_text(encoding="utf-8")
    own = set(re.findall(r"(--[a-z-]+):", sheet))
    assert set(re.findall(r"var\((--[a-z-]+)", sheet)) <= own | set(re.findall(r"(--[a-z-]+):", LOOK))


def test_light_and_dark_set_the_same_colours() -> None:
    light, dark = (set(re.findall(r"(--[a-z-]+): #", part)) for part in LOOK.split("@media (prefers-color-scheme"))
    assert light == dark


def test_the_emulator_shows_the_shared_look() -> None:
    assert STYLE.startswith(LOOK)


def test_the_documentation_site_has_the_colours_of_the_look() -> None:
    site = (Path(__file__).parents[2] / "scripts" / "site.css").read_text(encoding="utf-8")
    values = set(re.findall(r"--site-[a-z]+: (#[0-9a-f]{6})", site))
    assert values <= set(re.findall(r"#[0-9a-f]{6}", LOOK))
    assert len(values) == 6
