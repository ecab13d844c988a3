"""The result of a cycle for the record: outcomes and next attempts, memory, counts. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hubwire.deliver.calls.retry import RetryPolicy, next_attempt_at
from hubwire.deliver.cycle.outcomes import HoldPolicy, Outcomes
from hubwire.deliver.cycle.selection import Selection
from hubwire.deliver.cycle.state import CycleState
from hubwire.delivery import Retry
from hubwire.record.protocol import CycleOutcome, LaneState


@dataclass(frozen=True, slots=True)
class Patience:
    """The waiting times of messages: for their person, and for HubSpot. `jitter` gives 0 to 1."""

    hold: HoldPolicy
    retry: RetryPolicy
    jitter: Callable[[], float]


def outcome_of(
    cycle_id: int,
    selection: Selection,
    cycle_state: CycleState,
    patience: Patience,
    ended_at_ms: int,
) -> CycleOutcome:
    """All data to write with the cycle, except `lane.status`."""
    retries = _retries(cycle_state.outcomes, selection, patience, ended_at_ms)
    settlement = cycle_state.outcomes.settle(ended_at_ms, patience.hold, retries)
    replayed = sum(due.is_replay for due in selection.due.values())
    return CycleOutcome(
        cycle_id=cycle_id,
        lane=LaneState(live_cursor=selection.span.live_through, backfill_cursor=selection.span.backfill_through),
        settled=settlement.rows,
        finished=settlement.finished,
        attempts=list(cycle_state.caller.attempts),
        people=list(cycle_state.changed_people.values()),
        companies=list(cycle_state.changed_companies.values()),
        associations=cycle_state.associations,
        unlinked=cycle_state.unlinked,
        links=list(cycle_state.links),
        tally=settlement.tally(selection.new_count, len(cycle_state.caller.attempts), replayed),
        ended_at_ms=ended_at_ms,
    )


def _retries(outcomes: Outcomes, selection: Selection, patience: Patience, now_ms: int) -> dict[int, int | None]:
    """The next try of each message that HubSpot put off; None when its time is over."""
    times: dict[int, int | None] = {}
    for position, verdict in outcomes.verdicts.items():
        if isinstance(verdict, Retry):
            due = selection.due.get(position)
            attempts, first_at_ms = (due.attempts, due.first_attempt_at_ms) if due else (0, None)
            times[position] = next_attempt_at(
                verdict, attempts + 1, first_at_ms or now_ms, now_ms, patience.jitter(), patience.retry
            )
    return times
