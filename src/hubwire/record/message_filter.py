"""`MessageFilter`, the one definition of the filter of a list, a replay or a discard.

Each field has its notation and its help. The console's addresses, the API's parameters and the options of the command
line all follow from `FIELDS`; `backends/sql` decides what a filter matches.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, StrEnum, auto
from typing import Annotated, Any, NamedTuple, get_args, get_type_hints

import msgspec
from msgspec import Meta

from hubwire.delivery import State
from hubwire.message import MessageType
from hubwire.reasons import Reason

MAX_TEXT = 512
MAX_SEARCH = 1024


class ReplayPart(StrEnum):
    """The progress of a replay with one delivery."""

    WAITING = "waiting"
    REPLAYED = "replayed"
    LEFT_ALONE = "left-alone"
    """Its state had changed before the replay reached it."""


class Reads(Enum):
    """How to parse the text of a filter."""

    WORD = auto()
    TEXT = auto()
    SOURCE = auto()
    """A source by number or name; `DESTINATION` likewise."""
    DESTINATION = auto()
    FLAG = auto()
    NUMBER = auto()
    MOMENT = auto()


class FilterField(NamedTuple):
    """One field: its name in `MessageFilter`, in addresses and the API, and in the terminal; what it means.

    Shape: `choices` are the words of a WORD; `max_length` counts characters.
    """

    name: str
    parameter: str
    option: str
    reads: Reads
    help: str
    choices: type[StrEnum] | None
    max_length: int


def _filter(
    help: str,  # noqa: A002 (the word that typer and settings use)
    reads: Reads = Reads.TEXT,
    *,
    choices: type[StrEnum] | None = None,
    parameter: str | None = None,
    option: str | None = None,
    max_length: int = MAX_TEXT,
) -> Meta:
    extra = {"reads": reads, "choices": choices, "parameter": parameter, "option": option, "max_length": max_length}
    return Meta(description=help, extra=extra)


class MessageFilter(msgspec.Struct, kw_only=True, frozen=True):
    """A filter of messages: each set field must match. `before`: only positions below it, for paging."""

    state: Annotated[State | None, _filter("Only deliveries in this state.", Reads.WORD, choices=State)] = None
    reason: Annotated[
        str | None,
        _filter("Only deliveries with this reason, see docs/reference/reasons.md.", Reads.WORD, choices=Reason),
    ] = None
    user: Annotated[
        str | None,
        _filter("Only messages of this person: a userId, anonymousId or e-mail; the other known ids count too."),
    ] = None
    type: Annotated[str | None, _filter("Only this type of call.", Reads.WORD, choices=MessageType)] = None
    event: Annotated[str | None, _filter("Only this event, page or group name.")] = None
    source_id: Annotated[
        int | None, _filter("Only messages of this source, by number or name.", Reads.SOURCE, parameter="source")
    ] = None
    destination_id: Annotated[
        int | None,
        _filter("Only deliveries to this destination, by number or name.", Reads.DESTINATION, parameter="destination"),
    ] = None
    rejected: Annotated[bool | None, _filter("Only rejected messages, or only accepted ones.", Reads.FLAG)] = None
    left_out: Annotated[str | None, _filter("Only deliveries that left out this field, such as traits.plan.")] = None
    """With this field, `reason` is the reason of the left-out field."""
    where: Annotated[
        str | None, _filter("Only messages with this value at this path, such as properties.plan=pro.")
    ] = None
    """A value at a path, in the notation of `record/holding.py`."""
    replay_id: Annotated[int | None, _filter("Only deliveries of this replay.", Reads.NUMBER, parameter="replay")] = (
        None
    )
    replay_part: Annotated[
        ReplayPart | None, _filter("With a replay: only deliveries at this stage.", Reads.WORD, choices=ReplayPart)
    ] = None
    since_ms: Annotated[
        int | None,
        _filter(
            "Only messages received at or after this time, such as 2026-11-23T18:00 (UTC).",
            Reads.MOMENT,
            parameter="since",
        ),
    ] = None
    until_ms: Annotated[
        int | None, _filter("Only messages received before this time.", Reads.MOMENT, parameter="until")
    ] = None
    text: Annotated[
        str | None,
        _filter(
            "Only messages with this messageId, userId, anonymousId or e-mail.",
            parameter="q",
            option="search",
            max_length=MAX_SEARCH,
        ),
    ] = None
    contains: Annotated[
        str | None,
        _filter("Only messages with this text in an id, the e-mail, the event, or the company's name or website."),
    ] = None
    before: int | None = None
    limit: int = 50


def _fields() -> Iterable[FilterField]:
    for name, annotation in get_type_hints(MessageFilter, include_extras=True).items():
        meta = next((metadata for metadata in get_args(annotation)[1:] if isinstance(metadata, Meta)), None)
        if meta is not None:
            extra: dict[str, Any] = meta.extra or {}
            parameter = extra["parameter"] or name
            option = extra["option"] or parameter.replace("_", "-")
            words = (extra["reads"], str(meta.description), extra["choices"], extra["max_length"])
            yield FilterField(name, parameter, option, *words)


FIELDS: tuple[FilterField, ...] = tuple(_fields())
"""Every filter that people can set, in the order in which forms and help show them."""
