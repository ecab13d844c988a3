"""Sets e-mail subscriptions: reads what HubSpot has, and writes what differs and may be written.

Batches need Marketing Hub Enterprise. If HubSpot refuses them, each address costs a call to read and a call to write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from hubwire.deliver.calls.caller import together
from hubwire.deliver.cycle.coalesce import Older, is_fresh
from hubwire.deliver.cycle.marketing_portal import Feature
from hubwire.deliver.cycle.marketing_work import DesiredSubscription, Rank
from hubwire.deliver.cycle.portal_schema import REPLAY_SCHEMA_AGE_MS, SCHEMA_AGE_MS
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.steps.look_up import read_contacts
from hubwire.deliver.verdicts import opt_outs, without_answer
from hubwire.deliver.verdicts.dependants import was_sent
from hubwire.delivery import Dead, Delivered, Verdict
from hubwire.hubspot.call import Call, split
from hubwire.hubspot.errors import read_problem
from hubwire.hubspot.paths import Paths
from hubwire.hubspot.preferences import (
    PREFERENCES_PER_CALL,
    HeldStatus,
    read_statuses,
    set_status,
    set_statuses,
    statuses_by_email,
    statuses_of,
    subscription_names,
    subscription_types,
)
from hubwire.operation import ALL_SUBSCRIPTIONS, LeftOut, SetSubscription, unique_property
from hubwire.reasons import Reason
from hubwire.record.marketing import Preference, SubscriptionState
from hubwire.record.protocol import ConfirmedValue

BAD_REQUEST = 400
FORBIDDEN = 403
NOT_FOUND = 404
OPTED_OUT_OF_ALL = "hs_email_optout"
Desired = Mapping[tuple[str, str], DesiredSubscription]
Known = Mapping[tuple[str, str], Preference]


@dataclass(slots=True)
class _Change:
    """One state to write. `known` is what Hubwire wrote before."""

    subscription_id: str
    desired: DesiredSubscription
    known: Preference | None

    @property
    def operation(self) -> SetSubscription:
        return self.desired.operation

    @property
    def positions(self) -> list[int]:
        return self.desired.positions


@dataclass(slots=True)
class _HeldStates:
    """What HubSpot has of some addresses. `unread`: those that could not be read now."""

    states: dict[str, dict[str, HeldStatus]] = field(default_factory=dict)
    out_of_all: set[str] = field(default_factory=set)
    unread: dict[str, Verdict] = field(default_factory=dict)


async def set_subscriptions(cycle_state: CycleState, desired: Desired) -> None:
    """Bring the subscriptions to what the cycle's messages ask for. The contacts are confirmed."""
    portal = cycle_state.portal.marketing
    is_replay = any(due.is_replay for due in cycle_state.outcomes.due.values())
    is_refused = portal.is_refused(Feature.SUBSCRIPTIONS, cycle_state.now_ms, is_replay=is_replay)
    if not is_refused and await _read_types(cycle_state, desired, is_replay=is_replay):
        desired = await _without_erased(cycle_state, desired)
        known = await cycle_state.load(cycle_state.record.marketing.preferences, {email for email, _ in desired})
        changes = _changes(cycle_state, desired, known)
        await _write(cycle_state, [change for change in changes if change.subscription_id == ALL_SUBSCRIPTIONS])
        await _write(cycle_state, [change for change in changes if change.subscription_id != ALL_SUBSCRIPTIONS])
    elif portal.is_refused(Feature.SUBSCRIPTIONS, cycle_state.now_ms):
        for subscription in desired.values():
            portal.hold(cycle_state.outcomes, Feature.SUBSCRIPTIONS, subscription.positions)


async def _without_erased(cycle_state: CycleState, desired: Desired) -> Desired:
    """Without people whom HubSpot deleted for privacy: their addresses do not go there again."""
    people = await cycle_state.load(cycle_state.record.people, {email for email, _ in desired})
    erased = {email for email, person in people.items() if person.refused_at_ms is not None}
    are_erased = cycle_state.outcomes.are_erased  # also people who are known by another key than their address
    return {
        place: subscription
        for place, subscription in desired.items()
        if place[0] not in erased and not are_erased(subscription.positions)
    }


