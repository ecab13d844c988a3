"""The values of a record of any type: which are sent, which lose to others, and what an answer means for the memory.

Contacts, companies and other objects differ in how a record is found and which call writes it; these rules they share.
This module makes no calls: `look_up.py` reads what HubSpot has, and `cycle/newest.py` decides which value is newer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hubwire.deliver.calls.batch_sender import Input, Judged
from hubwire.deliver.cycle.coalesce import (
    DesiredRecord,
    confirm_sent,
    difference,
    make_unsure,
    plain,
    remembered_values,
)
from hubwire.deliver.cycle.newest import STAGE, described, foreign_version, is_same, without_defaults
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.verdicts.dependants import was_sent
from hubwire.hubspot.reading import HeldRecord, Version, when
from hubwire.operation import LeftOut, RecordRef
from hubwire.reasons import Reason
from hubwire.record.protocol import PUBLIC_TRUST, SERVER_TRUST, KnownValues
from hubwire.schema import PropertyDefinition

MAX_NAMED = 1000
"""The number of newer messages of a cycle whose ids are looked up; an old import can lose to many more."""


def values_to_send(
    cycle_state: CycleState, path: str, desired: DesiredRecord, known: KnownValues | None
) -> dict[str, str]:
    """The values that HubSpot does not have yet. Those that lost to a newer one are noted in `cycle_state.older`.

    Shape: `path` is the object type in paths. Properties that HubSpot refused to create are left out.
    """
    differs = difference(desired, known, cycle_state.now_ms, cycle_state.suppress_ms)
    cycle_state.older += differs.older
    if cycle_state.portal.refused:
        _leave_out_refused(cycle_state, path, desired, differs.send)
    return differs.send


def values_to_restore(cycle_state: CycleState, place: str, key: str, known: KnownValues | None) -> dict[str, str]:
    """The remembered values that a record which is made anew gets again: those that nobody overwrote since.

    Shape: `place` is the name of the object type in the histories.
    """
    if known is None:
        return {}
    read = cycle_state.portal.histories.reads.get((place, key))
    return without_newer(remembered_values(known), known, read.foreign if read is not None else {})


def _leave_out_refused(cycle_state: CycleState, path: str, desired: DesiredRecord, send: dict[str, str]) -> None:
    for name in [name for name in send if (path, name) in cycle_state.portal.refused]:
        del send[name]
        why = cycle_state.portal.refused[path, name]
        for position in desired.drop(name)[:1]:
            left_out = LeftOut(desired.field_of(name), Reason.UNKNOWN_PROPERTY, why.detail)
            cycle_state.outcomes.leave_out(position, [left_out])


# -- what loses to another value


def late_names(cycle_state: CycleState, desired: DesiredRecord, names: Collection[str]) -> set[str]:
    """The properties among `names` whose value comes from a late message."""
    return {
        name
        for name in names
        if (value := desired.values.get(name)) is not None and cycle_state.is_late(value.position, value.at_ms)
    }


def foreign_versions(
    cycle_state: CycleState,
    desired: DesiredRecord,
    record: HeldRecord,
    known: KnownValues | None,
    definitions: Mapping[str, PropertyDefinition],
    defaults: Collection[str] = (STAGE,),
) -> dict[str, Version]:
    """The newest version of each property that is not ours. `defaults`: what HubSpot itself sets in a new record."""
    found: dict[str, Version] = {}
    remembered = known.properties if known is not None else {}
    source_ids = {version.source_id for versions in record.history.values() for version in versions}
    own_ids = cycle_state.portal.own_source.known(source_ids)
    for name, versions in without_defaults(record, defaults).history.items():
        version = foreign_version(
            versions,
            remembered.get(name),
            kind_of(definitions, name),
            own_ids,
            has_unconfirmed_writes=cycle_state.has_unconfirmed_writes,
            repeated=desired.written(name) if cycle_state.is_repeated else (),
        )
        if version is not None:
            found[name] = version
    return found


def leave_out_newer(
    cycle_state: CycleState,
    desired: DesiredRecord,
    known: KnownValues | None,
    foreign: Mapping[str, Version],
    definitions: Mapping[str, PropertyDefinition],
) -> None:
    """Remove the values that somebody overwrote later in HubSpot, and report this on their messages."""
    for name, version in foreign.items():
        value = desired.values.get(name)
        kind = kind_of(definitions, name)
        remembered = known.properties.get(name) if known is not None else None
        is_other = remembered is not None and not is_same(version.value, plain(remembered.value), kind)
        if known is not None and remembered is not None and is_other and version.at_ms > remembered.at_ms:
            # HubSpot has another value than we remember, so no newer value may count as unchanged.
            make_unsure(known, [name])
        if value is None or version.at_ms <= value.at_ms:
            continue
        positions = desired.drop(name)
        if is_same(version.value, value.value, kind):
            # Not remembered, either: the value is somebody else's, and counts with the time of their write.
            continue
        for position in positions:
            cycle_state.outcomes.leave_out(position, [lost_to(desired.field_of(name), version)])


async def report_older(cycle_state: CycleState) -> None:
    """Report the values of the cycle that lost to a confirmed one, with the time and the id of the newer message."""
    positions = sorted({older.newer.position for older in cycle_state.older} - {0})[:MAX_NAMED]
    newer = await cycle_state.off_loop(cycle_state.read_at, positions) if positions else {}
    for older in cycle_state.older:
        row = newer.get(older.newer.position)
        message = f"message {row.message_id}" if row is not None else "a message"
        detail = f"{message} of {when(older.newer.at_ms)} is newer"
        cycle_state.outcomes.leave_out(older.position, [LeftOut(older.name, Reason.OLDER_THAN_KNOWN, detail)])


def leave_out_lower_trust(
    cycle_state: CycleState, records: Mapping[str, DesiredRecord], known: Mapping[str, KnownValues]
) -> None:
    """Remove a public source's values where a server source wrote another one, and report this on their messages."""
    if not cycle_state.public:
        return
    for key, desired in records.items():
        properties = known[key].properties if key in known else {}
        for name, value in list(desired.values.items()):
            confirmed = properties.get(name)
            if value.trust != PUBLIC_TRUST or confirmed is None or confirmed.trust != SERVER_TRUST:
                continue
            if plain(confirmed.value) == value.value:
                continue
            left_out = LeftOut(
                desired.field_of(name), Reason.LOWER_TRUST, f"a server source wrote it, {when(confirmed.at_ms)}"
            )
            for position in desired.drop(name):
                cycle_state.outcomes.leave_out(position, [left_out])


