"""Failures grouped by destination, state and reason, with cause and remedy. Snoozed groups are listed separately."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from hubwire.clock import Clock
from hubwire.delivery import State
from hubwire.explanations import cause_of, remedy_of
from hubwire.record.queries import Failure, Queries
from hubwire.record.snoozes import Snooze, Snoozes
from hubwire.registry.protocol import Registry

URGENCY = (State.DEAD, State.RETRYING, State.HELD)


class Parts(Protocol):
    """The sources of the groups."""

    @property
    def queries(self) -> Queries: ...

    @property
    def snoozes(self) -> Snoozes: ...

    @property
    def registry(self) -> Registry: ...

    @property
    def clock(self) -> Clock: ...


class FailureGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Messages of one destination that share a state and a reason."""

    failure: Failure
    destination: str
    cause: str
    remedy: str


class SnoozedGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A group that a person snoozed. `count`: its current number of messages."""

    snooze: Snooze
    destination: str
    cause: str
    count: int


class FailureGroups(msgspec.Struct, frozen=True, kw_only=True):
    """All groups. `awake`: the groups that are not snoozed, most urgent first; `lost`: discarded messages that somebody
    may want to fix."""

    awake: list[FailureGroup]
    snoozed: list[SnoozedGroup]
    lost: list[FailureGroup] = []


def failure_groups(parts: Parts, mask: Callable[[str], str]) -> FailureGroups:
    """The current groups. Blocks. `mask` hides the parts of HubSpot's answers that the viewer may not see."""
    destinations = {number: destination.name for number, destination in parts.registry.destinations().items()}
    snoozes = parts.snoozes.snoozed(parts.clock.now_ms())
    asleep = {snooze.group for snooze in snoozes}
    failures = sorted(parts.queries.failures(), key=lambda failure: (URGENCY.index(failure.state), -failure.count))
    counts = {_key(failure): failure.count for failure in failures}
    return FailureGroups(
        awake=[_group(failure, destinations, mask) for failure in failures if _key(failure) not in asleep],
        snoozed=[
            SnoozedGroup(
                snooze=snooze,
                destination=destinations[snooze.destination_id],
                cause=cause_of(snooze.reason) or snooze.reason,
                count=counts.get(snooze.group, 0),
            )
            for snooze in snoozes
            if snooze.destination_id in destinations
        ],
        lost=[_group(failure, destinations, mask) for failure in parts.queries.lost()],
    )


def _key(failure: Failure) -> tuple[int, str, str]:
    return failure.destination_id, failure.state, failure.reason


def _group(failure: Failure, destinations: Mapping[int, str], mask: Callable[[str], str]) -> FailureGroup:
    return FailureGroup(
        failure=msgspec.structs.replace(failure, sample_detail=mask(failure.sample_detail)),
        destination=destinations.get(failure.destination_id, "removed"),
        cause=cause_of(failure.reason) or failure.reason,
        remedy=remedy_of(failure.reason),
    )
