"""`hubwire destination`: HubSpot portals."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
import typer

from hubwire.cli.shared.context import (
    ConfigOption,
    JsonOption,
    console,
    print_json,
    reading,
    table,
    worded,
)
from hubwire.cli.shared.editing import (
    Editor,
    YesOption,
    confirmed,
    editing,
    secret_from,
)
from hubwire.clock import SystemClock
from hubwire.destination import Destination, Mapping, Trust, of_same_hub
from hubwire.errors import HubSpotError, SettingsError
from hubwire.secret import Secret

NameArgument = Annotated[str, typer.Argument(help="Name of the destination.")]
HubOption = Annotated[str | None, typer.Option(help="Hub ID. Default: read from the token.")]
RegionOption = Annotated[str | None, typer.Option(help="Data region of the portal, such as na1 or eu1.")]
VersionOption = Annotated[str | None, typer.Option(help="HubSpot API version: 2026-09, 2026-03 or v3.")]
FormsOption = Annotated[
    bool | None, typer.Option("--forms/--no-forms", help="Load HubSpot's Forms SDK in pages, or not.")
]
SourceOption = Annotated[
    list[str] | None, typer.Option("--source", help="Source that feeds it; repeat the option, or use all.")
]
TokenEnvOption = Annotated[str | None, typer.Option(help="Environment variable that holds the access token.")]
TokenStdinOption = Annotated[bool, typer.Option("--token-stdin", help="Read the access token from standard input.")]
PerSecondOption = Annotated[
    float | None, typer.Option(min=0, help="Fixed limit of calls per second; 0 follows HubSpot.")
]
PerDayOption = Annotated[int | None, typer.Option(min=0, help="Fixed limit of calls per day; 0 follows HubSpot.")]

app = typer.Typer(help="Destinations: HubSpot portals, their tokens and options.", no_args_is_help=True)


@app.command()
def add(
    name: NameArgument,
    hub_id: HubOption = None,
    token_env: TokenEnvOption = None,
    token_stdin: TokenStdinOption = False,
    region: RegionOption = None,
    api_version: VersionOption = None,
    source: SourceOption = None,
    paused: Annotated[bool, typer.Option("--paused", help="Keep messages, and deliver nothing yet.")] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Add a HubSpot portal. Asks for the access token (a service key), tests it, and stores it encrypted.

    The destination receives everything that the journal holds of its sources, from the oldest message on.

    Example: hubwire destination add hubspot --token-env HUBSPOT_ACCESS_TOKEN
    """
    token = secret_from(token_env, token_stdin, "HubSpot access token")
    with editing(config) as editor:
        settings = editor.settings
        destination = Destination(
            destination_id=0,
            name=name,
            hub_id=hub_id,
            base_url=settings.hubspot_base_url,
            api_version=api_version or settings.hubspot_api_version,
            region=region or "na1",
            is_paused=True,
            source_ids=editor.source_ids(source) if source else None,
        )
        stored = editor.add_destination(learnt(editor, destination, token), token)
        if not paused:
            editor.set_paused(stored, False)
        stored = editor.destination(name)
        warn_of_same_hub(editor, stored)
    if json:
        print_json(stored)
    else:
        console.print(
            f"Destination {name} is added: Hub ID {stored.hub_id or 'not known yet'}, region {stored.region}."
        )


@app.command("list")
def list_destinations(json: JsonOption = False, config: ConfigOption = None) -> None:
    """List all destinations with their state.

    Example: hubwire destination list
    """
    with reading(config) as store:
        destinations = list(store.registry.destinations().values())
        lanes = {lane.destination_id: lane for lane in store.queries.lanes(SystemClock().now_ms())}
    if json:
        print_json(destinations)
        return
    rows = table("name", "Hub ID", "API", "state", "backlog", "delivered", "dead")
    for destination in destinations:
        lane = lanes[destination.destination_id]
        state = f"{lane.state}: {lane.stopped_reason}" if lane.stopped_reason else lane.state
        counts = (str(lane.backlog_count), str(lane.delivered), str(lane.dead))
        rows.add_row(destination.name, destination.hub_id or "?", destination.api_version, state, *counts)
    console.print(rows if destinations else "No destinations yet: add one with `hubwire destination add hubspot`.")


