"""`hubwire rule`: the rules of a destination, and tests of rules with messages."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from hubwire.cli.configure.rule_import import import_rules
from hubwire.cli.shared.context import (
    ConfigOption,
    JsonOption,
    cell,
    console,
    left_out,
    plain,
    print_json,
    table,
)
from hubwire.cli.shared.editing import Editor, editing
from hubwire.cli.shared.portals import portal_schema
from hubwire.clock import SystemClock
from hubwire.destination import Destination
from hubwire.errors import SettingsError
from hubwire.plan.presets import PRESETS, preset_rules_of, preset_text, rules_of
from hubwire.rule import Rule

if TYPE_CHECKING:
    from hubwire.manage.rules.testing import RuleFiring, RuleTest
    from hubwire.message import JournalRow

DestinationOption = Annotated[str | None, typer.Option(help="Name of the destination; required if there are several.")]
SEARCHED_MESSAGES = 2_000

app = typer.Typer(help="Rules: what a message becomes in HubSpot.", no_args_is_help=True)


@app.command("list")
def list_rules(destination: DestinationOption = None, json: JsonOption = False, config: ConfigOption = None) -> None:
    """List the rules of a destination, and its default behaviour as rules.

    Example: hubwire rule list
    """
    from hubwire.manage.rules.defaults import default_rules

    with editing(config) as editor:
        target = editor.destination(destination)
    defaults = default_rules(target)
    if json:
        print_json({"rules": target.rules, "preset_rules": preset_rules_of(target), "defaults": defaults})
        return
    rows = table("rule", "on", "trigger", "writes")
    for rule in rules_of(target):
        rows.add_row(cell(rule.name), "yes" if rule.enabled else "no", cell(rule.trigger), cell(rule.does))
    console.print(rows if rules_of(target) else "No rules yet. `hubwire apply` and the console add rules.")
    console.print("\nDefault behaviour (`hubwire destination show` has its switches):", markup=False)
    rows = table("rule", "on", "trigger", "writes")
    for default in defaults:
        notes = " ".join([f"{default.writes}.", *default.notes])
        rows.add_row(default.name, "yes" if default.is_enabled else "no", default.trigger, cell(notes))
    console.print(rows)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name of the rule.")],
    destination: DestinationOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show one rule as a table of an apply file.

    Example: hubwire rule show "Plan"
    """
    from hubwire.manage.rules.changes import find_rule
    from hubwire.manage.rules.files import rules_text

    with editing(config) as editor:
        rule = find_rule(rules_of(editor.destination(destination)), name)
    print_json(rule) if json else typer.echo(rules_text([rule]), nl=False)


@app.command("show-preset")
def show_preset(name: Annotated[str, typer.Argument(help=f"Preset: {', '.join(PRESETS)}.")]) -> None:
    """Show the rules of a preset as a file, to copy and change.

    Example: hubwire rule show-preset orders
    """
    typer.echo(preset_text(name), nl=False)


