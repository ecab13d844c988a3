"""Statistics for people: the funnel of a period, activity over time, messages by source, left-out fields, and the
knowledge about one person.

Numbers are counts of messages, and the funnel's stages add up to the received messages: each message of the period is
in exactly one stage, the one that `Queries.messages` shows for it.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from hubwire.record.calls import Call
from hubwire.record.latency import Latency

STAGES = (
    "delivered",
    "backlog",
    "pending",
    "retrying",
    "held",
    "discarded",
    "dead",
    "rejected",
    "erased",
    "not_connected",
)
"""The stages of a funnel."""


class Funnel(msgspec.Struct, frozen=True, kw_only=True):
    """The current stages at one destination of the messages received in a period.

    Shape: `received` is the sum of all the others. `backlog`: behind the lane's cursor, not planned yet;
    `pending`: due again (released or replayed); `erased`: emptied because the person asked to be deleted;
    `not_connected`: from sources that do not feed this destination.
    """

    destination_id: int
    since_ms: int | None = None
    until_ms: int | None = None
    received: int = 0
    rejected: int = 0
    erased: int = 0
    not_connected: int = 0
    backlog: int = 0
    pending: int = 0
    retrying: int = 0
    held: int = 0
    discarded: int = 0
    dead: int = 0
    delivered: int = 0
    discards: dict[str, int] = {}
    """The discarded messages by reason."""

    @property
    def accounted(self) -> int:
        """The sum of the stages."""
        return sum(getattr(self, stage) for stage in STAGES)


class ImportFates(msgspec.Struct, frozen=True, kw_only=True):
    """The fates of one import's messages at one destination.

    Shape: `newer_values` values in `newer_messages` messages stayed as HubSpot has them, because somebody wrote them
    there later. `open`: messages that are tried again. `is_delivered`: none waits any more.
    """

    is_delivered: bool
    open: int = 0
    held: int = 0
    discarded: int = 0
    dead: int = 0
    newer_values: int = 0
    newer_messages: int = 0


class ActivityPoint(msgspec.Struct, kw_only=True):
    """One step of time at one destination. `received` counts messages that are routed to it, `backlog` the waiting
    messages at the end of the step, and the other fields are counts of its cycles."""

    at_ms: int
    received: int = 0
    taken: int = 0
    delivered: int = 0
    discarded: int = 0
    held: int = 0
    retrying: int = 0
    dead: int = 0
    calls: int = 0
    backlog: int = 0


class Intake(msgspec.Struct, kw_only=True):
    """The messages of one source in a period. `rejected`: reason -> count, part of `received`, as `erased` is."""

    source_id: int
    received: int = 0
    rejected: dict[str, int] = {}
    erased: int = 0
    last_received_at_ms: int | None = None


class LeftOutCount(msgspec.Struct, kw_only=True, frozen=True):
    """One field that was left out of deliveries for one reason. `sample_position` is the newest such message."""

    field: str
    reason: str
    count: int
    sample_detail: str
    sample_position: int
    sample_message_id: str


class HoldCount(msgspec.Struct, frozen=True):
    """Held messages of one destination and reason whose hold ends in one step of time. `first_at_ms`: the next end."""

    destination_id: int
    reason: str
    step: int
    count: int
    first_at_ms: int


ORIGINS = ("public", "server")
"""The kinds of source that a value may come from: with a public write key, or with a server's."""
LEARNT_FROM = {3: "identify", 2: "context.traits", 1: "properties.email", 0: "alias or another id"}
"""The kind of call that a link comes from, by the link's strength."""


class KnownLink(msgspec.Struct, kw_only=True, frozen=True):
    """One entry of the identity memory."""

    space: str
    key: str
    target: str
    strength: int
    at_ms: int


