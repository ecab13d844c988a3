"""`hubwire source`: senders and their write keys."""

from __future__ import annotations

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
    when,
    worded,
)
from hubwire.cli.shared.editing import (
    YesOption,
    confirmed,
    editing,
    secret_from,
)
from hubwire.destination import Source, SourceKind
from hubwire.errors import SettingsError
from hubwire.manage.changes import default_space
from hubwire.registry.protocol import WriteKey

NameArgument = Annotated[str, typer.Argument(help="Name of the source.")]
OriginOption = Annotated[
    list[str] | None,
    typer.Option("--origin", help="Origin whose pages may send (https://www.example.com); repeat the option."),
]
SpaceOption = Annotated[str | None, typer.Option(help="Sources in one identity space share the ids of people.")]
RateOption = Annotated[
    int | None,
    typer.Option(min=0, help="Maximum messages per second; 0 for the default: server no limit, web and mobile 100."),
]

app = typer.Typer(help="Sources: websites, apps and servers, and their write keys.", no_args_is_help=True)


@app.command()
def add(
    name: NameArgument,
    kind: Annotated[SourceKind, typer.Option(help="web and mobile keys are public, server keys are secret.")],
    origin: OriginOption = None,
    device_mode: Annotated[bool, typer.Option("--device-mode", help="Load HubSpot's tracking code in pages.")] = False,
    identity_space: SpaceOption = None,
    rate: RateOption = None,
    write_key_env: Annotated[
        str | None, typer.Option(help="Environment variable that holds the write key. Default: a generated key.")
    ] = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Add a source and print its write key. A server's key is shown only this once.

    Example: hubwire source add website --kind web --origin https://www.example.com --device-mode
    """
    write_key = None if write_key_env is None else secret_from(write_key_env, False, "write key").reveal()
    with editing(config) as editor:
        desired = Source(
            source_id=0,
            name=name,
            kind=kind,
            identity_space=identity_space or default_space(kind, name),
            allowed_origins=tuple(origin or ()),
            device_mode=device_mode,
            messages_per_second=rate or None,
        )
        source, key = editor.add_source(desired, write_key)
    if json:
        print_json({"source": source, "write_key": key.text})
        return
    once = ", shown only this once" if kind is SourceKind.SERVER else ""
    console.print(f"Source {name} ({kind}) is added. Its write key{once}:")
    typer.echo(key.text)


@app.command("list")
def list_sources(json: JsonOption = False, config: ConfigOption = None) -> None:
    """List all sources.

    Example: hubwire source list
    """
    with reading(config) as store:
        sources = list(store.registry.sources().values())
        keys = {
            source.source_id: len([k for k in store.registry.write_keys(source.source_id) if not k.is_revoked])
            for source in sources
        }
    if json:
        print_json(sources)
        return
    rows = table("name", "kind", "identity space", "device mode", "state", "write keys")
    for source in sources:
        rows.add_row(
            source.name,
            source.kind,
            source.identity_space,
            "yes" if source.device_mode else "no",
            "on" if source.is_enabled else "off",
            str(keys[source.source_id]),
        )
    console.print(rows if sources else "No sources yet: add one with `hubwire source add NAME --kind server`.")


@app.command()
def show(name: NameArgument, json: JsonOption = False, config: ConfigOption = None) -> None:
    """Show a source. Its options, its write keys and the messages of the last day.

    Write keys of websites and apps are public, so they are shown. Hubwire keeps only four characters of a server's key.

    Example: hubwire source show website
    """
    with editing(config) as editor:
        source, store = editor.source(name), editor.store
        keys = store.registry.write_keys(source.source_id)
        since_ms = editor.now_ms() - 86_400_000
        intake = next(
            (intake for intake in store.statistics.intake(since_ms) if intake.source_id == source.source_id),
            None,
        )
    if json:
        print_json({"source": source, "write_keys": keys, "last_24_hours": intake})
        return
    _print_fields(source)
    for key in keys:
        state = "revoked" if key.is_revoked else "in use"
        console.print(f"  write key {_shown(key)} of {when(key.created_at_ms)} UTC, {state}", markup=False)
    console.print(f"  last 24 hours: {intake.received if intake else 0} messages")


@app.command()
def change(
    name: NameArgument,
    rename: Annotated[str | None, typer.Option(help="A new name.")] = None,
    origin: OriginOption = None,
    any_origin: Annotated[bool, typer.Option("--any-origin", help="Accept pages of every origin.")] = False,
    device_mode: Annotated[bool | None, typer.Option(help="Load HubSpot's tracking code in pages, or not.")] = None,
    enabled: Annotated[bool | None, typer.Option(help="Accept its messages, or not.")] = None,
    identity_space: SpaceOption = None,
    rate: RateOption = None,
    config: ConfigOption = None,
) -> None:
    """Change a source. Options that you omit stay.

    Example: hubwire source change website --no-device-mode --rate 500
    """
    changes: dict[str, Any] = {
        "name": rename,
        "allowed_origins": () if any_origin else tuple(origin) if origin else None,
        "device_mode": device_mode,
        "is_enabled": enabled,
        "identity_space": identity_space,
    }
    fields = {field: value for field, value in changes.items() if value is not None}
    if rate is not None:
        fields["messages_per_second"] = rate or None
    if not fields:
        raise SettingsError("nothing to change", hint="See hubwire source change --help.")
    with editing(config) as editor:
        source = editor.save_source(msgspec.structs.replace(editor.source(name), **fields))
    _print_fields(source)


@app.command()
def remove(name: NameArgument, yes: YesOption = False, config: ConfigOption = None) -> None:
    """Remove a source and its write keys. Its messages stay; pending ones are discarded.

    Example: hubwire source remove old-website
    """
    with editing(config) as editor:
        source = editor.source(name)
        confirmed(f"Remove the source {name} and its write keys?", yes)
        editor.remove_source(source)
    console.print(f"Source {name} is removed.")


@app.command("key")
def keys(
    name: NameArgument,
    new: Annotated[bool, typer.Option("--new", help="Make another write key; the others stay valid.")] = False,
    revoke: Annotated[str | None, typer.Option(help="Id, or last four characters, of the write key to revoke.")] = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Change a source's write keys. Add one, move the senders, then revoke the old one.

    Example: hubwire source key server --new
    """
    with editing(config) as editor:
        source = editor.source(name)
        new_key = editor.add_write_key(source.source_id) if new else None
        if revoke is not None:
            editor.revoke_write_key(source, revoke)
        write_keys = editor.store.registry.write_keys(source.source_id)
    if json:
        print_json({"new_write_key": new_key.text if new_key else None, "write_keys": write_keys})
        return
    if new_key is not None:
        once = ", shown only this once" if source.kind is SourceKind.SERVER else ""
        console.print(f"The new write key{once}:")
        typer.echo(new_key.text)
    rows = table("id", "write key", "since (UTC)", "state")
    for key in write_keys:
        rows.add_row(key.key_id, _shown(key), when(key.created_at_ms), "revoked" if key.is_revoked else "in use")
    console.print(rows)


def _shown(key: WriteKey) -> str:
    return key.text or f"…{key.hint} (shown in full only when it was made)"


def _print_fields(source: Source) -> None:
    console.print(f"[bold]{source.name}[/bold]  {source.kind}")
    for field, value in msgspec.to_builtins(source).items():
        if field not in ("name", "kind"):
            console.print(f"  {field}: {worded(value)}", markup=False)


def register(root: typer.Typer) -> None:
    """Add these commands."""
    root.add_typer(app, name="source")