def lost_to(name: str, version: Version) -> LeftOut:
    """A property that is not written because HubSpot has a newer value, with the time and who wrote it."""
    detail = f"written at {when(version.at_ms)} by {described(version)}"
    return LeftOut(name, Reason.NEWER_IN_HUBSPOT, detail)


def without_newer(
    values: Mapping[str, str],
    known: KnownValues,
    foreign: Mapping[str, Version],
) -> dict[str, str]:
    """Remembered values that nobody overwrote later: these are written again to a new record."""
    return {
        name: value
        for name, value in values.items()
        if name not in foreign or foreign[name].at_ms <= known.properties[name].at_ms
    }


def kind_of(definitions: Mapping[str, PropertyDefinition], name: str) -> str:
    """The HubSpot type of a property."""
    definition = definitions.get(name)
    return definition.type if definition is not None else "string"


# -- what HubSpot said


def report_refused(cycle_state: CycleState, desired: DesiredRecord, sent: Input) -> None:
    """Report the properties that HubSpot refused on the messages that brought them, or else on the first message."""
    for item in sent.refused:
        value = desired.values.get(item.field)
        positions = [value.position] if value else desired.positions[:1]
        named = LeftOut(desired.field_of(item.field), item.reason, item.detail)
        for position in positions:
            cycle_state.outcomes.leave_out(position, [named])


def note_unwritten(cycle_state: CycleState, ref: RecordRef, outcome: Judged) -> None:
    """Correct the memory after a call that did not deliver a record, but may have written to it."""
    if was_sent(outcome.verdict):
        cycle_state.unconfirm_record(ref, outcome.input.properties)
    if outcome.is_gone:
        cycle_state.suspect_record(ref)


def note_written(
    cycle_state: CycleState, place: str, desired: DesiredRecord, known: KnownValues, outcome: Judged
) -> None:
    """Remember what HubSpot confirmed of a record. `known` has its record id already."""
    returned, sent = outcome.returned, outcome.input
    if returned is not None and returned.is_new:
        cycle_state.portal.own_source.learn(returned.properties)
        cycle_state.portal.histories.remember(place, desired.key, None, {}, cycle_state.now_ms)
    refused = {item.field for item in sent.refused}
    now_ms, fresh_ms = cycle_state.now_ms, cycle_state.suppress_ms
    confirm_sent(known, desired, sent.properties.keys(), refused, now_ms, fresh_ms)
