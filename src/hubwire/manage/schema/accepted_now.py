"""Finds left-out fields that the portal accepts now, so that their messages can be replayed.

It plans the newest message of each field with the current schema and mapping. It sends and stores nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from hubwire.deliver.cycle.gather import Gatherer, LoadLinks
from hubwire.deliver.cycle.outcomes import Outcomes
from hubwire.delivery import State
from hubwire.destination import Destination, Source
from hubwire.journal.protocol import Journal
from hubwire.message import JournalRow
from hubwire.reasons import Reason
from hubwire.record.message_filter import MessageFilter
from hubwire.record.protocol import Record
from hubwire.record.queries import Queries
from hubwire.record.statistics import LeftOutCount, Statistics
from hubwire.registry.protocol import Registry
from hubwire.schema import PortalSchema

FOR_WANT_OF = frozenset({Reason.UNKNOWN_PROPERTY, Reason.NOT_AN_OPTION})
"""The reasons that end when somebody adds a property or an option in HubSpot."""
MAX_FIELDS = 100


class AcceptedNow(msgspec.Struct, frozen=True, kw_only=True):
    """A field that the portal accepts now. `count`: delivered messages that left it out for this reason."""

    field: str
    reason: str
    count: int


class Parts(Protocol):
    """What was delivered, and who is who."""

    @property
    def statistics(self) -> Statistics: ...

    @property
    def queries(self) -> Queries: ...

    @property
    def journal(self) -> Journal: ...

    @property
    def record(self) -> Record: ...

    @property
    def registry(self) -> Registry: ...


def accepted_now(parts: Parts, destination: Destination, schema: PortalSchema) -> list[AcceptedNow]:
    """The fields that deliveries to this destination left out and that would be sent now. Blocks."""
    counts = parts.statistics.left_out(destination.destination_id, MAX_FIELDS)
    candidates = [count for count in counts if count.reason in FOR_WANT_OF]
    rows = parts.journal.read_at([count.sample_position for count in candidates])
    found = accepted_of(candidates, rows, destination, parts.registry.sources(), schema, parts.record.links)
    accepted = [
        AcceptedNow(field=count.field, reason=count.reason, count=parts.queries.count(_filter(count, destination)))
        for count in found
    ]
    return [field for field in accepted if field.count]


def accepted_of(
    candidates: Sequence[LeftOutCount],
    rows: Mapping[int, JournalRow],
    destination: Destination,
    sources: Mapping[int, Source],
    schema: PortalSchema,
    load_links: LoadLinks,
) -> list[LeftOutCount]:
    """The fields that the newest message with each of them would send now. Pure."""
    outcomes = Outcomes()
    gatherer = Gatherer(destination, sources, schema, load_links, outcomes)
    gatherer.take([row for row in rows.values() if row.rejected is None and row.source_id in sources])
    gatherer.finish()
    left_out = {position: {item.field for item in items} for position, items in outcomes.left_out.items()}
    properties = schema.contact.keys() | schema.company.keys()

    def is_accepted(count: LeftOutCount) -> bool:
        position = count.sample_position
        if position not in rows or position in outcomes.fates or position in outcomes.verdicts:
            return False
        # HubSpot refused to create a property of this name: the plan, which would create it, does not say so.
        is_property = "." not in count.field
        return count.field in properties if is_property else count.field not in left_out.get(position, ())

    return [count for count in candidates if is_accepted(count)]


def _filter(count: LeftOutCount, destination: Destination) -> MessageFilter:
    return MessageFilter(
        state=State.DELIVERED,
        left_out=count.field,
        reason=count.reason,
        destination_id=destination.destination_id,
    )
