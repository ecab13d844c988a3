"""The generated reference is what the code makes of it now, and says something of every reason, setting and command."""

from __future__ import annotations

from pathlib import Path

import typer

from hubwire.cli.application import app
from hubwire.reasons import Reason
from hubwire.reference.pages import PAGES, stale_pages, write_pages
from hubwire.settings import Settings, env_name


def test_no_page_is_stale() -> None:
    assert stale_pages() == []


def test_a_page_changed_by_hand_is_stale(tmp_path: Path) -> None:
    write_pages(tmp_path)
    assert stale_pages(tmp_path) == []
    (tmp_path / "reasons.md").write_text("by hand")
    assert stale_pages(tmp_path) == ["reasons.md"]


def test_every_setting_command_and_reason_is_documented() -> None:
    settings, commands, reasons = (PAGES[name]() for name in ("settings.md", "commands.md", "reasons.md"))
    assert [name for name in Settings.__struct_fields__ if f"`{env_name(name)}`" not in settings] == []
    group = typer.main.get_command(app)
    assert [name for name in group.commands if f"## hubwire {name}" not in commands] == []  # type: ignore[attr-defined]
    assert [reason for reason in Reason if f"`{reason}`" not in reasons] == []
