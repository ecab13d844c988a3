"""`hubwire serve` and `hubwire plan`."""

from __future__ import annotations

import asyncio
from collections import Counter
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from hubwire.cli.operate.emulator import emulator
from hubwire.cli.shared.context import (
    ConfigOption,
    JsonOption,
    cell,
    console,
    explained,
    json_text,
    left_out,
    plain,
    print_json,
    reading,
    settings_of,
)
from hubwire.cli.shared.history import AsOption, DatesOption, EncodingOption, MapOption, read_options
from hubwire.cli.shared.portals import portal_schema
from hubwire.clock import SystemClock
from hubwire.errors import SettingsError
from hubwire.registry.named import named_or_first

if TYPE_CHECKING:
    from hubwire.manage.dryrun import FileDryRun
    from hubwire.manage.history.preview import KnownSchema

MAX_FIELDS = 20


class Role(StrEnum):
    ALL = "all"
    RECEIVE = "receive"
    DELIVER = "deliver"


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: the setting, 127.0.0.1.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on. Default: the setting, 8080.")
    ] = None,
    role: Annotated[
        Role | None, typer.Option(help="What this process does: all, receive or deliver. Default: the setting, all.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Start the server. It receives, delivers, and serves the console and device files.

    Without an access token, it is a sandbox.

    Example: hubwire serve --port 8080
    """
    from hubwire.process.server import run as run_service

    settings = settings_of(config)
    if role is not None:
        settings = msgspec.structs.replace(settings, role=role.value)
    run_service(settings, host, port, announce=partial(console.print, markup=False))


def plan(
    file: Annotated[
        str | None, typer.Argument(help="File or folder of messages, as for `hubwire import`; - for standard input.")
    ] = None,
    message: Annotated[str | None, typer.Option(help="messageId of a stored message, instead of a file.")] = None,
    source: Annotated[str | None, typer.Option(help="Source of the messages. Default: the first.")] = None,
    destination: Annotated[str | None, typer.Option(help="Destination. Default: the first.")] = None,
    call: AsOption = None,
    columns: MapOption = None,
    order: DatesOption = None,
    encoding: EncodingOption = None,
    summary: Annotated[bool, typer.Option("--summary", help="Print only the sums.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Dry run: print the exact requests for these messages. Also prints the reason for each left-out field.

    The command sends nothing.

    Example: echo '{"type":"identify","userId":"1","traits":{"email":"a@b.co"}}' | hubwire plan -
    """
    from hubwire.installation.clients import ClientFactory
    from hubwire.manage.dryrun import dry_run_file, dry_run_stored
    from hubwire.manage.history.preview import look_at_with_labels

    if (file is None) == (message is None):
        raise typer.BadParameter("give a file, or --message ID")
    settings, clock = settings_of(config), SystemClock()
    with reading(config) as store:
        chosen = named_or_first(store.registry.destinations().values(), destination, "destination")
        client = ClientFactory(store.registry, clock, settings).make(chosen)
        if client is None:
            raise SettingsError(f"destination {chosen.name!r} has no access token")
        if message is not None:
            shown = dry_run_stored(store, client, chosen, message, clock)
        else:
            options = read_options(call, columns, order, encoding)

            def schema_of() -> KnownSchema:
                return asyncio.run(portal_schema(store.registry, settings, chosen))

            history = look_at_with_labels([file or "-"], options, Path(settings.data), schema_of)
            shown = dry_run_file(store, client, chosen, source, history, clock)
    if json:
        print_json(shown)
    else:
        if not summary:
            _print_plan(shown)
        for line in summed_up(shown):
            console.print(plain(line), markup=False)
    if shown.unreadable or not shown.messages:
        raise typer.Exit(1)


def summed_up(shown: FileDryRun) -> list[str]:
    """The sums of a dry run, in lines: outcomes, requests, and the fields left out most often."""
    outcomes = Counter(planned.outcome for planned in shown.messages)
    fields = Counter(f"{item.field}: {item.reason}" for planned in shown.messages for item in planned.left_out)
    words = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common())
    noun = "message" if len(shown.messages) == 1 else "messages"
    calls = "request" if len(shown.requests) == 1 else "requests"
    lines = [f"{len(shown.messages):,} {noun} ({words or 'none'}), {len(shown.requests):,} {calls} to HubSpot."]
    lines += [f"Left out of {count:,}: {field}" for field, count in fields.most_common(MAX_FIELDS)]
    if len(fields) > MAX_FIELDS:
        lines.append(f"{len(fields) - MAX_FIELDS:,} more fields are left out.")
    return lines


def _print_plan(shown: FileDryRun) -> None:
    if not shown.messages and not shown.unreadable:
        console.print("The file contains no messages.")
    for planned in shown.messages:
        console.print(f"[bold]{cell(planned.message_id)}[/bold]  {cell(planned.outcome)} {cell(planned.detail)}")
        explanation = explained(planned.outcome.partition(": ")[2])
        if explanation:
            console.print(f"  {explanation}", markup=False)
        for operation in planned.operations:
            console.print(plain(f"  {operation.kind} {operation.key} {operation.note}"), markup=False)
            for field in operation.fields:
                console.print(plain(f"    {field.name} = {field.value!r}  ({field.rule})"), markup=False)
        for item in planned.left_out:
            console.print(f"  {left_out(item.field, item.reason, item.detail)}", markup=False)
    for reason, count in shown.passed_over.items():
        console.print(plain(f"skipped, {count:,} rows: {reason}"), markup=False)
    for line in shown.unreadable:
        console.print(plain(line), markup=False)
    for request in shown.requests:
        console.print(f"[bold]{request.method} {request.path}[/bold]")
        console.print(json_text(request.body), markup=False)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(serve)
    app.command()(emulator)
    app.command()(plan)
