"""The record protocol. One contract suite (`tests/contract/test_record.py`) tests every backend.

A lane (one destination) is driven by the worker that holds its lease. Every write of a cycle carries the lease and
fails with LeaseLost, changing nothing, when another worker has taken over (fencing). The happy path writes no row per
message: a message at or before the lane's cursor without a row of its own was delivered.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import msgspec

from hubwire.delivery import State
from hubwire.operation import Link, RecordPair, RecordRef
from hubwire.record.marketing import KnownList, MarketingMemory, Membership, Preference, Submission


class Lease(msgspec.Struct, frozen=True):
    """The right to drive a lane until a deadline. `taken_over_ms`: when the lease of a worker that fell silent ran out;
    None if the lane was free. `driven_until_ms`: when the lease before this one ended or would have ended; None if the
    lane was never driven."""

    destination_id: int
    owner: str
    token: int
    expires_at_ms: int
    taken_over_ms: int | None = None
    driven_until_ms: int | None = None


class LaneState(msgspec.Struct, kw_only=True):
    """The state of a lane. Cursors are journal positions; all messages at or before them are planned and settled."""

    live_cursor: int = 0
    backfill_cursor: int = 0
    open_attempts: int = 0
    """The number of starts of the open cycle: more than 1 after a crash."""
    stopped_reason: str | None = None
    stopped_detail: str = ""
    resume_at_ms: int | None = None
    status: bytes = b"{}"
    """JSON for people: budget, limits, forecast (written with each cycle)."""


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """The work of a cycle: due rows, and each stream's messages behind `*_after` up to and including `*_through`."""

    live_after: int
    live_through: int
    backfill_after: int
    backfill_through: int
    due: Sequence[int] = ()


class Due(msgspec.Struct, frozen=True):
    """A delivery whose time has come: retry reached, hold released, replay."""

    position: int
    attempts: int
    first_attempt_at_ms: int | None
    is_replay: bool
    reason: str | None = None


UNKNOWN_TRUST = 0
"""The trust of a value from before trust was remembered, and of all values where a destination trusts all sources."""
PUBLIC_TRUST = 1
"""The trust of a value that came with a public write key."""
SERVER_TRUST = 2
UNSURE = "\0"
"""Prefix of a remembered value whose confirmation is too old. Its time still keeps older values out, but no new value
counts as unchanged."""


class ConfirmedValue(NamedTuple):
    """A value that HubSpot confirmed, and the time and position of the message that brought it.

    Shape: `position` and `trust` are 0 where they are not known: earlier versions did not store them.
    """

    value: str
    at_ms: int
    position: int = 0
    trust: int = UNKNOWN_TRUST


class Person(msgspec.Struct):
    """The values that HubSpot confirmed of one contact.

    Shape: `properties` are by name. `confirmed_at_ms` is about the values; `seen_at_ms` is when
    an answer last showed that the contact is there. `refused_at_ms`: HubSpot refuses the address because the person
    was deleted for privacy.
    """

    email: str
    contact_id: str | None = None
    confirmed_at_ms: int = 0
    properties: dict[str, ConfirmedValue] = {}
    seen_at_ms: int = 0
    refused_at_ms: int | None = None


class Company(msgspec.Struct):
    """The values that HubSpot confirmed of one company; the fields are those of a person."""

    domain: str
    company_id: str | None = None
    confirmed_at_ms: int = 0
    properties: dict[str, ConfirmedValue] = {}
    seen_at_ms: int = 0


class ObjectRecord(msgspec.Struct):
    """The values that HubSpot confirmed of one record of another type; the fields are those of a person.

    Shape: of a record that HubSpot never had, `seen_at_ms` is when the newest value came that waits for it.
    """

    object: str
    key: str
    record_id: str | None = None
    confirmed_at_ms: int = 0
    properties: dict[str, ConfirmedValue] = {}
    seen_at_ms: int = 0

    @property
    def ref(self) -> RecordRef:
        return RecordRef(self.object, self.key)


class RecordAssociation(msgspec.Struct, frozen=True):
    """A confirmed association of two records, or one that was taken away.

    Shape: `at_ms` is the time of the newest message about it. `marks`: further facts, one per line (`primary`,
    `replaces`, `label <label>`).
    """

    source: RecordRef
    target: RecordRef
    at_ms: int = 0
    marks: str = ""
    is_away: bool = False


KnownValues = Person | Company | ObjectRecord
"""What is remembered of one record."""


class Settled(msgspec.Struct, kw_only=True):
    """The row of one message, written only if its position alone does not tell its outcome."""

    position: int
    state: State
    reason: str | None = None
    detail: str = ""
    left_out: bytes | None = None
    """JSON list of {field, reason, detail}."""
    attempts: int = 0
    first_attempt_at_ms: int | None = None
    due_at_ms: int | None = None
    hold_keys: tuple[str, ...] = ()
    """`<space>|<key>`, as `hold_key()` makes them."""