class KnownRecord(msgspec.Struct, kw_only=True, frozen=True):
    """The confirmed values of a contact, company or other record. `properties`: name -> (value, message time ms)."""

    destination_id: int
    kind: str
    """contact, company, or another object type as it is stored."""
    key: str
    """The e-mail or the domain, or the unique property with its value: `shop_order_id:77`."""
    record_id: str | None
    confirmed_at_ms: int
    properties: dict[str, tuple[str, int]]
    origins: dict[str, str] = {}
    """Property -> its origin (`ORIGINS`), where it is known."""
    associated: tuple[str, ...] = ()
    """Domains of a contact's companies; e-mails of a company's contacts; what another record is associated with (the
    first hundred)."""


class Identity(msgspec.Struct, kw_only=True):
    """All knowledge about an e-mail, userId, anonymousId, groupId or domain, or another record by its name."""

    identity: str
    links: list[KnownLink] = []
    traits: list[KnownLink] = []
    """Traits that rules remember of a person; each target is a value as JSON."""
    records: list[KnownRecord] = []

    @property
    def keys(self) -> set[str]:
        """The record keys and e-mails under which lists, subscriptions and forms of this person are remembered."""
        return {record.key for record in self.records} | {link.target for link in self.links} | {self.identity.lower()}


class Storage(msgspec.Struct, kw_only=True, frozen=True):
    """The size and content of the database."""

    bytes_used: int
    messages: int
    first_position: int
    last_position: int
    oldest_received_at_ms: int | None
    newest_received_at_ms: int | None
    deliveries: int
    attempts: int
    cycles: int
    people: int
    companies: int
    schema_version: int


class Statistics(Protocol):
    def funnel(self, destination_id: int, since_ms: int | None = None, until_ms: int | None = None) -> Funnel:
        """The stages of the messages received from `since_ms` until before `until_ms`, from one snapshot."""
        ...

    def activity(self, destination_id: int, since_ms: int, until_ms: int, steps: int) -> list[ActivityPoint]:
        """The period in equal steps, oldest first; `at_ms` is the beginning of a step."""
        ...

    def waits(self, destination_id: int, since_ms: int | None = None, until_ms: int | None = None) -> Latency | None:
        """The time from receipt to outcome of live messages, from a sample of the newest cycles of the period.

        None without messages, and if the journal is in NATS, where reading single messages is too expensive.
        """
        ...

    def positions(self, since_ms: int | None, until_ms: int | None) -> tuple[int, int] | None:
        """The first and the last position of the messages received in a period; None if there are none, and if the
        journal is in NATS, where reading single messages is too expensive."""
        ...

    def latency_over_time(self, destination_id: int, since_ms: int, until_ms: int, steps: int) -> list[Latency | None]:
        """`waits` for each of the steps of `activity`, from a smaller sample of each."""
        ...

    def calls(self, destination_id: int, since_ms: int | None, until_ms: int) -> list[Call]:
        """The calls that began in a period, newest first; at most one more than `MAX_CALLS`."""
        ...

    def intake(self, since_ms: int | None = None, until_ms: int | None = None) -> list[Intake]:
        """The messages of each source in a period, busiest source first."""
        ...

    def received_by_source(self, since_ms: int, until_ms: int, steps: int) -> dict[int, list[int]]:
        """The messages of each source in the steps of a period."""
        ...

    def left_out(self, destination_id: int, limit: int) -> list[LeftOutCount]:
        """Fields left out of deliveries, most frequent first; looks at a bounded number of the newest ones."""
        ...

    def holds(self, now_ms: int, step_ms: int, steps: int) -> list[HoldCount]:
        """Held messages by the time when their hold ends, in steps from now on; the last step has all later ones."""
        ...

    def import_fates(self, destination_id: int, source_id: int, first: int, last: int) -> ImportFates:
        """The fates of a source's imported messages from the first to the last position."""
        ...

    def identity(self, name: str) -> Identity:
        """The knowledge about one identity, in all spaces and destinations."""
        ...

    def storage(self) -> Storage: ...

    def catch_up(self, limit: int) -> int:
        """Sum up at most `limit` more blocks of the journal ahead of time; returns how many are left."""
        ...
