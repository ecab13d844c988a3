"""The work of one cycle: plan, create what is missing, and send in the order that later steps need.

Companies and contacts come first, then associations and events. Nothing is recorded here: `outcome_of` collects what
the cycle learnt, and the lane writes all of it in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hubwire.deliver.calls.caller import together
from hubwire.deliver.calls.retry import RetryPolicy, next_attempt_at
from hubwire.deliver.cycle.coalesce import DesiredRecord, Work
from hubwire.deliver.cycle.gather import Gatherer
from hubwire.deliver.cycle.outcomes import HoldPolicy, Outcomes
from hubwire.deliver.cycle.state import HOUR_MS, CycleState
from hubwire.deliver.lanes.backlog import Selection
from hubwire.deliver.limits.source_limits import NewDefinitions
from hubwire.deliver.steps.associations import associate
from hubwire.deliver.steps.companies import upsert_companies
from hubwire.deliver.steps.contacts import upsert_contacts
from hubwire.deliver.steps.events import send_occurrences
from hubwire.deliver.steps.made_records import of_made_records
from hubwire.deliver.steps.marketing.forms import put_off_people, recall_people, submit_forms
from hubwire.deliver.steps.marketing.lists import set_memberships
from hubwire.deliver.steps.marketing.subscriptions import set_subscriptions
from hubwire.deliver.steps.objects.new_records import missing_own_keys
from hubwire.deliver.steps.objects.records import send_records
from hubwire.deliver.steps.provision import Missing, provide
from hubwire.deliver.steps.record_values import report_older
from hubwire.deliver.verdicts import without_answer
from hubwire.delivery import Retry
from hubwire.destination import Source, Trust
from hubwire.operation import Discard, Hold, RecordRef
from hubwire.reasons import Reason
from hubwire.record.protocol import CycleOutcome, LaneState


async def run_cycle(cycle_state: CycleState, sources: Mapping[int, Source], selection: Selection) -> None:
    """Plan the selected messages and send the operations. `cycle_state` has the results. Raises LineStopped.

    Shape: the portal's schema has been loaded.
    """
    cycle_state.imported = frozenset(row.position for row in selection.rows if row.is_backfill)
    cycle_state.import_goes_on = selection.import_goes_on
    cycle_state.received_at_ms = {row.position: row.received_at_ms for row in selection.rows}
    public = {source_id for source_id, source in sources.items() if source.is_public}
    cycle_state.public = {row.position: row.source_id for row in selection.rows if row.source_id in public}
    gathered = await cycle_state.off_loop(_gather, cycle_state, sources, selection)
    portal, now_ms = cycle_state.portal, cycle_state.now_ms
    needed = {ref.object for ref in gathered.work.records}
    if await portal.look_again(gathered.outcomes.unknown_names(), now_ms) or await portal.look_for_unavailable(
        needed, now_ms
    ):
        gathered = await cycle_state.off_loop(_gather, cycle_state, sources, selection)
    new = NewDefinitions(
        cycle_state.destination.public_definitions_per_day,
        cycle_state.now_ms,
        cycle_state.definitions_made,
        cycle_state.public,
    )
    properties = gathered.missing_properties
    if gathered.work.records:
        properties = properties | missing_own_keys(cycle_state, gathered.work.records)
    missing = Missing(properties, gathered.work.events, gathered.missing_options)
    provided = await provide(cycle_state.portal, missing, new)
    if provided.is_changed:
        # Plan again with the types that HubSpot has now; the first plan took them from each message's values.
        gathered = await cycle_state.off_loop(_gather, cycle_state, sources, selection)
    limit = f"public_definitions_per_day is {new.limit}"
    _hold_back(gathered, provided.held_back, Reason.DEFINITION_LIMIT, new.next_day_ms, limit)
    _hold_back(gathered, provided.nameless, Reason.EVENT_NAME_USED, now_ms + HOUR_MS)
    cycle_state.outcomes, cycle_state.links = gathered.outcomes, gathered.identity.changed
    cycle_state.unmade = provided.unmade
    await send_work(cycle_state, gathered.work)


def _hold_back(gathered: Gatherer, positions: set[int], reason: Reason, until_ms: int, detail: str = "") -> None:
    """Hold messages whose events need a definition that cannot be made now; the rest of these messages is sent."""
    if not positions:
        return
    gathered.work.events = [event for event in gathered.work.events if event.position not in positions]
    hold = Hold(reason, detail=detail, ends_as=Reason.DEFINITION_NEVER_MADE, until_ms=until_ms)
    for position in positions - gathered.outcomes.fates.keys():
        gathered.outcomes.discard_or_hold(position, hold)


def _gather(cycle_state: CycleState, sources: Mapping[int, Source], selection: Selection) -> Gatherer:
    outcomes = Outcomes(due=selection.due, planned_count=selection.set_aside_count)
    for position in selection.lost:
        outcomes.discard_or_hold(position, Discard(Reason.NO_LONGER_KEPT))
    if selection.put_off:
        outcomes.judge(selection.put_off, without_answer.backfill_put_off())
    for position, seconds in selection.parked.items():
        outcomes.judge([position], without_answer.source_parked(seconds))
    gatherer = Gatherer(
        cycle_state.destination,
        sources,
        cycle_state.schema,
        cycle_state.record.links,
        outcomes,
        cycle_state.now_ms,
        cycle_state.destination.received_since_ms,
        cycle_state.company_wait_ms,
    )
    if cycle_state.destination.trust is Trust.SERVER:
        gatherer.work.public = cycle_state.public
    gatherer.take(selection.rows)
    gatherer.finish()
    return gatherer


async def send_work(cycle_state: CycleState, work: Work) -> None:
    """Send the work of a cycle, in the order that later steps need. Raises LineStopped."""
    if not cycle_state.portal.marketing.recalls_people:
        await recall_people(cycle_state)
    contacts: dict[str, list[str]] = {}
    for (email, domain), pair in work.associations.items():
        work.contacts.setdefault(email, DesiredRecord(email)).positions.extend(pair.positions)
        contacts.setdefault(domain, []).append(email)
    if work.marketing.submissions:
        # Before the contacts: HubSpot takes the source of a new contact from its first visit.
        await submit_forms(cycle_state, work.marketing.submissions)
    if cycle_state.portal.marketing.people_of_forms:
        await put_off_people(cycle_state, work)
    relied = {event.email for event in work.events if event.email is not None} | {
        email for email, _ in work.associations
    }
    relied |= work.marketing.contacts
    relied |= {end.key for pair in work.pairs for end in pair if end.object == "contact"} & work.contacts.keys()
    await upsert_contacts(cycle_state, work.contacts, relied)
    if any(event.record is not None for event in work.events):
        await _send_others(cycle_state, work, contacts)
        await send_occurrences(cycle_state, work.events)
    else:
        # Events of contacts do not wait for the calls for companies.
        events = [send_occurrences(cycle_state, work.events)] if work.events else []
        await together(_send_others(cycle_state, work, contacts), *events)
    if cycle_state.older:
        await report_older(cycle_state)
    cycle_state.portal.spare_reads.earn(len(cycle_state.caller.attempts), cycle_state.now_ms)


async def _send_others(cycle_state: CycleState, work: Work, contacts: Mapping[str, Sequence[str]]) -> None:
    """Send everything else than contacts and events, after the contacts: their associations lead to companies that
    HubSpot created from e-mail domains. `contacts` are those to be associated, by domain."""
    erased = cycle_state.outcomes.are_erased
    work.companies = {key: desired for key, desired in work.companies.items() if not erased(desired.positions)}
    if work.companies or work.associations:
        cycle_state.portal.companies_sent_at_ms = cycle_state.now_ms
    if work.companies:
        await upsert_companies(cycle_state, work.companies, contacts)
    if work.has_records or (cycle_state.portal.object_types and _has_other_people(cycle_state)):
        await send_records(cycle_state, work)
    steps = []
    if work.associations or cycle_state.other_contacts or cycle_state.other_companies:
        steps.append(associate(cycle_state, of_made_records(cycle_state, work, work.associations)))
    if work.marketing.memberships:
        steps.append(set_memberships(cycle_state, work.marketing.memberships))
    if work.marketing.subscriptions:
        steps.append(set_subscriptions(cycle_state, work.marketing.subscriptions))
    if steps:
        await together(*steps)


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
        records=list(cycle_state.objects.changed.values()),
        record_associations=list(cycle_state.objects.associations.values()),
        parted=sorted(cycle_state.objects.parted),
        found=_found(cycle_state),
        links=list(cycle_state.links),
        lists=list(cycle_state.known_lists.values()),
        memberships=cycle_state.memberships,
        preferences=cycle_state.preferences,
        submissions=list(cycle_state.submissions.values()),
        tally=settlement.tally(selection.new_count, len(cycle_state.caller.attempts), replayed),
        ended_at_ms=ended_at_ms,
    )


def _has_other_people(cycle_state: CycleState) -> bool:
    """Whether a contact or company is another record than the one that its orders are associated with."""
    return bool(cycle_state.other_contacts or cycle_state.other_companies)


def _found(cycle_state: CycleState) -> list[RecordRef]:
    """The records that messages may wait for, if rules write other objects than contacts and companies."""
    if not cycle_state.portal.object_types:
        return []
    people = [RecordRef("contact", email) for email, person in cycle_state.changed_people.items() if person.contact_id]
    companies = [
        RecordRef("company", domain) for domain, company in cycle_state.changed_companies.items() if company.company_id
    ]
    return [*people, *companies, *sorted(cycle_state.objects.found)]


def _retries(outcomes: Outcomes, selection: Selection, patience: Patience, now_ms: int) -> dict[int, int | None]:
    """The time of the next try of each message that HubSpot put off; None if its time is over."""
    times: dict[int, int | None] = {}
    for position, verdict in outcomes.verdicts.items():
        if isinstance(verdict, Retry):
            due = selection.due.get(position)
            attempts, first_at_ms = (due.attempts, due.first_attempt_at_ms) if due else (0, None)
            times[position] = next_attempt_at(
                verdict, attempts + 1, first_at_ms or now_ms, now_ms, patience.jitter(), patience.retry
            )
    return times
