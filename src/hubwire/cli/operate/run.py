"""`hubwire serve`, `hubwire emulator` and `hubwire plan`."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

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
from hubwire.cli.shared.history import AsOption, DatesOption, EncodingOption, MapOption, looked, read_options
from hubwire.clock import SystemClock
from hubwire.emulator.store.config import Tier
from hubwire.errors import SettingsError
from hubwire.registry.named import named_or_first

if TYPE_CHECKING:
    from hubwire.manage.dryrun import FileDryRun


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


def emulator(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 8081,
    portal_id: Annotated[int, typer.Option(min=1, help="Hub ID of the emulated portal.")] = 1234567,
    tier: Annotated[
        Tier, typer.Option(help="HubSpot tier of the portal; it sets the limits and whether custom events exist.")
    ] = Tier.ENTERPRISE,
    access_token: Annotated[str | None, typer.Option(help="The only token that it accepts. Default: any.")] = None,
    keep: Annotated[Path | None, typer.Option(help="File that stores the portal between runs.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    scope: Annotated[
        list[str] | None, typer.Option(help="Scope of the access token; repeat for several. Default: all scopes.")
    ] = None,
    custom_object: Annotated[
        list[str] | None, typer.Option(help="Name of a custom object type of the portal; repeat for several.")
    ] = None,
    limits: Annotated[bool, typer.Option(help="Whether the portal refuses calls over HubSpot's rate limits.")] = True,
    https: Annotated[
        Path | None,
        typer.Option(
            help="Serve HTTPS as api.hubapi.com, with a certificate in this folder; programs must trust its ca.pem."
        ),
    ] = None,
    companies: Annotated[
        bool, typer.Option(help="Whether the portal creates the company of a contact's e-mail domain, as HubSpot does.")
    ] = True,
) -> None:
    """Start a HubSpot emulator for tests. It has contacts, companies, events, limits and errors.

    Example: hubwire emulator --port 8081 --portal-id 1234567 --tier enterprise --access-token T
    """
    from hubwire.emulator.http.server import EmulatorConfig, run
    from hubwire.emulator.store.persistence import PersistenceError

    def announce() -> None:
        address = f"[{host}]" if ":" in host else host
        scheme = "http" if https is None else "https"
        console.print(f"HubSpot emulator: portal {portal_id}, tier {tier}, {scheme}://{address}:{port}/")
        if not _is_loopback(host):
            console.print(
                "Its control plane needs no token: anyone who reaches this address can read and change the portal."
            )

    try:
        portal = EmulatorConfig(
            portal_id=portal_id,
            tier=tier,
            access_token=access_token,
            persistence_path=keep,
            scopes=scope,
            custom_objects=custom_object or (),
            limits_enabled=limits,
            creates_companies_from_emails=companies,
        )
        run(portal, host=host, port=port, announce=announce, https=https)
    except OSError as exc:
        hint = "Another server may be running there: choose another --port."
        raise SettingsError(f"cannot listen on {host}:{port}: {exc.strerror}", hint=hint) from exc
    except PersistenceError as exc:
        raise SettingsError(f"--keep {exc}", hint="Choose another file; this one is unchanged.") from exc
    except ValueError as exc:
        raise SettingsError(str(exc)) from exc


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


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
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Dry run: print the exact requests for these messages. Also prints the reason for each left-out field.

    The command sends nothing.

    Example: echo '{"type":"identify","userId":"1","traits":{"email":"a@b.co"}}' | hubwire plan -
    """
    from hubwire.installation.clients import ClientFactory
    from hubwire.manage.dryrun import dry_run_file, dry_run_stored

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
            history = looked([file or "-"], read_options(call, columns, order, encoding), Path(settings.data))
            shown = dry_run_file(store, client, chosen, source, history, clock)
    print_json(shown) if json else _print_plan(shown)
    if shown.unreadable:
        raise typer.Exit(1)


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
