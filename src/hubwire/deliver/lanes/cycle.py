"""The work of one cycle: read the schema, plan, make what is missing, send in the order that later steps need.

Companies and contacts come first, then associations and events. Nothing is recorded here: what a cycle learnt is in
its state, and the lane writes all of it in one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping

from hubwire.deliver.calls.caller import together
from hubwire.deliver.cycle.coalesce import DesiredRecord, Work
from hubwire.deliver.cycle.gather import Gatherer
from hubwire.deliver.cycle.outcomes import Outcomes
from hubwire.deliver.cycle.selection import Selection
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.steps.associations import associate
from hubwire.deliver.steps.companies import upsert_companies
from hubwire.deliver.steps.contacts import upsert_contacts
from hubwire.deliver.steps.events import send_occurrences
from hubwire.deliver.steps.provision import provide
from hubwire.deliver.verdicts import without_answer
from hubwire.destination import Source
from hubwire.operation import Discard
from hubwire.reasons import Reason


async def run_cycle(cycle_state: CycleState, sources: Mapping[int, Source], selection: Selection) -> None:
    """Plan what was selected and send it; all that is to be recorded is in `cycle_state`. Raises LineStopped.

    Shape: the portal's schema has been loaded.
    """
    cycle_state.imported = frozenset(row.position for row in selection.rows if row.is_backfill)
    cycle_state.received_at_ms = {row.position: row.received_at_ms for row in selection.rows}
    public = {source_id for source_id, source in sources.items() if source.is_public}
    cycle_state.public = frozenset(row.position for row in selection.rows if row.source_id in public)
    gathered = await cycle_state.off_loop(_gather, cycle_state, sources, selection)
    if await cycle_state.portal.look_again(gathered.outcomes.unknown_names(), cycle_state.now_ms):
        gathered = await cycle_state.off_loop(_gather, cycle_state, sources, selection)
    provided = await provide(cycle_state.portal, gathered.missing_properties, gathered.work.events)
    if provided.is_changed:
        # With the types that HubSpot has now: what was planned took them from each message's own values.
        gathered = await cycle_state.off_loop(_gather, cycle_state, sources, selection)
    cycle_state.outcomes, cycle_state.links = gathered.outcomes, gathered.identity.changed
    cycle_state.unmade = provided.unmade
    await _send(cycle_state, gathered.work)


def _gather(cycle_state: CycleState, sources: Mapping[int, Source], selection: Selection) -> Gatherer:
    outcomes = Outcomes(due=selection.due, planned_count=selection.set_aside_count)
    for position in selection.lost:
        outcomes.discard_or_hold(position, Discard(Reason.NO_LONGER_KEPT))
    outcomes.judge(selection.put_off, without_answer.backfill_put_off())
    for position, seconds in selection.parked.items():
        outcomes.judge([position], without_answer.source_parked(seconds))
    gatherer = Gatherer(
        cycle_state.destination, sources, cycle_state.schema, cycle_state.record.links, outcomes, cycle_state.bugs
    )
    gatherer.take(selection.rows)
    gatherer.finish()
    return gatherer


async def _send(cycle_state: CycleState, work: Work) -> None:
    contacts: dict[str, list[str]] = {}
    for (email, domain), positions in work.associations.items():
        work.contacts.setdefault(email, DesiredRecord(email)).positions.extend(positions)
        contacts.setdefault(domain, []).append(email)
    relied = {event.email for event in work.events} | {email for email, _ in work.associations}
    await upsert_contacts(cycle_state, work.contacts, relied)
    # After the contacts: a company that HubSpot made of an e-mail's domain is found by their own associations.
    await upsert_companies(cycle_state, work.companies, contacts)
    await together(associate(cycle_state, work.associations), send_occurrences(cycle_state, work.events))
    cycle_state.portal.spare_reads.earn(len(cycle_state.caller.attempts))