async def _read_types(cycle_state: CycleState, desired: Desired, *, is_replay: bool) -> bool:
    """Read the subscription types if they are old. Returns whether they are known; otherwise all is judged."""
    portal = cycle_state.portal.marketing
    oldest_ms = REPLAY_SCHEMA_AGE_MS if is_replay else SCHEMA_AGE_MS
    if portal.types_read_at_ms is not None and 0 <= cycle_state.now_ms - portal.types_read_at_ms < oldest_ms:
        return True
    call = Call("read subscription types", "GET", cycle_state.paths.subscription_types)
    verdict, answer = await cycle_state.caller.ask(call, is_optional=True)
    if isinstance(verdict, Delivered):
        portal.accept(Feature.SUBSCRIPTIONS)
        portal.subscription_types, portal.types_read_at_ms = subscription_types(answer.body), cycle_state.now_ms
        portal.subscription_names = subscription_names(answer.body)
        return True
    if answer.status == FORBIDDEN and isinstance(verdict, Dead):
        portal.refuse(Feature.SUBSCRIPTIONS, verdict.detail, cycle_state.now_ms)
    else:
        for subscription in desired.values():
            cycle_state.outcomes.judge(subscription.positions, verdict)
    return False


def _changes(cycle_state: CycleState, desired: Desired, known: Known) -> list[_Change]:
    """What is not so yet, as far as the memory knows. Other messages are judged or reported."""
    types = cycle_state.portal.marketing.subscription_types
    by_place: dict[tuple[str, str], _Change] = {}
    for (email, name), subscription in desired.items():
        number = ALL_SUBSCRIPTIONS if name == ALL_SUBSCRIPTIONS else types.get(name.casefold())
        if number is None:
            _report_unknown(cycle_state, subscription)
            continue
        other = by_place.get((email, number))
        if other is not None:
            # One type by its name and by its id.
            subscription = other.desired.merge(subscription)
        by_place[email, number] = _Change(number, subscription, known.get((email, number)))
    for change in by_place.values():
        left_out = LeftOut(opt_outs.field_of(change.operation), Reason.OPTED_OUT)
        for position in change.desired.opted_out:
            cycle_state.outcomes.leave_out(position, [left_out])
    all_out = {email: _newest(email, by_place, known) for email, _ in by_place}
    return [change for (email, _), change in by_place.items() if _is_open(cycle_state, change, all_out[email])]


def _report_unknown(cycle_state: CycleState, subscription: DesiredSubscription) -> None:
    """HubSpot has no such subscription type."""
    operation = subscription.operation
    if operation.status == opt_outs.OUT:
        words = "HubSpot has no active subscription type of this name or id"
        cycle_state.outcomes.judge(subscription.positions, opt_outs.failed(operation, words))
    else:
        _leave_out(cycle_state, subscription, LeftOut(opt_outs.field_of(operation), Reason.UNKNOWN_SUBSCRIPTION))


def _newest(email: str, changes: Mapping[tuple[str, str], _Change], known: Known) -> Rank | None:
    """The newest message that unsubscribed this address from everything."""
    ranks = [Rank.of(known[email, ALL_SUBSCRIPTIONS])] if (email, ALL_SUBSCRIPTIONS) in known else []
    if (email, ALL_SUBSCRIPTIONS) in changes:
        ranks.append(changes[email, ALL_SUBSCRIPTIONS].desired.rank)
    return max(ranks, default=None)


def _is_open(cycle_state: CycleState, change: _Change, all_out: Rank | None) -> bool:
    """Whether a state may have to be written."""
    operation, rank, known = change.operation, change.desired.rank, change.known
    if operation.key is not None and cycle_state.contact_id(operation.key) is None:
        cycle_state.outcomes.judge(change.positions, cycle_state.missing_verdict(operation.key, None))
        return False
    if all_out is not None and change.subscription_id != ALL_SUBSCRIPTIONS:
        if all_out > rank:
            if operation.status != opt_outs.OUT:
                _report_older(cycle_state, change, all_out)
            return False
        if known is not None and all_out > Rank.of(known):
            # The opt-out of everything came after what is remembered of this type.
            known = change.known = None
    if known is not None and not rank.beats(known):
        if known.state != operation.status:
            _report_older(cycle_state, change, Rank.of(known))
        return False
    now_ms, suppress_ms = cycle_state.now_ms, cycle_state.suppress_ms
    if known is None or known.state != operation.status or not is_fresh(known.confirmed_at_ms, now_ms, suppress_ms):
        return True
    if rank > Rank.of(known):
        _remember(cycle_state, change, known.confirmed_at_ms)
    return False


def _report_older(cycle_state: CycleState, change: _Change, newer: Rank) -> None:
    name, value = opt_outs.field_of(change.operation), ConfirmedValue("", newer.at_ms, newer.position)
    cycle_state.older += [Older(name, position, value) for position in change.positions]


