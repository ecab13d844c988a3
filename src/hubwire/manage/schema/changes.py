"""Comparison of a portal's schema with the messages, and creation of missing properties and events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ParamSpec, Protocol, TypeVar

from hubwire.destination import Destination
from hubwire.errors import BadValue
from hubwire.manage.schema.accepted_now import Parts as Deliveries
from hubwire.manage.schema.accepted_now import accepted_now
from hubwire.manage.schema.plan import SchemaPlan, checked_group
from hubwire.manage.schema.portal_contents import newest_rows
from hubwire.manage.schema.report import PortalContents, SchemaReport, compare

P = ParamSpec("P")
T = TypeVar("T")
MAX_AUDIT_CHARACTERS = 2000


class Parts(Deliveries, Protocol):
    """The dependencies: the portal, the newest messages and their deliveries, the audit log."""

    @property
    def contents(self) -> Callable[[int], Awaitable[PortalContents]]: ...

    @property
    def make_missing(self) -> Callable[[int, SchemaPlan, str], Awaitable[None]]: ...


class Reader(Protocol):
    async def __call__(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run something that blocks, off the event loop."""
        ...


@dataclass(frozen=True, slots=True)
class SchemaItems:
    """The missing properties and events to create.

    Shape: `messages`: how many of the newest messages to look at; `group`: the group of the new properties ("":
    HubSpot's own); `items`: names such as `contact:plan`, or None for all except those that only public keys sent.
    """

    messages: int
    group: str
    items: frozenset[str] | None


async def schema_report(parts: Parts, read: Reader, destination: Destination, messages: int) -> SchemaReport:
    """The portal compared with the newest messages. Errors: HubSpotError if the portal cannot be read."""
    contents = await parts.contents(destination.destination_id)
    return await read(compared, parts, destination, contents, messages)


def compared(parts: Deliveries, destination: Destination, contents: PortalContents, messages: int) -> SchemaReport:
    """A portal's content compared with the newest messages. Blocks."""
    rows = newest_rows(parts.journal, destination, messages)
    report = compare(rows, destination, parts.registry.sources(), contents, parts.record.links)
    report.accepted_now = accepted_now(parts, destination, contents.schema)
    return report


async def create_missing(
    parts: Parts, read: Reader, actor: str, destination: Destination, missing: SchemaItems
) -> SchemaReport:
    """Create missing properties and events; the report lists the created ones.

    Errors: BadValue when none of `items` is missing; HubSpotError; items that were created before stay.
    """
    group = checked_group(missing.group)
    report = await schema_report(parts, read, destination, missing.messages)
    if missing.items is None:
        report.properties = [missing for missing in report.properties if not missing.is_public_only]
    else:
        items = missing.items
        report.properties = [
            missing for missing in report.properties if f"{missing.object_type}:{missing.name}" in items
        ]
        report.events = [missing for missing in report.events if f"event:{missing.name}" in items]
    names = [f"{missing.object_type}.{missing.name}" for missing in report.properties]
    names += [missing.name for missing in report.events]
    if not names and missing.items is None:
        return report
    if not names:
        raise BadValue("items", "HubSpot already has all the chosen items")
    await parts.make_missing(destination.destination_id, report, group)
    detail = f"{destination.name}: {', '.join(names)}"[:MAX_AUDIT_CHARACTERS]
    await read(parts.registry.write_audit, actor, "schema.created", detail)
    return report
