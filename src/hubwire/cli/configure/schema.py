"""`hubwire schema`: compares your data with the portal's properties and events."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from hubwire.cli.shared.context import (
    ConfigOption,
    JsonOption,
    cell,
    console,
    plain,
    print_json,
    table,
)
from hubwire.cli.shared.editing import (
    ACTOR,
    Editor,
    YesOption,
    confirmed,
    editing,
)
from hubwire.clock import SystemClock
from hubwire.destination import Destination
from hubwire.errors import SettingsError
from hubwire.manage.schema import COMPARED_MESSAGES

if TYPE_CHECKING:
    from hubwire.hubspot.client import HubSpotClient
    from hubwire.manage.schema.report import SchemaEntry, SchemaReport

DestinationOption = Annotated[str | None, typer.Option(help="Name of the destination; required if there are several.")]
MessagesOption = Annotated[int, typer.Option(min=1, help="How many of the newest messages to read.")]

app = typer.Typer(help="Your data compared with the portal's properties and events.", no_args_is_help=True)


@app.command()
def plan(
    destination: DestinationOption = None,
    messages: MessagesOption = COMPARED_MESSAGES,
    every: Annotated[
        bool, typer.Option("--all", help="Also list properties that match and ones no message uses.")
    ] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List the properties and events that HubSpot lacks. Reads the newest messages, and creates nothing.

    The list also has archived properties and properties of another type.

    Example: hubwire schema plan --messages 50000
    """
    with editing(config) as editor:
        report = asyncio.run(_plan(editor, editor.destination(destination), messages))
    print_json(report) if json else _print(report, every)


@app.command("apply")
def apply_plan(
    destination: DestinationOption = None,
    messages: MessagesOption = COMPARED_MESSAGES,
    public: Annotated[
        bool, typer.Option("--public", help="Also create fields that only public keys have sent.")
    ] = False,
    group: Annotated[str, typer.Option(help="Property group for them; created if it is missing.")] = "",
    yes: YesOption = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Create what `hubwire schema plan` lists, after confirmation. Then replay to fill in left-out values.

    Example: hubwire schema apply --group segment
    """
    from hubwire.manage.schema.plan import checked_group

    group = checked_group(group)
    with editing(config) as editor:
        target = editor.destination(destination)
        report = asyncio.run(_plan(editor, target, messages))
        report.properties = [missing for missing in report.properties if public or not missing.is_public_only]
        count = len(report.properties) + len(report.events)
        if not json:
            _print(report, every=False)
        if count:
            confirmed(f"Create these {count} in HubSpot?", yes)
            asyncio.run(_make(editor, target, report, group))
            names = ", ".join(
                [missing.name for missing in report.properties] + [missing.name for missing in report.events]
            )
            editor.reread_schema(target)
            editor.store.registry.write_audit(ACTOR, "schema.created", f"{target.name}: {names}"[:2000])
    if json:
        print_json({"created": report})
    elif count:
        console.print("Created. New messages use them; `hubwire replay` fills in left-out values.")


async def _plan(editor: Editor, destination: Destination, messages: int) -> SchemaReport:
    from hubwire.manage.schema.changes import compared
    from hubwire.manage.schema.portal_contents import read_contents

    async with _client(editor, destination) as client:
        contents = await read_contents(client, destination, SystemClock())
    return compared(editor.store, destination, contents, messages)


async def _make(editor: Editor, destination: Destination, report: SchemaReport, group: str) -> None:
    from hubwire.hubspot.account import HubSpotAccount
    from hubwire.manage.schema.plan import make_missing

    async with _client(editor, destination) as client:
        await make_missing(HubSpotAccount(client), report, group)


def _client(editor: Editor, destination: Destination) -> HubSpotClient:
    from hubwire.installation.clients import ClientFactory

    client = ClientFactory(editor.store.registry, SystemClock(), editor.settings).make(destination)
    if client is None:
        raise SettingsError("no access token is set", hint=f"hubwire destination token {destination.name}")
    return client


def _print(report: SchemaReport, every: bool) -> None:
    from hubwire.manage.schema.report import SchemaState

    hidden = () if every else (SchemaState.MATCHES, SchemaState.UNUSED)
    shown = [entry for entry in report.entries if entry.state not in hidden]
    if shown:
        rows = table("object", "name", "state", "type", "messages", "note")
        for entry in shown:
            kind = entry.type_seen or entry.type_in_hubspot
            rows.add_row(entry.object_type, cell(entry.name), entry.state, kind, f"{entry.count:,}", cell(_note(entry)))
        console.print(rows)
        console.print(f"Counts are of the newest {report.message_count:,} messages.")
    for quota in report.quotas:
        console.print(f"Custom properties of {quota.object_type}: {quota.used:,} of {quota.limit:,}.")
    if not report.events_available:
        console.print("Custom events are not available in this portal: see hubwire doctor.")
    if not (report.properties or report.events):
        console.print(f"Nothing is missing for the newest {report.message_count:,} messages.")
    for field in report.accepted_now:
        console.print(
            f"HubSpot accepts {plain(field.field)} now; {field.count:,} delivered messages left it out. To send it:"
            f" hubwire replay --state delivered --reason {field.reason} --left-out {plain(field.field)}",
            markup=False,
        )


def _note(entry: SchemaEntry) -> str:
    parts = [entry.detail] if entry.detail else []
    if entry.lacks:
        parts.append(", ".join(f"{name} ({kind})" for name, kind in entry.lacks.items()))
    if entry.is_public_only and entry.count:
        parts.append("public keys only")
    return "; ".join(parts)


def register(root: typer.Typer) -> None:
    """Add these commands."""
    root.add_typer(app, name="schema")