@app.command("test")
def try_rules(
    rule: Annotated[
        str | None, typer.Argument(help="TOML or JSON file with rules, or the name of a stored rule. Default: all.")
    ] = None,
    message: Annotated[
        str | None,
        typer.Option(help="File of messages, or messageId of a stored one. Default: the latest that a rule fires for."),
    ] = None,
    source: Annotated[str | None, typer.Option(help="Source of the messages in a file. Default: the first.")] = None,
    destination: DestinationOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Test rules with messages: which rules fire, the origin of each value, and what would be written.

    Rules of a file take the place of stored rules with the same name. The command reads HubSpot, and changes nothing.

    Example: hubwire rule test rules.toml --message messages.ndjson
    """
    with editing(config) as editor:
        stored = editor.destination(destination)
        tested = _tested_rules(stored, rule)
        target = _with_rules(stored, tested)
        rows = _rows(editor, target, tested, message, source)
        results = _results(editor, target, rows)
    names = {rule.name for rule in tested}
    for result in results:
        shown = [firing for firing in result.rules if firing.name in names]
        if not json:
            _print_result(result, shown)
    if json:
        print_json(results)


def _tested_rules(target: Destination, rule: str | None) -> list[Rule]:
    from hubwire.manage.rules.changes import find_rule
    from hubwire.manage.rules.files import read_rules

    if rule is None:
        return list(target.rules)
    path = Path(rule)
    given = read_rules(path) if path.is_file() else [find_rule(target.rules, rule)]
    return [msgspec.structs.replace(tested, enabled=True) for tested in given]


def _with_rules(target: Destination, tested: Sequence[Rule]) -> Destination:
    """The destination with the tested rules in the place of its rules of these names. Errors: BadValue."""
    from hubwire.manage.rules.changes import with_rule
    from hubwire.plan.rules.checks import check_destination

    rules = target.rules
    for rule in tested:
        replaces = rule.name if any(known.name == rule.name for known in rules) else None
        rules = with_rule(rules, rule, replaces)
    changed = msgspec.structs.replace(target, rules=rules)
    check_destination(changed)
    return changed


def _rows(
    editor: Editor, target: Destination, tested: Sequence[Rule], message: str | None, source: str | None
) -> list[JournalRow]:
    """The rows of the messages to test with. Errors: SettingsError if there are none."""
    from hubwire.cli.shared.history import looked, read_options
    from hubwire.manage.dryrun import rows_of_file
    from hubwire.manage.rules.testing import fires_for
    from hubwire.manage.schema.portal_contents import newest_rows

    if message is None:
        for row in reversed(newest_rows(editor.store.journal, target, SEARCHED_MESSAGES)):
            if any(fires_for(rule, row) for rule in tested):
                return [row]
        raise SettingsError(
            f"no rule fires for any of the newest {SEARCHED_MESSAGES:,} messages", hint="Give one with --message FILE."
        )
    if message == "-" or Path(message).exists():
        history = looked([message], read_options(None, None, None, None), Path(editor.settings.data))
        file = rows_of_file(editor.store, source, history, SystemClock())
        for line in file.unreadable:
            typer.secho(plain(line), fg="yellow", err=True)
        return file.rows
    rows = editor.store.journal.find(message)
    if not rows:
        raise SettingsError(f"{message!r} is neither a file nor the messageId of a stored message")
    return rows


def _results(editor: Editor, target: Destination, rows: Sequence[JournalRow]) -> list[RuleTest]:
    from hubwire.deliver.preview import preview
    from hubwire.manage.rules.testing import RuleTest, firings

    registry = editor.store.registry
    schema, is_default = asyncio.run(portal_schema(registry, editor.settings, target))
    runs, _ = preview(rows, target, registry.sources(), schema, editor.store.record.links)
    return [
        RuleTest(
            message_id=row.message_id,
            rules=firings(target, row, schema, run.person),
            plan=msgspec.structs.replace(run, schema_is_default=is_default),
        )
        for row, run in zip(rows, runs, strict=True)
    ]


def _print_result(result: RuleTest, fired: Sequence[RuleFiring]) -> None:
    run = result.plan
    outcome = "planned" if run.reason is None else f"{run.state}: {run.reason} {run.detail}".rstrip()
    console.print(f"[bold]{cell(result.message_id)}[/bold]  {cell(outcome)}")
    for firing in fired:
        word = "fires" if firing.fires else "is off" if not firing.is_enabled else "does not fire"
        console.print(plain(f"  rule {firing.name} {word}"), markup=False)
        for field in firing.fields:
            value = field.problem or msgspec.json.encode(field.value).decode()
            origin = field.origin if isinstance(field.origin, str) else msgspec.json.encode(field.origin).decode()
            console.print(plain(f"    {field.name} <- {origin}: {value}"), markup=False)
    for operation in run.operations:
        console.print(plain(f"  {operation.kind} {operation.key} {operation.note}"), markup=False)
        for written in operation.fields:
            console.print(plain(f"    {written.name} = {written.value!r}  ({written.rule})"), markup=False)
    for item in run.left_out:
        console.print(f"  {left_out(item.field, item.reason, item.detail)}", markup=False)


def register(root: typer.Typer) -> None:
    """Add these commands."""
    app.command("import")(import_rules)
    root.add_typer(app, name="rule")
