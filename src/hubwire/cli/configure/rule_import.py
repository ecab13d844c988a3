"""`hubwire rule import`: rules from the configuration of Segment or RudderStack."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from hubwire.cli.shared.context import ConfigOption, JsonOption, cell, console, plain, print_json, worded
from hubwire.cli.shared.editing import Editor, YesOption, confirmed, editing
from hubwire.clock import SystemClock
from hubwire.destination import DEFAULTS, Destination
from hubwire.errors import HubSpotError, SettingsError

if TYPE_CHECKING:
    from hubwire.manage.takeover import TakeOver

STYLES = {"taken over": "green", "taken over, off": "yellow", "not taken over": "red"}


def import_rules(
    files: Annotated[list[Path], typer.Argument(help="Files or folders: .tf, .json, .yaml.")],
    destination: Annotated[
        str | None, typer.Option(help="Destination that gets the rules; required if there are several.")
    ] = None,
    only: Annotated[
        str | None, typer.Option("--from", help="Name of the one destination in the files to take over.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write an apply file instead of changing the destination.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the rules and the verdicts.")] = False,
    keep_defaults: Annotated[
        bool, typer.Option("--keep-defaults", help="Leave the default behaviour as it is.")
    ] = False,
    yes: YesOption = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Take over a HubSpot destination of Segment or RudderStack. Shows a verdict for each part, and asks.

    Reads Terraform files, JSON of Segment's Public API, RudderStack's workspace export, and files of rudder-cli. The
    default behaviour is turned off, as in Segment, where nothing happens without a subscription. Secrets are not read,
    and code is not run. With --json, the command asks no question: add --yes to apply.

    Example: hubwire rule import segment.tf --destination hubspot --dry-run
    """
    from hubwire.manage.takeover import read_findings, take_over

    result = take_over(read_findings(files), only)
    if not result.lines:
        raise SettingsError(
            "the files hold no HubSpot destination of Segment or RudderStack",
            hint="They hold other destinations." if result.passed_over else None,
        )
    with editing(config) as editor:
        before = editor.destination(destination)
        after = _changed(before, result, keep_defaults)
        notes = _notes(editor, before, after, result)
        applies = not dry_run and out is None and (yes or not json) and after != before
        if not json:
            _print(result, notes, before, after)
        if out is not None:
            _write(out, after, result)
        elif applies:
            confirmed(f"Give the destination {before.name} these {len(result.rules)} rules?", yes)
            editor.save_destination(after)
    if json:
        print_json(
            {
                "parts": result.lines,
                "rules": result.rules,
                "defaults": after.defaults,
                "notes": notes,
                "applied": applies,
            }
        )
    elif out is not None:
        console.print(plain(f"Written. Next: hubwire apply {out}"), markup=False)
    elif applies:
        console.print("Applied. `hubwire rule test` shows what the rules make of your messages.", markup=False)


def _changed(before: Destination, result: TakeOver, keep_defaults: bool) -> Destination:
    """The destination with the imported rules; a rule of the same name is replaced, so an import can be repeated."""
    new = {rule.name: rule for rule in result.rules}
    kept = [new.pop(rule.name, rule) for rule in before.rules]
    changes: dict[str, object] = {"rules": (*kept, *new.values())}
    if result.replaces_defaults and not keep_defaults:
        changes["defaults"] = tuple(name for name in DEFAULTS if name in result.defaults)
    if result.contact_key:
        changes["contact_key"] = result.contact_key
    if result.load_forms_sdk:
        changes["load_forms_sdk"] = True
    return msgspec.structs.replace(before, **changes)


