"""`hubwire doctor`: checks of the installation and its portals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hubwire.cli.shared.context import (
    ConfigOption,
    JsonOption,
    console,
    print_json,
    reading,
    settings_of,
)

if TYPE_CHECKING:
    from hubwire.doctor import Section

STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor(
    destination: Annotated[str | None, typer.Option(help="Check only this destination. Default: all.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Make no HubSpot calls.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Find problems, and say how to fix them. Checks token, Hub ID, tier, scopes for each feature, API version, limits,
    clock, schema, disk and settings.

    The command changes nothing, and makes about a dozen calls to each portal. Exit code 1 if a check fails.

    Example: hubwire doctor
    """
    from hubwire.doctor.whole import diagnose

    settings = settings_of(config)
    with reading(config) as store:
        diagnosis = diagnose(store, settings, destination, offline=offline)
    if json:
        print_json(diagnosis)
    else:
        for section in diagnosis.sections:
            _print(section)
    if not diagnosis.is_ok:
        raise typer.Exit(1)


def _print(section: Section) -> None:
    console.print(f"[bold]{section.title}[/bold]")
    for check in section.checks:
        console.print(f"  {check.health:4}", style=STYLES[check.health], end=" ")
        console.print(f"{check.name}: {check.said}", markup=False)
        if check.remedy:
            console.print(f"       -> {check.remedy}", markup=False)


def register(root: typer.Typer) -> None:
    """Add this command."""
    root.command()(doctor)
