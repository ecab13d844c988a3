"""Looking: status, failures, messages, one message, the audit log."""

from __future__ import annotations

import time
from typing import Annotated

import msgspec
import typer

from hubwire.backends.store import Store
from hubwire.cli.changing import ACTOR
from hubwire.cli.context import ConfigOption, JsonOption, cell, console, plain, print_json, reading, table, when
from hubwire.cli.decide import parts_of
from hubwire.cli.filters import (
    DestinationOption,
    EventOption,
    ReasonOption,
    RejectedOption,
    SearchOption,
    SinceOption,
    SourceOption,
    StateOption,
    TypeOption,
    UntilOption,
    UserOption,
    chosen,
)
from hubwire.clock import SystemClock
from hubwire.console.asked import WindowName, moment_ms
from hubwire.console.asked import window as window_of
from hubwire.delivery import State
from hubwire.export import exported
from hubwire.manage import decisions
from hubwire.reasons import Reason, explain
from hubwire.record.queries import LaneStatus, MessageDetail, MessageFilter, MessageSummary
from hubwire.record.replay import ReplayState
from hubwire.record.statistics import STAGES, Funnel, Identity
from hubwire.record.waits import Waits

POLL_SECONDS = 0.25
RECENT_REPLAYS = 20
URGENCY = (State.DEAD, State.RETRYING, State.HELD)
WindowOption = Annotated[
    WindowName | None, typer.Option(help="Also the stages of what was received in this time; they add up.")
]


