"""One HTTP exchange with HubSpot as values: the call, its inputs, and the answer. Pure.

`deliver` builds calls and judges answers; `client` sends them. Nothing here knows about sockets or tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

CallKind = Literal["general", "search", "associations", "events"]
"""The HubSpot limit that a call falls under. Sending occurrences falls under `events`, their definitions under
`general`."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request to HubSpot, without its token.

    Shape: `name` is the stable word for logs, metrics and attempts (`upsert contacts`); `path` may have a query;
    `id_property` names the property that inputs are keyed by (None: record ids).
    """

    name: str
    method: str
    path: str
    body: bytes | None = None
    kind: CallKind = "general"
    id_property: str | None = None

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
