"""One person, company or other record: the ids, the values that HubSpot confirmed, and the suppression."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
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
from hubwire.cli.shared.editing import ACTOR, YesOption, confirmed, editing
from hubwire.manage.associated import associated_records
from hubwire.manage.memory import chosen
from hubwire.manage.memory import forget as forget_memory
from hubwire.privacy.suppression import keeps_out
from hubwire.record.marketing import SUBMISSION_WORDS, PersonMarketing, subscription_names_of
from hubwire.record.statistics import LEARNT_FROM, Identity


def who(
    identity: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="E-mail, userId, anonymousId, groupId, domain, or a record such as order:shop_order_id:77.",
        ),
    ],
    forget: Annotated[
        list[str] | None,
        typer.Option(
            help="What Hubwire forgets; repeat for several: an id (u:user1234, a:…, g:…), a property, what a source"
            " taught (its space, such as source:web; values of public or server sources), or `all`."
        ),
    ] = None,
    yes: YesOption = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show a person, a company or another record. Their ids, the values that HubSpot confirmed, and whether they are
    suppressed.

    With --forget, Hubwire forgets a wrong link or value of what ID names, not of associated records. HubSpot keeps its
    values, and the next message counts as the first. To delete a person everywhere, see hubwire forget.

    Example: hubwire who peter@example.com
    """
    if forget:
        count = _forget(identity, forget, yes, config)
        if not json:
            console.print(f"Forgotten: {count:,} links and values. Now known:")
    with reading(config) as store:
        known, is_suppressed = store.statistics.identity(identity), keeps_out(store, identity)
        others = associated_records(store.record.objects, known.records)
        marketing = store.record.marketing.of_person(known.keys)
        types = {
            person.destination_id: subscription_names_of(store.record.lane(person.destination_id).status)
            for person in marketing
        }
    if json:
        shown = {
            "is_suppressed": is_suppressed,
            "marketing": msgspec.to_builtins(marketing),
            "other_records": [
                {"kind": found.record.object, "key": found.record.key, "record_id": found.record.record_id}
                for found in others
            ],
        }
        print_json(msgspec.structs.asdict(known) | shown)
        return
    if is_suppressed:
        console.print("Suppressed by a deletion request: `hubwire forget ID --lift` accepts later messages again.")
    print_identity(known)
    for found in others:
        name = ":".join(found.record.ref)
        console.print(plain(f"associated with {name}, record {found.record.record_id} in HubSpot"), markup=False)
    for record in known.records:
        rows = table("property", "value in HubSpot", "from a message of (UTC)", "source")
        for name, (value, at_ms) in sorted(record.properties.items()):
            rows.add_row(cell(name), cell(value), when(at_ms), record.origins.get(name, ""))
        console.print()
        console.print(f"[bold]{record.kind} {cell(record.key)}[/bold], confirmed {when(record.confirmed_at_ms)} UTC")
        console.print(rows)
    for person in marketing:
        _print_marketing(person, types[person.destination_id])
    console.print("\nTheir messages: hubwire messages --user ID", markup=False)


def _print_marketing(person: PersonMarketing, types: Mapping[str, str]) -> None:
    """Print the lists, subscriptions and submissions of a person at one destination. `types`: their names by id."""
    rows = table("what", "which", "state", "from a message of (UTC)")
    for membership in person.memberships:
        state = "on it" if membership.is_member else "not on it"
        rows.add_row("list", cell(membership.list_key), state, when(membership.at_ms))
    for preference in person.preferences:
        name = types.get(preference.subscription_id, preference.subscription_id)
        rows.add_row("subscription", cell(name), preference.state.lower(), when(preference.at_ms))
    for submission in person.submissions:
        rows.add_row("form", cell(submission.form), SUBMISSION_WORDS[submission.state], when(submission.at_ms))
    console.print()
    console.print(rows)


def _forget(identity: str, items: list[str], yes: bool, config: Path | None) -> int:
    with editing(config) as editor:
        known = editor.store.statistics.identity(identity)
        memory = chosen(known, items)
        links = ", ".join(f"{link.key} -> {link.target}" for link in memory.links)
        listed = "; ".join(part for part in (links, ", ".join(memory.names)) if part)
        confirmed(plain(f"Forget {listed or 'nothing'}? Messages will teach it again."), yes)
        return forget_memory(editor.store, ACTOR, memory)


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
    for trait in known.traits:
        line = f"$person.{trait.key} = {trait.target}  ({when(trait.at_ms)} UTC, {trait.space.removeprefix('traits:')})"
        console.print(plain(line), markup=False)
    if not known.links and not known.records:
        console.print("This identity is unknown: messages without an e-mail are held until it is identified.")


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(who)