@app.command()
def show(name: NameArgument, json: JsonOption = False, config: ConfigOption = None) -> None:
    """Show a destination with its options and mapping. Shows whether a token is set, never the token.

    Example: hubwire destination show hubspot
    """
    with editing(config) as editor:
        destination = editor.destination(name)
        has_token = editor.store.registry.token(destination.destination_id) is not None
        has_journal = editor.store.registry.journal_app(destination.destination_id) is not None
        names = {number: source.name for number, source in editor.store.registry.sources().items()}
    if json:
        print_json({"destination": destination, "has_token": has_token, "reads_change_journal": has_journal})
        return
    _print(destination, has_token, names)
    if has_journal:
        console.print("  change journal: read every minute")


@app.command()
def change(
    name: NameArgument,
    rename: Annotated[str | None, typer.Option(help="A new name.")] = None,
    hub_id: HubOption = None,
    region: RegionOption = None,
    api_version: VersionOption = None,
    forms: FormsOption = None,
    source: SourceOption = None,
    hold_hours: Annotated[float | None, typer.Option(help="How long messages are held for an identify.")] = None,
    cookie_hours: Annotated[
        float | None, typer.Option(help="How long events wait for an identify before their cookie names the visitor.")
    ] = None,
    unchanged_hours: Annotated[float | None, typer.Option(help="How long a confirmed value is not sent again.")] = None,
    late_minutes: Annotated[
        float | None, typer.Option(help="Age from which Hubwire compares a message with HubSpot's history.")
    ] = None,
    confirm_hours: Annotated[
        float | None,
        typer.Option(help="Age of a confirmation after which Hubwire looks up the record before it sends an event."),
    ] = None,
    recheck_seconds: Annotated[
        float | None,
        typer.Option(help="Seconds between two looks at a record that no message changes."),
    ] = None,
    day_zone: Annotated[str | None, typer.Option(help="Time zone for date properties, such as Europe/Berlin.")] = None,
    future_minutes: Annotated[
        float | None, typer.Option(help="Minutes by which a message's time may be later than its arrival.")
    ] = None,
    trust: Annotated[
        Trust | None, typer.Option(help="Whether values of server sources win over those of websites and apps.")
    ] = None,
    public_definitions: Annotated[
        int | None, typer.Option(help="Event definitions and properties that each public source may add in a day.")
    ] = None,
    calls_per_second: PerSecondOption = None,
    calls_per_day: PerDayOption = None,
    rule: Annotated[
        list[str] | None,
        typer.Option("--mapping", help="Mapping rule as name=value: contact.plan=plan_name, create_properties=yes."),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Change a destination. Options that you omit stay. Larger mappings are easier in a file: see hubwire apply.

    Example: hubwire destination change hubspot --forms --mapping contact.favColor=favorite_color
    """
    changes: dict[str, Any] = {
        "name": rename,
        "hub_id": hub_id,
        "region": region,
        "api_version": api_version,
        "load_forms_sdk": forms,
        "hold_hours": hold_hours,
        "cookie_after_hours": cookie_hours,
        "suppress_unchanged_hours": unchanged_hours,
        "late_after_minutes": late_minutes,
        "confirm_after_hours": confirm_hours,
        "recheck_after_seconds": recheck_seconds,
        "day_zone": day_zone,
        "future_grace_minutes": future_minutes,
        "trust": trust,
        "public_definitions_per_day": public_definitions,
    }
    fields = {field: value for field, value in changes.items() if value is not None}
    for field, number in (("calls_per_second", calls_per_second), ("calls_per_day", calls_per_day)):
        if number is not None:
            fields[field] = number or None
    with editing(config) as editor:
        before = editor.destination(name)
        if source:
            fields["source_ids"] = editor.source_ids(source)
        if rule:
            fields["mapping"] = with_rules(before.mapping, rule)
        if not fields:
            raise SettingsError("nothing to change", hint="See hubwire destination change --help.")
        changed = editor.save_destination(msgspec.structs.replace(before, **fields))
        if changed.hub_id != before.hub_id:
            warn_of_same_hub(editor, changed)
    console.print(f"Destination {rename or name} is changed.")


@app.command()
def pause(name: NameArgument, config: ConfigOption = None) -> None:
    """Pause delivery. Hubwire keeps new messages.

    Example: hubwire destination pause hubspot
    """
    with editing(config) as editor:
        editor.set_paused(editor.destination(name), True)
    console.print(f"Destination {name} is paused. Hubwire keeps new messages.")


@app.command()
def resume(
    name: NameArgument,
    only_new: Annotated[
        bool, typer.Option("--only-new", help="Discard the stored messages that still wait; a replay delivers them.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Resume delivery after a pause or a stop.

    Example: hubwire destination resume hubspot --only-new
    """
    with editing(config) as editor:
        destination = editor.destination(name)
        if only_new:
            editor.resume_for_new(destination)
        else:
            editor.set_paused(destination, False)
    console.print(f"Destination {name} is resumed{' for new messages only' if only_new else ''}.")


@app.command()
def remove(name: NameArgument, yes: YesOption = False, config: ConfigOption = None) -> None:
    """Remove a destination and its token. Delivered data stays in HubSpot.

    Example: hubwire destination remove old-portal
    """
    with editing(config) as editor:
        destination = editor.destination(name)
        confirmed(f"Remove the destination {name} (Hub ID {destination.hub_id or '?'}) and its token?", yes)
        editor.remove_destination(destination)
    console.print(f"Destination {name} is removed.")


@app.command()
def token(
    name: NameArgument,
    token_env: TokenEnvOption = None,
    token_stdin: TokenStdinOption = False,
    oauth_client_id: Annotated[str | None, typer.Option(help="Client ID of an OAuth app, instead of a key.")] = None,
    client_secret_env: Annotated[
        str | None, typer.Option(help="Environment variable with the client secret.", show_default="asks for it")
    ] = None,
    unchecked: Annotated[bool, typer.Option("--unchecked", help="Store the token without testing it.")] = False,
    config: ConfigOption = None,
) -> None:
    """Set the access token. A destination stopped by a bad token resumes.

    With --oauth-client-id, the command asks for the refresh token of that OAuth app.

    Example: hubwire destination token hubspot --token-env HUBSPOT_ACCESS_TOKEN
    """
    from hubwire.hubspot.credentials import oauth_secret
    from hubwire.hubspot.tokens import OAuthApp

    secret = secret_from(token_env, token_stdin, "refresh token" if oauth_client_id else "HubSpot access token")
    if oauth_client_id:
        client_secret = secret_from(client_secret_env, False, "client secret")
        secret = oauth_secret(OAuthApp(oauth_client_id, client_secret, secret))
    with editing(config) as editor:
        before = editor.destination(name)
        after = before if unchecked else learnt(editor, before, secret)
        if after != before:
            editor.save_destination(after)
        editor.set_token(before.destination_id, secret)
    console.print(f"The token of {name} is set: Hub ID {after.hub_id or 'not known yet'}.")


@app.command()
def journal(
    name: NameArgument,
    client_id: Annotated[str | None, typer.Option(help="Client ID of the OAuth app.")] = None,
    client_secret_env: Annotated[
        str | None, typer.Option(help="Environment variable with the client secret.", show_default="asks for it")
    ] = None,
    client_secret_stdin: Annotated[
        bool, typer.Option("--client-secret-stdin", help="Read the client secret from standard input.")
    ] = False,
    off: Annotated[bool, typer.Option("--off", help="Remove the credentials, and read the journal no longer.")] = False,
    config: ConfigOption = None,
) -> None:
    """Read HubSpot's change journal. Needs an OAuth app.

    Example: hubwire destination journal hubspot --client-id 0a1b2c3d --client-secret-stdin
    """
    from hubwire.hubspot.credentials import credentials_secret
    from hubwire.hubspot.tokens import AppCredentials

    if off == (client_id is not None):
        raise SettingsError("give either --client-id or --off", hint="See hubwire destination journal --help.")
    secret = None
    if client_id is not None:
        hint = "Use --client-secret-env NAME or --client-secret-stdin."
        client_secret = secret_from(client_secret_env, client_secret_stdin, "client secret", hint)
        secret = credentials_secret(AppCredentials(client_id, client_secret))
    with editing(config) as editor:
        destination = editor.destination(name)
        if secret is not None and destination.hub_id is None:
            raise SettingsError("the Hub ID is not known yet", hint="Set it: hubwire destination change --hub-id.")
        editor.set_journal_app(destination.destination_id, secret)
    console.print(
        f"{name} no longer reads HubSpot's change journal."
        if off
        else f"{name} reads HubSpot's change journal every minute. The log shows if HubSpot refuses that."
    )


def learnt(editor: Editor, destination: Destination, secret: Secret) -> Destination:
    """The destination with its account's details; unchanged, with a warning, if HubSpot cannot test its first token.

    Errors: SettingsError for a token that HubSpot refuses, one of another portal, or one that would replace another
    without a test.
    """
    from hubwire.installation.clients import ClientFactory
    from hubwire.manage.hub import account_of_token, with_account

    clock = SystemClock()
    base_url = ClientFactory(editor.store.registry, clock, editor.settings).base_url(destination)
    try:
        return with_account(destination, asyncio.run(account_of_token(destination, secret, base_url, clock)))
    except HubSpotError as exc:
        if editor.store.registry.token(destination.destination_id) is not None:
            hint = f"Try again later, or skip the test: hubwire destination token {destination.name} --unchecked"
            problem = f"the token of {destination.name} could not be tested, so the previous one stays: {exc}"
            raise SettingsError(problem, hint=hint) from exc
        typer.secho(f"The token could not be tested: {exc}", fg="yellow", err=True)
        return destination


def with_rules(mapping: Mapping, rules: list[str]) -> Mapping:
    """The mapping with single rules changed: `contact.trait=property`, `contact.trait=` (ignore), `switch=yes`."""
    plain: dict[str, Any] = msgspec.to_builtins(mapping)
    for rule in rules:
        name, is_rule, value = rule.partition("=")
        table_name, dot, key = name.partition(".")
        if not is_rule or table_name not in plain:
            raise SettingsError(f"mapping rule {rule!r}: write name=value", hint=f"Names: {', '.join(plain)}.")
        kind = plain[table_name]
        if isinstance(kind, dict) and dot:
            kind[key] = value or None
        elif isinstance(kind, bool) and not dot and value in ("yes", "no"):
            plain[table_name] = value == "yes"
        elif isinstance(kind, list | tuple) and not dot:
            plain[table_name] = [part.strip() for part in value.split(",") if part.strip()]
        elif isinstance(kind, str) and not dot:
            plain[table_name] = value
        else:
            raise SettingsError(f"mapping rule {rule!r}: write contact.trait=property, or switch=yes or switch=no")
    try:
        return msgspec.convert(plain, Mapping)
    except msgspec.ValidationError as exc:
        raise SettingsError(f"mapping: {exc}") from exc


def _print(destination: Destination, has_token: bool, names: dict[int, str]) -> None:
    console.print(f"[bold]{destination.name}[/bold]  Hub ID {destination.hub_id or '?'}")
    console.print(f"  token: {'set' if has_token else 'none'}")
    plain = msgspec.to_builtins(destination)
    sources = destination.source_ids
    plain["source_ids"] = (
        "all" if sources is None else ", ".join(names.get(source_id, "?") for source_id in sources) or "none"
    )
    if destination.is_sandbox:
        plain["base_url"] = "the bundled emulator"
    mapping = plain.pop("mapping")
    del plain["rules"]
    for field, value in plain.items():
        if field not in ("name", "hub_id"):
            console.print(f"  {field}: {worded(value)}", markup=False)
    for field, value in mapping.items():
        if value not in ({}, [], ()):
            console.print(f"  mapping.{field}: {worded(value)}", markup=False)
    for rule in destination.rules:
        is_off = "" if rule.enabled else " (off)"
        console.print(f"  rule {rule.name}{is_off}: {rule.trigger} -> {rule.does}", markup=False)


def register(root: typer.Typer) -> None:
    """Add these commands."""
    root.add_typer(app, name="destination")


def warn_of_same_hub(editor: Editor, destination: Destination) -> None:
    """Name the other destinations of the same portal on standard error."""
    for name in of_same_hub(editor.store.registry.destinations().values(), destination):
        words = f"Destination {name} has the same Hub ID. Both share the portal's call limits, and a message from"
        typer.secho(f"{words} a source that feeds both is delivered twice.", fg="yellow", err=True)
