"""The shell around `deliver/preview.py`: reads the portal's schema (GETs only) and the messages, prints nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from hubwire.backends.store import Store
from hubwire.backfill.appending import entries_of_lines
from hubwire.backfill.formats.compressed import DamagedFile
from hubwire.backfill.looking import History
from hubwire.backfill.reading import chunks
from hubwire.backfill.rows import rows_of
from hubwire.clock import Clock
from hubwire.deliver.calls.caller import CallContext, Caller, LineStopped
from hubwire.deliver.cycle.portal_schema import Portal
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.limits.governor import Governor
from hubwire.deliver.preview import DryRun, PlannedRequest, compare, planned, shown
from hubwire.destination import Destination
from hubwire.errors import HubSpotError, SettingsError
from hubwire.hubspot.client import HubSpotClient
from hubwire.hubspot.paths import Paths
from hubwire.message import Entry, JournalRow
from hubwire.plan.presets import object_types_of
from hubwire.receive.upload_limits import ReceiveLimits
from hubwire.registry.named import named_or_first
from hubwire.schema import PortalSchema


class PlannedMessage(msgspec.Struct, kw_only=True):
    """One message of a dry run. `outcome`: planned, or `discarded: <reason>`, `held: …`, `rejected: …`."""

    message_id: str
    outcome: str
    detail: str
    operations: list[Any]
    left_out: list[Any]


class FileDryRun(msgspec.Struct, kw_only=True):
    """The HubSpot requests for the messages of a file, coalesced and batched as in a lane.

    Shape: `unreadable` names each row with a fault, with the reason. `passed_over` counts, by reason, the rows of an
    export that HubSpot cannot use.
    """

    messages: list[PlannedMessage]
    requests: list[PlannedRequest]
    unreadable: list[str]
    passed_over: dict[str, int] = {}


async def read_schema(
    client: HubSpotClient, destination: Destination, clock: Clock, object_types: frozenset[str] = frozenset()
) -> PortalSchema:
    """The portal's schema, by GETs, with these object types besides those of the destination's rules. Raises
    HubSpotError when it cannot be read."""
    return (await _read_portal(client, destination, clock, object_types)).known


async def _read_portal(
    client: HubSpotClient, destination: Destination, clock: Clock, object_types: frozenset[str] = frozenset()
) -> Portal:
    portal = Portal(Paths(destination.api_version), object_types_of(destination) | object_types)
    portal.caller = Caller(client, Governor.of(destination, clock.now_ms()), CallContext(clock, lambda: 0.0))
    try:
        await portal.load(clock.now_ms())
    except LineStopped as stopped:
        reason = stopped.stop
        raise HubSpotError(
            f"the portal's schema cannot be read: {reason.reason} {reason.detail}".strip(),
            hint="`hubwire doctor` says what is wrong.",
        ) from stopped
    return portal


def dry_run_file(
    store: Store,
    client: HubSpotClient,
    destination: Destination,
    source_name: str | None,
    history: History,
    clock: Clock,
) -> FileDryRun:
    """Plan the messages of a file, or of the files in a folder, in every format that `hubwire import` reads.

    Errors: SettingsError for an unknown source, a missing file, or a file that is no history.
    """
    file = rows_of_file(store, source_name, history, clock)
    run = _dry_run(store, client, destination, file.rows, clock, file.unreadable)
    run.passed_over = dict(file.passed_over.most_common())
    return run


class FileRows(NamedTuple):
    """The messages of a file as rows; unreadable rows, and the number of skipped rows by reason."""

    rows: list[JournalRow]
    unreadable: list[str]
    passed_over: Counter[str]


def rows_of_file(store: Store, source_name: str | None, history: History, clock: Clock) -> FileRows:
    """The messages of a file or folder. Errors: as `dry_run_file`."""
    source = named_or_first(store.registry.sources().values(), source_name, "source")
    entries: list[Entry] = []
    passed_over: Counter[str] = Counter()
    unreadable = [f"{file.label}: {file.why}" for file in history.passed_over if file.is_fault]
    for seen in history.seen:
        try:
            for chunk in chunks(seen):
                line_entries, appended = entries_of_lines(chunk.lines, source, clock.now_ms(), ReceiveLimits())
                entries += line_entries
                for number, omission in chunk.left_out:
                    if omission.is_fault:
                        unreadable.append(f"{seen.part.label}:{number}: {omission.reason}")
                    else:
                        passed_over[omission.reason] += 1
                unreadable += [
                    f"{seen.part.label}:{chunk.lines[rejection.index].number}: {rejection.reason}"
                    for rejection in appended.rejections
                ]
        except DamagedFile as exc:
            unreadable.append(str(exc))
    return FileRows(rows_of(entries), unreadable, passed_over)


def dry_run_stored(
    store: Store, client: HubSpotClient, destination: Destination, message_id: str, clock: Clock
) -> FileDryRun:
    """Plan a stored message with the current mapping. Errors: SettingsError if there is no such message."""
    rows = store.journal.find(message_id)
    if not rows:
        raise SettingsError(f"no message {message_id!r}", hint="It never arrived, or retention has removed it.")
    return _dry_run(store, client, destination, rows, clock, [])


def _dry_run(
    store: Store,
    client: HubSpotClient,
    destination: Destination,
    rows: Sequence[JournalRow],
    clock: Clock,
    unreadable: list[str],
) -> FileDryRun:
    runs, requests = asyncio.run(compared(store, client, destination, rows, clock))
    return FileDryRun(
        messages=[_planned(row, run) for row, run in zip(rows, runs, strict=True)],
        requests=requests,
        unreadable=unreadable,
    )


async def compared(
    store: Store, client: HubSpotClient, destination: Destination, rows: Sequence[JournalRow], clock: Clock
) -> tuple[list[DryRun], list[PlannedRequest]]:
    """The dry runs, without values that somebody has since overwritten in HubSpot. Reads HubSpot, writes nothing."""
    async with client:
        portal = await _read_portal(client, destination, clock)
        work = planned(rows, destination, store.registry.sources(), portal.known, store.record.links)
        cycle_state = CycleState(destination, store.record, portal, portal.calls, clock.now_ms(), 0)
        with contextlib.suppress(LineStopped):
            # Values that HubSpot does not reveal now are compared when the messages are delivered.
            await compare(work, rows, cycle_state)
        return shown(work, rows, portal.paths, portal.known)


def _planned(row: JournalRow, run: DryRun) -> PlannedMessage:
    return PlannedMessage(
        message_id=row.message_id,
        outcome="planned" if run.reason is None else f"{run.state}: {run.reason}",
        detail=run.detail,
        operations=list(run.operations),
        left_out=list(run.left_out),
    )
