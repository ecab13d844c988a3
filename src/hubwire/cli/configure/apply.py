"""`hubwire apply`: sources and destinations from a file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hubwire.cli.configure.destinations import learnt, warn_of_same_hub
from hubwire.cli.shared.context import (
    ConfigOption,
    JsonOption,
    console,
    print_json,
    worded,
)
from hubwire.cli.shared.editing import YesOption, confirmed, editing
from hubwire.destination import Destination
from hubwire.manage.tables import read_desired

if TYPE_CHECKING:
    from hubwire.manage.apply import Change, MadeKey


def apply_file(
    file: Annotated[Path, typer.Argument(help="TOML file with [[source]], [[destination]] and [alerts] tables.")],
    yes: YesOption = False,
    plan_only: Annotated[bool, typer.Option("--plan", help="Only show the changes.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Apply a configuration file. Shows the changes to sources, destinations and alerts, and asks for
    confirmation.

    Secrets stay out of the file: `token_env = "NAME"` and `write_key_env = "NAME"` name environment variables. A new
    source without `write_key_env` gets a generated write key, which the command prints only this once.
    With --json, the command asks no question: add --yes to apply.

    Example: hubwire apply hubwire.toml
    """
    from hubwire.manage.apply import apply_changes, plan_changes
    from hubwire.manage.apply_alerts import plan_alerts

    desired = read_desired(file)
    with editing(config, creates=True) as editor:
        settings = editor.settings
        template = Destination(
            destination_id=0, name="", base_url=settings.hubspot_base_url, api_version=settings.hubspot_api_version
        )
        steps = plan_changes(desired, editor.store.registry, os.environ, template)
        alerts = None
        if desired.alerts is not None:
            alerts = plan_alerts(desired.alerts, editor.alert_settings(), os.environ)
        planned = [*(step.change for step in steps), *([alerts.change] if alerts is not None else [])]
        todo = [change for change in planned if change.action != "nothing"]
        if not json:
            _print_plan(planned)
        new_keys: list[MadeKey] = []
        applies = bool(todo) and not plan_only and (yes or not json)
        if applies:
            confirmed(f"Make these {len(todo)} changes?", yes)
            new_keys = apply_changes(
                steps, editor.store.registry, editor, lambda destination, token: learnt(editor, destination, token)
            )
            if alerts is not None and alerts.change in todo:
                editor.save_alert_settings(alerts.values)
            for change in todo:
                if change.kind == "destination":
                    warn_of_same_hub(editor, editor.destination(change.name))
    keys = {key.source: key.write_key.reveal() for key in new_keys}
    if json:
        print_json({"changes": planned, "applied": applies, "write_keys": keys})
    elif applies:
        console.print("Applied.")
        for source, key in keys.items():
            console.print(f"The write key of {source}:")
            typer.echo(key)


def _print_plan(changes: Sequence[Change]) -> None:
    marks = {"add": ("+", "green"), "change": ("~", "yellow"), "nothing": ("=", "dim")}
    for change in changes:
        mark, style = marks[change.action]
        console.print(f"{mark} {change.kind} {change.name}".rstrip(), style=style, markup=False)
        for field in change.fields:
            console.print(
                f"    {field.name}: {worded(field.before, 'none')} -> {worded(field.after, 'none')}", markup=False
            )
        if change.note:
            console.print(f"    {change.note}", style="yellow", markup=False)
    if not any(change.action != "nothing" for change in changes):
        console.print("Nothing to change.")


def register(root: typer.Typer) -> None:
    """Add this command."""
    root.command("apply")(apply_file)