async def _write(cycle_state: CycleState, changes: Sequence[_Change]) -> None:
    """Write the states that differ from HubSpot's and may be written."""
    if not changes:
        return
    held = await _read(cycle_state, [change for change in changes if _needs_reading(cycle_state, change)])
    to_write = []
    for change in changes:
        email, operation = change.operation.email, change.operation
        states = held.states.get(email, {})
        status = states.get(change.subscription_id)
        left_out = opt_outs.reason_to_leave(operation, status, change.known, is_out_of_all=email in held.out_of_all)
        if email in held.unread:
            cycle_state.outcomes.judge(change.positions, held.unread[email])
        elif left_out is not None:
            _leave_out(cycle_state, change.desired, left_out)
        elif status is not None and status.state == operation.status:
            _remember(cycle_state, change, cycle_state.now_ms)
        else:
            to_write.append(change)
    if cycle_state.portal.marketing.has_batches:
        batched = [change for change in to_write if change.subscription_id != ALL_SUBSCRIPTIONS]
        to_write = [change for change in to_write if change.subscription_id == ALL_SUBSCRIPTIONS]
        for rest in await together(
            *(_write_batch(cycle_state, batch) for batch in split(batched, PREFERENCES_PER_CALL))
        ):
            to_write += rest
    await together(*(_write_one(cycle_state, change) for change in to_write))


def _needs_reading(cycle_state: CycleState, change: _Change) -> bool:
    """Whether HubSpot's state decides: it does for all but a fresh opt-out, which is written in any case."""
    if change.subscription_id == ALL_SUBSCRIPTIONS:
        return False
    is_late = cycle_state.is_late(change.operation.position, change.operation.at_ms)
    return change.operation.status != opt_outs.OUT or is_late


# -- reading


async def _read(cycle_state: CycleState, changes: Sequence[_Change]) -> _HeldStates:
    held = _HeldStates()
    positions: dict[str, list[int]] = {}
    for change in changes:
        positions.setdefault(change.operation.email, []).extend(change.positions)
    emails = list(positions)
    if emails and cycle_state.portal.marketing.has_batches:
        first = emails[:PREFERENCES_PER_CALL]
        # Alone, so that a portal which refuses batches does so once.
        rest = [] if await _read_batch(cycle_state, held, first, positions) else first
        emails = emails[PREFERENCES_PER_CALL:]
        if not rest and cycle_state.portal.marketing.has_batches:
            batches = split(emails, PREFERENCES_PER_CALL)
            await together(*(_read_batch(cycle_state, held, batch, positions) for batch in batches))
            emails = []
        emails = [*rest, *emails]
    await together(*(_read_one(cycle_state, held, email, positions[email]) for email in emails))
    await _read_opt_outs(cycle_state, held, changes)
    return held


async def _read_batch(
    cycle_state: CycleState, held: _HeldStates, emails: Sequence[str], positions: Mapping[str, Sequence[int]]
) -> bool:
    """Read many addresses. Returns False if HubSpot takes no batches from this account."""
    call = Call("read subscriptions", "POST", cycle_state.paths.read_statuses, read_statuses(emails))
    involved = [position for email in emails for position in positions[email]]
    verdict, answer = await cycle_state.caller.ask(call, involved, is_optional=True)
    if answer.status == FORBIDDEN:
        cycle_state.portal.marketing.has_batches = False
        return False
    states = statuses_by_email(answer.body) if isinstance(verdict, Delivered) else None
    if states is None:
        failed = without_answer.record_missing() if isinstance(verdict, Delivered) else verdict
        held.unread |= dict.fromkeys(emails, failed)
    else:
        held.states |= {email: states.get(email.lower(), {}) for email in emails}
    return True


async def _read_one(cycle_state: CycleState, held: _HeldStates, email: str, positions: Sequence[int]) -> None:
    """Read one address. HubSpot answers 404 for an address that it does not know."""
    call = Call("read subscriptions", "GET", cycle_state.paths.statuses(email))
    verdict, answer = await cycle_state.caller.ask(call, positions, is_optional=True)
    states = statuses_of(answer.body) if isinstance(verdict, Delivered) else None
    if states is not None or answer.status == NOT_FOUND:
        held.states[email] = states or {}
    else:
        held.unread[email] = without_answer.record_missing() if isinstance(verdict, Delivered) else verdict


async def _read_opt_outs(cycle_state: CycleState, held: _HeldStates, changes: Iterable[_Change]) -> None:
    """Read who opted out of all e-mail, a property of the contact: the states of single types may not show it."""
    positions = {
        change.operation.email: change.positions
        for change in changes
        if change.operation.status != opt_outs.OUT and unique_property(change.operation.email) is None
    }
    if not positions:
        return
    read = await read_contacts(cycle_state.caller, cycle_state.paths, positions, shown=(OPTED_OUT_OF_ALL,))
    held.unread |= read.unread
    held.out_of_all |= {
        email for email, record in read.records.items() if record.properties.get(OPTED_OUT_OF_ALL) == "true"
    }


