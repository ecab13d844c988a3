"""Messages and their outcomes: lists, one message in full, and exports."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Annotated

import msgspec
import typer

from hubwire.backends.store import Store
from hubwire.cli.messages.replay import parts_of
from hubwire.cli.messages.who import print_identity
from hubwire.cli.shared.context import (
    ConfigOption,
    JsonOption,
    cell,
    console,
    explained,
    json_text,
    left_out,
    plain,
    print_json,
    reading,
    table,
    when,
)
from hubwire.cli.shared.editing import ACTOR
from hubwire.cli.shared.filters import Chosen, chosen, with_filters
from hubwire.manage import decisions
from hubwire.manage.export import exported
from hubwire.reasons import Reason
from hubwire.record.message_filter import MessageFilter
from hubwire.record.queries import MessageDetail, MessageSummary, Queries

LOOK_SECONDS = 1.0
FOLLOWED_MESSAGES = 1_000
"""The most new messages of one look."""


@with_filters()
def messages(
    filters: Chosen,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many messages, newest first.")] = 50,
    json: JsonOption = False,
    ndjson: Annotated[
        bool, typer.Option("--ndjson", help="Print the messages themselves, one per line, for hubwire import and plan.")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Print new messages as they arrive, until Ctrl-C.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """List messages with their outcomes, newest first.

    Example: hubwire messages --state dead --since 2h
    """
    with reading(config) as store:
        message_filter = chosen(store.registry, filters, limit)
        if follow:
            _follow(store, message_filter, json)
            return
        if ndjson:
            _print_messages(store, message_filter)
            return
        summaries = store.queries.messages(message_filter)
        known = store.statistics.identity(message_filter.user) if message_filter.user is not None else None
    if json:
        print_json(summaries)
        return
    if known is not None:
        print_identity(known)
    rows = table("received (UTC)", "message", "type", "what", "who", "outcome")
    for summary in summaries:
        who = summary.user_id or summary.anonymous_id or summary.email or "-"
        what = (cell(text) for text in (summary.message_id, summary.type, summary.event or "", who))
        rows.add_row(when(summary.received_at_ms), *what, _outcome(summary))
    console.print(rows if summaries else "No messages match.")


def _follow(store: Store, message_filter: MessageFilter, json: bool) -> None:
    """Print messages that match, the oldest first, as they arrive: first those that the list would show."""
    try:
        for summary in arriving(store.queries, message_filter, lambda: time.sleep(LOOK_SECONDS)):
            if json:
                typer.echo(msgspec.json.encode(summary).decode())
            else:
                who = summary.user_id or summary.anonymous_id or summary.email or "-"
                what = " ".join(
                    cell(text) for text in (summary.type, summary.event or "", who, summary.message_id) if text
                )
                console.print(f"{when(summary.received_at_ms)}  {what}  {_outcome(summary)}")
    except KeyboardInterrupt:
        return


def arriving(queries: Queries, message_filter: MessageFilter, wait: Callable[[], None]) -> Iterator[MessageSummary]:
    """Messages that match, the oldest first; then for ever those that arrive. `wait` comes before each look."""
    seen = 0
    while True:
        found = [summary for summary in queries.messages(message_filter) if summary.position > seen]
        yield from reversed(found)
        seen = max([seen, *(summary.position for summary in found)])
        message_filter = msgspec.structs.replace(message_filter, limit=FOLLOWED_MESSAGES)
        wait()


def _print_messages(store: Store, message_filter: MessageFilter) -> None:
    decisions.note_export(parts_of(store), ACTOR, message_filter)
    for page in exported(store.queries, store.journal, message_filter):
        typer.echo(page.decode(), nl=False)


def _outcome(summary: MessageSummary) -> str:
    if summary.rejected:
        return "erased" if summary.rejected == Reason.SUPPRESSED else f"rejected: {summary.rejected}"
    return ", ".join(f"{fate.state}{': ' + fate.reason if fate.reason else ''}" for fate in summary.fates) or "-"


def message(
    message_id: Annotated[str, typer.Argument(help="The messageId.")],
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show one message with its calls. Also its outcome and the reason.

    Example: hubwire message ajs-next-1795443352381-5e00eee6
    """
    with reading(config) as store:
        details = store.queries.message(message_id)
    if not details:
        typer.secho(f"hubwire: no message {message_id!r}; `hubwire messages` lists the latest", fg="red", err=True)
        raise typer.Exit(1)
    if json:
        print_json(details)
        return
    for detail in details:
        _print_message(detail)


def _print_message(detail: MessageDetail) -> None:
    summary = detail.summary
    received = f"received {when(summary.received_at_ms)} UTC"
    console.print(f"[bold]{cell(summary.type)}[/bold] {cell(summary.message_id)}  {received}")
    console.print(json_text(detail.body), markup=False)
    if summary.rejected:
        _print_reason("erased" if summary.rejected == Reason.SUPPRESSED else "rejected", summary.rejected, "")
    for fate in summary.fates:
        _print_reason(fate.state, fate.reason, fate.detail)
        for item in fate.left_out:
            console.print(f"    {left_out(item['field'], item['reason'], item['detail'])}", markup=False)
    for attempt in detail.attempts:
        console.print(
            f"  {attempt.call} -> {attempt.status or 'no answer'} {attempt.outcome} in {attempt.duration_ms} ms"
            f" (with {attempt.message_count} messages) {attempt.correlation_id}",
            markup=False,
        )


def _print_reason(state: str, reason: str | None, detail: str) -> None:
    console.print(plain(f"  {state}{': ' + reason if reason else ''} {detail}"), markup=False)
    explanation = explained(reason)
    if explanation:
        console.print(f"    {explanation}", markup=False)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (messages, message):
        app.command()(command)