class Attempt(msgspec.Struct, kw_only=True):
    """One HTTP exchange with HubSpot, without the token. `positions` are the messages that it answered for."""

    call: str
    started_at_ms: int
    duration_ms: int
    status: int | None
    outcome: str
    correlation_id: str = ""
    request: bytes = b""
    response: bytes = b""
    positions: Sequence[int] = ()


class Tally(msgspec.Struct, frozen=True):
    """Counts of one cycle, for the funnel. `taken`: messages that a cursor passed (not retries or replays)."""

    taken: int = 0
    delivered: int = 0
    discarded: int = 0
    held: int = 0
    retrying: int = 0
    dead: int = 0
    replayed: int = 0
    calls: int = 0


class CycleOutcome(msgspec.Struct, kw_only=True):
    """The results of one cycle, written in one transaction."""

    cycle_id: int
    lane: LaneState
    settled: list[Settled] = []
    finished: list[int] = []
    """Positions of due rows that are now delivered without anything to report, so the rows are removed."""
    attempts: list[Attempt] = []
    people: list[Person] = []
    companies: list[Company] = []
    associations: list[tuple[str, str]] = []
    """Confirmed (e-mail, domain) pairs."""
    unlinked: list[tuple[str, str]] = []
    """(e-mail, domain) pairs of associations whose contact or company is now another record."""
    links: list[Link] = []
    records: list[ObjectRecord] = []
    record_associations: list[RecordAssociation] = []
    parted: list[RecordPair] = []
    """Associations to forget: one of their records is another one now, or is gone."""
    found: list[RecordRef] = []
    """Records that HubSpot has now and that messages may wait for (`record_hold_key`)."""
    lists: list[KnownList] = []
    memberships: list[Membership] = []
    preferences: list[Preference] = []
    submissions: list[Submission] = []
    tally: Tally = Tally()
    ended_at_ms: int = 0

    @property
    def has_objects(self) -> bool:
        """Whether the cycle learnt something of records other than contacts and companies."""
        return bool(self.records or self.record_associations or self.parted)

    @property
    def has_marketing(self) -> bool:
        """Whether the cycle learnt something of lists, subscriptions or forms."""
        return bool(self.lists or self.memberships or self.preferences or self.submissions)


class ObjectMemory(Protocol):
    """The memory of records other than contacts and companies. Contract: `tests/contract/test_object_memory.py`.

    Shape: an object type is stored as `ObjectType.stored_as` says. An end of an association may also be a contact or a
    company, which `Record.people` and `Record.companies` remember.
    """

    def records(self, destination_id: int, refs: Iterable[RecordRef]) -> dict[RecordRef, ObjectRecord]: ...

    def associations(self, destination_id: int, pairs: Iterable[RecordPair]) -> dict[RecordPair, RecordAssociation]:
        """What is remembered of these associations; also of those that were taken away."""
        ...

    def associations_of(self, destination_id: int, refs: Iterable[RecordRef]) -> list[RecordAssociation]:
        """All remembered associations of these records, as source and as target."""
        ...

    def count(self, destination_id: int, object_type: str, key_property: str) -> int:
        """The number of remembered records of a type that are known by this property and are in HubSpot."""
        ...

    def custom_types(self, destination_id: int) -> set[str]:
        """The ids of the custom objects that have remembered records."""
        ...


