"""Lists and forms: members here and at HubSpot, who joined and left, and submissions by form."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from hubwire.cli.shared.context import ConfigOption, JsonOption, cell, console, print_json, reading, table, when
from hubwire.record.marketing import SUBMISSION_WORDS, FormCount, ListSize, Membership

MAX_LISTS = 500
SHOWN_CHANGES = 200
SHOWN_NAME = 60


def lists(
    key: Annotated[
        str | None, typer.Argument(metavar="KEY", help="Show who joined and left this list. Default: all lists.")
    ] = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show the lists and the forms that rules write to.

    Example: hubwire lists
    """
    with reading(config) as store:
        memory = store.record.marketing
        sizes = [size for size in memory.list_sizes(MAX_LISTS) if key in (None, size.known.key, size.known.name)]
        forms = memory.form_counts(MAX_LISTS) if key is None else []
        shown = sizes if key is not None else []
        changes = [memory.changes_of(size.destination_id, size.known.key, SHOWN_CHANGES) for size in shown]
        names = {number: destination.name for number, destination in store.registry.destinations().items()}
    if json:
        rows = [change for of_list in changes for change in of_list]
        print_json(msgspec.to_builtins({"lists": sizes, "forms": forms, "changes": rows}))
        return
    _print_lists(sizes, names)
    _print_forms(forms, names)
    for of_list in changes:
        _print_changes(of_list)


def _print_lists(sizes: list[ListSize], names: dict[int, str]) -> None:
    rows = table("list", "destination", "of", "members here", "at HubSpot", "newest change (UTC)")
    for size in sizes:
        known = size.known
        rows.add_row(
            cell(_short(known.name)),
            cell(names.get(size.destination_id, "removed")),
            known.object,
            f"{size.member_count:,}",
            "?" if known.size is None else f"{known.size:,}",
            when(size.changed_at_ms) if size.changed_at_ms else "",
        )
    console.print(rows if sizes else "No rule has changed a list yet.")


def _short(name: str) -> str:
    """A name that leaves room for the other columns."""
    return name if len(name) <= SHOWN_NAME else f"{name[: SHOWN_NAME - 3]}..."


def _print_forms(forms: list[FormCount], names: dict[int, str]) -> None:
    if not forms:
        return
    rows = table("form", "destination", "submissions by state", "newest (UTC)")
    for form in forms:
        counts = ", ".join(f"{SUBMISSION_WORDS[state]} {count:,}" for state, count in sorted(form.counts.items()))
        rows.add_row(form.form, cell(names.get(form.destination_id, "removed")), counts, when(form.sent_at_ms))
    console.print(rows)


def _print_changes(changes: list[Membership]) -> None:
    rows = table("who", "on the list", "since a message of (UTC)")
    for change in changes:
        rows.add_row(cell(change.record_key), "yes" if change.is_member else "no", when(change.at_ms))
    console.print(rows)


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(lists)
