"""One person or company: their ids, the values that HubSpot confirmed, and whether they are suppressed."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from hubwire.cli.shared.context import (
    ConfigOption,
    JsonOption,
    cell,
    console,
    plain,
    print_json,
    reading,
    table,
    when,
)
from hubwire.privacy.suppression import keeps_out
from hubwire.record.statistics import LEARNT_FROM, Identity


def who(
    identity: Annotated[str, typer.Argument(metavar="ID", help="E-mail, userId, anonymousId, groupId or domain.")],
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show a person or company. Their ids, the values that HubSpot confirmed, and whether they are suppressed.

    Example: hubwire who peter@example.com
    """
    with reading(config) as store:
        known, is_suppressed = store.statistics.identity(identity), keeps_out(store, identity)
    if json:
        print_json(msgspec.structs.asdict(known) | {"is_suppressed": is_suppressed})
        return
    if is_suppressed:
        console.print("Suppressed by a deletion request: `hubwire forget ID --lift` accepts later messages again.")
    print_identity(known)
    for record in known.records:
        rows = table("property", "value in HubSpot", "from a message of (UTC)")
        for name, (value, at_ms) in sorted(record.properties.items()):
            rows.add_row(cell(name), cell(value), when(at_ms))
        console.print()
        console.print(f"[bold]{record.kind} {cell(record.key)}[/bold], confirmed {when(record.confirmed_at_ms)} UTC")
        console.print(rows)
    console.print("\nTheir messages: hubwire messages --user ID", markup=False)


def print_identity(known: Identity) -> None:
    """Print the known ids, and the call that gave each: this explains where messages go."""
    for link in known.links:
        origin, key = LEARNT_FROM[link.strength], link.key
        if key.startswith("i:"):
            origin, key = f"{origin} of another of their ids", f"u:{key[2:]}"
        since = f", {when(link.at_ms)} UTC" if link.at_ms else ""
        learnt = f"({origin}{since}, {link.space})"
        console.print(plain(f"{key} -> {link.target}  {learnt}"), markup=False)
    for known_record in known.records:
        companies = f", with {', '.join(known_record.associated)}" if known_record.associated else ""
        record = f"record {known_record.record_id or '?'} in HubSpot"
        console.print(plain(f"{known_record.kind} {known_record.key} is {record}{companies}"), markup=False)
    if not known.links and not known.records:
        console.print("This identity is unknown: messages without an e-mail are held until it is identified.")


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(who)
