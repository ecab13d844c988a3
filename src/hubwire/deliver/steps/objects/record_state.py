"""Reads the records that HubSpot has before Hubwire writes to them: deleted, or changed by somebody else.

It reads in batches, as for contacts: records that get values of late messages, with the history of those properties;
records whose writing depends on what HubSpot has; and records that no answer has shown for a while. A record that the
memory does not know can only be in HubSpot if somebody else writes the key property, or if the memory was lost. One
search for each key property tells that, and then unknown records cost no read.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from hubwire.deliver.calls.caller import together
from hubwire.deliver.cycle.coalesce import DesiredRecord, difference
from hubwire.deliver.cycle.state import CycleState
from hubwire.deliver.steps.conditions import settle, unanswered
from hubwire.deliver.steps.find_records import find_records
from hubwire.deliver.steps.look_up import Held, read_by_key, read_records, unseen
from hubwire.deliver.steps.objects.waiting_values import is_waiting_only, keep_waiting
from hubwire.deliver.steps.record_values import foreign_versions, late_names, leave_out_newer
from hubwire.delivery import Delivered
from hubwire.hubspot.call import Call
from hubwire.hubspot.reading import total_and_next
from hubwire.hubspot.wire import search_with_property
from hubwire.operation import RecordRef, unique_property
from hubwire.record.protocol import ObjectRecord
from hubwire.schema import ObjectSchema

LEAD = "lead"
CREATED = ("createdate", "hs_createdate")


@dataclass(slots=True)
class _Reads:
    """What must be read: by key, the properties whose history matters; an empty set asks if the record is there."""

    by_id: dict[str, set[str]] = field(default_factory=dict)
    by_key: dict[str, set[str]] = field(default_factory=dict)

    @property
    def names(self) -> dict[str, set[str]]:
        return {**self.by_id, **self.by_key}


async def look_up_records(
    cycle_state: CycleState, schema: ObjectSchema, desired_by_key: Mapping[str, DesiredRecord], relied: Set[str]
) -> None:
    """Update the memory and the desired values of one object type to what HubSpot has. Records that cannot be read now
    wait.

    Shape: `relied` are the keys that associations of this cycle need.
    """
    object_type = schema.object_type.stored_as
    known = cycle_state.objects.of_type(object_type, desired_by_key)
    reads = _Reads()
    for key, desired in desired_by_key.items():
        _note_reads(cycle_state, schema, desired, known.get(key), reads)
    await _drop_new(cycle_state, schema, desired_by_key, reads)
    there = {key: record for key, record in known.items() if record.record_id is not None and key not in reads.by_id}
    seen_at_ms = {key: record.seen_at_ms for key, record in there.items()}
    unchanged = {key for key, record in there.items() if not _send_of(cycle_state, desired_by_key[key], record)}
    due = unseen(cycle_state, object_type, desired_by_key, seen_at_ms, relied & there.keys(), unchanged)
    reads.by_id.update({key: set() for key in due})
    await _read_all(cycle_state, schema, desired_by_key, reads)
    await _find(cycle_state, schema, desired_by_key)
    for key, desired in desired_by_key.items():
        ref = RecordRef(object_type, key)
        if desired.is_plain or ref in cycle_state.objects.refused or ref in cycle_state.objects.adopted:
            continue
        record_id = cycle_state.objects.record_id(ref)
        if record_id is None and not desired.may_make:
            keep_waiting(cycle_state, ref, desired)
        if not settle(cycle_state, desired, record_id, None):
            cycle_state.objects.refused[ref] = Delivered()


async def _find(cycle_state: CycleState, schema: ObjectSchema, desired_by_key: Mapping[str, DesiredRecord]) -> None:
    """Look for records that have no id yet by the values of `find`."""
    object_type, objects = schema.object_type.stored_as, cycle_state.objects
    refs = {key: RecordRef(object_type, key) for key, desired in desired_by_key.items() if desired.find}
    sought = {
        key: desired_by_key[key]
        for key, ref in refs.items()
        if objects.record_id(ref) is None and ref not in objects.refused
    }
    if not sought:
        return
    ids = [objects.record_id(RecordRef(object_type, key)) for key in desired_by_key]
    taken = {record_id for record_id in ids if record_id is not None}
    findings = await find_records(cycle_state, schema.object_type.path, sought, taken)
    for key, fate in findings.fates.items():
        cycle_state.refuse_record(refs[key], sought[key].positions, fate)
    for key, record in findings.records.items():
        objects.adopted[refs[key]] = record.record_id
        settle(cycle_state, sought[key], record.record_id, record)


def _send_of(cycle_state: CycleState, desired: DesiredRecord, record: ObjectRecord | None) -> dict[str, str]:
    return difference(desired, record, cycle_state.now_ms, cycle_state.suppress_ms).send


def _note_reads(
    cycle_state: CycleState,
    schema: ObjectSchema,
    desired: DesiredRecord,
    record: ObjectRecord | None,
    reads: _Reads,
) -> None:
    """Note what must be read of one record before it is written."""
    names = late_names(cycle_state, desired, _send_of(cycle_state, desired, record))
    depends_on = unanswered(cycle_state, desired, record)
    if record is not None and record.record_id is not None:
        if names:
            names = _not_read(cycle_state, schema, desired, record, names)
        if depends_on or names:
            reads.by_id[desired.key] = names | (depends_on or set())
        return
    if unique_property(desired.key) is None:
        return
    if desired.find:
        depends_on = depends_on or set()
    if record is not None and not is_waiting_only(record):
        names = {*desired.values, *(name for name in record.properties if name[:1] != "@")}
    if depends_on is not None or names or schema.object_type.name == LEAD:
        reads.by_key[desired.key] = names | (depends_on or set())


def _not_read(
    cycle_state: CycleState, schema: ObjectSchema, desired: DesiredRecord, record: ObjectRecord, names: set[str]
) -> set[str]:
    """The late properties that were not read a short while ago. Leaves out the older values of the others."""
    object_type, histories = schema.object_type.stored_as, cycle_state.portal.histories
    foreign = histories.known(object_type, desired.key, frozenset(names), cycle_state.now_ms, cycle_state.late_ms)
    if foreign is None:
        return names
    leave_out_newer(cycle_state, desired, record, foreign, schema.properties)
    return set()


async def _drop_new(
    cycle_state: CycleState, schema: ObjectSchema, desired_by_key: Mapping[str, DesiredRecord], reads: _Reads
) -> None:
    """Leave out the reads of unknown records whose key property nobody but Hubwire has written."""
    properties = {parts[0] for key in reads.by_key if (parts := unique_property(key)) is not None}
    ours = {name for name in properties if await is_only_ours(cycle_state, schema, name)}
    known = cycle_state.objects.of_type(schema.object_type.stored_as, reads.by_key)
    for key in list(reads.by_key):
        parts = unique_property(key)
        if parts is not None and parts[0] in ours and (key not in known or is_waiting_only(known[key])):
            del reads.by_key[key]


async def is_only_ours(cycle_state: CycleState, schema: ObjectSchema, name: str) -> bool:
    """Whether HubSpot has no more records with this key property than the memory."""
    object_type, portal = schema.object_type, cycle_state.portal
    if (object_type.path, name) not in portal.only_ours:
        path = cycle_state.paths.objects(object_type.path, "search")
        call = Call(f"search {object_type.plural}", "POST", path, search_with_property(name), "search")
        verdict, answer = await cycle_state.caller.ask(call, is_optional=True)
        if not isinstance(verdict, Delivered):
            return False
        total, _ = total_and_next(answer.body)
        count = cycle_state.record.objects.count
        remembered = await cycle_state.off_loop(count, cycle_state.destination_id, object_type.stored_as, name)
        portal.only_ours[object_type.path, name] = total <= remembered
    return portal.only_ours[object_type.path, name]


# -- reading


async def _read_all(
    cycle_state: CycleState, schema: ObjectSchema, desired_by_key: Mapping[str, DesiredRecord], reads: _Reads
) -> None:
    with_history = {key for key, names in reads.names.items() if names}
    groups: list[tuple[str | None, list[str]]] = []
    for is_late in (True, False):
        of_ids = [key for key in reads.by_id if (key in with_history) is is_late]
        groups.append((None, of_ids))
        by_property: dict[str, list[str]] = {}
        for key in reads.by_key:
            parts = unique_property(key)
            if parts is not None and (key in with_history) is is_late:
                by_property.setdefault(parts[0], []).append(key)
        groups += by_property.items()
    await together(
        *(
            _read_group(cycle_state, schema, desired_by_key, id_property, {key: reads.names[key] for key in keys})
            for id_property, keys in groups
            if keys
        )
    )


async def _read_group(
    cycle_state: CycleState,
    schema: ObjectSchema,
    desired_by_key: Mapping[str, DesiredRecord],
    id_property: str | None,
    names: Mapping[str, set[str]],
) -> None:
    """Read records by id, or by a unique property, with the history of the named properties."""
    object_type, objects = schema.object_type.stored_as, cycle_state.objects
    history = sorted({name for of_record in names.values() for name in of_record})
    values = {
        (objects.record_id(RecordRef(object_type, key)) or "") if id_property is None else key.partition(":")[2]: key
        for key in names
    }
    positions = {value: desired_by_key[key].positions for value, key in values.items()}
    shown = [name for name in CREATED if name in schema.properties]
    caller, paths, path = cycle_state.caller, cycle_state.paths, schema.object_type.path
    if id_property is None:
        held = await read_records(caller, paths, path, positions, history, shown)
    else:
        held = await read_by_key(caller, paths, path, id_property, positions, history, shown)
    for value, key in values.items():
        _note_read(cycle_state, schema, desired_by_key[key], held, value, history)


def _note_read(
    cycle_state: CycleState, schema: ObjectSchema, desired: DesiredRecord, held: Held, value: str, history: list[str]
) -> None:
    """Take what a read said of one record."""
    ref = RecordRef(schema.object_type.stored_as, desired.key)
    verdict, held_record = held.unread.get(value), held.records.get(value)
    if verdict is not None:
        cycle_state.refuse_record(ref, desired.positions, verdict)
    elif held.is_refused:
        if not desired.is_plain:
            settle(cycle_state, desired, cycle_state.objects.record_id(ref), None, is_known=False)
    elif held_record is None:
        if cycle_state.objects.record_id(ref) is not None:
            cycle_state.objects.record_is(ref, None, cycle_state.now_ms)
    else:
        record = cycle_state.objects.record_is(ref, held_record.record_id, cycle_state.now_ms)
        if not desired.is_plain:
            settle(cycle_state, desired, held_record.record_id, held_record)
        if history:
            stages = (schema.object_type.pipeline, schema.object_type.stage)
            foreign = foreign_versions(cycle_state, desired, held_record, record, schema.properties, stages)
            histories, now_ms = cycle_state.portal.histories, cycle_state.now_ms
            histories.remember(ref.object, ref.key, frozenset(history), foreign, now_ms)
            leave_out_newer(cycle_state, desired, record, foreign, schema.properties)
