"""`hubwire emulator`. It starts without what only other commands need."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import typer

from hubwire.emulator.store.config import Tier
from hubwire.errors import SettingsError


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

    Example: hubwire emulator --port 8081 --portal-id 1234567 --tier enterprise --access-token pat-na1-local
    """
    from hubwire.emulator.http.server import EmulatorConfig, run
    from hubwire.emulator.store.persistence import PersistenceError

    def announce() -> None:
        address = f"[{host}]" if ":" in host else host
        scheme = "http" if https is None else "https"
        typer.echo(f"HubSpot emulator: portal {portal_id}, tier {tier}, {scheme}://{address}:{port}/")
        if not _is_loopback(host):
            typer.echo(
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