class Record(Protocol):
    @property
    def marketing(self) -> MarketingMemory:
        """The memory of lists, subscriptions and form submissions."""
        ...

    @property
    def objects(self) -> ObjectMemory:
        """The memory of records other than contacts and companies."""
        ...

    # -- lanes
    def lease_lane(
        self, destination_id: int, owner: str, now_ms: int, seconds: float, *, only_silent: bool = False
    ) -> Lease | None:
        """The lane's lease, or None while another worker's is alive. Takes over an expired one with a new token.

        Shape: with `only_silent`, it takes only an expired lease, not a lane that was given back.
        """
        ...

    def free_lanes(self, now_ms: int) -> set[int]:
        """The destinations with a free lane: it was given back, or its worker fell silent."""
        ...

    def renew(self, leases: Sequence[Lease], now_ms: int, seconds: float) -> dict[int, Lease]:
        """Extend leases, in a few statements for any number. Returns them by destination; one that is lost is missing.

        Shape: at most one lease for each destination.
        """
        ...

    def release(self, lease: Lease) -> None:
        """Release the lane at once (shutdown); leased deliveries are pending again and their attempt does not count."""
        ...

    def lane(self, destination_id: int) -> LaneState: ...

    def stop_lane(self, destination_id: int, reason: str | None, detail: str, resume_at_ms: int | None) -> None:
        """Stop (or with reason None resume) a lane; its messages stay in the journal."""
        ...

    # -- a cycle
    def due(self, destination_id: int, now_ms: int, limit: int) -> list[Due]:
        """Due deliveries, oldest first, including leased ones of a lost worker."""
        ...

    def next_due_at_ms(self, destination_id: int) -> int | None:
        """When the next row becomes due."""
        ...

    def bring_forward(self, destination_id: int, by_ms: int) -> None:
        """Make retries and postponed deliveries due earlier by the amount by which the system's clock was set back."""
        ...

    def correct_future(self, destination_id: int, now_ms: int) -> int:
        """Correct the rows that a clock ahead of this one wrote: they are due as long after `now_ms` as they were due
        after they were written. What waits for a new day of calls is due. Returns their number."""
        ...

    def begin_cycle(self, lease: Lease, now_ms: int, span: Span) -> int:
        """Begin a cycle: write its span, lease the due rows and count their attempt, before any call. Returns the
        cycle's id. Raises LeaseLost."""
        ...

    def commit_cycle(self, lease: Lease, outcome: CycleOutcome) -> int:
        """Write the outcome and move the cursors in one transaction. Also releases the holds whose keys are linked, at
        every destination; returns how many deliveries. Raises LeaseLost and writes nothing then."""
        ...

    def abandon_cycle(
        self, lease: Lease, cycle_id: int, now_ms: int, resume_at_ms: int, attempts: Sequence[Attempt], status: bytes
    ) -> None:
        """Give the cycle up without moving a cursor, because HubSpot or the lane is at fault, not the messages. Its due
        rows are pending again at `resume_at_ms`, without counting the attempt. The HTTP exchanges are stored. Raises
        LeaseLost."""
        ...

    # -- memory
    def people(self, destination_id: int, emails: Iterable[str]) -> dict[str, Person]: ...

    def companies(self, destination_id: int, domains: Iterable[str]) -> dict[str, Company]: ...

    def associated(self, destination_id: int, pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        """The confirmed ones among these (e-mail, domain) pairs."""
        ...

    def associations_of(
        self, destination_id: int, emails: Sequence[str], domains: Sequence[str]
    ) -> set[tuple[str, str]]:
        """All confirmed (e-mail, domain) pairs of these contacts and of these companies."""
        ...

    def links(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Link]:
        """The known links of these (space, key) pairs."""
        ...

    def close(self) -> None: ...


class Archive(Protocol):
    """The record's part in retention (`installation/retention.py`). Contract: `tests/contract/test_retention.py`.

    Each call is one short transaction, so that deliveries continue in between.
    """

    def oldest_open(self, destination_ids: Sequence[int]) -> int | None:
        """Position of the oldest delivery of these destinations that is not final (pending, leased, retrying or held);
        None if there is none."""
        ...

    def archive_through(self, position: int, destination_ids: Sequence[int]) -> int:
        """Archive the deliveries at or before a position; returns the position up to which this was possible.

        Shape: it removes rows and adds their states to `archived`, so that totals still add up. It stops before the
        oldest delivery of these destinations that is not final; rows of other (removed) destinations are removed in any
        state.
        """
        ...

    def remove_attempts(self, before_ms: int, limit: int) -> int:
        """Remove at most `limit` of the oldest attempts that began before a time; returns how many."""
        ...

    def remove_cycles(self, before_ms: int, limit: int) -> int:
        """Remove at most `limit` of the oldest cycles that ended before a time; returns how many. Open cycles stay."""
        ...

    def remove_waiting_values(self, before_ms: int, limit: int) -> int:
        """Remove at most `limit` records that HubSpot never had and whose newest waiting value came before a time;
        returns how many."""
        ...

    def oldest_attempt_at_ms(self) -> int | None:
        """When the oldest attempt began."""
        ...

    def bytes_used(self) -> int:
        """The size of the data, without free space inside the database."""
        ...

    def bytes_free(self) -> int:
        """Space inside the database that new rows will use; 0 if the database does not report it."""
        ...

    def give_back(self, limit_bytes: int) -> int:
        """Return at most this much free space to the file system; returns how much, 0 if the database does it by
        itself."""
        ...


class Fleet(Protocol):
    """The deliverers of one installation, so that they share the lanes fairly."""

    def join(self, owner: str, now_ms: int, seconds: float) -> int:
        """Report that this worker is alive, valid for this long; returns the number of living workers, including this
        one."""
        ...

    def leave(self, owner: str, now_ms: int) -> None:
        """Report that this worker ends."""
        ...
