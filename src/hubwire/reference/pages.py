"""The reference pages, generated from the code: `python -m hubwire.reference` writes them, `--check` compares them.

The check fails if a page was edited by hand, or if the code has changed since the page was written.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer

from hubwire.installation.settings_table import settings_table
from hubwire.monitoring.metrics import metrics_page
from hubwire.reference.reasons_page import reasons_page
from hubwire.reference.verdicts_page import render_verdicts
from hubwire.settings import Settings

FOLDER = Path(__file__).parents[3] / "docs" / "reference"
NOTE = "<!-- Made by `make docs` from the code. -->\n"


def settings_page() -> str:
    """Every setting with its environment variable, default and bounds."""
    lines = [
        "# Settings",
        "",
        "The environment overrides `hubwire.toml`, which overrides the default. Unknown names are errors.",
        "`hubwire settings` shows the current values and masks secrets.",
        "",
        "| Setting, environment variable | Description | Default | Bounds |",
        "|---|---|---|---|",
    ]
    for row in settings_table(Settings()):
        default = f"`{row.default}`" if row.default else ""
        bounds = _cell(row.bounds or row.type)
        lines.append(f"| `{row.name}`<br>`{row.env}` | {_cell(row.help)} | {default} | {bounds} |")
    return "\n".join(lines) + "\n"


def commands_page() -> str:
    """Every command with its options, as in `--help`."""
    from hubwire.cli.application import app

    group = typer.main.get_command(app)
    lines = ["# Commands", "", "Exit codes: 0 done, 1 failed, 2 bad usage.", ""]
    for name, command in _commands(group, "hubwire"):
        lines += [f"## {name}", "", *_paragraphs(command.help or ""), ""]
        rows = [
            f"| {_names(parameter)} | {_cell(getattr(parameter, 'help', None) or '')} |" for parameter in command.params
        ]
        if rows:
            lines += ["| Option | Description |", "|---|---|", *rows, ""]
    return "\n".join(lines).rstrip() + "\n"


def admin_api_page() -> str:
    """Every operation of the admin API."""
    from hubwire.api.openapi import reference
    from hubwire.api.table import OPERATIONS

    return reference(OPERATIONS)


def console_page() -> str:
    """Every page of the console, with the command that does the same."""
    from hubwire.reference import console_page

    return console_page.console_page()


def _commands(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from _commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


def _paragraphs(text: str) -> list[str]:
    lines = [line.strip() for line in text.strip().splitlines()]
    return [f"Example: `{line.removeprefix('Example: ')}`" if line.startswith("Example: ") else line for line in lines]


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.name.upper()}`"
    return ", ".join(f"`{name}`" for name in [*parameter.opts, *parameter.secondary_opts])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "commands.md": commands_page,
    "metrics.md": metrics_page,
    "reasons.md": reasons_page,
    "verdicts.md": render_verdicts,
    "admin-api.md": admin_api_page,
    "console.md": console_page,
}


def stale_pages(folder: Path = FOLDER) -> list[str]:
    """The pages that differ from the code."""
    return [name for name, make in PAGES.items() if _read(folder / name) != NOTE + make()]


def write_pages(folder: Path = FOLDER) -> None:
    """Write every page."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in PAGES.items():
        (folder / name).write_text(NOTE + make(), encoding="utf-8")


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def main() -> int:
    if "--check" not in sys.argv[1:]:
        write_pages()
        return 0
    stale = stale_pages()
    if stale:
        sys.stderr.write(f"stale: {', '.join(stale)}; run `make docs`\n")
    return 1 if stale else 0
