"""The estimated HubSpot calls of a replay or of a backlog, planned as in a lane; nothing is sent.

For many messages, it plans only the newest, and assumes the same cost for the others.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from hubwire.backfill.estimate import Estimator, cycles
from hubwire.clock import Clock
from hubwire.destination import Destination
from hubwire.errors import HubwireError
from hubwire.journal.protocol import Journal
from hubwire.manage.schema.report import PortalContents
from hubwire.plan.default_portal import default_portal
from hubwire.record.protocol import Record
from hubwire.record.queries import LaneStatus, Queries
from hubwire.record.replay import CALLS_PER_SECOND, SLICE_MESSAGES, STEP_SECONDS, slice_of
from hubwire.registry.protocol import Registry
from hubwire.schema import PortalSchema

PLANNED_MESSAGES = 2_000
"""The number of messages to plan for each destination, which takes a fraction of a second."""
CALLS_PER_DAY = 40_000
SCHEMA_SECONDS = 5.0
"""How long to wait for a portal's schema."""


class Parts(Protocol):
    """The sources of an estimate."""

    @property
    def queries(self) -> Queries: ...

    @property
    def registry(self) -> Registry: ...

    @property
    def journal(self) -> Journal: ...

    @property
    def record(self) -> Record: ...

    @property
    def clock(self) -> Clock: ...


class ReplayEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """The estimated cost of a replay. `planned`: planned messages; `day_percent`: share of the day's calls."""

    calls: int = 0
    seconds: float = 0.0
    day_percent: float = 0.0
    planned: int = 0
    schema_is_default: bool = False
    """True if the estimate assumes HubSpot's default properties, because the portal could not be read."""


async def schemas_of(
    destinations: Iterable[Destination], contents: Callable[[int], Awaitable[PortalContents]]
) -> dict[int, tuple[PortalSchema, bool]]:
    """Each portal's schema; HubSpot's default one, and True, where the portal does not answer soon."""
    schemas: dict[int, tuple[PortalSchema, bool]] = {}
    for destination in destinations:
        number = destination.destination_id
        try:
            async with asyncio.timeout(SCHEMA_SECONDS):
                schemas[number] = (await contents(number)).schema, False
        except (HubwireError, TimeoutError):
            schemas[number] = default_portal(destination.hub_id or "0"), True
    return schemas


def destinations_of(parts: Parts, targets: Sequence[tuple[int, int]]) -> list[Destination]:
    """The destinations of these deliveries that still exist."""
    destination_ids = {destination_id for destination_id, _ in targets}
    return [destination for number, destination in parts.registry.destinations().items() if number in destination_ids]


def replay_estimate(
    parts: Parts,
    targets: Sequence[tuple[int, int]],
    schemas: Mapping[int, tuple[PortalSchema, bool]],
    share_percent: int,
) -> ReplayEstimate:
    """The cost of replaying these (destination_id, position) with this share of the calls.

    Shape: `schemas`: each destination's schema, and whether it is HubSpot's default. Blocks. A replay handles one
    destination after the other, so their times add up.
    """
    lanes = {lane.destination_id: lane for lane in parts.queries.lanes(parts.clock.now_ms())}
    total = ReplayEstimate()
    for destination in destinations_of(parts, targets):
        number = destination.destination_id
        positions = [position for destination_id, position in targets if destination_id == number]
        schema, is_default = schemas[number]
        estimated = _estimate(parts, destination, positions, schema, lanes[number], share_percent)
        total = ReplayEstimate(
            calls=total.calls + estimated.calls,
            seconds=round(total.seconds + estimated.seconds, 1),
            day_percent=max(total.day_percent, estimated.day_percent),
            planned=total.planned + estimated.planned,
            schema_is_default=total.schema_is_default or is_default,
        )
    return total


def _estimate(
    parts: Parts,
    destination: Destination,
    positions: Sequence[int],
    schema: PortalSchema,
    lane: LaneStatus,
    share_percent: int,
) -> ReplayEstimate:
    planned = sorted(positions)[-PLANNED_MESSAGES:]
    kept = parts.journal.read_at(planned)
    rows = [kept[position] for position in planned if position in kept]
    slice_messages = slice_of(SLICE_MESSAGES, share_percent)
    estimator = Estimator(destination, parts.registry.sources(), schema, parts.record.links)
    for group in cycles(rows, slice_messages):
        estimator.take(group)
    rate, day = _limits(destination, lane)
    estimate = estimator.estimate(rate * share_percent / 100, day)
    scale = len(positions) / len(planned)
    return ReplayEstimate(
        calls=math.ceil(estimate.total_calls * scale),
        # A replay begins one slice a step, however fast HubSpot answers.
        seconds=max(estimate.seconds * scale, (math.ceil(len(positions) / slice_messages) - 1) * STEP_SECONDS),
        day_percent=round(estimate.day_percent * scale, 2),
        planned=len(planned),
    )


def pending_estimate(
    parts: Parts, destination: Destination, schema: tuple[PortalSchema, bool], lane: LaneStatus
) -> ReplayEstimate:
    """The cost of delivering a destination's backlog, from its oldest messages. Blocks."""
    state = parts.record.lane(destination.destination_id)
    after = min(state.live_cursor, state.backfill_cursor)
    read = parts.journal.read(after, PLANNED_MESSAGES, source_ids=destination.source_ids, is_backfill=None)
    rows = [row for row in read if row.position > (state.backfill_cursor if row.is_backfill else state.live_cursor)]
    if not rows:
        return ReplayEstimate(schema_is_default=schema[1])
    estimator = Estimator(destination, parts.registry.sources(), schema[0], parts.record.links)
    for group in cycles(rows, SLICE_MESSAGES):
        estimator.take(group)
    estimate = estimator.estimate(*_limits(destination, lane))
    scale = max(1.0, (lane.backlog_count + lane.pending) / len(rows))
    return ReplayEstimate(
        calls=math.ceil(estimate.total_calls * scale),
        seconds=round(estimate.seconds * scale, 1),
        day_percent=round(estimate.day_percent * scale, 2),
        planned=len(rows),
        schema_is_default=schema[1],
    )


def _limits(destination: Destination, lane: LaneStatus) -> tuple[float, int]:
    """The calls per second and per day that the destination may make."""
    reported = lane.budget.get("calls_per_second")
    rate = destination.calls_per_second or (
        reported if isinstance(reported, int | float) and reported > 0 else CALLS_PER_SECOND
    )
    return rate, destination.calls_per_day or lane.budget.get("limit") or CALLS_PER_DAY
