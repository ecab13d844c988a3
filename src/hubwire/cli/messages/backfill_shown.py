"""The output of `hubwire import`: the files, the preview, the estimated cost, and the result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hubwire.cli.shared.context import cell, console, json_text, plain, table
from hubwire.cli.shared.portals import duration

if TYPE_CHECKING:
    from hubwire.backfill.estimate import Estimate
    from hubwire.backfill.files import PassedOver
    from hubwire.backfill.imports import ImportOutcome
    from hubwire.backfill.looking import History, Seen
    from hubwire.backfill.preview import FilePreview

MAX_NAMED = 20


def print_seen(history: History) -> None:
    """Print one line for each kind of file, and the columns that are left out."""
    for group in _alike(history.seen):
        first = group[0]
        more = f" and {len(group) - 1:,} more like it" if len(group) > 1 else ""
        rows = sum(seen.count for seen in group if seen.count is not None)
        size = f", {counted(rows, 'row')}" if rows else ""
        times = f", times like {time}" if (time := _sample_time(first)) else ""
        console.print(
            plain(f"{first.part.label}{more}: {first.reader.title} ({first.kind}){size}{times}"), markup=False
        )
        left_out = [use.column for use in first.reader.uses if use.target is None]
        if left_out:
            console.print(plain(f"  left out: {', '.join(left_out)}"), markup=False)
        for note in first.notes:
            console.print(plain(f"  {note}"), markup=False)


def _sample_time(seen: Seen) -> str:
    """A value of the column with the time; empty for documents and without such a column."""
    columns = [use.column for use in seen.reader.uses if use.target == "timestamp" and use.column in seen.samples]
    columns.sort(key=lambda column: column.lower() != "timestamp")
    return str(seen.samples[columns[0]]) if columns else ""


def _alike(seen: Sequence[Seen]) -> list[list[Seen]]:
    """Group files that have the same kind and the same columns."""
    groups: dict[tuple[object, ...], list[Seen]] = {}
    for file in seen:
        key = (file.reader.title, file.kind, tuple(file.reader.uses), tuple(file.notes))
        groups.setdefault(key, []).append(file)
    return list(groups.values())


def counted(count: int, noun: str) -> str:
    """`1 row`, `2,000 rows`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def print_previews(previews: Sequence[FilePreview], passed_over: Sequence[PassedOver] = ()) -> None:
    """Print each file with its columns, its calls, and the left-out columns."""
    for preview in previews:
        _print_preview(preview)
    for file in passed_over:
        console.print(plain(f"skipped: {file.label}: {file.why}"), markup=False)


def _print_preview(preview: FilePreview) -> None:
    more = f" and {preview.more_files:,} more like it" if preview.more_files else ""
    console.print(f"[bold]{cell(preview.file)}[/bold]{more}: {cell(preview.system)} ({cell(preview.kind)})")
    calls = ", ".join(f"{count:,} {name}" for name, count in preview.calls.items()) or "no messages"
    span = f", {preview.first_at} to {preview.last_at}" if preview.first_at else ""
    console.print(f"  {counted(preview.rows, 'row')}: {calls}{span}", markup=False)
    if preview.columns:
        shown = table("column", "sample", "field")
        for column in preview.columns:
            becomes = column.becomes or f"left out: {column.why}"
            shown.add_row(cell(column.column), cell(column.sample), cell(becomes))
        console.print(shown)
    elif preview.example:
        console.print("  the first message:")
        console.print(json_text(preview.example), markup=False)
    if preview.calls and preview.first_at is None:
        console.print("  No row has a time. Hubwire uses the time of the import, so these values replace older ones.")
    elif preview.untimed:
        console.print(f"  {untimed(preview.untimed)}", markup=False)
    for note in preview.notes:
        console.print(plain(f"  {note}"), markup=False)
    for reason, count in preview.left_out.items():
        console.print(plain(f"  skipped, {counted(count, 'row')}: {reason}"), markup=False)
    _print_named(preview.faults, preview.unreadable)


def _print_named(lines: Sequence[str], count: int) -> None:
    for line in lines[:MAX_NAMED]:
        console.print(plain(f"  {line}"), markup=False)
    if count > MAX_NAMED and lines:
        console.print(f"  and {count - MAX_NAMED:,} more; --json shows up to 1,000")


def untimed(count: int) -> str:
    """What becomes of messages without a time."""
    return f"{count:,} without a time: Hubwire uses the time of the import, so their values replace older ones."


def print_outcome(outcome: ImportOutcome) -> None:
    """Print the counts and the rows that were not imported."""
    skipped = f", {outcome.skipped:,} imported by an earlier run" if outcome.skipped else ""
    console.print(
        f"{outcome.read:,} read, {outcome.journaled:,} imported, {outcome.duplicates:,} already known,"
        f" {outcome.unreadable:,} unreadable{skipped}"
    )
    if outcome.untimed:
        console.print(f"  {untimed(outcome.untimed)}", markup=False)
    for reason, count in outcome.left_out.items():
        console.print(plain(f"  skipped, {counted(count, 'row')}: {reason}"), markup=False)
    for name in outcome.passed_over[:MAX_NAMED]:
        console.print(plain(f"  skipped: {name}"), markup=False)
    _print_named(outcome.rejected, outcome.unreadable)
    if outcome.journaled:
        console.print(
            "`hubwire imports --wait` waits for the delivery and shows its outcome, with the number of values that stay"
            " as HubSpot has them because somebody changed them there later.",
            markup=False,
        )
    if outcome.is_useless:
        console.print("Hubwire found no usable row and imported nothing.")


def print_estimates(estimates: list[Estimate]) -> None:
    """Print the estimated cost for each destination."""
    for estimate in estimates:
        name = f"[bold]{cell(estimate.destination)}[/bold]"
        messages, calls = counted(estimate.messages, "message"), counted(estimate.total_calls, "HubSpot call")
        console.print(f"{name}  {messages}, about {calls}")
        rows = table("contacts", "companies", "associations", "events", "new definitions", "held")
        counts = (
            estimate.contacts,
            estimate.companies,
            estimate.associations,
            estimate.events,
            estimate.definitions,
            estimate.held,
        )
        rows.add_row(*(f"{count:,}" for count in counts))
        console.print(rows)
        if estimate.unreadable:
            console.print(f"  {estimate.unreadable:,} unreadable; --preview lists the rows and the reasons")
        for name, count in estimate.calls.items():
            console.print(f"  {count:,} x {name}")
        for reason, count in estimate.held_by.items():
            console.print(f"  Hubwire would hold {counted(count, 'message')}: {reason}")
        for reason, count in estimate.discarded.items():
            console.print(f"  Hubwire would discard {counted(count, 'message')}: {reason}")
        for field, count in list(estimate.left_out.items())[:MAX_NAMED]:
            console.print(plain(f"  left out of {counted(count, 'message')}: {field}"), markup=False)
        console.print(
            f"  {estimate.day_percent:g} % of a day's calls; {duration(estimate.seconds)} at the current rate"
        )
        if estimate.schema_is_default:
            console.print("  The portal could not be read; the estimate assumes HubSpot's default properties.")
