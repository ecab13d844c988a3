"""Options that choose messages, the same for every command that takes them, and the same as in the console's URLs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
import typer

from hubwire.delivery import State
from hubwire.message import MessageType
from hubwire.reasons import Reason
from hubwire.record.queries import MessageFilter, ReplayPart
from hubwire.registry.protocol import Registry
from hubwire.web.parameters import message_filter

StateOption = Annotated[State | None, typer.Option(help="Only deliveries in this state.")]
ReasonOption = Annotated[
    Reason | None,
    typer.Option(metavar="REASON", help="Only deliveries with this reason, see docs/reference/reasons.md."),
]
UserOption = Annotated[str | None, typer.Option(help="A userId, anonymousId or e-mail.")]
TypeOption = Annotated[MessageType | None, typer.Option("--type", help="Only this kind of call.")]
EventOption = Annotated[str | None, typer.Option(help="Only this event, page or group.")]
SourceOption = Annotated[str | None, typer.Option(help="Only messages of this source.")]
DestinationOption = Annotated[str | None, typer.Option(help="Only deliveries to this destination.")]
SearchOption = Annotated[str | None, typer.Option(help="A messageId, userId, anonymousId or e-mail.")]
SinceOption = Annotated[str | None, typer.Option(help="Received from then on: 2026-11-23T18:00 (UTC).")]
UntilOption = Annotated[str | None, typer.Option(help="Received before then.")]
LeftOutOption = Annotated[str | None, typer.Option(help="Only where this field was not sent, such as traits.plan.")]
WhereOption = Annotated[
    str | None, typer.Option(help="Only messages that hold this: a path and a value, properties.plan=pro.")
]
ReplayOption = Annotated[int | None, typer.Option(min=1, help="Only deliveries that this replay is about.")]
ReplayPartOption = Annotated[ReplayPart | None, typer.Option(help="Of --replay: what it has done with them so far.")]
RejectedOption = Annotated[
    bool | None, typer.Option("--rejected/--not-rejected", help="Only what failed on ingest, or none of it.")
]


def chosen(registry: Registry, given: Mapping[str, str | None], limit: int | None = None) -> MessageFilter:
    """The filter that the options make. Errors: BadValue, naming the option."""
    wanted = message_filter({name: one for name, one in given.items() if one is not None}, registry)
    return wanted if limit is None else msgspec.structs.replace(wanted, limit=limit)
