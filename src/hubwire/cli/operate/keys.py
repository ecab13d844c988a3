"""`hubwire keys`: the key that encrypts stored secrets."""

from __future__ import annotations

from pathlib import Path

import typer

from hubwire.cli.shared.context import (
    ConfigOption,
    JsonOption,
    console,
    print_json,
    reading,
    settings_of,
)
from hubwire.cli.shared.editing import ACTOR
from hubwire.errors import SettingsError
from hubwire.registry.vault import KEY_FILE, add_key, new_key

app = typer.Typer(help="The key that encrypts stored tokens and write keys.", no_args_is_help=True)


@app.command()
def new() -> None:
    """Print a new key for HUBWIRE_SECRET_KEY.

    Example: hubwire keys new
    """
    typer.echo(new_key())


@app.command()
def rotate(json: JsonOption = False, config: ConfigOption = None) -> None:
    """Encrypt every stored secret with a new key. A running server picks the key up.

    With the key file (the default), the command makes a new key. With HUBWIRE_SECRET_KEY, put a new key before the
    current one (`new,current`), restart, then run this command. Keep the older keys: backups need them, and Hubwire
    recognises write keys with the last one.

    Example: hubwire keys rotate
    """
    settings = settings_of(config)
    if settings.secret_key is None:
        with reading(config):
            pass  # there is a database, and its key file
        add_key(Path(settings.data))
    elif "," not in settings.secret_key.reveal():
        raise SettingsError(
            "HUBWIRE_SECRET_KEY holds only one key",
            hint="Make a key with `hubwire keys new`, set HUBWIRE_SECRET_KEY=<new>,<current>, restart, run this again.",
        )
    with reading(config) as store:
        count = store.registry.reseal()
        store.registry.write_audit(ACTOR, "keys.rotated", f"{count} secrets encrypted with a new key")
    if json:
        print_json({"resealed": count})
        return
    where = "HUBWIRE_SECRET_KEY" if settings.secret_key else str(Path(settings.data) / KEY_FILE)
    console.print(f"{count} secrets are encrypted with the new key. Back up {where}: without it they are lost.")


def register(root: typer.Typer) -> None:
    """Add these commands."""
    root.add_typer(app, name="keys")
