"""Replay and discard messages, and manage running replays."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from hubwire.backends.store import Store
from hubwire.cli.shared.context import (
    ConfigOption,
    JsonOption,
    console,
    print_json,
    reading,
    settings_of,
    table,
    when,
)
from hubwire.cli.shared.editing import ACTOR, YesOption, confirmed
from hubwire.cli.shared.filters import Chosen, chosen, with_filters
from hubwire.cli.shared.portals import duration, portal_schema
from hubwire.clock import SystemClock
from hubwire.delivery import DISCARDABLE, REPLAYABLE, State
from hubwire.errors import SettingsError
from hubwire.journal.protocol import Journal
from hubwire.manage import decisions
from hubwire.record.protocol import Record
from hubwire.record.queries import Queries
from hubwire.record.replay import (
    MAX_SHARE_PERCENT,
    MIN_SHARE_PERCENT,
    NOTE_CHARACTERS,
    SHARE_PERCENT,
    SLICE_MESSAGES,
    Replay,
    Replays,
    checked_note,
)
from hubwire.registry.protocol import Registry

SHOWN_REPLAYS = 20
DECISIONS = {
    "--pause": decisions.pause_replay,
    "--resume": decisions.resume_replay,
    "--cancel": decisions.cancel_replay,
}
ShareOption = Annotated[
    int,
    typer.Option(
        min=MIN_SHARE_PERCENT,
        max=MAX_SHARE_PERCENT,
        help="Share of the destination's calls that the replay may use beside live messages, in percent.",
    ),
]


@dataclass(frozen=True, slots=True)
class _Parts:
    """The `Parts` of decisions; a running server starts the slices after the first one."""

    queries: Queries
    replays: Replays
    registry: Registry
    clock: SystemClock
    journal: Journal
    record: Record
    announce: Callable[[], None]

    def wake_replays(self) -> None:
        self.replays.step(self.clock.now_ms(), SLICE_MESSAGES)
        self.announce()


def counted(number: int) -> str:
    """A count with its noun: `1 message`, `2,000 messages`."""
    return f"{number:,} message{'' if number == 1 else 's'}"


def parts_of(store: Store) -> _Parts:
    """The parts that decisions on the command line need."""
    return _Parts(
        store.queries, store.replays, store.registry, SystemClock(), store.journal, store.record, store.announce
    )


@with_filters(without=("state", "rejected"))
def replay(
    filters: Chosen,
    state: Annotated[State, typer.Option(help="dead, held, discarded or delivered.")],
    share: ShareOption = SHARE_PERCENT,
    yes: YesOption = False,
    config: ConfigOption = None,
) -> None:
    """Send filtered messages again, after showing the count. Older values never overwrite newer ones.

    Example: hubwire replay --state dead --reason invalid-input
    """
    if state not in REPLAYABLE:
        raise SettingsError(f"replay: {state} messages cannot be replayed; choose one of {', '.join(REPLAYABLE)}")
    with reading(config) as store:
        message_filter = chosen(store.registry, {**filters, "state": state})
        targets = store.queries.targets(message_filter)
        typer.echo(counted(len(targets)))
        if not targets:
            return
        if not yes:
            _print_estimate(store, config, targets, share)
        confirmed("Replay them?", yes)
        decisions.begin_replay(parts_of(store), ACTOR, message_filter, targets, share)
    typer.echo("They are pending. `hubwire status --wait-drained` waits until they are delivered.")


def _print_estimate(store: Store, config: ConfigOption, targets: Sequence[tuple[int, int]], share: int) -> None:
    from hubwire.manage.replay_estimate import destinations_of, replay_estimate

    settings = settings_of(config)
    schemas = {
        destination.destination_id: asyncio.run(portal_schema(store.registry, settings, destination))
        for destination in destinations_of(parts_of(store), targets)
    }
    cost = replay_estimate(parts_of(store), targets, schemas, share)
    judged = f", estimated from the newest {cost.planned:,}" if cost.planned < len(targets) else ""
    calls = f"{cost.calls:,} HubSpot call{'' if cost.calls == 1 else 's'}"
    if not cost.calls:
        typer.echo(f"This replay would make no HubSpot calls; the messages would be held or discarded again{judged}.")
    else:
        of_day = f"{cost.day_percent:g} % of a day's calls"
        typer.echo(f"About {calls} ({of_day}), {duration(cost.seconds)} at {share} % of the call rate{judged}.")
    if cost.schema_is_default:
        typer.echo("The portal could not be read; the estimate assumes HubSpot's default properties.")


@with_filters(without=("state", "rejected"))
def discard(
    filters: Chosen,
    state: Annotated[State, typer.Option(help="dead or held.")],
    note: Annotated[str, typer.Option(help=f"Reason, at most {NOTE_CHARACTERS} characters (optional).")] = "",
    yes: YesOption = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Discard dead or held messages, after showing the count. You can still replay them.

    With --json, the command asks no question: without --yes, it only counts.

    Example: hubwire discard --state dead --reason conflict
    """
    if state not in DISCARDABLE:
        raise SettingsError(f"discard: a {state} message cannot be discarded; choose one of {', '.join(DISCARDABLE)}")
    checked_note(note)
    with reading(config) as store:
        message_filter = chosen(store.registry, {**filters, "state": state})
        targets = store.queries.targets(message_filter)
        if not json:
            typer.echo(counted(len(targets)))
        done = None
        if targets and (yes or not json):
            confirmed("Discard them? Hubwire will not deliver them.", yes)
            done = decisions.discard(parts_of(store), ACTOR, message_filter, targets, note)
    if json:
        print_json({"count": len(targets), "discarded": done})
    elif done is not None:
        moved_on = f"; {done.passed_count} had changed their state" if done.passed_count else ""
        typer.echo(f"{counted(done.count)} discarded{moved_on}.")


