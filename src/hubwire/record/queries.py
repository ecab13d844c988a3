"""The queries of the record for people: console, command line and admin API use the same ones.

A query reads the database and needs no running lane. Times are epoch milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from hubwire.delivery import State
from hubwire.record.message_filter import MessageFilter


class Fate(msgspec.Struct, kw_only=True):
    """The outcome of one message at one destination."""

    destination_id: int
    state: State
    reason: str | None = None
    detail: str = ""
    left_out: list[dict[str, str]] = []
    attempts: int = 0
    due_at_ms: int | None = None
    updated_at_ms: int | None = None
    is_replay: bool = False
    cycle_id: int | None = None


class MessageSummary(msgspec.Struct, kw_only=True):
    """One line of a list of messages."""

    position: int
    message_id: str
    source_id: int
    type: str
    received_at_ms: int
    user_id: str | None = None
    anonymous_id: str | None = None
    email: str | None = None
    """The e-mail in its traits, properties or context.traits."""
    event: str | None = None
    library: str | None = None
    """The name and version of the sender's library."""
    rejected: str | None = None
    is_backfill: bool = False
    fates: list[Fate] = []


class AttemptSummary(msgspec.Struct, kw_only=True):
    """One HTTP exchange with HubSpot, without its bodies. `message_count`: the messages that shared it."""

    attempt_id: int
    cycle_id: int
    call: str
    started_at_ms: int
    duration_ms: int
    status: int | None
    outcome: str
    correlation_id: str
    message_count: int

    def summary(self) -> dict[str, Any]:
        """The fields of this class alone, for another shape of the same exchange."""
        return {name: getattr(self, name) for name in AttemptSummary.__struct_fields__}


class AttemptView(AttemptSummary, kw_only=True):
    """One HTTP exchange, with its bodies as they were stored."""

    request: bytes
    response: bytes


class MessageDetail(msgspec.Struct, kw_only=True):
    """One message in full: its body, its outcomes and its HubSpot calls."""

    summary: MessageSummary
    body: dict[str, Any]
    envelope: dict[str, Any] | None
    attempts: list[AttemptView]


class LaneStatus(msgspec.Struct, kw_only=True):
    """The state of one destination. Counts are messages, and add up: taken = delivered + the other states."""

    destination_id: int
    name: str
    hub_id: str | None
    state: str
    """delivering, idle, paused or stopped."""
    stopped_reason: str | None = None
    stopped_detail: str = ""
    resume_at_ms: int | None = None
    backlog_count: int = 0
    lag_seconds: float = 0.0
    taken: int = 0
    delivered: int = 0
    discarded: int = 0
    held: int = 0
    pending: int = 0
    retrying: int = 0
    dead: int = 0
    calls: int = 0
    next_due_at_ms: int | None = None
    budget: dict[str, Any] = {}

    @property
    def is_drained(self) -> bool:
        """True if nothing happens until a new message, a person's action, or the end of a hold."""
        return not (self.backlog_count or self.pending or self.retrying)


class Failure(msgspec.Struct, kw_only=True):
    """Messages of one destination in one state for one reason."""

    destination_id: int
    state: State
    reason: str
    count: int
    first_at_ms: int
    last_at_ms: int
    sample_detail: str
    sample_position: int


class Queries(Protocol):
    def lanes(self, now_ms: int) -> list[LaneStatus]: ...

    def messages(self, message_filter: MessageFilter) -> list[MessageSummary]:
        """Newest first. Searches without an index look at a bounded number of the newest messages."""
        ...

    def message(self, message_id: str) -> list[MessageDetail]: ...

    def summaries(self, positions: Sequence[int]) -> list[MessageSummary]:
        """The messages at these positions, in any order; missing ones are omitted."""
        ...

    def failures(self) -> list[Failure]: ...

    def failure_trend(self, since_ms: int, step_ms: int, steps: int) -> dict[tuple[int, str, str], list[int]]:
        """The failures by the step of time in which they got their state: (destination, state, reason) -> counts."""
        ...

    def lost(self) -> list[Failure]:
        """Discarded messages that somebody may want to fix: expired holds and invalid values."""
        ...

    def count(self, message_filter: MessageFilter) -> int:
        """The number of deliveries that match a filter with a state, as a replay would."""
        ...

    def targets(self, message_filter: MessageFilter) -> list[tuple[int, int]]:
        """The (destination_id, position) of the deliveries that fit a filter with a state."""
        ...
