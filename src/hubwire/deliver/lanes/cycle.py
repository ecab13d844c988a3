"""The work of one cycle: read the schema, plan, make what is missing, send in the order that later steps need.

Companies and contacts come first, then associations and events. Nothing is recorded here: what a cycle learnt is in
its task, its ledger and its links, and the lane writes all of it in one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hubwire.deliver.calls.caller import Exchange, together
from hubwire.deliver.cycle.coalesce import Wanted
from hubwire.deliver.cycle.gather import Gatherer
from hubwire.deliver.cycle.outcomes import Ledger
from hubwire.deliver.cycle.portal_schema import Portal
from hubwire.deliver.cycle.selection import Taken
from hubwire.deliver.cycle.state import Task
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
class Learnt:
    """What a cycle has to record."""

    task: Task | None
    ledger: Ledger
    links: Sequence[Link]


@dataclass(frozen=True, slots=True)
class Cycle:
    """One cycle of one lane. `exchange` makes its calls; what was confirmed within `suppress_ms` is not sent again."""

    destination: Destination
    sources: Mapping[int, Source]
    record: Record
    portal: Portal
    exchange: Exchange
    now_ms: int
    suppress_ms: int

    async def run(self, taken: Taken, schema: PortalSchema) -> Learnt:
        """Plan what was taken on and send it. Raises LineStopped."""
        gathered = self._gather(taken, schema)
        provided = await provide(self.portal, gathered.missing_properties, gathered.work.events)
        if provided.is_changed:
            # With the types that HubSpot has now: what was planned took them from each message's own values.
            gathered = self._gather(taken, schema)
        task = Task(
            destination_id=self.destination.destination_id,
            now_ms=self.now_ms,
            suppress_ms=self.suppress_ms,
            paths=self.portal.paths,
            schema=schema,
            record=self.record,
            exchange=self.exchange,
            portal=self.portal,
            ledger=gathered.ledger,
            unmade=provided.unmade,
        )
        await self._send(task, gathered)
        return Learnt(task, gathered.ledger, gathered.identity.changed)

    def _gather(self, taken: Taken, schema: PortalSchema) -> Gatherer:
        ledger = Ledger(due=taken.due, planned_count=len(taken.lost) + len(taken.put_off))
        for position in taken.lost:
            ledger.discard_or_hold(position, Discard(Reason.NO_LONGER_KEPT))
        ledger.judge(taken.put_off, Retry(PUT_OFF_SECONDS, Reason.BUDGET_SPENT, counts=False))
        gatherer = Gatherer(self.destination, self.sources, schema, self.record.links, ledger)
        gatherer.take(taken.rows)
        gatherer.finish()
        return gatherer

    @staticmethod
    async def _send(task: Task, gathered: Gatherer) -> None:
        work = gathered.work
        for (email, _), positions in work.associations.items():
            work.contacts.setdefault(email, Wanted(email)).positions.extend(positions)
        await together(upsert_contacts(task, work.contacts), upsert_companies(task, work.companies))
        await together(associate(task, work.associations), send_occurrences(task, work.events))
