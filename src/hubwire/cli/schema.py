"""`hubwire schema`: what the portal lacks for the messages that come."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from hubwire.cli.changing import ACTOR, Changer, YesOption, changing, confirmed
from hubwire.cli.context import ConfigOption, JsonOption, console, print_json, table
from hubwire.clock import SystemClock
from hubwire.destination import Destination
from hubwire.errors import SettingsError
from hubwire.message import Row

if TYPE_CHECKING:
    from hubwire.hubspot.client import HubSpotClient
    from hubwire.manage.schema_plan import SchemaPlan

PAGE_ROWS = 1000
DestinationOption = Annotated[str | None, typer.Option(help="Name of the destination; needed when there are several.")]
MessagesOption = Annotated[int, typer.Option(min=1, help="How many of the newest messages to look at.")]

app = typer.Typer(help="Properties and event definitions that the portal lacks.", no_args_is_help=True)


@app.command()
def plan(
    destination: DestinationOption = None,
    messages: MessagesOption = 10_000,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """What HubSpot lacks for the newest messages. Properties and events, typed. Creates nothing.

    Example: hubwire schema plan --messages 50000
    """
    with changing(config) as changer:
        found = asyncio.run(_plan(changer, changer.destination(destination), messages))
    print_json(found) if json else _print(found)


@app.command("apply")
def apply_plan(
    destination: DestinationOption = None,
    messages: MessagesOption = 10_000,
    public: Annotated[bool, typer.Option("--public", help="Also what only public keys have sent.")] = False,
    yes: YesOption = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Create what `hubwire schema plan` shows, after asking. What HubSpot left out before can then be replayed.

    Example: hubwire schema apply
    """
    with changing(config) as changer:
        target = changer.destination(destination)
        found = asyncio.run(_plan(changer, target, messages))
        found.properties = [one for one in found.properties if public or not one.is_public_only]
        count = len(found.properties) + len(found.events)
        if not json:
            _print(found)
        if count:
            confirmed(f"Create these {count} in HubSpot?", yes)
            asyncio.run(_make(changer, target, found))
            names = ", ".join([one.name for one in found.properties] + [one.name for one in found.events])
            registry = changer.store.registry
            registry.save_destination(target)  # a change: running lanes read the schema anew
            registry.write_audit(ACTOR, "schema.created", f"{target.name}: {names}"[:2000])
    if json:
        print_json({"created": found})
    elif count:
        console.print("Created. The next messages have them; `hubwire replay` fills in what was left out.")


async def _plan(changer: Changer, destination: Destination, messages: int) -> SchemaPlan:
    from hubwire.manage.dryrun import read_schema
    from hubwire.manage.schema_plan import plan_schema

    store = changer.store
    client = _client(changer, destination)
    async with client:
        schema = await read_schema(client, destination, SystemClock())
    rows = [row for row in _newest(changer, messages) if destination.takes(row.source_id)]
    return plan_schema(rows, destination, store.registry.sources(), schema, store.record.links)


async def _make(changer: Changer, destination: Destination, found: SchemaPlan) -> None:
    from hubwire.hubspot.account import HubSpotAccount
    from hubwire.manage.schema_plan import make_missing

    async with _client(changer, destination) as client:
        await make_missing(HubSpotAccount(client), found)


def _client(changer: Changer, destination: Destination) -> HubSpotClient:
    from hubwire.clients import ClientFactory

    client = ClientFactory(changer.store.registry, SystemClock(), changer.settings).make(destination)
    if client is None:
        raise SettingsError("no access token is set", hint=f"hubwire destination token {destination.name}")
    return client


def _newest(changer: Changer, count: int) -> list[Row]:
    """The newest rows, oldest of them first."""
    rows: list[Row] = []
    while len(rows) < count:
        page = changer.store.journal.newest(rows[-1].position if rows else None, min(PAGE_ROWS, count - len(rows)))
        if not page:
            break
        rows += page
    return rows[::-1]


def _print(found: SchemaPlan) -> None:
    if found.properties:
        rows = table("object", "property", "type", "sent by")
        for one in found.properties:
            rows.add_row(one.object_type, one.name, one.type, "public keys only" if one.is_public_only else "servers")
        console.print(rows)
    for event in found.events:
        listed = ", ".join(f"{name} ({kind})" for name, kind in event.properties.items()) or "no properties"
        console.print(
            f"event {event.name} ({event.label}){'' if event.is_new else ', new properties'}: {listed}", markup=False
        )
    if not found.events_available:
        console.print("Custom events are not available in this portal: see hubwire doctor.")
    if not (found.properties or found.events):
        console.print(f"Nothing is missing for the newest {found.message_count} messages.")


def register(root: typer.Typer) -> None:
    """Add these commands."""
    root.add_typer(app, name="schema")
