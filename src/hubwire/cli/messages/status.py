"""Status, failures and the audit log."""

from __future__ import annotations

import time
from collections import Counter
from typing import Annotated

import msgspec
import typer
from rich.progress_bar import ProgressBar
from rich.table import Table

from hubwire.backends.store import Store
from hubwire.cli.shared.context import (
    ConfigOption,
    JsonOption,
    cell,
    console,
    explained,
    plain,
    print_json,
    reading,
    table,
    when,
)
from hubwire.clock import SystemClock
from hubwire.delivery import State
from hubwire.record.latency import Latency
from hubwire.record.queries import Failure, LaneStatus
from hubwire.record.replay import ReplayState
from hubwire.record.statistics import STAGES, Funnel
from hubwire.web.parameters import WindowName, moment_ms
from hubwire.web.parameters import window as window_of

POLL_SECONDS = 0.25
RECENT_REPLAYS = 20
MAX_SHOWN = 20
"""The number of destinations that `hubwire status` shows one by one."""
OUTCOMES = (
    (State.DELIVERED, "green"),
    (State.DISCARDED, "bright_black"),
    (State.HELD, "magenta"),
    (State.PENDING, "cyan"),
    (State.RETRYING, "yellow"),
    (State.DEAD, "red"),
)
"""The outcomes with the colour of their bars. A message that is being delivered counts as pending."""
BAR_COLUMNS = 40
URGENCY = (State.DEAD, State.RETRYING, State.HELD)
WindowOption = Annotated[WindowName | None, typer.Option(help="Also show the funnel for this period.")]


