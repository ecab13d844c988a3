"""`hubwire forget`: delete a person in HubSpot and here, suppress later messages, print a receipt."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

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
    Editor,
    YesOption,
    confirmed,
    editing,
)
from hubwire.clock import SystemClock
from hubwire.errors import SettingsError
from hubwire.record.privacy import RegulationType

if TYPE_CHECKING:
    from hubwire.privacy.receipt import AtHubSpot, Receipt

POLL_SECONDS = 0.5
LONGEST_SECONDS = 600.0
SHOWN = 100


def forget(
    subject: Annotated[str, typer.Argument(help="E-mail address; with --user-id, a userId.")],
    user_id: Annotated[bool, typer.Option("--user-id", help="The subject is a userId.")] = False,
    keep_hubspot: Annotated[bool, typer.Option("--keep-hubspot", help="Delete only here, not in HubSpot.")] = False,
    no_suppress: Annotated[bool, typer.Option("--no-suppress", help="Accept later messages of this person.")] = False,
    lift: Annotated[bool, typer.Option("--lift", help="Only end an earlier suppression.")] = False,
    yes: YesOption = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Delete a person, and print a receipt. Deletes in HubSpot and here, and suppresses later messages.

    You cannot undo this. HubSpot also blocks the address from being created again.

    Example: hubwire forget peter@example.com
    """
    type_ = _type(keep_hubspot=keep_hubspot, no_suppress=no_suppress, lift=lift)
    with editing(config) as editor:
        if type_.deletes:
            there = ", ".join(destination.name for destination in editor.store.registry.destinations().values())
            where = f"here and in {there or 'no destination'}" if type_.reaches_hubspot else "here"
            confirmed(f"Delete {subject} {where}? You cannot undo this.", yes)
        receipt = _carry_out(editor, type_, "USER_ID" if user_id else "EMAIL", subject)
    if json:
        print_json(receipt)
    else:
        _print(receipt)
    if receipt.state != "FINISHED":
        raise typer.Exit(1)


def _type(*, keep_hubspot: bool, no_suppress: bool, lift: bool) -> RegulationType:
    if lift:
        if keep_hubspot or no_suppress:
            raise typer.BadParameter("use --lift without --keep-hubspot and --no-suppress")
        return RegulationType.UNSUPPRESS
    name = "DELETE_INTERNAL" if keep_hubspot else "DELETE"
    if no_suppress:
        return RegulationType(name if keep_hubspot else "DELETE_ONLY")
    return RegulationType(f"SUPPRESS_WITH_{name}")


def _carry_out(editor: Editor, type_: RegulationType, subject_type: str, subject: str) -> Receipt:
    from hubwire.installation.clients import ClientFactory
    from hubwire.privacy.forget import Forgetter

    clock = SystemClock()
    with _sandbox(editor) as sandbox_url:
        clients = ClientFactory(editor.store.registry, clock, editor.settings, sandbox_url)
        forgetter = Forgetter(editor.store, clients.make, clock)
        regulation_id = forgetter.request(type_, subject_type, [subject], ACTOR).regulation_id
        receipt = asyncio.run(forgetter.run(regulation_id, is_last_try=True))
        return receipt or _wait_for(editor, regulation_id)


def _wait_for(editor: Editor, regulation_id: str) -> Receipt:
    """The receipt of a request that the running server started first."""
    from hubwire.privacy.receipt import Receipt

    deadline = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline:
        regulation = editor.store.privacy.regulation(regulation_id)
        if regulation is not None and regulation.state.is_final:
            return Receipt.of(regulation)
        time.sleep(POLL_SECONDS)
    raise SettingsError(f"deletion request {regulation_id} is still running", hint="The server continues it.")


@contextmanager
def _sandbox(editor: Editor) -> Iterator[str | None]:
    """The URL of the sandbox's emulator, started for this command if a destination needs it and no server runs."""
    from hubwire.installation.local import find_local_server
    from hubwire.installation.sandbox import Sandbox

    needs_it = any(destination.is_sandbox for destination in editor.store.registry.destinations().values())
    if not needs_it or find_local_server(editor.settings) is not None:
        yield None
        return
    sandbox = Sandbox(editor.settings)
    sandbox.start()
    try:
        yield sandbox.base_url
    finally:
        sandbox.stop()


def _print(receipt: Receipt) -> None:
    console.print(f"[bold]Receipt {receipt.regulation_id}[/bold]  {receipt.type}: {receipt.state}")
    console.print(f"  requested {when(receipt.requested_at_ms)} UTC, finished {when(receipt.finished_at_ms)} UTC")
    if receipt.type is RegulationType.UNSUPPRESS:
        console.print(f"  {receipt.lifted} suppressed ids are accepted again")
        return
    if receipt.is_known:
        console.print(f"  known addresses: {receipt.emails}, known ids: {receipt.ids}")
    else:
        console.print("  nobody is known by this id; this was done anyway:", style="yellow")
    for portal in receipt.hubspot:
        console.print(
            f"  {portal.destination} (Hub ID {portal.hub_id or '?'}): {_outcome_at(portal, receipt)}", markup=False
        )
    if receipt.found_anything:
        _print_found(receipt)
    elif receipt.type.deletes:
        console.print("  nothing to delete here")
    if receipt.is_suppressed:
        console.print("  later messages: counted, not stored")
    if receipt.mentions_kept:
        console.print(f"  kept: {receipt.mentions_kept} messages of other people that contain the address")
    if receipt.not_covered:
        console.print("  not covered: " + "; ".join(receipt.not_covered))


def _outcome_at(portal: AtHubSpot, receipt: Receipt) -> str:
    if portal.error:
        return f"{portal.state}: {portal.error}"
    if not receipt.emails:
        return "no request sent: the person's e-mail address is unknown, and HubSpot finds people only by it"
    noun = "address" if portal.deleted == 1 else "addresses"
    return f"{portal.deleted} {noun} deleted, and blocked from being created again"


def _print_found(receipt: Receipt) -> None:
    console.print(
        f"  messages emptied: {receipt.messages}; removed: deliveries {receipt.deliveries}, links {receipt.links},"
        f" contacts {receipt.contacts}, associations {receipt.associations},"
        f" lists, subscriptions and submissions {receipt.marketing}, orders and other records {receipt.records};"
        f" cleaned: copies of calls {receipt.attempts}, texts {receipt.words}"
    )


def regulations(
    regulation_id: Annotated[
        str | None, typer.Argument(help="Show the receipt of this request. Default: list the newest requests.")
    ] = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List deletion requests, or show a receipt. Neither names the person.

    Example: hubwire regulations
    """
    from hubwire.privacy.receipt import Receipt

    with reading(config) as store:
        recent = store.privacy.regulations(SHOWN)
        regulation = store.privacy.regulation(regulation_id) if regulation_id is not None else None
    if regulation_id is not None:
        if regulation is None:
            raise SettingsError(f"no deletion request {regulation_id!r}", hint="`hubwire regulations` lists them.")
        receipt = Receipt.of(regulation)
        print_json(receipt) if json else _print(receipt)
        return
    if json:
        print_json([Receipt.of(listed) for listed in recent])
        return
    rows = table("request", "requested (UTC)", "type", "people", "state", "finished (UTC)")
    for each in recent:
        ends = (str(each.state), when(each.finished_at_ms))
        rows.add_row(each.regulation_id, when(each.created_at_ms), str(each.type), str(each.subject_count), *ends)
    console.print(rows if recent else "No deletion requests yet.")


def register(root: typer.Typer) -> None:
    """Add these commands."""
    for command in (forget, regulations):
        root.command()(command)
