"""The work of one cycle: read the schema, plan, make what is missing, send in the order that later steps need.

Companies and contacts come first, then associations and events. Nothing is recorded here: what a cycle learnt is in
its task, its ledger and its links, and the lane writes all of it in one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hubwire.deliver.calls.caller import Caller, together
from hubwire.deliver.cycle.coalesce import DesiredRecord
from hubwire.deliver.cycle.gather import Gatherer
from hubwire.deliver.cycle.outcomes import Outcomes
from hubwire.deliver.cycle.portal_schema import Portal
from hubwire.deliver.cycle.selection import Selection
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.steps.associations import associate
from hubwire.deliver.steps.companies import upsert_companies
from hubwire.deliver.steps.contacts import upsert_contacts
from hubwire.deliver.steps.events import send_occurrences
from hubwire.deliver.steps.provision import provide
from hubwire.delivery import Retry
from hubwire.destination import Destination, Source
from hubwire.operation import Discard, Link
from hubwire.reasons import Reason
from hubwire.record.protocol import Record
from hubwire.schema import PortalSchema

PUT_OFF_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class CycleResult:
    """What a cycle has to record."""

    cycle_state: CycleState | None
    outcomes: Outcomes
    links: Sequence[Link]


@dataclass(frozen=True, slots=True)
class Cycle:
    """One cycle of one lane. `caller` makes its calls; what was confirmed within `suppress_ms` is not sent again."""

    destination: Destination
    sources: Mapping[int, Source]
    record: Record
    portal: Portal
    caller: Caller
    now_ms: int
    suppress_ms: int

    async def run(self, selection: Selection, schema: PortalSchema) -> CycleResult:
        """Plan what was taken on and send it. Raises LineStopped."""
        gathered = self._gather(selection, schema)
        provided = await provide(self.portal, gathered.missing_properties, gathered.work.events)
        if provided.is_changed:
            # With the types that HubSpot has now: what was planned took them from each message's own values.
            gathered = self._gather(selection, schema)
        cycle_state = CycleState(
            destination_id=self.destination.destination_id,
            now_ms=self.now_ms,
            suppress_ms=self.suppress_ms,
            paths=self.portal.paths,
            schema=schema,
            record=self.record,
            caller=self.caller,
            portal=self.portal,
            outcomes=gathered.outcomes,
            unmade=provided.unmade,
        )
        await self._send(cycle_state, gathered)
        return CycleResult(cycle_state, gathered.outcomes, gathered.identity.changed)

    def _gather(self, selection: Selection, schema: PortalSchema) -> Gatherer:
        outcomes = Outcomes(due=selection.due, planned_count=len(selection.lost) + len(selection.put_off))
        for position in selection.lost:
            outcomes.discard_or_hold(position, Discard(Reason.NO_LONGER_KEPT))
        outcomes.judge(selection.put_off, Retry(PUT_OFF_SECONDS, Reason.BUDGET_SPENT, counts=False))
        gatherer = Gatherer(self.destination, self.sources, schema, self.record.links, outcomes)
        gatherer.take(selection.rows)
        gatherer.finish()
        return gatherer

    @staticmethod
    async def _send(cycle_state: CycleState, gathered: Gatherer) -> None:
        work = gathered.work
        for (email, _), positions in work.associations.items():
            work.contacts.setdefault(email, DesiredRecord(email)).positions.extend(positions)
        await together(upsert_contacts(cycle_state, work.contacts), upsert_companies(cycle_state, work.companies))
        await together(associate(cycle_state, work.associations), send_occurrences(cycle_state, work.events))