def status(
    wait_drained: Annotated[bool, typer.Option("--wait-drained", help="Wait until nothing is pending.")] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Maximum wait in seconds; exit code 1 after it.")] = 300.0,
    window: WindowOption = None,
    show_all: Annotated[
        bool, typer.Option("--all", help=f"Show each destination, also if there are more than {MAX_SHOWN}.")
    ] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show the state of each destination. Backlog, lag, counts by outcome, HubSpot calls and budget.

    Example: hubwire status --wait-drained --timeout 60
    """
    with reading(config) as store:
        lanes, drained = _standing(store, timeout if wait_drained else 0.0)
        seen = [] if window is None else _seen(store, lanes, window)
    if json:
        print_json({"destinations": lanes, "is_drained": drained, **({"window": seen} if window else {})})
    else:
        shown = lanes if show_all else most_urgent(lanes)
        for lane in shown:
            _print_lane(lane)
        if len(shown) < len(lanes):
            print_rest(lanes, len(shown))
        for lane, activity in zip(lanes, seen, strict=False):
            if lane in shown:
                _print_seen(lane.name, activity)
        if not lanes:
            console.print("No destination yet: add one with `hubwire destination add` or in the console.")
    if wait_drained and not drained:
        typer.secho(f"hubwire: messages are still pending after {timeout:.0f} s", fg="red", err=True)
        raise typer.Exit(1)


def _standing(store: Store, longest_seconds: float) -> tuple[list[LaneStatus], bool]:
    """All lanes, and whether they are drained; waits up to this long for it."""
    deadline = time.monotonic() + longest_seconds
    while True:
        lanes = store.queries.lanes(SystemClock().now_ms())
        is_fed = all(replay.state is not ReplayState.RUNNING for replay in store.replays.recent(RECENT_REPLAYS))
        is_drained = is_fed and all(lane.is_drained for lane in lanes)
        if is_drained or time.monotonic() >= deadline:
            return lanes, is_drained
        time.sleep(POLL_SECONDS)


class Seen(msgspec.Struct):
    """The funnel and latency of one destination in a period."""

    funnel: Funnel
    waits: Latency | None


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
        within = f"median {waits.p50_ms / 1000:,.1f} s, 95 % within {waits.p95_ms / 1000:,.1f} s"
        console.print(f"  time to deliver: {within}", markup=False)


def most_urgent(lanes: list[LaneStatus]) -> list[LaneStatus]:
    """All lanes if they are few; else those that are stopped, fail or lag, the worst first."""
    if len(lanes) <= MAX_SHOWN:
        return lanes
    busy = [lane for lane in lanes if lane.stopped_reason or lane.dead or not lane.is_drained]
    busy.sort(key=lambda lane: (not lane.stopped_reason, -lane.dead, -lane.retrying, -lane.lag_seconds))
    return busy[:MAX_SHOWN]


def print_rest(lanes: list[LaneStatus], shown_count: int) -> None:
    states = Counter(lane.state for lane in lanes)
    counts = ", ".join(f"{count:,} {state}" for state, count in states.most_common())
    console.print(f"{len(lanes):,} destinations: {counts}.", markup=False)
    waiting = sum(lane.backlog_count + lane.pending for lane in lanes)
    retrying, dead = sum(lane.retrying for lane in lanes), sum(lane.dead for lane in lanes)
    console.print(f"In all of them: {waiting:,} waiting, {retrying:,} retrying, {dead:,} dead.", markup=False)
    which = f"the {shown_count} that need attention most" if shown_count else "none that needs attention"
    console.print(f"Shown: {which}. `hubwire status --all` shows each.", markup=False)


def _print_lane(lane: LaneStatus) -> None:
    console.print(f"[bold]{cell(lane.name)}[/bold]  Hub ID {lane.hub_id or '?'}  {lane.state}")
    if lane.stopped_reason:
        console.print(plain(f"  stopped: {lane.stopped_reason} {lane.stopped_detail}"), style="red", markup=False)
        console.print(f"  {explained(lane.stopped_reason) or ''}".rstrip(), markup=False)
        if lane.resume_at_ms:
            console.print(f"  tries again at {when(lane.resume_at_ms)} UTC")
    rows = table("backlog", "lag s", "taken", "delivery calls")
    rows.add_row(str(lane.backlog_count), f"{lane.lag_seconds:.1f}", str(lane.taken), str(lane.calls))
    console.print(rows)
    if lane.taken:
        console.print(outcome_bars(lane))
    budget = lane.budget
    if "limit" in budget:
        console.print(
            f"  {budget['rate']}; account today: {budget['used']:,} of {budget['limit']:,} calls,"
            f" {budget['projected']:,} by {when(budget.get('day_ends_at_ms'))} UTC at the current rate"
        )


def outcome_bars(lane: LaneStatus) -> Table:
    """A line for each outcome that messages have: its name, its count, and its part of the taken messages as a bar."""
    rows = Table.grid(padding=(0, 2))
    rows.add_column(no_wrap=True)
    rows.add_column(justify="right", no_wrap=True)
    for state, colour in OUTCOMES:
        count = getattr(lane, state)
        if count:
            shown = max(count, lane.taken / BAR_COLUMNS)  # a few among many still have a bar
            bar = ProgressBar(
                total=lane.taken, completed=shown, width=BAR_COLUMNS, complete_style=colour, finished_style=colour
            )
            rows.add_row(f"  {state}", f"{count:,}", bar)
    return rows


def failures(json: JsonOption = False, config: ConfigOption = None) -> None:
    """List failures by cause, with remedies. Dead, retrying and held messages; then expired and invalid ones.

    Example: hubwire failures
    """
    with reading(config) as store:
        groups = sorted(store.queries.failures(), key=lambda group: (URGENCY.index(group.state), -group.count))
        snoozed = store.snoozes.snoozed(SystemClock().now_ms())
        lost = store.queries.lost()
        names = {number: destination.name for number, destination in store.registry.destinations().items()}
    snoozed = [snooze for snooze in snoozed if snooze.destination_id in names]
    asleep = {snooze.group: snooze.until_ms for snooze in snoozed}
    counts = {_group(group): group.count for group in groups}
    if json:
        print_json([{**msgspec.to_builtins(group), "snoozed_until_ms": asleep.get(_group(group))} for group in groups])
        return
    groups = [group for group in groups if _group(group) not in asleep]
    for listed in (*groups, *lost):
        name = cell(names.get(listed.destination_id, "removed"))
        console.print(f"[bold]{listed.count}[/bold] {listed.state}: {listed.reason}  {name}")
        console.print(f"  first {when(listed.first_at_ms)}, last {when(listed.last_at_ms)} UTC")
        explanation = explained(listed.reason)
        if explanation:
            console.print(f"  {explanation}", markup=False)
        if listed.sample_detail:
            console.print(f"  {plain(listed.sample_detail)}", markup=False)
    if not groups:
        console.print("No other failures." if snoozed else "No failures: nothing is dead, retrying or held.")
    for group in snoozed:
        name = cell(names.get(group.destination_id, "removed"))
        until = f"snoozed until {when(group.until_ms)} UTC by {cell(group.actor)}"
        console.print(f"{counts.get(group.group, 0)} {group.state}: {group.reason}  {name}, {until}")


def _group(failure: Failure) -> tuple[int, str, str]:
    return failure.destination_id, failure.state, failure.reason


def audit(
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Maximum number of changes, newest first.")] = 100,
    before: Annotated[
        str | None, typer.Option(help="Only changes before this time, such as 2026-11-23T18:00 (UTC).")
    ] = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List who changed what, and when, newest first.

    Example: hubwire audit --limit 20
    """
    before_ms = moment_ms({"before": before} if before else {}, "before")
    with reading(config) as store:
        entries = store.registry.audit(limit, before_ms)
    if json:
        print_json(entries)
        return
    rows = table("when (UTC)", "who", "what", "detail")
    for entry in entries:
        rows.add_row(when(entry.at_ms), cell(entry.actor), entry.action, cell(entry.detail))
    console.print(rows if entries else "No changes yet.")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (status, failures, audit):
        app.command()(command)
