"""Custom events: occurrences in batches of five hundred, of confirmed contacts, under definitions that exist.

HubSpot answers a batch of events with 204 and no result for each event. An occurrence is therefore sent only for a
confirmed contact, or with the visitor's cookie alone; its uuid is derived from the messageId, so that a repeat has no
effect. The first batch after reading
the schema is sent alone, so that a portal that refuses custom events does so once, not for every batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hubwire.deliver.calls.batch_sender import Input, Judged, send
from hubwire.deliver.calls.caller import together
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.verdicts import without_answer
from hubwire.deliver.verdicts.without_answer import EVENTS_NOT_AVAILABLE
from hubwire.delivery import Retry, Verdict
from hubwire.hubspot.call import EVENTS_PER_CALL, Call, split
from hubwire.hubspot.paths import Paths
from hubwire.hubspot.wire import send_events
from hubwire.operation import SendEvent, unique_property
from hubwire.reasons import Reason


async def send_occurrences(cycle_state: CycleState, events: Sequence[SendEvent]) -> None:
    """Send the events of confirmed records and of cookies; other events get the verdict of their record."""
    by_trace: dict[str, SendEvent] = {}
    inputs: list[Input] = []
    for event in events:
        definition = cycle_state.schema.events.get(event.event)
        if event.record is not None and cycle_state.record_id(event.record) is None:
            cycle_state.settle([event.position], cycle_state.missing_record(event.record))
        elif event.email is not None and cycle_state.contact_id(event.email) is None:
            cycle_state.outcomes.judge([event.position], cycle_state.missing_verdict(event.email, None))
        elif definition is None:
            cycle_state.outcomes.judge([event.position], _why_unmade(cycle_state, event.event))
        else:
            trace = str(len(inputs))
            if event.email is not None and unique_property(event.email) is not None:
                event.object_id = cycle_state.contact_id(event.email)
            elif event.record is not None:
                event.object_id = cycle_state.record_id(event.record)
            by_trace[trace] = event
            properties = {name: written.value for name, written in event.properties.items()}
            inputs.append(Input(trace, definition.full_name, properties, (event.position,)))

    def call(group: Sequence[Input]) -> Call:
        return send_call(cycle_state.paths, group, by_trace)

    calls, wait_seconds = cycle_state.caller.allowed_events()
    for input_ in inputs[calls * EVENTS_PER_CALL :]:
        cycle_state.outcomes.judge(input_.positions, without_answer.budget_spent(max(wait_seconds, 1.0)))
    batches = split(inputs[: calls * EVENTS_PER_CALL], EVENTS_PER_CALL)
    if batches and not cycle_state.portal.sends_events:
        _settle(cycle_state, await send(cycle_state.caller, call, batches.pop(0)))
        cycle_state.portal.sends_events = cycle_state.schema.events_available
    if not cycle_state.schema.events_available:
        for batch in batches:
            for input_ in batch:
                cycle_state.outcomes.judge(input_.positions, EVENTS_NOT_AVAILABLE)
        return
    for judged in await together(*(send(cycle_state.caller, call, batch) for batch in batches)):
        _settle(cycle_state, judged)


def _settle(cycle_state: CycleState, judged: Sequence[Judged]) -> None:
    for outcome in judged:
        positions = outcome.input.positions
        cycle_state.outcomes.judge(positions, outcome.verdict)
        if outcome.input.refused:
            cycle_state.outcomes.leave_out(positions[0], outcome.input.refused)
        if isinstance(outcome.verdict, Retry) and outcome.verdict.reason is Reason.EVENTS_NOT_AVAILABLE:
            cycle_state.schema.events_available = False


def _why_unmade(cycle_state: CycleState, name: str) -> Verdict:
    if not cycle_state.schema.events_available:
        return EVENTS_NOT_AVAILABLE
    return cycle_state.unmade.get(name, without_answer.definition_missing())


def send_call(paths: Paths, group: Sequence[Input], by_trace: Mapping[str, SendEvent]) -> Call:
    """Send occurrences. An input's key is the event's full name; `by_trace` has the operation of its trace."""
    occurrences = [(sent, by_trace[sent.trace]) for sent in group]
    return Call("send events", "POST", paths.send_events, send_events(occurrences), "events")
