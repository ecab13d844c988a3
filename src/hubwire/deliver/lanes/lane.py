"""One lane drives one portal: select messages, plan, send, record, repeat.

A cycle reads messages behind the lane's cursors and the due rows, gathers their work, sends it, and writes all results
in one transaction with the cursors: record before settle. A crash anywhere repeats calls, which have no second effect,
and loses nothing. If the messages are not at fault (no permission, no budget, no HubSpot), the cycle is abandoned and
no cursor moves.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import msgspec
import structlog

from hubwire.deliver.calls.caller import CallContext, Caller, LineStopped
from hubwire.deliver.cycle.outcomes import HoldPolicy, Outcomes
from hubwire.deliver.cycle.own_source import STORED_NAME as OWN_SOURCE_NAME
from hubwire.deliver.cycle.own_source import OwnSource
from hubwire.deliver.cycle.portal_schema import Portal, unreadable
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.lanes.backlog import Pending, Selection, Selector, Waiting
from hubwire.deliver.lanes.cycle import Patience, outcome_of, run_cycle
from hubwire.deliver.lanes.leases import LaneLease
from hubwire.deliver.lanes.policy import LaneParts
from hubwire.deliver.lanes.stood_still import STORED_NAME as CHECK_NAME
from hubwire.deliver.lanes.stood_still import check_before_of
from hubwire.deliver.lanes.unconfirmed import STORED_NAME, UnconfirmedWrites
from hubwire.deliver.limits.daily_budget import Priority
from hubwire.deliver.limits.governor import Governor
from hubwire.deliver.limits.source_limits import (
    MADE_NAME,
    PARKED_NAME,
    PROBE_MESSAGES,
    DeathRuns,
    Run,
    made_of,
    parked_of,
)
from hubwire.deliver.verdicts import without_answer
from hubwire.delivery import IllegalMove, StopTheLine
from hubwire.destination import Destination, Source
from hubwire.errors import BackendError, Unreadable
from hubwire.hubspot.call import Call
from hubwire.hubspot.client import HubSpotClient
from hubwire.hubspot.paths import Paths
from hubwire.plan.presets import object_types_of
from hubwire.plan.rules.rule_set import rule_set
from hubwire.reasons import Reason
from hubwire.record.marketing import SUBSCRIPTION_NAMES, subscription_names_of
from hubwire.record.protocol import LaneState

log = structlog.get_logger("hubwire.deliver")

STOPPED_PROBE_SECONDS = 300.0
FAILED = (Reason.HUBSPOT_FAILED, Reason.HUBSPOT_UNREACHABLE, Reason.HUBSPOT_UNREADABLE)
"""No usable answer. A stop for one of them lasts seconds at first, and longer each time."""
SELECTIONS = 3
"""How often a cycle selects its messages at most, if people change them in the meantime."""
BUG_RUN = 10
BUG_PAUSE_SECONDS = 1.0
OUTAGE_SECONDS = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0)


class Lane:
    """Drives one destination while its lease is held. `run_cycle` is one cycle; `Driver` repeats it.

    Methods that are not asynchronous and ask the journal or the record block: `Driver` calls them off the event loop.
    """

    def __init__(
        self,
        destination: Destination,
        sources: Callable[[], Mapping[int, Source]],
        client: HubSpotClient,
        governor: Governor,
        parts: LaneParts,
        status: bytes = b"{}",
    ) -> None:
        """Shape: `status` is the stored one of when the lane was driven last: it has the sources that wait."""
        self.destination = destination
        self.governor = governor
        self._sources = sources
        self._client = client
        self._parts = parts
        self._journal, self._record = parts.journal, parts.record
        self._clock, self._policy, self._off_loop = parts.clock, parts.policy, parts.off_loop
        self._selector = Selector(parts.journal, destination, governor, parts.policy.cycle_messages)
        self._portal = Portal(Paths(destination.api_version), object_types_of(destination))
        self.waiting = Waiting(destination, parts.journal, parts.record, governor, parts.clock, parts.policy)
        self._outages = 0
        self._runs = DeathRuns.of(parked_of(status))
        self._definitions_made = made_of(status)
        self._portal.own_source = OwnSource.of(status)
        self._portal.marketing.subscription_names = subscription_names_of(status)
        self._check_before_ms = check_before_of(status)
        self._unconfirmed = UnconfirmedWrites()
        self._max_messages = parts.policy.cycle_messages
        """Smaller while the lane searches for a message on which Hubwire itself fails."""
        self._bug_deaths = 0
        """Messages in a row on which Hubwire itself failed."""
        for rule, fault in rule_set(destination).faults.items():
            log.error("rule.off", destination=destination.name, rule=rule, fault=fault)

    @property
    def pause_seconds(self) -> float:
        """The wait before the next cycle, if Hubwire fails on one message after another. The messages are then probably
        not the cause, and without a wait all of them would soon be dead."""
        return BUG_PAUSE_SECONDS if self._bug_deaths >= BUG_RUN else 0.0

    def forget_schema(self) -> None:
        """Read the portal's schema again in the next cycle, because somebody changed something."""
        self._portal.is_stale = True

    def close(self) -> None:
        """Free what only a search for reference cycles would free: the lane is not driven again."""
        self._portal.forget()

    def check_all_before(self, at_ms: int) -> None:
        """Compare all messages that arrived before this time with HubSpot: nobody drove the lane for a while."""
        self._check_before_ms = at_ms

    # -- one cycle

    async def run_cycle(self, lane_lease: LaneLease, state: LaneState, pending: Pending) -> bool:
        """Deliver the waiting messages, and record their outcomes. Returns False if the cycle was abandoned.

        Errors: LeaseLost (another worker drives the portal now), BackendError; nothing was recorded then.
        """
        now_ms = self._clock.now_ms()
        selection, cycle_id = await self._off_loop(self._begin, lane_lease, state, pending, now_ms)
        caller = Caller(self._client, self.governor, self._context(lane_lease, selection))
        self._portal.caller = caller
        cycle_state = self._cycle_state(caller, now_ms)
        try:
            await self._deliver(cycle_state, selection)
            if caller.failures and not caller.successes and not await caller.is_alive():
                raise LineStopped(caller.trouble)
        except LineStopped as stopped:
            await self._off_loop(self._give_up, lane_lease, cycle_id, selection, caller, stopped.stop)
            return False
        except BackendError:
            raise
        except Exception as exc:
            self._log_bug(exc, selection)
            if len(selection.rows) > 1:
                await self._off_loop(self._halve, lane_lease, cycle_id, selection, caller)
                return False
            if not selection.rows:
                raise
            cycle_state = self._cycle_state(caller, now_ms)
            cycle_state.outcomes = _failed(selection, exc)
            self._bug_deaths += 1
        else:
            self._bug_deaths = 0
        self._portal.is_stale |= caller.schema_is_stale
        self._outages = 0
        self._unconfirmed = self._unconfirmed.recorded(selection, pending, self._policy.cycle_messages, now_ms)
        runs = self._runs_of(selection, cycle_state.outcomes, is_probe=state.stopped_reason == Reason.RUN_OF_DEATHS)
        await self._off_loop(self._commit, lane_lease, cycle_id, selection, cycle_state, runs)
        self._max_messages = min(self._policy.cycle_messages, 2 * self._max_messages)
        return True

    def _begin(self, lane_lease: LaneLease, state: LaneState, pending: Pending, now_ms: int) -> tuple[Selection, int]:
        """The selection of the cycle and its id, after both are recorded. Selects again if a person discards or replays
        one of the selected messages before that. Errors: IllegalMove after several attempts."""
        for _ in range(SELECTIONS - 1):
            with contextlib.suppress(IllegalMove):
                return self._select(lane_lease, state, pending, now_ms)
            pending = replace(pending, due=self.waiting.due())
        return self._select(lane_lease, state, pending, now_ms)

    def _select(self, lane_lease: LaneLease, state: LaneState, pending: Pending, now_ms: int) -> tuple[Selection, int]:
        last = self._journal.extent().last if state.open_attempts else 0
        self._unconfirmed = UnconfirmedWrites.of(state, last, now_ms)
        max_messages = PROBE_MESSAGES if state.stopped_reason == Reason.RUN_OF_DEATHS else self._max_messages
        selection = replace(self._selector, max_messages=max_messages).take(state, pending, now_ms)
        waits = self._runs.put_off(((row.position, row.source_id) for row in selection.rows), now_ms)
        goes_on = self.waiting.import_goes_on(pending, selection.new_import_count)
        rows = [row for row in selection.rows if row.position not in waits]
        selection = replace(selection, rows=rows, parked=waits, import_goes_on=goes_on)
        return selection, self._record.begin_cycle(lane_lease.lease, now_ms, selection.span)

    def _context(self, lane_lease: LaneLease, selection: Selection) -> CallContext:
        parts = self._parts
        probe = Call("read account", "GET", self._portal.paths.account)
        waited = partial(parts.waited, self.destination.name)
        suspects = frozenset(due.position for due in selection.due.values() if due.reason in FAILED and due.attempts)
        return CallContext(
            parts.clock, parts.jitter, parts.sleep, lane_lease.check, probe, selection.is_backfill, suspects, waited
        )

    def _cycle_state(self, caller: Caller, now_ms: int) -> CycleState:
        return CycleState(
            self.destination,
            self._record,
            self._portal,
            caller,
            now_ms,
            self._suppress_ms(now_ms),
            read_at=self._parts.journal.read_at,
            off_loop=self._off_loop,
            definitions_made=self._definitions_made,
            check_before_ms=self._check_before_ms,
            company_linger_ms=round(self._parts.policy.company_linger_seconds * 1000),
            is_repeated=bool(self._unconfirmed),
        )

    async def _deliver(self, cycle_state: CycleState, selection: Selection) -> None:
        has_replay = any(due.is_replay for due in selection.due.values())
        schema = await self._portal.load(cycle_state.now_ms, is_replay=has_replay)
        self.governor.move_to(schema.time_zone, cycle_state.now_ms)
        try:
            await run_cycle(cycle_state, self._sources(), selection)
        except Unreadable as exc:
            raise unreadable(exc) from exc

    def follow_clock(self) -> None:
        """The clock was set back: a time of the clock before counts as now."""
        self._check_before_ms = min(self._check_before_ms, self._clock.now_ms())

    def _suppress_ms(self, now_ms: int) -> int:
        """The time for which a confirmed value counts as unchanged."""
        if self._unconfirmed:
            return 0
        suppress_ms = round(self.destination.suppress_unchanged_hours * 3_600_000)
        return min(suppress_ms, max(0, now_ms - self._check_before_ms))

    def _commit(
        self,
        lane_lease: LaneLease,
        cycle_id: int,
        selection: Selection,
        cycle_state: CycleState,
        runs: Sequence[Run],
    ) -> None:
        """Record what the cycle learnt and move the cursors, in one transaction. Then stop the lane if HubSpot refuses
        a server source."""
        ended_at_ms = self._clock.now_ms()
        self.waiting.note_cycle()
        hold = HoldPolicy(self.destination.hold_ms, self.destination.cookie_after_ms)
        patience = Patience(hold, self._policy.retry, self._parts.jitter)
        outcome = outcome_of(cycle_id, selection, cycle_state, patience, ended_at_ms)
        outcome.lane.status = self._status(ended_at_ms)
        if self._record.commit_cycle(lane_lease.lease, outcome):
            self._parts.announce()
        counts = {name: getattr(outcome.tally, name) for name in outcome.tally.__struct_fields__}
        log.info("cycle.recorded", destination=self.destination.name, **counts)
        for run in runs:
            resume_at_ms = ended_at_ms + round(1000 * without_answer.RUN_PROBE_SECONDS)
            self._stop(without_answer.run_of_deaths(run.text), resume_at_ms)

    # -- faults that concern the lane

    def _runs_of(self, selection: Selection, outcomes: Outcomes, *, is_probe: bool) -> list[Run]:
        """Count the cycle's deaths, and park public sources that HubSpot refuses; the runs of server sources."""
        sources = {row.position: row.source_id for row in selection.rows}
        runs: list[Run] = []
        for run in self._runs.note(sources, outcomes.verdicts, outcomes.fates.__contains__, is_probe=is_probe):
            source = self._sources().get(run.source_id)
            if source is None or not source.is_public:
                runs.append(run)
                continue
            parked = self._runs.park(run, self._clock.now_ms())
            log.error(
                "source.parked",
                destination=self.destination.name,
                source=source.name,
                reason=str(run.reason),
                seconds=parked.seconds,
            )
        return runs

    def _give_up(
        self, lane_lease: LaneLease, cycle_id: int, selection: Selection, caller: Caller, stop: StopTheLine
    ) -> None:
        """Abandon the cycle and stop the lane until a person or the clock resumes it."""
        now_ms = self._clock.now_ms()
        if stop.reason is Reason.BUDGET_SPENT:
            wait_seconds = max(self.governor.wait_seconds(Priority.IDENTIFY, now_ms), 1.0)
        elif stop.reason in (*FAILED, Reason.RATE_LIMITED):
            grown_seconds = OUTAGE_SECONDS[min(self._outages, len(OUTAGE_SECONDS) - 1)]
            wait_seconds = max(grown_seconds, stop.retry_after_seconds or 0.0)
            self._outages += 1
        elif stop.retry_after_seconds is not None:
            wait_seconds = stop.retry_after_seconds
        else:
            wait_seconds = STOPPED_PROBE_SECONDS
        resume_at_ms = now_ms + round(1000 * wait_seconds)
        self._unconfirmed = self._unconfirmed.given_up(selection.span, resume_at_ms)
        self._record.abandon_cycle(
            lane_lease.lease, cycle_id, now_ms, resume_at_ms, caller.attempts, self._status(now_ms)
        )
        self._stop(stop, resume_at_ms)

    def _halve(self, lane_lease: LaneLease, cycle_id: int, selection: Selection, caller: Caller) -> None:
        """Abandon a cycle that failed because of our own bug, and select half as many messages next time, so that the
        faulty message is soon alone."""
        now_ms = self._clock.now_ms()
        self._max_messages = max(1, len(selection.rows) // 2)
        self._unconfirmed = self._unconfirmed.given_up(selection.span, now_ms)
        self._record.abandon_cycle(lane_lease.lease, cycle_id, now_ms, now_ms, caller.attempts, self._status(now_ms))

    def _stop(self, stop: StopTheLine, resume_at_ms: int | None) -> None:
        self._record.stop_lane(self.destination.destination_id, stop.reason, stop.detail, resume_at_ms)
        log.error("lane.stopped", destination=self.destination.name, reason=str(stop.reason), detail=stop.detail)

    def stop_for_budget(self, wait_seconds: float) -> None:
        """Stop the lane until the day has calls again."""
        self._stop(without_answer.day_is_spent(), self._clock.now_ms() + round(1000 * wait_seconds))

    def _status(self, now_ms: int) -> bytes:
        report = self.governor.report(now_ms)
        if self._unconfirmed:
            report[STORED_NAME] = self._unconfirmed
        if self._runs.parked:
            report[PARKED_NAME] = {str(source_id): parked for source_id, parked in self._runs.parked.items()}
        if self._check_before_ms:
            report[CHECK_NAME] = self._check_before_ms
        if self._portal.own_source.source_ids:
            report[OWN_SOURCE_NAME] = self._portal.own_source.source_ids
        if self._portal.marketing.subscription_names:
            report[SUBSCRIPTION_NAMES] = self._portal.marketing.subscription_names
        if self._definitions_made:
            report[MADE_NAME] = {str(source_id): additions for source_id, additions in self._definitions_made.items()}
        return msgspec.json.encode(report)

    def _log_bug(self, exc: Exception, selection: Selection) -> None:
        message_ids = [row.message_id for row in selection.rows]
        log.error(
            "cycle.failed",
            destination=self.destination.name,
            messages=len(message_ids),
            message_id=message_ids[0] if len(message_ids) == 1 else None,
            exc_info=exc,
        )


def _failed(selection: Selection, exc: Exception) -> Outcomes:
    """The outcome of a cycle with a single message on which Hubwire itself fails: only that one is dead."""
    outcomes = Outcomes(due=selection.due, planned_count=1)
    outcomes.judge([selection.rows[0].position], without_answer.internal_error(exc))
    return outcomes