def replays(
    replay_id: Annotated[int | None, typer.Argument(help="Number of a replay. Default: list the newest.")] = None,
    pause: Annotated[bool, typer.Option("--pause", help="Pause the replay.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Resume a paused replay.")] = False,
    share: Annotated[
        int | None,
        typer.Option(
            min=MIN_SHARE_PERCENT, max=MAX_SHARE_PERCENT, help="New share of the destination's calls, in percent."
        ),
    ] = None,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Cancel the replay; messages that are already pending stay pending.")
    ] = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List replays; pause, resume, slow or cancel one.

    With a number and an option, the command changes that replay.

    Example: hubwire replays 3 --share 10
    """
    chosen_ones = [word for word, is_on in (("--pause", pause), ("--resume", resume), ("--cancel", cancel)) if is_on]
    if replay_id is None and (chosen_ones or share is not None):
        raise typer.BadParameter(f"{[*chosen_ones, '--share'][0]} needs the number of a replay")
    if len(chosen_ones) > 1:
        raise typer.BadParameter(f"use only one of {' and '.join(chosen_ones)}")
    with reading(config) as store:
        if replay_id is not None:
            _stored_replay(store, replay_id)
            _decide(parts_of(store), replay_id, chosen_ones, share)
        shown_replays = store.replays.recent(SHOWN_REPLAYS) if replay_id is None else [_stored_replay(store, replay_id)]
    if json:
        print_json(shown_replays if replay_id is None else shown_replays[0])
        return
    rows = table("replay", "started (UTC)", "by", "state", "share", "messages", "waiting", "left alone", "outcomes")
    for replay in shown_replays:
        outcomes = ", ".join(f"{count} {state}" for state, count in replay.outcomes.items()) or "-"
        counts = (str(number) for number in (replay.target_count, replay.waiting_count, replay.passed_count))
        begun, share_of = when(replay.begun_at_ms), f"{replay.share_percent} %"
        rows.add_row(
            f"#{replay.replay_id}",
            begun,
            replay.actor,
            str(replay.state),
            share_of,
            *counts,
            outcomes,
        )
    console.print(rows if shown_replays else "No replays yet.")


def _decide(parts: _Parts, replay_id: int, words: list[str], share: int | None) -> None:
    """Carry out the changes; report those that the replay's state no longer allows."""
    if share is not None and not decisions.share_replay(parts, ACTOR, replay_id, share):
        typer.secho(f"hubwire: replay {replay_id} has ended", fg="yellow", err=True)
    for word in words:
        if not DECISIONS[word](parts, ACTOR, replay_id):
            typer.secho(f"hubwire: {word} changed nothing, because of the replay's state", fg="yellow", err=True)


def _stored_replay(store: Store, replay_id: int) -> Replay:
    stored = store.replays.replay(replay_id)
    if stored is None:
        raise SettingsError(f"there is no replay {replay_id}", hint="`hubwire replays` lists the newest.")
    return stored


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (replay, replays, discard):
        app.command()(command)
