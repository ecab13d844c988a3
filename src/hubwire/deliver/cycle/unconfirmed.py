"""Which messages HubSpot may have heard of although the record knows nothing of it.

A cycle that was given up, or whose process ended, may have written values of which no answer was recorded. Until its
messages have gone through once more, nothing counts as unchanged: what is remembered as confirmed may have been
overwritten. Kept with the lane's status, so that a restart or another worker knows it too.
"""

from __future__ import annotations

import msgspec

from hubwire.deliver.cycle.selection import Pending, Selection
from hubwire.record.protocol import LaneState, Span

STORED_NAME = "doubt"
SPARE_MS = 1000
"""Due deliveries are looked for shortly before a cycle begins."""


class UnconfirmedWrites(msgspec.Struct, frozen=True):
    """Messages through these positions, and those due at a time, may have had an effect; zeros: none has."""

    live_through: int = 0
    backfill_through: int = 0
    due_at_ms: int = 0

    @classmethod
    def of(cls, state: LaneState, last: int, now_ms: int) -> UnconfirmedWrites:
        """What is in doubt when a cycle begins. `last` is the journal's last position."""
        try:
            unconfirmed = msgspec.json.decode(state.status, type=_StoredStatus).unconfirmed or cls()
        except msgspec.MsgspecError:
            unconfirmed = cls()
        if state.open_attempts:
            # The process ended, or lost its lease, in a cycle whose messages are not known here.
            return cls(last, last, now_ms)
        return unconfirmed

    def __bool__(self) -> bool:
        return bool(self.live_through or self.backfill_through or self.due_at_ms)

    def given_up(self, span: Span, resume_at_ms: int) -> UnconfirmedWrites:
        """Another cycle was given up; what was due in it is due again at `resume_at_ms`."""
        return UnconfirmedWrites(
            max(self.live_through, span.live_through if span.live_through > span.live_after else 0),
            max(self.backfill_through, span.backfill_through if span.backfill_through > span.backfill_after else 0),
            max(self.due_at_ms, resume_at_ms if span.due else 0),
        )

    def recorded(self, selection: Selection, pending: Pending, most: int, now_ms: int) -> UnconfirmedWrites:
        """A cycle that began at `now_ms` was recorded."""
        has_all_due = now_ms > self.due_at_ms + SPARE_MS and len(selection.due) == len(pending.due) < most
        return UnconfirmedWrites(
            0 if selection.span.live_through >= self.live_through else self.live_through,
            0 if selection.span.backfill_through >= self.backfill_through else self.backfill_through,
            0 if has_all_due else self.due_at_ms,
        )


class _StoredStatus(msgspec.Struct):
    """The part of a lane's stored status that matters here. The stored name is that of the first release."""

    unconfirmed: UnconfirmedWrites | None = msgspec.field(default=None, name=STORED_NAME)
