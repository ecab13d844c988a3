"""Custom events: definitions made when missing, occurrences in batches of five hundred.

HubSpot answers a batch of events with 204 and no word per event, so an occurrence is only sent for a contact that is
confirmed, under a definition that exists, with a uuid derived from the messageId: a repeat has no effect.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence

from hubwire.deliver.batch import EVENTS_PER_CALL, split
from hubwire.deliver.exchange import Input
from hubwire.deliver.task import Task
from hubwire.delivery import Retry
from hubwire.hubspot.exchange import Call
from hubwire.hubspot.paths import Paths
from hubwire.hubspot.wire import EventInput, send_events
from hubwire.operation import Discard, SendEvent
from hubwire.reasons import Reason


async def send(task: Task, events: Sequence[SendEvent]) -> None:
    """Send the events of confirmed contacts; the others wait, or end, with their contact."""
    ready: list[SendEvent] = []
    for event in events:
        if task.contact_id(event.email) is None:
            task.ledger.judge([event.position], task.missing_verdict(event.email, None))
        else:
            ready.append(event)
    names = await _definitions(task, ready)
    inputs: dict[str, SendEvent] = {}
    for event in ready:
        if event.event in names:
            inputs[str(event.position)] = event
        elif not task.schema.events_available:
            task.ledger.discard_or_hold(event.position, Discard(Reason.EVENTS_NOT_AVAILABLE))
    ready_inputs = [Input(trace, names[event.event], {}, (event.position,)) for trace, event in inputs.items()]
    calls, wait_seconds = task.exchange.allowed_events()
    for one in ready_inputs[calls * EVENTS_PER_CALL :]:
        task.ledger.judge(one.positions, Retry(max(wait_seconds, 1.0), Reason.BUDGET_SPENT, counts=False))
    batches = split(ready_inputs[: calls * EVENTS_PER_CALL], EVENTS_PER_CALL)

    def call(group: Sequence[Input]) -> Call:
        return send_call(task.paths, [inputs[one.trace] for one in group], names)

    judged = await asyncio.gather(*(task.exchange.send(call, batch) for batch in batches))
    task.schema.events_available &= task.exchange.events_available
    for outcome in (one for batch in judged for one in batch):
        if isinstance(outcome.verdict, Retry) and not task.schema.events_available:
            for position in outcome.input.positions:
                task.ledger.discard_or_hold(position, Discard(Reason.EVENTS_NOT_AVAILABLE))
        else:
            task.ledger.judge(outcome.input.positions, outcome.verdict)


def send_call(paths: Paths, group: Sequence[SendEvent], names: Mapping[str, str]) -> Call:
    """Send occurrences; `names` has the full name of each event."""
    return Call("send events", "POST", paths.send_events, send_events([_wire(one, names) for one in group]), "events")


def _wire(event: SendEvent, names: Mapping[str, str]) -> EventInput:
    return EventInput(
        event_name=names[event.event],
        email=event.email,
        utk=event.utk,
        occurred_at_ms=event.occurred_at_ms,
        uuid=event.uuid,
        properties={name: written.value for name, written in event.properties.items()},
    )


async def _definitions(task: Task, events: Sequence[SendEvent]) -> dict[str, str]:
    """Event -> full name, for every event that HubSpot has a definition of, after making those it lacks."""
    types: dict[str, dict[str, str]] = defaultdict(dict)
    labels: dict[str, tuple[str, list[int]]] = {}
    for event in events:
        types[event.event].update(event.types)
        labels.setdefault(event.event, (event.label, []))[1].append(event.position)
    names: dict[str, str] = {}
    for name, (label, positions) in labels.items():
        if not task.schema.events_available:
            break
        answer = await task.portal.ensure_event(name, label, types[name], positions)
        if isinstance(answer, str):
            names[name] = answer
        elif answer is not None:
            task.ledger.judge(positions, answer)
    return names
