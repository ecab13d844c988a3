"""`hubwire settings`: the settings and their values."""

from __future__ import annotations

import typer

from hubwire.cli.shared.context import (
    ConfigOption,
    JsonOption,
    console,
    print_json,
    settings_of,
)
from hubwire.installation.settings_table import settings_table


def settings(json: JsonOption = False, config: ConfigOption = None) -> None:
    """List every setting. Its value (secrets masked), default, environment variable and description.

    Example: hubwire settings --json
    """
    rows = settings_table(settings_of(config))
    if json:
        print_json(rows)
        return
    for row in rows:
        is_changed = row.value != row.default
        console.print(f"{row.name} = {row.value}", style="bold" if is_changed else None, markup=False)
        bounds = f" ({row.bounds})" if row.bounds else ""
        default = f" Default: {row.default}." if is_changed else ""
        console.print(f"    {row.help}{bounds}{default} {row.env}", style="dim", markup=False)


def register(root: typer.Typer) -> None:
    """Add this command."""
    root.command()(settings)