def _notes(editor: Editor, before: Destination, after: Destination, result: TakeOver) -> list[str]:
    """What a person has to do or to know besides."""
    notes = []
    other_hubs = sorted(result.hub_ids - {before.hub_id or ""})
    if before.hub_id is not None and other_hubs:
        notes.append(
            f"The files are for hub {', '.join(other_hubs)}; {before.name} is hub {before.hub_id}. "
            f"HubSpot takes an event named pe{other_hubs[0]}_… only there."
        )
    if result.secrets and editor.store.registry.token(before.destination_id) is None:
        names = ", ".join(result.secrets)
        notes.append(f"The token of {names} is not read from the files: hubwire destination token {before.name}")
    if result.passed_over:
        parts = "1 part" if result.passed_over == 1 else f"{result.passed_over} parts"
        notes.append(f"Passed over: {parts} of other destinations.")
    return notes + _portal_notes(editor, before, after)


def _portal_notes(editor: Editor, before: Destination, after: Destination) -> list[str]:
    """What the portal lacks for the new rules; nothing if it cannot be read."""
    from hubwire.installation.clients import ClientFactory
    from hubwire.manage.rules.portal_checks import portal_fault
    from hubwire.manage.schema.portal_contents import read_contents

    client = ClientFactory(editor.store.registry, SystemClock(), editor.settings).make(before)
    if client is None:
        return ["The destination has no token yet, so the rules are not compared with HubSpot."]

    async def read() -> list[str]:
        async with client:
            contents = await read_contents(client, after, SystemClock())
        faults = [portal_fault(rule, after, contents) for rule in after.rules if rule.enabled and rule.writes]
        return [f"{fault}. {fault.hint}".strip() for fault in faults if fault is not None]

    try:
        return asyncio.run(read())
    except HubSpotError as exc:
        return [f"The rules are not compared with HubSpot: {exc}"]


def _print(result: TakeOver, notes: Sequence[str], before: Destination, after: Destination) -> None:
    for line in result.lines:
        console.print(f"[{STYLES.get(line.verdict, 'cyan')}]{line.verdict}[/]  {cell(line.kind)} {cell(line.name)}")
        if line.reason:
            console.print(plain(f"    {line.reason}"), markup=False)
        for warning in line.warnings:
            console.print(plain(f"    note: {warning}"), markup=False)
        for rule in result.rules:
            if rule.name in line.rules:
                off = "" if rule.enabled else " (off)"
                console.print(plain(f"    rule {rule.name}{off}: {rule.trigger} -> {rule.does}"), markup=False)
    counts = Counter(str(line.verdict) for line in result.lines)
    console.print("\n" + ", ".join(f"{count} {verdict}" for verdict, count in counts.items()) + ".", markup=False)
    for name in ("defaults", "contact_key", "load_forms_sdk"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            words = "none" if new == () else worded(new)
            console.print(plain(f"{name}: {'all' if old is None else worded(old)} -> {words}"), markup=False)
    for note in notes:
        console.print(plain(note), style="yellow", markup=False)


def _write(out: Path, after: Destination, result: TakeOver) -> None:
    """The apply file: the destination's options and all its rules, with the verdicts as comments."""
    from hubwire.manage.rules.files import rules_text, toml_value

    if out.exists():
        raise SettingsError(f"{out} already exists", hint="Choose another name, or remove it.")
    lines = [f"# {line.verdict}: {line.kind} {line.name}" for line in result.lines if not line.rules]
    lines += ["[[destination]]", f"name = {toml_value(after.name)}"]
    if after.defaults is not None:
        lines.append(f"defaults = {toml_value(after.defaults)}")
    if after.contact_key:
        lines.append(f"contact_key = {toml_value(after.contact_key)}")
    if after.load_forms_sdk:
        lines.append("load_forms_sdk = true")
    comments: dict[str, list[str]] = {}
    for line in result.lines:
        for name in line.rules[:1]:
            comments[name] = [f"{line.verdict}: {line.kind} {line.name}", *filter(None, [line.reason]), *line.warnings]
    one_line = {name: [" ".join(text.split()) for text in texts] for name, texts in comments.items()}
    text = "\n".join(" ".join(line.split()) for line in lines) + "\n\n" + rules_text(after.rules, one_line)
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise SettingsError(f"{out}: {exc.strerror}") from exc
