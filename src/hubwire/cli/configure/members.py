"""`hubwire member`: people who can sign in to the console and the admin API."""

from __future__ import annotations

from typing import Annotated

import typer

from hubwire.cli.shared.context import (
    ConfigOption,
    JsonOption,
    console,
    print_json,
    reading,
    table,
    when,
)
from hubwire.cli.shared.editing import (
    ACTOR,
    YesOption,
    confirmed,
    secret_from,
)
from hubwire.manage import members
from hubwire.registry.access import Role

NameArgument = Annotated[str, typer.Argument(help="Name of the member.")]
RoleOption = Annotated[
    Role, typer.Option(help="view: reads with masked payloads; operate: also replays and pauses; admin: everything.")
]

app = typer.Typer(help="People who can sign in to the console and the admin API.", no_args_is_help=True)


@app.command("list")
def list_members(json: JsonOption = False, config: ConfigOption = None) -> None:
    """List members with role and sign-in method. HUBWIRE_ADMIN_TOKEN can also sign in.

    Example: hubwire member list
    """
    with reading(config) as store:
        members_found = store.access.members()
    if json:
        print_json(members_found)
        return
    rows = table("name", "role", "signs in with", "since (UTC)")
    for member in members_found:
        ways = [way for way, has in (("token", member.has_token), ("password", member.has_password)) if has]
        rows.add_row(member.name, str(member.role), ", ".join(ways), when(member.created_at_ms))
    console.print(rows if members_found else "No members yet: add one with `hubwire member add NAME --role operate`.")


@app.command()
def add(
    name: NameArgument,
    role: RoleOption,
    password: Annotated[bool, typer.Option("--password", help="Ask for a password for this member.")] = False,
    password_env: Annotated[str | None, typer.Option(help="Environment variable that holds the password.")] = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Add a member, or change their role. Prints a new token, only this once, or sets a password.

    Example: hubwire member add ana --role operate
    """
    password_read = (
        secret_from(password_env, False, "password", "Use --password-env NAME.") if password or password_env else None
    )
    with reading(config) as store:
        if password_read is not None:
            members.set_password(store, ACTOR, name, role, password_read.reveal())
            token = None
        else:
            token = members.new_token(store, ACTOR, name, role).reveal()
    if json:
        print_json({"name": name, "role": role, "token": token})
    elif token is None:
        console.print(f"{name} ({role}) can sign in with name and password.")
    else:
        console.print(f"The token of {name} ({role}), shown this once:")
        typer.echo(token)


@app.command()
def remove(name: NameArgument, yes: YesOption = False, config: ConfigOption = None) -> None:
    """Remove a member. Their token, password and sessions end at once.

    Example: hubwire member remove ana
    """
    with reading(config) as store:
        confirmed(f"Remove {name}?", yes)
        members.remove(store, ACTOR, name)
    console.print(f"{name} is removed.")


def register(root: typer.Typer) -> None:
    """Add these commands."""
    root.add_typer(app, name="member")
