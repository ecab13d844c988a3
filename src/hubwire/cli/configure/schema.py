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

if TYPE_CHECKING:
    from hubwire.hubspot.client import HubSpotClient
    from hubwire.manage.schema_report import SchemaEntry, SchemaReport

DestinationOption = Annotated[str | None, typer.Option(help="Name of the destination; required if there are several.")]
MessagesOption = Annotated[int, typer.Option(min=1, help="How many of the newest messages to read.")]

app = typer.Typer(help="Your data compared with the portal's properties and events.", no_args_is_help=True)


@app.command()
def plan(
    destination: DestinationOption = None,
    messages: MessagesOption = 10_000,
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
        found = asyncio.run(_plan(editor, editor.destination(destination), messages))
    print_json(found) if json else _print(found, every)


@app.command("apply")
def apply_plan(
    destination: DestinationOption = None,
    messages: MessagesOption = 10_000,
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
    from hubwire.manage.schema_plan import checked_group

    group = checked_group(group)
    with editing(config) as editor:
        target = editor.destination(destination)
        found = asyncio.run(_plan(editor, target, messages))
        found.properties = [one for one in found.properties if public or not one.is_public_only]
        count = len(found.properties) + len(found.events)
        if not json:
            _print(found, every=False)
        if count:
            confirmed(f"Create these {count} in HubSpot?", yes)
            asyncio.run(_make(editor, target, found, group))
            names = ", ".join([one.name for one in found.properties] + [one.name for one in found.events])
            registry = editor.store.registry
            registry.save_destination(target)  # a change: running lanes read the schema anew
            registry.write_audit(ACTOR, "schema.created", f"{target.name}: {names}"[:2000])
    if json:
        print_json({"created": found})
    elif count:
        console.print("Created. New messages use them; `hubwire replay` fills in left-out values.")


async def _plan(editor: Editor, destination: Destination, messages: int) -> SchemaReport:
    from hubwire.manage.portal_contents import newest_rows, read_contents
    from hubwire.manage.schema_report import compare

    store = editor.store
    async with _client(editor, destination) as client:
        contents = await read_contents(client, destination, SystemClock())
    rows = newest_rows(store.journal, destination, messages)
    return compare(rows, destination, store.registry.sources(), contents, store.record.links)


async def _make(editor: Editor, destination: Destination, found: SchemaReport, group: str) -> None:
    from hubwire.hubspot.account import HubSpotAccount
    from hubwire.manage.schema_plan import make_missing

    async with _client(editor, destination) as client:
        await make_missing(HubSpotAccount(client), found, group)


def _client(editor: Editor, destination: Destination) -> HubSpotClient:
    from hubwire.installation.clients import ClientFactory

    client = ClientFactory(editor.store.registry, SystemClock(), editor.settings).make(destination)
    if client is None:
        raise SettingsError("no access token is set", hint=f"hubwire destination token {destination.name}")
    return client


def _print(found: SchemaReport, every: bool) -> None:
    from hubwire.manage.schema_report import SchemaState

    hidden = () if every else (SchemaState.MATCHES, SchemaState.UNUSED)
    shown = [one for one in found.entries if one.state not in hidden]
    if shown:
        rows = table("object", "name", "state", "type", "messages", "note")
        for one in shown:
            kind = one.type_seen or one.type_in_hubspot
            rows.add_row(one.object_type, cell(one.name), one.state, kind, f"{one.count:,}", cell(_note(one)))
        console.print(rows)
    for quota in found.quotas:
        console.print(f"Custom properties of {quota.object_type}: {quota.used:,} of {quota.limit:,}.")
    if not found.events_available:
        console.print("Custom events are not available in this portal: see hubwire doctor.")
    if not (found.properties or found.events):
        console.print(f"Nothing is missing for the newest {found.message_count:,} messages.")


def _note(one: SchemaEntry) -> str:
    parts = [one.detail] if one.detail else []
    if one.lacks:
        parts.append(", ".join(f"{name} ({kind})" for name, kind in one.lacks.items()))
    if one.is_public_only and one.count:
        parts.append("public keys only")
    return "; ".join(parts)


def register(root: typer.Typer) -> None:
    """Add these commands."""
    root.add_typer(app, name="schema")