def status(
    wait_drained: Annotated[
        bool, typer.Option("--wait-drained", help="Wait until nothing is left to deliver.")
    ] = False,
    timeout: Annotated[float, typer.Option(help="Longest wait in seconds; then exit 1.")] = 300.0,
    window: WindowOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Where each destination stands: backlog, lag, counts by outcome, HubSpot calls, budget.

    Example: hubwire status --wait-drained --timeout 60
    """
    with reading(config) as store:
        lanes, drained = _standing(store, timeout if wait_drained else 0.0)
        seen = [] if window is None else _seen(store, lanes, window)
    if json:
        print_json({"destinations": lanes, "is_drained": drained, **({"window": seen} if window else {})})
    else:
        for lane in lanes:
            _print_lane(lane)
        for lane, one in zip(lanes, seen, strict=False):
            _print_seen(lane.name, one)
        if not lanes:
            console.print("No destination yet: add one with `hubwire destination add` or in the console.")
    if wait_drained and not drained:
        typer.secho(f"hubwire: not drained after {timeout:.0f} s", fg="red", err=True)
        raise typer.Exit(1)


def _standing(store: Store, longest_seconds: float) -> tuple[list[LaneStatus], bool]:
    """Every lane, and whether all are drained; waits for that so long."""
    deadline = time.monotonic() + longest_seconds
    while True:
        lanes = store.queries.lanes(SystemClock().now_ms())
        is_fed = all(one.state is not ReplayState.RUNNING for one in store.replays.recent(RECENT_REPLAYS))
        is_drained = is_fed and all(lane.is_drained for lane in lanes)
        if is_drained or time.monotonic() >= deadline:
            return lanes, is_drained
        time.sleep(POLL_SECONDS)


class Seen(msgspec.Struct):
    """What a window says of one destination."""

    funnel: Funnel
    waits: Waits | None


def _seen(store: Store, lanes: list[LaneStatus], name: str) -> list[Seen]:
    window, statistics = window_of({"window": name}, SystemClock().now_ms()), store.statistics
    bounds = (window.since_ms, window.until_ms)
    return [
        Seen(statistics.funnel(lane.destination_id, *bounds), statistics.waits(lane.destination_id, *bounds))
        for lane in lanes
    ]


def _print_seen(name: str, seen: Seen) -> None:
    funnel, waits = seen.funnel, seen.waits
    counts = ((stage.replace("_", " "), getattr(funnel, stage)) for stage in STAGES)
    sums = " + ".join(f"{count} {words}" for words, count in counts if count) or "0"
    console.print(f"{name}: {funnel.received} received = {sums}", markup=False)
    if waits is not None:
        within = f"half within {waits.p50_ms / 1000:,.1f} s, 95 % within {waits.p95_ms / 1000:,.1f} s"
        console.print(f"  from received to settled: {within}", markup=False)


def _print_lane(lane: LaneStatus) -> None:
    console.print(f"[bold]{lane.name}[/bold]  hub {lane.hub_id or '?'}  {lane.state}")
    if lane.stopped_reason:
        console.print(f"  stopped: {lane.stopped_reason} {lane.stopped_detail}", style="red")
        if lane.resume_at_ms:
            console.print(f"  tries again at {when(lane.resume_at_ms)} UTC")
    rows = table("backlog", "lag s", "taken", "delivered", "discarded", "held", "pending", "retrying", "dead", "calls")
    rows.add_row(
        str(lane.backlog_count),
        f"{lane.lag_seconds:.1f}",
        *(str(getattr(lane, name)) for name in ("taken", "delivered", "discarded", "held", "pending", "retrying")),
        str(lane.dead),
        str(lane.calls),
    )
    console.print(rows)
    budget = lane.budget
    if "limit" in budget:
        console.print(
            f"  {budget['rate']}; today {budget['used']:,} of {budget['limit']:,} calls,"
            f" {budget['projected']:,} by {when(budget.get('day_ends_at_ms'))} UTC at the present rate"
        )


def messages(
    state: StateOption = None,
    reason: ReasonOption = None,
    user: UserOption = None,
    kind: TypeOption = None,
    event: EventOption = None,
    source: SourceOption = None,
    destination: DestinationOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    search: SearchOption = None,
    rejected: RejectedOption = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many, newest first.")] = 50,
    json: JsonOption = False,
    ndjson: Annotated[
        bool, typer.Option("--ndjson", help="The messages themselves, one a line: for hubwire import and plan.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Messages and what became of them, newest first.

    Example: hubwire messages --state dead --reason invalid-input
    """
    filters = {"state": state, "reason": reason, "user": user, "type": kind, "event": event}
    others = {"source": source, "destination": destination, "since": since, "until": until}
    others |= {"q": search, "rejected": None if rejected is None else str(int(rejected))}
    with reading(config) as store:
        wanted = chosen(store.registry, filters | others, limit)
        if ndjson:
            _print_messages(store, wanted)
            return
        found = store.queries.messages(wanted)
        known = store.statistics.identity(user) if user is not None else None
    if json:
        print_json(found)
        return
    if known is not None:
        _print_identity(known)
    rows = table("received (UTC)", "message", "type", "what", "who", "outcome")
    for one in found:
        who = one.user_id or one.anonymous_id or one.email or "-"
        what = (cell(text) for text in (one.message_id, one.type, one.event or "", who))
        rows.add_row(when(one.received_at_ms), *what, _outcome(one))
    console.print(rows if found else "No message fits.")


def _print_messages(store: Store, wanted: MessageFilter) -> None:
    decisions.note_export(parts_of(store), ACTOR, wanted)
    for page in exported(store.queries, store.journal, wanted):
        typer.echo(page.decode(), nl=False)


WORDS_OF_STRENGTH = {3: "identify", 2: "context.traits", 1: "properties.email", 0: "alias or another id"}


def _print_identity(known: Identity) -> None:
    """Who this is, and which call said so: why their messages go where they go."""
    for link in known.links:
        said = WORDS_OF_STRENGTH[link.strength]
        learnt = f"({said}, {when(link.at_ms)} UTC, {link.space})"
        console.print(plain(f"{link.key} -> {link.target}  {learnt}"), markup=False)
    for one in known.records:
        companies = f", with {', '.join(one.associated)}" if one.associated else ""
        record = f"record {one.record_id or '?'} in HubSpot"
        console.print(plain(f"{one.kind} {one.key} is {record}{companies}"), markup=False)
    if not known.links and not known.records:
        console.print("Nothing is known of this identity: messages without an e-mail are held until it is identified.")


def _outcome(summary: MessageSummary) -> str:
    if summary.rejected:
        return f"rejected: {summary.rejected}"
    return ", ".join(f"{fate.state}{': ' + fate.reason if fate.reason else ''}" for fate in summary.fates) or "-"


def message(
    message_id: Annotated[str, typer.Argument(help="The messageId.")],
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """One message, whole: what came in, what became of it and why, what was asked of HubSpot.

    Example: hubwire message ajs-next-1795443352381-5e00eee6
    """
    with reading(config) as store:
        details = store.queries.message(message_id)
    if not details:
        typer.secho(f"hubwire: no message {message_id!r}", fg="red", err=True)
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
    console.print(msgspec.json.format(msgspec.json.encode(detail.body)).decode(), markup=False)
    if summary.rejected:
        _print_reason("rejected", summary.rejected, "")
    for fate in summary.fates:
        _print_reason(str(fate.state), fate.reason, fate.detail)
        for item in fate.left_out:
            console.print(plain(f"    left out: {item['field']}: {item['reason']} {item['detail']}"), markup=False)
    for attempt in detail.attempts:
        console.print(
            f"  {attempt.call} -> {attempt.status or 'no answer'} {attempt.outcome} in {attempt.duration_ms} ms"
            f" (with {attempt.message_count} messages) {attempt.correlation_id}",
            markup=False,
        )


def _print_reason(state: str, reason: str | None, detail: str) -> None:
    console.print(plain(f"  {state}{': ' + reason if reason else ''} {detail}"), markup=False)
    if reason in set(Reason):
        explanation = explain(Reason(reason))
        console.print(f"    {explanation.cause} {explanation.remedy}", markup=False)


def failures(json: JsonOption = False, config: ConfigOption = None) -> None:
    """What did not arrive, grouped by cause, with what helps: dead, held and pending retry.

    Example: hubwire failures
    """
    with reading(config) as store:
        found = sorted(store.queries.failures(), key=lambda one: (URGENCY.index(one.state), -one.count))
        names = {number: one.name for number, one in store.registry.destinations().items()}
    if json:
        print_json(found)
        return
    for one in found:
        console.print(f"[bold]{one.count}[/bold] {one.state}: {one.reason}  {names.get(one.destination_id, 'removed')}")
        console.print(f"  first {when(one.first_at_ms)}, last {when(one.last_at_ms)} UTC")
        if one.reason in set(Reason):
            explanation = explain(Reason(one.reason))
            console.print(f"  {explanation.cause} {explanation.remedy}", markup=False)
        if one.sample_detail:
            console.print(f"  {plain(one.sample_detail)}", markup=False)
    if not found:
        console.print("Nothing failed.")


def audit(
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many, newest first.")] = 100,
    before: Annotated[str | None, typer.Option(help="Only older ones: 2026-11-23T18:00 (UTC).")] = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Who changed what, and when, newest first.

    Example: hubwire audit --limit 20
    """
    before_ms = moment_ms({"before": before} if before else {}, "before")
    with reading(config) as store:
        found = store.registry.audit(limit, before_ms)
    if json:
        print_json(found)
        return
    rows = table("when (UTC)", "who", "what", "detail")
    for one in found:
        rows.add_row(when(one.at_ms), cell(one.actor), one.action, cell(one.detail))
    console.print(rows if found else "Nothing was changed yet.")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (status, messages, message, failures, audit):
        app.command()(command)
