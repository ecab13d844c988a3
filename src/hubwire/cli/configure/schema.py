"""`hubwire schema`: what the portal lacks for the messages that come."""

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

DestinationOption = Annotated[str | None, typer.Option(help="Name of the destination; needed when there are several.")]
MessagesOption = Annotated[int, typer.Option(min=1, help="How many of the newest messages to look at.")]

app = typer.Typer(help="The portal's properties and events, and what messages bring.", no_args_is_help=True)


@app.command()
def plan(
    destination: DestinationOption = None,
    messages: MessagesOption = 10_000,
    every: Annotated[bool, typer.Option("--all", help="Also what matches and what no message brings.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """What HubSpot lacks for the newest messages. Properties and events, typed. Creates nothing.

    Also what is archived there, and whose values do not fit; with --all, what matches and what nothing uses.

    Example: hubwire schema plan --messages 50000
    """
    with editing(config) as editor:
        found = asyncio.run(_plan(editor, editor.destination(destination), messages))
    print_json(found) if json else _print(found, every)


@app.command("apply")
def apply_plan(
    destination: DestinationOption = None,
    messages: MessagesOption = 10_000,
    public: Annotated[bool, typer.Option("--public", help="Also what only public keys have sent.")] = False,
    group: Annotated[str, typer.Option(help="Group of properties to put them in; made where it is missing.")] = "",
    yes: YesOption = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Create what `hubwire schema plan` shows, after asking. What HubSpot left out before can then be replayed.

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
        console.print("Created. The next messages have them; `hubwire replay` fills in what was left out.")


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
        console.print(f"Nothing is missing for the newest {found.message_count} messages.")


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
