"""The policy and the dependencies of a lane."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from hubwire.clock import MonotonicClock
from hubwire.deliver.calls.caller import Sleep
from hubwire.deliver.calls.retry import RetryPolicy
from hubwire.deliver.cycle.off_loop import OffLoop, inline
from hubwire.hubspot.call import CallKind
from hubwire.journal.protocol import Journal
from hubwire.record.protocol import Record

Waited = Callable[[str, CallKind, int], None]
"""A destination, the kind of the call that waited, and the milliseconds."""


def unheard(destination: str, kind: CallKind, wait_ms: int) -> None:
    """Ignores the waits of calls."""


def nobody() -> None:
    """Wakes nothing, because there are no other lanes."""


@dataclass(frozen=True, slots=True)
class LanePolicy:
    """The settings of the same names."""

    cycle_messages: int = 10_000
    linger_seconds: float = 1.0
    company_linger_seconds: float = 0.0
    backfill_linger_seconds: float = 3.0
    lease_seconds: float = 8.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)


@dataclass(frozen=True, slots=True)
class LaneParts:
    """The dependencies of lanes.

    Shape: `jitter` gives 0 to 1; `waited` is called with each wait for a permit; `off_loop` runs every call to the
    journal and the record; `announce` wakes other lanes, which may have to deliver messages that this lane released.
    """

    journal: Journal
    record: Record
    clock: MonotonicClock
    policy: LanePolicy
    jitter: Callable[[], float]
    sleep: Sleep = asyncio.sleep
    waited: Waited = unheard
    off_loop: OffLoop = inline
    announce: Callable[[], None] = nobody
