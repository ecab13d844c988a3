"""`hubwire doctor`: what is well and what is not."""

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
    destination: Annotated[str | None, typer.Option(help="Only this destination; without it, all.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask HubSpot.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Look for what is wrong, and say what to do about it. Token, hub, tier, scopes by feature, API version, limits,
    clock, schema, disk and settings.

    Nothing is changed, here or in HubSpot; a portal takes about a dozen calls. Exit code 1 when something fails.

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
