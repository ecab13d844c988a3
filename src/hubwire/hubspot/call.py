"""One HTTP exchange with HubSpot as values: the call, its inputs, how many of them it takes, and the answer. Pure.

`deliver` builds calls and judges answers; `client` sends them. Nothing here knows about sockets or tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar

CallKind = Literal["general", "search", "associations", "events", "forms"]
"""The HubSpot limit that a call falls under. Sending occurrences falls under `events`, their definitions under
`general`. `forms` are submissions, which have a host of their own."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request to HubSpot, without its token.

    Shape: `name` is the stable word for logs, metrics and attempts (`upsert contacts`); `path` may have a query;
    `id_property` names the property that inputs are keyed by (None: record ids). `object_type`: the type of the
    records, if it is one that a portal or a token may lack.
    """

    name: str
    method: str
    path: str
    body: bytes | None = None
    kind: CallKind = "general"
    id_property: str | None = None
    object_type: str | None = None

    @property
    def is_about_events(self) -> bool:
        """True if the call needs the custom-events feature (Enterprise tier and scope)."""
        return self.path.startswith("/events/")


@dataclass(frozen=True, slots=True)
class Answer:
    """HubSpot's answer, or the lack of one.

    Shape: `headers` has only `KEPT_HEADERS`, with lower-case names. `status` None means no answer, for the reason in
    `failure`; `failure` with a status means that the body is incomplete. `may_renew_token`: HubSpot refused the access
    token, and the next call will use a new one.
    """

    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    started_at_ms: int = 0
    duration_ms: int = 0
    correlation_id: str = ""
    failure: str | None = None
    may_renew_token: bool = False

    @property
    def ended_at_ms(self) -> int:
        return self.started_at_ms + self.duration_ms


KEPT_HEADERS = frozenset(
    {
        "content-type",
        "date",
        "location",
        "retry-after",
        "x-hubspot-correlation-id",
        "x-hubspot-ratelimit-daily",
        "x-hubspot-ratelimit-daily-remaining",
        "x-hubspot-ratelimit-interval-milliseconds",
        "x-hubspot-ratelimit-max",
        "x-hubspot-ratelimit-remaining",
    }
)
"""The answer headers that Hubwire reads."""


class BatchInput(Protocol):
    """One input of a batch call.

    Shape: `trace` is unique in the batch and goes out as objectWriteTraceId; `key` is the value of the call's
    `id_property` or a record id, for associations `pair_key(…)`, for events the event's full name.
    """

    @property
    def trace(self) -> str: ...

    @property
    def key(self) -> str: ...

    @property
    def properties(self) -> Mapping[str, str]: ...


def pair_key(from_id: str, to_id: str) -> str:
    """The key of an association input."""
    return f"{from_id}>{to_id}"


OBJECTS_PER_CALL = 100
"""Inputs of a CRM batch upsert, create, update or read. Source: HubSpot CRM batch endpoints, 400 above 100."""
EVENTS_PER_CALL = 500
"""Inputs of a custom event batch. Source: HubSpot "Send event data", batch send."""
ASSOCIATIONS_PER_CALL = 2000
"""Inputs of an association batch create. Source: HubSpot associations guide, limits."""
SEARCH_BODY_BYTES = 850
"""Domains of one company search, where they stand three times: HubSpot refuses bodies over 3,000 characters."""

T = TypeVar("T")


def split(items: Sequence[T], limit: int) -> list[Sequence[T]]:
    """The items in order, in the fewest groups of at most `limit`; an empty input gives an empty list."""
    return [items[start : start + limit] for start in range(0, len(items), limit)]


def split_by_size(texts: Sequence[str], limit_bytes: int, limit_count: int) -> list[list[str]]:
    """Texts in order, in groups whose JSON list stays within `limit_bytes` and `limit_count` items."""
    groups: list[list[str]] = []
    size = 0
    for text in texts:
        cost = len(text.encode()) + 3
        if not groups or size + cost > limit_bytes or len(groups[-1]) >= limit_count:
            groups.append([])
            size = 0
        groups[-1].append(text)
        size += cost
    return groups
