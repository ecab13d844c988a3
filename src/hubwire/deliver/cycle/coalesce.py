"""Merges the operations of a cycle's messages by person, company and pair.

Pure. For each property, the value with the newest message time wins, and for equal times the later position. All
messages of an operation are remembered, so that the returned record settles them all. Keys are lower-case e-mails and
registrable domains, so a HubSpot batch never has an id twice (HubSpot refuses a batch with a duplicate id).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from hubwire.operation import Associate, Operation, PropertyValue, SendEvent, UpsertCompany, UpsertContact
from hubwire.record.protocol import Company, Person

UNSURE = "\0"
"""Prefix of a remembered value whose confirmation is too old. Its time still keeps older values out, but no new value
counts as unchanged."""


def plain(value: str) -> str:
    """A remembered value without the prefix `UNSURE`. Rows of the first release contain only the prefix."""
    return value.removeprefix(UNSURE)


class Value(NamedTuple):
    """One property value and the time of the message that brought it."""

    value: str
    at_ms: int
    position: int


@dataclass(slots=True)
class DesiredRecord:
    """The desired values of one record (contact or company) in a cycle."""

    key: str
    values: dict[str, Value] = field(default_factory=dict)
    positions: list[int] = field(default_factory=list)
    overruled: list[tuple[str, int]] = field(default_factory=list)
    """(property, position) of values that another message of the cycle overruled."""

    def merge(self, properties: Mapping[str, PropertyValue], at_ms: int, position: int) -> None:
        self.positions.append(position)
        values = self.values
        for name, written in properties.items():
            known = values.get(name)
            if known is None or at_ms > known.at_ms or (at_ms == known.at_ms and position > known.position):
                values[name] = Value(written.value, at_ms, position)
            if known is not None:
                self.overruled.append((name, position if values[name] is known else known.position))

    def drop(self, name: str) -> list[int]:
        """Remove a value. Returns the positions of all messages that wrote the property."""
        value = self.values.pop(name, None)
        overruled = [position for overruled, position in self.overruled if overruled == name]
        return overruled if value is None else [value.position, *overruled]


@dataclass(slots=True)
class Work:
    """All operations of a cycle."""

    contacts: dict[str, DesiredRecord] = field(default_factory=dict)
    companies: dict[str, DesiredRecord] = field(default_factory=dict)
    associations: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    events: list[SendEvent] = field(default_factory=list)

    def add(self, operations: Iterable[Operation]) -> None:
        for operation in operations:
            if type(operation) is SendEvent:
                self.events.append(operation)
            elif type(operation) is UpsertContact:
                desired = self.contacts.get(operation.email)
                if desired is None:
                    desired = self.contacts[operation.email] = DesiredRecord(operation.email)
                desired.merge(operation.properties, operation.at_ms, operation.position)
            elif type(operation) is UpsertCompany:
                desired = self.companies.get(operation.domain)
                if desired is None:
                    desired = self.companies[operation.domain] = DesiredRecord(operation.domain)
                desired.merge(operation.properties, operation.at_ms, operation.position)
            elif type(operation) is Associate:
                self.associations.setdefault((operation.email, operation.domain), []).append(operation.position)


@dataclass(slots=True)
class Difference:
    """The properties to send: those that differ from the last confirmed values.

    `send`: the values to write. `older`: (property, position) pairs for which HubSpot already has a newer value.
    """

    send: dict[str, str]
    older: list[tuple[str, int]]


def difference(desired: DesiredRecord, known: Person | Company | None, now_ms: int, suppress_ms: int) -> Difference:
    """The values that HubSpot does not have yet.

    Shape: a value older than the confirmed one is never sent (a replayed identify cannot roll a person back); a value
    equal to the confirmed one is left out while the confirmation is younger than `suppress_ms`; 0 turns that off.
    """
    if known is None:
        return Difference({name: value.value for name, value in desired.values.items()}, [])
    is_fresh = now_ms - known.confirmed_at_ms < suppress_ms
    send: dict[str, str] = {}
    older: list[tuple[str, int]] = []
    for name, value in desired.values.items():
        confirmed = known.properties.get(name)
        if confirmed is None:
            send[name] = value.value
        elif confirmed[0] == value.value:
            if not is_fresh:
                send[name] = value.value
        elif value.at_ms < confirmed[1]:
            older.append((name, value.position))
        else:
            send[name] = value.value
    return Difference(send, older)


def confirm(known: Person | Company, desired: DesiredRecord, left_out: Collection[str] = ()) -> bool:
    """Remember the desired values as confirmed, each with the newer of both times; returns whether anything changed.

    Shape: properties named in `left_out` (refused by HubSpot) are not remembered.
    """
    changed = False
    for name, value in desired.values.items():
        if name in left_out:
            continue
        confirmed = known.properties.get(name)
        if (
            confirmed is None
            or value.at_ms > confirmed[1]
            or (value.at_ms == confirmed[1] and value.value != confirmed[0])
        ):
            known.properties[name] = (value.value, value.at_ms)
            changed = True
    return changed


def confirm_sent(
    known: Person | Company,
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
    if now_ms - known.confirmed_at_ms >= fresh_ms:
        make_unsure(known, unwritten)
        unwritten = []
    if not unwritten:
        known.confirmed_at_ms = now_ms
    confirm(known, desired, left_out)


def make_unsure(known: Person | Company, names: Iterable[str]) -> bool:
    """Mark these values as unsure. Returns whether anything changed."""
    changed = False
    for name in names:
        value = known.properties.get(name)
        if value is not None and value[0][:1] != UNSURE:
            known.properties[name] = (UNSURE + value[0], value[1])
            changed = True
    return changed


def remembered_values(known: Person | Company) -> dict[str, str]:
    """The remembered values of a deleted record; all of them are written when Hubwire creates the record again."""
    values = {name: plain(value) for name, (value, _) in known.properties.items()}
    return {name: value for name, value in values.items() if value}
