"""Merges the operations of a cycle's messages by person, company and pair.

Pure. For each property, a server source's value wins over a public source's, unless the destination trusts all sources;
then the newest message time wins, and for equal times the later position. All messages of an operation are remembered,
so that the returned record settles them all. Keys are lower-case e-mails and registrable domains, so a HubSpot batch
never has an id twice (HubSpot refuses a batch with a duplicate id).
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from hubwire.deliver.cycle.marketing_work import MarketingWork
from hubwire.operation import (
    ArchiveOthers,
    Associate,
    AssociateRecords,
    Clue,
    Discard,
    Hold,
    Operation,
    RecordPair,
    RecordRef,
    SendEvent,
    SetMembership,
    SetSubscription,
    SubmitForm,
    UpsertCompany,
    UpsertContact,
    UpsertRecord,
)
from hubwire.record.protocol import (
    PUBLIC_TRUST,
    SERVER_TRUST,
    UNKNOWN_TRUST,
    UNSURE,
    ConfirmedValue,
    KnownValues,
)

LINE_ITEM = "line_item"
Upsert = UpsertContact | UpsertCompany | UpsertRecord


def plain(value: str) -> str:
    """A remembered value without the prefix `UNSURE`. Rows of the first release contain only the prefix."""
    return value.removeprefix(UNSURE)


class Overruled(NamedTuple):
    """A value of the message at `position` that another message of the cycle overruled."""

    name: str
    position: int
    value: str


class When(StrEnum):
    """When a value is written."""

    ALWAYS = "always"
    IF_EMPTY = "if empty"
    """Only where HubSpot has no value."""
    IF_NEW = "if new"
    """Only to a record that this cycle makes."""


class Value(NamedTuple):
    """One property value and the time of the message that brought it."""

    value: str
    at_ms: int
    position: int
    when: When = When.ALWAYS
    trust: int = UNKNOWN_TRUST

    def beats(self, known: Value) -> bool:
        """Whether it is written rather than the other: a newer one, and of two conditional ones the older."""
        if self.when is not known.when and When.ALWAYS in (self.when, known.when):
            return self.when is When.ALWAYS
        if self.when is When.ALWAYS and self.trust != known.trust:
            return self.trust > known.trust
        is_newer = (self.at_ms, self.position) > (known.at_ms, known.position)
        return is_newer if self.when is When.ALWAYS else not is_newer


@dataclass(slots=True)
class DesiredRecord:
    """The desired values of one record in a cycle. `object` is its type, if it is no contact and no company."""

    key: str
    values: dict[str, Value] = field(default_factory=dict)
    positions: list[int] = field(default_factory=list)
    overruled: list[Overruled] = field(default_factory=list)
    may_make: bool = True
    """Whether a record is made if HubSpot has none: not if all that writes to it may only update."""
    known_as: str | None = None
    """The e-mail by which a contact with a key of its own is found at the first meeting."""
    unknown: dict[int, Discard | Hold] = field(default_factory=dict)
    """The fates of messages, by position, if HubSpot has no such contact and lacks what it needs to make one."""
    object: str = ""
    find: dict[Clue, None] = field(default_factory=dict)
    """How the record is looked for if HubSpot has none with the key."""
    silent: set[int] = field(default_factory=set)
    """The positions of messages that do not report a record that HubSpot does not have."""
    makers: list[tuple[int, int]] = field(default_factory=list)
    """(time, position) of messages that write only to a record that is new."""
    existed: bool = False
    """Whether HubSpot had the record before such a message."""

    def field_of(self, name: str) -> str:
        """The name of a property in reports: with the object type, because a message writes several records."""
        return f"{self.object}.{name}" if self.object else name

    def merge(self, operation: Upsert, trust: int = UNKNOWN_TRUST) -> None:
        """Add what an operation writes."""
        at_ms, position = operation.at_ms, operation.position
        self.may_make = operation.mode != "update" or (bool(self.positions) and self.may_make)
        self.positions.append(position)
        if operation.find:
            self.find.update(dict.fromkeys(operation.find))
        if type(operation) is UpsertRecord and not operation.reports_missing:
            self.silent.add(position)
        values = self.values
        if operation.mode == "create" or operation.only_if_empty:
            self._merge_conditional(operation, trust)
            return
        for name, written in operation.properties.items():
            known = values.get(name)
            if known is None or known.when is not When.ALWAYS:
                wins = True
            elif known.trust != trust:
                wins = trust > known.trust
            else:
                wins = at_ms > known.at_ms or (at_ms == known.at_ms and position > known.position)
            if wins:
                values[name] = Value(written.value, at_ms, position, When.ALWAYS, trust)
            if known is not None:
                loser = Overruled(name, known.position, known.value)
                self.overruled.append(loser if wins else Overruled(name, position, written.value))

    def _merge_conditional(self, operation: Upsert, trust: int) -> None:
        if operation.mode == "create" and operation.properties:
            self.makers.append((operation.at_ms, operation.position))
        for name, written in operation.properties.items():
            when = When.ALWAYS
            if operation.mode == "create":
                when = When.IF_NEW
            elif name in operation.only_if_empty:
                when = When.IF_EMPTY
            value = Value(written.value, operation.at_ms, operation.position, when, trust)
            known = self.values.get(name)
            if known is None or value.beats(known):
                self.values[name] = value
            if known is not None:
                loser = known if self.values[name] is value else value
                self.overruled.append(Overruled(name, loser.position, loser.value))

    def conditional(self) -> set[str]:
        """The properties whose writing depends on what HubSpot has."""
        return {name for name, value in self.values.items() if value.when is not When.ALWAYS}

    @property
    def is_plain(self) -> bool:
        """Whether everything is written, whatever HubSpot has."""
        return self.may_make and not self.conditional()

    @property
    def needs_existence(self) -> bool:
        """Whether it must be known if HubSpot has the record before anything is written."""
        return not self.may_make or any(value.when is When.IF_NEW for value in self.values.values())

    def written(self, name: str) -> set[str]:
        """All values that the messages of the cycle have for a property."""
        value = self.values.get(name)
        overruled = {item.value for item in self.overruled if item.name == name}
        return overruled if value is None else {value.value, *overruled}

    def drop(self, name: str) -> list[int]:
        """Remove a value. Returns the positions of all messages that wrote the property."""
        value = self.values.pop(name, None)
        overruled = [item.position for item in self.overruled if item.name == name]
        return overruled if value is None else [value.position, *overruled]


@dataclass(slots=True)
class Pair:
    """The desired association of a contact with a company. `at_ms`: the newest message that asks for it."""

    positions: list[int] = field(default_factory=list)
    at_ms: int = 0
    labels: dict[str, int] = field(default_factory=dict)
    """Label -> the position of a message that asks for it."""
    is_primary: bool = False
    replaces: bool = False
    only_if_made: dict[int, RecordRef] = field(default_factory=dict)
    """The position of a message -> the record that must be new for it."""

    @property
    def is_plain(self) -> bool:
        """True for the unlabelled association alone."""
        return not (self.labels or self.is_primary or self.replaces)


@dataclass(slots=True)
class PairOfRecords(Pair):
    """The desired association of two records of any types, by the newest message about it."""

    position: int = 0
    is_away: bool = False
    """True if the association is taken away."""
    may_make: bool = False
    """False if the association is made only if HubSpot has both records."""

    def merge(self, operation: AssociateRecords) -> None:
        """Add what an operation wants."""
        self.positions.append(operation.position)
        if operation.only_if_made is not None:
            self.only_if_made[operation.position] = operation.only_if_made
        if (operation.at_ms, operation.position) >= (self.at_ms, self.position):
            self.at_ms, self.position, self.is_away = operation.at_ms, operation.position, operation.takes_away
        if operation.takes_away:
            return
        self.may_make |= operation.may_make
        self.is_primary |= operation.is_primary
        self.replaces |= operation.replaces
        if operation.label is not None:
            self.labels[operation.label] = operation.position


def ends_of(source: RecordRef, target: RecordRef) -> RecordPair:
    """The pair in its order: a line item comes before its parent."""
    return (target, source) if target.object == LINE_ITEM and source.object != LINE_ITEM else (source, target)


@dataclass(slots=True)
class Work:
    """All operations of a cycle."""

    contacts: dict[str, DesiredRecord] = field(default_factory=dict)
    companies: dict[str, DesiredRecord] = field(default_factory=dict)
    associations: dict[tuple[str, str], Pair] = field(default_factory=dict)
    records: dict[RecordRef, DesiredRecord] = field(default_factory=dict)
    """Records other than contacts and companies."""
    pairs: dict[RecordPair, PairOfRecords] = field(default_factory=dict)
    archives: list[ArchiveOthers] = field(default_factory=list)
    events: list[SendEvent] = field(default_factory=list)
    marketing: MarketingWork = field(default_factory=MarketingWork)
    public: Container[int] | None = None
    """Positions of messages that came with a public write key; None if the destination trusts all sources."""

    @property
    def has_records(self) -> bool:
        """Whether something concerns other records than contacts and companies."""
        return bool(self.records or self.pairs or self.archives)

    def record_of(self, ref: RecordRef) -> DesiredRecord | None:
        """The desired values of a record of any type."""
        if ref.object == "contact":
            return self.contacts.get(ref.key)
        return self.companies.get(ref.key) if ref.object == "company" else self.records.get(ref)

    def trust_of(self, position: int) -> int:
        """How much the source of a message is trusted."""
        if self.public is None:
            return UNKNOWN_TRUST
        return PUBLIC_TRUST if position in self.public else SERVER_TRUST

    def add(self, operations: Iterable[Operation]) -> None:
        for operation in operations:
            if type(operation) is SendEvent:
                self.events.append(operation)
            elif type(operation) is UpsertContact:
                desired = self.contacts.get(operation.email)
                if desired is None:
                    desired = self.contacts[operation.email] = DesiredRecord(operation.email)
                desired.merge(operation, self.trust_of(operation.position))
                if operation.known_as is not None:
                    desired.known_as = operation.known_as
                if operation.unknown is not None:
                    desired.unknown[operation.position] = operation.unknown
            elif type(operation) is UpsertCompany:
                desired = self.companies.get(operation.domain)
                if desired is None:
                    desired = self.companies[operation.domain] = DesiredRecord(operation.domain)
                desired.merge(operation, self.trust_of(operation.position))
            elif type(operation) is Associate:
                self._associate(operation)
            elif type(operation) is UpsertRecord:
                ref = RecordRef(operation.object, operation.key)
                desired = self.records.get(ref)
                if desired is None:
                    desired = self.records[ref] = DesiredRecord(operation.key, object=operation.object)
                desired.merge(operation, self.trust_of(operation.position))
            elif type(operation) is AssociateRecords:
                pair = ends_of(operation.source, operation.target)
                self.pairs.setdefault(pair, PairOfRecords()).merge(operation)
            elif type(operation) is ArchiveOthers:
                self.archives.append(operation)
            elif isinstance(operation, SetMembership | SetSubscription | SubmitForm):
                self.marketing.add(operation, self.trust_of(operation.position))

    def _associate(self, operation: Associate) -> None:
        pair = self.associations.setdefault((operation.email, operation.domain), Pair())
        pair.positions.append(operation.position)
        pair.at_ms = max(pair.at_ms, operation.at_ms)
        pair.is_primary |= operation.is_primary
        pair.replaces |= operation.replaces
        if operation.label is not None:
            pair.labels[operation.label] = operation.position
        if operation.only_if_made is not None:
            pair.only_if_made[operation.position] = operation.only_if_made


class Older(NamedTuple):
    """A value of the message at `position` that lost to a confirmed one."""

    name: str
    position: int
    newer: ConfirmedValue


@dataclass(slots=True)
class Difference:
    """The properties to send: those that differ from the last confirmed values.

    `send`: the values to write. `older`: the values for which HubSpot already has a newer one.
    """

    send: dict[str, str]
    older: list[Older]


def is_fresh(confirmed_at_ms: int, now_ms: int, suppress_ms: int) -> bool:
    """Whether a value was confirmed so recently that it counts as unchanged.

    Shape: a time in the future does not count: the clock of another worker was ahead, so its age is unknown.
    """
    return 0 <= now_ms - confirmed_at_ms < suppress_ms


def difference(desired: DesiredRecord, known: KnownValues | None, now_ms: int, suppress_ms: int) -> Difference:
    """The values that HubSpot does not have yet.

    Shape: a value older than the confirmed one is never sent (a replayed identify cannot roll a person back), unless it
    is a server source's and the confirmed one a public source's. A value equal to the confirmed one is left out while
    the confirmation is younger than `suppress_ms`; 0 turns that off.
    """
    if known is None:
        return Difference({name: value.value for name, value in desired.values.items()}, [])
    is_unchanged = is_fresh(known.confirmed_at_ms, now_ms, suppress_ms)
    send: dict[str, str] = {}
    older: list[Older] = []
    for name, value in desired.values.items():
        confirmed = known.properties.get(name)
        if confirmed is None:
            send[name] = value.value
        elif confirmed.value == value.value:
            if not is_unchanged:
                send[name] = value.value
        elif value.at_ms < confirmed.at_ms and not value.trust > confirmed.trust > UNKNOWN_TRUST:
            older.append(Older(desired.field_of(name), value.position, confirmed))
        else:
            send[name] = value.value
    return Difference(send, older)


def confirm(known: KnownValues, desired: DesiredRecord, left_out: Collection[str] = ()) -> bool:
    """Remember the desired values as confirmed, each with the newer of both times; returns whether anything changed.

    Shape: a public source that repeats a server source's value changes nothing. Properties named in `left_out` (refused
    by HubSpot) are not remembered.
    """
    changed = False
    for name, value in desired.values.items():
        if name in left_out:
            continue
        confirmed = known.properties.get(name)
        if confirmed is not None and confirmed.trust > value.trust > UNKNOWN_TRUST:
            continue
        if (
            confirmed is None
            or value.at_ms > confirmed.at_ms
            or (value.at_ms == confirmed.at_ms and value.value != confirmed.value)
            or value.trust > confirmed.trust > UNKNOWN_TRUST
        ):
            known.properties[name] = ConfirmedValue(value.value, value.at_ms, value.position, value.trust)
            changed = True
    return changed


def confirm_sent(
    known: KnownValues,
    desired: DesiredRecord,
    sent: Collection[str],
    left_out: Collection[str],
    now_ms: int,
    fresh_ms: int,
) -> None:
    """Remember the desired values as confirmed; `sent` names those that HubSpot just wrote.

    Shape: `confirmed_at_ms` applies to every remembered value that is not `UNSURE`. If other values remain, it keeps
    its time, until that is older than `fresh_ms`; then the values that were not written become unsure.
    """
    unwritten = [name for name in known.properties if name not in sent]
    if not is_fresh(known.confirmed_at_ms, now_ms, fresh_ms):
        make_unsure(known, unwritten)
        unwritten = []
    if not unwritten:
        known.confirmed_at_ms = now_ms
    confirm(known, desired, left_out)


def make_unsure(known: KnownValues, names: Iterable[str]) -> bool:
    """Mark these values as unsure. Returns whether anything changed."""
    changed = False
    for name in names:
        confirmed = known.properties.get(name)
        if confirmed is not None and confirmed.value[:1] != UNSURE:
            known.properties[name] = confirmed._replace(value=UNSURE + confirmed.value)
            changed = True
    return changed


def remembered_values(known: KnownValues) -> dict[str, str]:
    """The remembered values of a deleted record; all of them are written when Hubwire creates the record again."""
    values = {name: plain(confirmed.value) for name, confirmed in known.properties.items()}
    return {name: value for name, value in values.items() if value and name[0] != "@"}