# -- writing


async def _write_batch(cycle_state: CycleState, batch: Sequence[_Change]) -> list[_Change]:
    """Write many states. Returns those that must be written one by one."""
    if not batch:
        return []
    if not cycle_state.portal.marketing.has_batches:
        return list(batch)
    call = batch_call(cycle_state.paths, [(change.operation, change.subscription_id) for change in batch])
    positions = [position for change in batch for position in change.positions]
    verdict, answer = await cycle_state.caller.ask(call, positions, is_optional=True)
    if answer.status == FORBIDDEN:
        cycle_state.portal.marketing.has_batches = False
        return list(batch)
    if answer.status == BAD_REQUEST:
        return list(batch)
    written = statuses_by_email(answer.body) if isinstance(verdict, Delivered) else None
    if written is None:
        _fail(cycle_state, batch, without_answer.record_missing() if isinstance(verdict, Delivered) else verdict)
        return []
    rest = []
    for change in batch:
        status = written.get(change.operation.email.lower(), {}).get(change.subscription_id)
        if status is not None and status.state == change.operation.status:
            _remember(cycle_state, change, cycle_state.now_ms)
        else:
            rest.append(change)
    return rest


async def _write_one(cycle_state: CycleState, change: _Change) -> None:
    operation = change.operation
    call = status_call(cycle_state.paths, operation, change.subscription_id)
    verdict, answer = await cycle_state.caller.ask(call, change.positions, is_optional=True)
    if isinstance(verdict, Delivered):
        if _is_confirmed(answer.body, change):
            _remember(cycle_state, change, cycle_state.now_ms)
        else:
            _fail(cycle_state, [change], without_answer.record_missing())
    elif answer.status == FORBIDDEN and isinstance(verdict, Dead):
        portal = cycle_state.portal.marketing
        portal.refuse(Feature.SUBSCRIPTIONS, verdict.detail, cycle_state.now_ms)
        portal.hold(cycle_state.outcomes, Feature.SUBSCRIPTIONS, change.positions)
    elif answer.status in (BAD_REQUEST, NOT_FOUND):
        problem = read_problem(answer.body)
        if opt_outs.is_so_already(operation, problem):
            _remember(cycle_state, change, cycle_state.now_ms)
        elif operation.status == opt_outs.OUT:
            _fail(cycle_state, [change], opt_outs.failed(operation, problem.text))
        else:
            _leave_out(cycle_state, change.desired, opt_outs.refused(operation, problem))
    else:
        _fail(cycle_state, [change], verdict)


def _is_confirmed(body: bytes, change: _Change) -> bool:
    """Whether the answer shows the new state. An opt-out of all types answers an empty body."""
    if change.subscription_id == ALL_SUBSCRIPTIONS:
        return True
    status = (statuses_of(body) or {}).get(change.subscription_id)
    return status is not None and status.state == change.operation.status


def _fail(cycle_state: CycleState, changes: Sequence[_Change], verdict: Verdict) -> None:
    """The call may have had its effect all the same: nothing of it counts as unchanged."""
    for change in changes:
        cycle_state.outcomes.judge(change.positions, verdict)
        if change.known is not None and was_sent(verdict):
            cycle_state.preferences.append(msgspec.structs.replace(change.known, confirmed_at_ms=0))


def _remember(cycle_state: CycleState, change: _Change, confirmed_at_ms: int) -> None:
    rank = change.desired.rank
    cycle_state.preferences.append(
        Preference(
            email=change.operation.email,
            subscription_id=change.subscription_id,
            state=SubscriptionState(change.operation.status),
            at_ms=rank.at_ms,
            position=rank.position,
            trust=rank.trust,
            confirmed_at_ms=confirmed_at_ms,
        )
    )


def _leave_out(cycle_state: CycleState, desired: DesiredSubscription, left_out: LeftOut) -> None:
    for position in desired.positions:
        cycle_state.outcomes.leave_out(position, [left_out])


def status_call(paths: Paths, operation: SetSubscription, subscription_id: str) -> Call:
    """Set one state, or unsubscribe an address from everything."""
    if subscription_id == ALL_SUBSCRIPTIONS:
        return Call("unsubscribe from all", "POST", paths.unsubscribe_all(operation.email))
    body = set_status(operation, subscription_id)
    return Call("set subscription", "POST", paths.set_status(operation.email), body)


def batch_call(paths: Paths, changes: Sequence[tuple[SetSubscription, str]]) -> Call:
    """Set many states."""
    return Call("set subscriptions", "POST", paths.write_statuses, set_statuses(changes))
