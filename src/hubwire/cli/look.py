"""Looking: status, messages, message, and replay of what was looked at."""

from __future__ import annotations

import time
from typing import Annotated

import msgspec
import typer

from hubwire.cli.context import ConfigOption, JsonOption, console, print_json, reading, table, when
from hubwire.clock import SystemClock
from hubwire.delivery import State
from hubwire.errors import SettingsError
from hubwire.reasons import Reason, explain
from hubwire.record.queries import LaneStatus, MessageDetail, MessageFilter, MessageSummary
from hubwire.record.replay import SLICE_MESSAGES, ReplayState
from hubwire.record.statistics import Identity

POLL_SECONDS = 0.25
RECENT_REPLAYS = 20
ACTOR = "command line"
REPLAYABLE = (State.DEAD, State.DISCARDED, State.HELD, State.DELIVERED)


def status(
    wait_drained: Annotated[
        bool, typer.Option("--wait-drained", help="Wait until nothing is left to deliver.")
    ] = False,
    timeout: Annotated[float, typer.Option(help="Longest wait in seconds; then exit 1.")] = 300.0,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Where each destination stands: backlog, lag, counts by outcome, HubSpot calls, budget.

    Example: hubwire status --wait-drained --timeout 60
    """
    deadline = time.monotonic() + timeout
    with reading(config) as store:
        while True:
            lanes = store.queries.lanes(SystemClock().now_ms())
            drained = all(lane.is_drained for lane in lanes) and not any(
                one.state is ReplayState.RUNNING for one in store.replays.recent(RECENT_REPLAYS)
            )
            if not wait_drained or drained or time.monotonic() > deadline:
                break
            time.sleep(POLL_SECONDS)
    if json:
        print_json({"destinations": lanes, "is_drained": drained})
    else:
        for lane in lanes:
            _print_lane(lane)
        if not lanes:
            console.print("No destination yet: add one with `hubwire destination add` or in the console.")
    if wait_drained and not drained:
        typer.secho(f"hubwire: not drained after {timeout:.0f} s", fg="red", err=True)
        raise typer.Exit(1)


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
            f" {budget['projected']:,} by {when(budget['day_ends_at_ms'])} UTC at the present rate"
        )


StateOption = Annotated[State | None, typer.Option(help="Only deliveries in this state.")]
ReasonOption = Annotated[
    Reason | None,
    typer.Option(metavar="REASON", help="Only deliveries with this reason, see docs/reference/reasons.md."),
]


def messages(
    state: StateOption = None,
    reason: ReasonOption = None,
    user: Annotated[str | None, typer.Option(help="A userId or anonymousId.")] = None,
    kind: Annotated[str | None, typer.Option("--type", help="identify, track, page, screen, group or alias.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many, newest first.")] = 50,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Messages and what became of them, newest first.

    Example: hubwire messages --state dead --reason invalid-input
    """
    wanted = MessageFilter(state=state, reason=reason, user=user, type=kind, limit=limit)
    with reading(config) as store:
        found = store.queries.messages(wanted)
        known = store.statistics.identity(user) if user is not None else None
    if json:
        print_json(found)
        return
    if known is not None:
        _print_identity(known)
    rows = table("received (UTC)", "message", "type", "what", "who", "outcome")
    for one in found:
        rows.add_row(
            when(one.received_at_ms),
            one.message_id,
            one.type,
            one.event or "",
            one.user_id or one.anonymous_id or "-",
            _outcome(one),
        )
    console.print(rows if found else "No message fits.")


WORDS_OF_STRENGTH = {3: "identify", 2: "context.traits", 1: "properties.email", 0: "alias or another id"}


def _print_identity(known: Identity) -> None:
    """Who this is, and which call said so: why their messages go where they go."""
    for link in known.links:
        said = WORDS_OF_STRENGTH[link.strength]
        console.print(f"{link.key} -> {link.target}  ({said}, {when(link.at_ms)} UTC, {link.space})", markup=False)
    for one in known.records:
        companies = f", with {', '.join(one.associated)}" if one.associated else ""
        console.print(f"{one.kind} {one.key} is record {one.record_id or '?'} in HubSpot{companies}", markup=False)
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
    console.print(f"[bold]{summary.type}[/bold] {summary.message_id}  received {when(summary.received_at_ms)} UTC")
    console.print(msgspec.json.format(msgspec.json.encode(detail.body)).decode(), markup=False)
    if summary.rejected:
        _print_reason("rejected", summary.rejected, "")
    for fate in summary.fates:
        _print_reason(str(fate.state), fate.reason, fate.detail)
        for item in fate.left_out:
            console.print(f"    left out: {item['field']}: {item['reason']} {item['detail']}", markup=False)
    for attempt in detail.attempts:
        console.print(
            f"  {attempt.call} -> {attempt.status or 'no answer'} {attempt.outcome} in {attempt.duration_ms} ms"
            f" (with {attempt.message_count} messages) {attempt.correlation_id}",
            markup=False,
        )


def _print_reason(state: str, reason: str | None, detail: str) -> None:
    console.print(f"  {state}{': ' + reason if reason else ''} {detail}", markup=False)
    if reason in set(Reason):
        explanation = explain(Reason(reason))
        console.print(f"    {explanation.cause} {explanation.remedy}", markup=False)


def replay(
    state: Annotated[State, typer.Option(help="dead, discarded, held or delivered.")],
    reason: ReasonOption = None,
    user: Annotated[str | None, typer.Option(help="A userId or anonymousId.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: ConfigOption = None,
) -> None:
    """Put a filtered set of messages back, after showing how many. Older values never overwrite newer ones.

    Example: hubwire replay --state dead --reason invalid-input
    """
    wanted = MessageFilter(state=state, reason=reason, user=user)
    with reading(config) as store:
        if state not in REPLAYABLE:
            raise SettingsError(f"replay: a {state} message is not settled yet; choose one of {', '.join(REPLAYABLE)}")
        count = store.queries.count(wanted)
        typer.echo(f"{count} messages")
        if count and (yes or typer.confirm("Replay them?")):
            now_ms = SystemClock().now_ms()
            store.replays.begin(wanted, ACTOR, now_ms)
            # The first slice goes at once; the running server feeds the others beside live traffic.
            store.replays.step(now_ms, SLICE_MESSAGES)
            typer.echo("They are pending again. `hubwire status --wait-drained` waits for them.")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (status, messages, message, replay):
        app.command()(command)
