"""Positions whose values may have been written to HubSpot without a recorded answer.

A cycle that was abandoned, or whose process died, may have overwritten values that the memory still calls confirmed.
Until its messages have gone through again, no value counts as unchanged. The lane's status stores this, so that it
survives a restart and another worker knows it. docs/contributing/unconfirmed-writes.md has a picture.

    event                                        the positions                    the due time
    begins, and the last cycle was never ended   the journal's last position      now
    begins otherwise                             as stored                        as stored
    abandoned                                    the larger, if it took some      the larger, if it took due ones
    recorded, and reached the position           0                                -
    recorded, and ended before the position      -                                -
    recorded, later than the due time, and it
    took all due deliveries                      -                                0
"""

from __future__ import annotations

import msgspec

from hubwire.deliver.lanes.backlog import Pending, Selection
from hubwire.record.protocol import LaneState, Span

STORED_NAME = "doubt"
SPARE_MS = 1000
"""Due deliveries are read shortly before a cycle begins."""


class UnconfirmedWrites(msgspec.Struct, frozen=True):
    """Messages up to these positions, and those due at a time, may have been written; 0 means none."""

    live_through: int = 0
    backfill_through: int = 0
    due_at_ms: int = 0

    @classmethod
    def of(cls, state: LaneState, last: int, now_ms: int) -> UnconfirmedWrites:
        """The unconfirmed writes at the beginning of a cycle. `last` is the journal's last position."""
        try:
            unconfirmed = msgspec.json.decode(state.status, type=_StoredStatus).unconfirmed or cls()
        except msgspec.MsgspecError:
            unconfirmed = cls()
        if state.open_attempts:
            # The process died, or lost its lease, in a cycle; which messages it had is not known here.
            return cls(last, last, now_ms)
        return unconfirmed

    def __bool__(self) -> bool:
        return bool(self.live_through or self.backfill_through or self.due_at_ms)

    def given_up(self, span: Span, resume_at_ms: int) -> UnconfirmedWrites:
        """After a cycle was abandoned; its due deliveries are due again at `resume_at_ms`."""
        return UnconfirmedWrites(
            max(self.live_through, span.live_through if span.live_through > span.live_after else 0),
            max(self.backfill_through, span.backfill_through if span.backfill_through > span.backfill_after else 0),
            max(self.due_at_ms, resume_at_ms if span.due else 0),
        )

    def recorded(self, selection: Selection, pending: Pending, max_messages: int, now_ms: int) -> UnconfirmedWrites:
        """After a cycle that began at `now_ms` was recorded."""
        has_all_due = now_ms > self.due_at_ms + SPARE_MS and len(selection.due) == len(pending.due) < max_messages
        return UnconfirmedWrites(
            0 if selection.span.live_through >= self.live_through else self.live_through,
            0 if selection.span.backfill_through >= self.backfill_through else self.backfill_through,
            0 if has_all_due else self.due_at_ms,
        )


class _StoredStatus(msgspec.Struct):
    """The part of a lane's stored status that matters here. The stored name is that of the first release."""

    unconfirmed: UnconfirmedWrites | None = msgspec.field(default=None, name=STORED_NAME)
