"""One lane drives one portal: lease, take on messages, plan, send, record, move on.

A cycle reads messages behind the lane's cursors and the rows whose time has come, gathers their work, sends it
(companies and contacts first, then associations and events), and writes everything that it learnt in one transaction
with the cursors: record before settle. A crash anywhere repeats calls, which have no second effect, and loses nothing.
When the line itself is at fault (no permission, no budget, no HubSpot) the cycle is abandoned and no cursor moves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import structlog

from hubwire.clock import Clock
from hubwire.deliver import associations, companies, contacts, events
from hubwire.deliver.budget import Priority
from hubwire.deliver.coalesce import Wanted
from hubwire.deliver.exchange import Exchange, LineStopped
from hubwire.deliver.gather import Gatherer
from hubwire.deliver.governor import Governor
from hubwire.deliver.ledger import HoldPolicy, Ledger
from hubwire.deliver.portal import Portal
from hubwire.deliver.retry import RetryPolicy, next_attempt_at
from hubwire.deliver.task import Task
from hubwire.delivery import Retry, StopTheLine
from hubwire.destination import Destination, Source
from hubwire.hubspot.client import HubSpotClient
from hubwire.hubspot.paths import Paths
from hubwire.journal.protocol import Journal
from hubwire.message import Row
from hubwire.operation import Link
from hubwire.reasons import Reason
from hubwire.record.protocol import CycleOutcome, Due, LaneState, Lease, Record, Span

log = structlog.get_logger("hubwire.deliver")

READ_ROWS = 1000
DEAD_RUN = 200
"""A cycle with so many deaths, and nothing delivered, stops the line: it is us, not the messages."""
STOPPED_PROBE_SECONDS = 300.0
OUTAGE_SECONDS = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0)


@dataclass(frozen=True, slots=True)
class LanePolicy:
    """How a lane behaves; the settings of the same names."""

    cycle_messages: int = 10_000
    linger_seconds: float = 1.0
    backfill_linger_seconds: float = 3.0
    lease_seconds: float = 10.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)


@dataclass(frozen=True, slots=True)
class Pending:
    """What waits for a cycle."""

    live_count: int
    live_since_ms: int | None
    backfill_count: int
    backfill_since_ms: int | None
    backfill_grew: bool
    due: Sequence[Due]


class Lane:
    """Drives one destination while its lease is held. `run_cycle` is one turn; `Deliverer` repeats it."""

    def __init__(
        self,
        destination: Destination,
        sources: Callable[[], Mapping[int, Source]],
        journal: Journal,
        record: Record,
        client: HubSpotClient,
        governor: Governor,
        clock: Clock,
        policy: LanePolicy,
        jitter: Callable[[], float],
    ) -> None:
        self.destination = destination
        self.governor = governor
        self._sources = sources
        self._journal = journal
        self._record = record
        self._client = client
        self._clock = clock
        self._policy = policy
        self._jitter = jitter
        self._paths = Paths(destination.api_version)
        self._portal = Portal(self._paths)
        self._outages = 0
        self._backfill_seen = 0
        self._last_cycle_at_ms = 0

    # -- when

    def pending(self, state: LaneState) -> Pending:
        """What waits, and since when."""
        source_ids = self.destination.source_ids
        live, live_since = self._journal.count_after(state.live_cursor, source_ids=source_ids, is_backfill=False)
        backfill, backfill_since = self._journal.count_after(
            state.backfill_cursor, source_ids=source_ids, is_backfill=True
        )
        due = self._record.due(self.destination.destination_id, self._clock.now_ms(), self._policy.cycle_messages)
        last = self._journal.extent().last
        grew, self._backfill_seen = last != self._backfill_seen, last
        return Pending(live, live_since, backfill, backfill_since, grew, due)

    def wait_seconds(self, pending: Pending) -> float | None:
        """How long to linger before a cycle, 0 for now, None when nothing waits. A full cycle never lingers."""
        now_ms = self._clock.now_ms()
        waits: list[float] = []
        if pending.live_since_ms is not None:
            waits.append(self._linger(pending.live_count, pending.live_since_ms, self._policy.linger_seconds, now_ms))
        if pending.backfill_since_ms is not None and self.governor.may_spend(Priority.BACKFILL, now_ms) > 0:
            full = pending.backfill_count >= self._policy.cycle_messages
            linger = self._policy.backfill_linger_seconds
            waits.append(0.0 if full else linger if pending.backfill_grew else 0.0)
        if pending.due:
            waits.append(0.0)
        return min(waits) if waits else None

    def _linger(self, count: int, since_ms: int, linger_seconds: float, now_ms: int) -> float:
        if count >= self._policy.cycle_messages:
            return 0.0
        wait_seconds = linger_seconds - (now_ms - since_ms) / 1000
        # What the budget made wait is old by then: counted from the oldest message it would never linger again.
        since_ms = max(since_ms, self._last_cycle_at_ms)
        return max(0.0, wait_seconds, self.governor.linger_seconds(now_ms) - (now_ms - since_ms) / 1000)

    # -- one cycle

    async def run_cycle(self, lease: Lease, pending: Pending) -> bool:
        """Take on what waits, and record what came of it; False when the cycle was abandoned.

        Errors: LeaseLost (another worker drives the portal now), BackendError; nothing was recorded then.
        """
        now_ms = self._clock.now_ms()
        state = self._record.lane(self.destination.destination_id)
        rows, span = self._take(state, pending)
        cycle_id = self._record.begin_cycle(lease, now_ms, span)
        is_backfill = bool(rows) and all(row.is_backfill for row in rows)
        exchange = Exchange(self._client, self.governor, self._clock, self._jitter, is_backfill=is_backfill)
        self._portal.exchange = exchange
        ledger = Ledger(due={one.position: one for one in pending.due})
        try:
            task, links = await self._deliver(rows, ledger, exchange, now_ms)
        except LineStopped as stopped:
            self._stop(lease, cycle_id, exchange, stopped.stop)
            return False
        self._portal.is_stale |= exchange.schema_is_stale
        if exchange.failures and not exchange.successes:
            self._abandon(lease, cycle_id, exchange, Reason.HUBSPOT_FAILED)
            return False
        self._outages = 0
        ended_at_ms = self._last_cycle_at_ms = self._clock.now_ms()
        settlement = ledger.settle(
            ended_at_ms,
            HoldPolicy(round(self.destination.hold_hours * 3_600_000)),
            self._retries(ledger, pending.due, ended_at_ms),
        )
        taken = len(rows) - len(pending.due)
        replayed = sum(one.is_replay for one in pending.due)
        tally = settlement.tally(max(taken, 0), len(exchange.attempts), replayed)
        if tally.dead >= DEAD_RUN and not tally.delivered:
            self._stop(lease, cycle_id, exchange, StopTheLine(Reason.RUN_OF_DEATHS, f"{tally.dead} dead in one cycle"))
            return False
        self._record.commit_cycle(
            lease,
            CycleOutcome(
                cycle_id=cycle_id,
                lane=LaneState(
                    live_cursor=span.live_through,
                    backfill_cursor=span.backfill_through,
                    status=self._status(ended_at_ms),
                ),
                settled=settlement.rows,
                finished=settlement.finished,
                attempts=exchange.attempts,
                people=task.changed_people,
                companies=task.changed_companies,
                associations=task.associations,
                links=links,
                tally=tally,
                ended_at_ms=ended_at_ms,
            ),
        )
        log.info(
            "cycle.recorded",
            destination=self.destination.name,
            **{name: getattr(tally, name) for name in tally.__struct_fields__},
            duration_ms=ended_at_ms - now_ms,
        )
        return True

    def _take(self, state: LaneState, pending: Pending) -> tuple[list[Row], Span]:
        """The rows of this cycle. A cycle that crashed before is taken on in ever smaller pieces."""
        limit = max(1, self._policy.cycle_messages >> max(0, state.open_attempts - 2))
        source_ids = self.destination.source_ids
        due = list(self._journal.read_at([one.position for one in pending.due]).values())
        live = self._journal.read(state.live_cursor, limit, source_ids=source_ids, is_backfill=False)
        backfill: list[Row] = []
        if len(live) < limit and self.governor.may_spend(Priority.BACKFILL, self._clock.now_ms()) > 0:
            backfill = self._journal.read(
                state.backfill_cursor, limit - len(live), source_ids=source_ids, is_backfill=True
            )
        span = Span(
            live_after=state.live_cursor,
            live_through=live[-1].position if live else state.live_cursor,
            backfill_after=state.backfill_cursor,
            backfill_through=backfill[-1].position if backfill else state.backfill_cursor,
            due=[one.position for one in pending.due],
        )
        return [*due, *live, *backfill], span

    async def _deliver(
        self, rows: Sequence[Row], ledger: Ledger, exchange: Exchange, now_ms: int
    ) -> tuple[Task, list[Link]]:
        """Plan the rows and send what they ask for, in the order that later steps need."""
        schema = await self._portal.load(now_ms)
        self.governor.move_to(schema.time_zone, now_ms)
        gatherer = Gatherer(self.destination, self._sources(), schema, self._record.links, ledger)
        gatherer.take(rows)
        gatherer.finish()
        work = gatherer.work
        task = Task(
            destination_id=self.destination.destination_id,
            now_ms=now_ms,
            suppress_ms=round(self.destination.suppress_unchanged_hours * 3_600_000),
            paths=self._paths,
            schema=schema,
            record=self._record,
            exchange=exchange,
            portal=self._portal,
            ledger=ledger,
        )
        await self._portal.ensure_properties(gatherer.missing_properties)
        for (email, _), positions in work.associations.items():
            work.contacts.setdefault(email, Wanted(email)).positions.extend(positions)
        await asyncio.gather(
            contacts.upsert_contacts(task, work.contacts), companies.upsert_companies(task, work.companies)
        )
        await asyncio.gather(associations.associate(task, work.associations), events.send(task, work.events))
        return task, gatherer.identity.changed

    def _retries(self, ledger: Ledger, due: Sequence[Due], now_ms: int) -> dict[int, int | None]:
        """The next try of each message that HubSpot put off; None when its time is over."""
        attempts = {one.position: (one.attempts, one.first_attempt_at_ms) for one in due}
        times: dict[int, int | None] = {}
        for position, verdict in ledger.verdicts.items():
            if isinstance(verdict, Retry):
                before, first_at_ms = attempts.get(position, (0, None))
                times[position] = next_attempt_at(
                    verdict, before + 1, first_at_ms or now_ms, now_ms, self._jitter(), self._policy.retry
                )
        return times

    # -- when the line is at fault

    def _stop(self, lease: Lease, cycle_id: int, exchange: Exchange, stop: StopTheLine) -> None:
        """Abandon the cycle and stop the lane until a person or the clock resumes it."""
        now_ms = self._clock.now_ms()
        resume_at_ms = now_ms + round(1000 * (stop.retry_after_seconds or STOPPED_PROBE_SECONDS))
        self._record.abandon_cycle(lease, cycle_id, now_ms, resume_at_ms, exchange.attempts, self._status(now_ms))
        self._record.stop_lane(self.destination.destination_id, stop.reason, stop.detail, resume_at_ms)
        log.error("lane.stopped", destination=self.destination.name, reason=str(stop.reason), detail=stop.detail)

    def _abandon(self, lease: Lease, cycle_id: int, exchange: Exchange, reason: Reason) -> None:
        """Abandon a cycle in which HubSpot answered nothing usable, and wait longer each time."""
        now_ms = self._clock.now_ms()
        wait_seconds = OUTAGE_SECONDS[min(self._outages, len(OUTAGE_SECONDS) - 1)]
        self._outages += 1
        resume_at_ms = now_ms + round(1000 * wait_seconds)
        self._record.abandon_cycle(lease, cycle_id, now_ms, resume_at_ms, exchange.attempts, self._status(now_ms))
        self._record.stop_lane(
            self.destination.destination_id,
            reason,
            exchange.attempts[-1].outcome if exchange.attempts else "",
            resume_at_ms,
        )
        log.warning("cycle.abandoned", destination=self.destination.name, reason=str(reason), wait_seconds=wait_seconds)

    def _status(self, now_ms: int) -> bytes:
        return msgspec.json.encode(self.governor.report(now_ms))
