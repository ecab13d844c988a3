"""Compares a message's value with the versions that HubSpot keeps of a property, so that the newest wins. Pure.

HubSpot stores the time at which it received a value; a message has the time at which something happened. A version that
Hubwire wrote therefore counts with the time of its message, which the record remembers, and any other version with
HubSpot's time:

    newest version                         counts with             example
    the one that the record remembers      the message's time      an import writes 2021 today; 2023 follows tomorrow
    one that a cycle wrote that died       the message's time      a crash between the write and the record of it
    an older one of the same source        nothing: superseded     the import's own earlier writes
    any other                              HubSpot's time          a person, a form, a workflow, another tool

Another tool may write the value that the record remembers. Where the id of our own app is known, only a version with
that id counts as the remembered one.
A version that the record does not explain never counts as ours, so after a restored backup HubSpot's newer values stay.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from hubwire.deliver.cycle.coalesce import plain
from hubwire.deliver.cycle.own_source import SOURCE_TYPES
from hubwire.hubspot.reading import SECOND_MS, HeldRecord, Version, moment_ms
from hubwire.record.protocol import ConfirmedValue

STAGE = "lifecyclestage"
MAX_REMEMBERED_READS = 50_000
SOURCES = {
    "CRM_UI": "a person in HubSpot",
    "FORM": "a form",
    "IMPORT": "an import in HubSpot",
    "INTEGRATION": "an integration",
    "API": "an API call",
    "AUTOMATION_PLATFORM": "a workflow",
    "WORKFLOWS": "a workflow",
    "MERGE_OBJECTS": "a merge",
    "MERGE_CONTACTS": "a merge",
    "MERGE_COMPANIES": "a merge",
}


def foreign_version(
    versions: Sequence[Version],
    remembered: ConfirmedValue | None,
    kind: str = "string",
    own_ids: frozenset[str] | None = None,
    *,
    has_unconfirmed_writes: bool = False,
    repeated: Collection[str] = (),
) -> Version | None:
    """The newest version that is not ours.

    Shape: `kind` is the property's HubSpot type; `versions` are newest first; `own_ids` are the source ids of our own
    app, or None if they are not known. With unconfirmed writes, our app's versions are ours although the value is not
    the remembered one: a cycle that died wrote them, and its messages are delivered again. `repeated` are the values
    that such a cycle may have written, for when it is not sure that all of its messages are delivered again.
    """
    ours: Version | None = None
    if has_unconfirmed_writes and own_ids:
        ours = next((item for item in versions if item.source in SOURCE_TYPES and item.source_id in own_ids), None)
    else:
        values = {*repeated, *(() if remembered is None else (plain(remembered.value),))}
        ours = next(
            (
                version
                for version in versions
                if version.source in SOURCE_TYPES
                and (own_ids is None or version.source_id in own_ids)
                and any(is_same(version.value, value, kind) for value in values)
            ),
            None,
        )
    for version in versions:
        is_ours = ours is not None and version[2:] == ours[2:] and version.at_ms <= ours.at_ms
        if not is_ours:
            return version
    return None


def is_same(value: str, other: str | None, kind: str) -> bool:
    """Whether two texts mean the same value; HubSpot writes dates, numbers and lists in its own form."""
    if other is None:
        return False
    if value == other:
        return True
    if kind in ("date", "datetime"):
        moments = (moment_ms(value), moment_ms(other))
        return moments[0] is not None and moments[0] == moments[1]
    if kind == "number":
        try:
            return Decimal(value) == Decimal(other)
        except InvalidOperation:
            return False
    return kind == "enumeration" and ";" in value and set(value.split(";")) == set(other.split(";"))


def without_defaults(record: HeldRecord, names: Collection[str] = (STAGE,)) -> HeldRecord:
    """The record without the stage (and pipeline) that HubSpot set by default when an API call created the record."""
    created_ms = moment_ms(record.properties.get("createdate") or record.properties.get("hs_createdate"))
    history = dict(record.history)
    for name in names:
        versions = history.get(name)
        if not versions or created_ms is None:
            continue
        first = versions[-1]
        if first.source in SOURCE_TYPES and abs(first.at_ms - created_ms) <= SECOND_MS:
            history[name] = versions[:-1]
    return HeldRecord(record.record_id, record.properties, history)


def described(version: Version) -> str:
    """Who wrote a version, in words for people. Never contains the value."""
    return SOURCES.get(version.source, version.source.lower().replace("_", " ") or "somebody")


@dataclass(slots=True)
class _Read:
    at_ms: int
    names: frozenset[str] | None
    foreign: dict[str, Version]


@dataclass(slots=True)
class ReadHistories:
    """The histories that were read a short while ago, so that a large import reads each record once.

    Shape: keyed by object type and key; bounded, the oldest reads go first.
    """

    reads: dict[tuple[str, str], _Read] = field(default_factory=dict)

    def remember(
        self, object_type: str, key: str, names: frozenset[str] | None, foreign: Mapping[str, Version], now_ms: int
    ) -> None:
        """Keep the newest foreign versions of a record. `names` is None for a record that we created: it has all."""
        self.reads.pop((object_type, key), None)
        self.reads[object_type, key] = _Read(now_ms, names, dict(foreign))
        while len(self.reads) > MAX_REMEMBERED_READS:
            del self.reads[next(iter(self.reads))]

    def known(
        self, object_type: str, key: str, names: frozenset[str], now_ms: int, age_ms: int
    ) -> dict[str, Version] | None:
        """The foreign versions that were read less than `age_ms` ago; None if they must be read."""
        read = self.reads.get((object_type, key))
        if read is None or now_ms - read.at_ms >= age_ms or (read.names is not None and not names <= read.names):
            return None
        return read.foreign

    def forget(self, object_type: str, key: str) -> None:
        """Remove the histories of a record whose key now names another one."""
        self.reads.pop((object_type, key), None)
