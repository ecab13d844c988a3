"""Records that a parent has no longer: line items of products that were taken off an order.

They are archived only where a rule says so. The memory keeps which records the parent had by the newest message, so
that an older message which arrives later, or a replay, makes no other one; a newer message does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hubwire.deliver.calls.caller import together
from hubwire.deliver.cycle.coalesce import DesiredRecord, Older, Work, plain
from hubwire.deliver.cycle.state import CycleState
from hubwire.delivery import Delivered
from hubwire.hubspot.call import OBJECTS_PER_CALL, Call, split
from hubwire.hubspot.wire import archive_objects
from hubwire.operation import ArchiveOthers, LeftOut, RecordPair, RecordRef
from hubwire.reasons import Reason
from hubwire.record.protocol import ConfirmedValue, ObjectRecord, RecordAssociation

REMOVED = "@removed"
"""The name under which the memory keeps the time of a record's removal."""
KEPT = "@kept "
"""With an object type: the name under which the memory keeps the records that a parent had, with the time."""


def revived(cycle_state: CycleState, ref: RecordRef, desired: DesiredRecord) -> bool:
    """Whether a record may be written: it was not removed, or the messages are newer than its removal."""
    record = cycle_state.objects.known.get(ref)
    removed = record.properties.get(REMOVED) if record is not None else None
    if record is None or removed is None:
        return True
    older = [(name, value) for name, value in desired.values.items() if value.at_ms <= removed.at_ms]
    for name, value in older:
        cycle_state.older.append(Older(desired.field_of(name), value.position, removed))
        desired.values.pop(name)
    if not desired.values:
        return False
    del record.properties[REMOVED]
    cycle_state.objects.changed[ref] = record
    return True


def newest_words(cycle_state: CycleState, work: Work) -> dict[tuple[RecordRef, str], ArchiveOthers]:
    """The newest word about the records of each parent and type: of this cycle, or from the memory."""
    parents = {target for _, target in work.pairs} | {archive.parent for archive in work.archives}
    remembered = (word for parent in parents for word in _remembered(cycle_state.objects.known.get(parent)))
    newest: dict[tuple[RecordRef, str], ArchiveOthers] = {}
    for archive in [*remembered, *work.archives]:
        known = newest.get((archive.parent, archive.object))
        if known is None or (archive.at_ms, archive.position) >= (known.at_ms, known.position):
            newest[archive.parent, archive.object] = archive
    return newest


def _remembered(parent: ObjectRecord | None) -> Iterator[ArchiveOthers]:
    """The records that a parent had by the newest message about them."""
    for name, value in parent.properties.items() if parent is not None else ():
        if parent is not None and name.startswith(KEPT):
            kept = frozenset(plain(value.value).split("\n"))
            yield ArchiveOthers(parent.ref, name.removeprefix(KEPT), kept, value.position, value.at_ms)


def leave_removed(cycle_state: CycleState, work: Work) -> None:
    """Do not write records that a newer message removes: of this cycle, or one that came before."""
    for archive in newest_words(cycle_state, work).values():
        for pair, desired in list(work.pairs.items()):
            child = _child(pair, archive)
            if child is None or desired.at_ms >= archive.at_ms:
                continue
            del work.pairs[pair]
            for position in work.records.pop(child, DesiredRecord(child.key)).positions:
                detail = "a newer message no longer has this record"
                left_out = LeftOut(child.object, Reason.OLDER_THAN_KNOWN, detail)
                cycle_state.outcomes.leave_out(position, [left_out])


async def archive_removed(cycle_state: CycleState, work: Work) -> None:
    """Archive the remembered records of each parent that its newest message does not have."""
    words = newest_words(cycle_state, work)
    archives = [archive for archive in words.values() if archive in work.archives]
    objects, memory = cycle_state.objects, cycle_state.record.objects
    parents = sorted({archive.parent for archive in archives})
    remembered = await cycle_state.off_loop(memory.associations_of, cycle_state.destination_id, parents)
    associations = {(known.source, known.target): known for known in remembered} | objects.associations
    removed: dict[RecordRef, ArchiveOthers] = {}
    for archive in archives:
        removed.update(_removed_by(archive, associations))
    missing = removed.keys() - objects.known.keys()
    objects.known.update(await cycle_state.load(memory.records, sorted(missing)))
    by_type: dict[str, list[RecordRef]] = {}
    for child in removed:
        if objects.record_id(child) is not None:
            by_type.setdefault(child.object, []).append(child)
    await together(
        *(
            _archive(cycle_state, object_type, batch, removed)
            for object_type, children in by_type.items()
            for batch in split(children, OBJECTS_PER_CALL)
        )
    )
    for archive in archives:
        parent = objects.known.get(archive.parent)
        if parent is not None and archive.position not in cycle_state.outcomes.verdicts:
            kept = "\n".join(sorted(archive.kept))
            parent.properties[KEPT + archive.object] = ConfirmedValue(kept, archive.at_ms, archive.position)
            objects.changed[archive.parent] = parent


def _removed_by(
    archive: ArchiveOthers, associations: Mapping[RecordPair, RecordAssociation]
) -> dict[RecordRef, ArchiveOthers]:
    """The records that were associated with the parent before, and that its newest message does not have."""
    return {
        child: archive
        for pair, known in associations.items()
        if not known.is_away and known.at_ms < archive.at_ms and (child := _child(pair, archive)) is not None
    }


def _child(pair: RecordPair, archive: ArchiveOthers) -> RecordRef | None:
    """The record at the other end of a parent's pair, if the newest message does not have it."""
    if archive.parent not in pair:
        return None
    child = pair[0] if pair[1] == archive.parent else pair[1]
    return child if child.object == archive.object and child.key not in archive.kept else None


async def _archive(
    cycle_state: CycleState,
    object_type: str,
    children: Sequence[RecordRef],
    removed: Mapping[RecordRef, ArchiveOthers],
) -> None:
    known = cycle_state.schema.objects[object_type].object_type
    ids = [cycle_state.objects.record_id(child) or "" for child in children]
    path = cycle_state.paths.objects(known.path, "batch/archive")
    call = Call(f"archive {known.plural}", "POST", path, archive_objects(ids))
    positions = sorted({removed[child].position for child in children})
    verdict, _ = await cycle_state.caller.ask(call, positions, is_optional=True)
    if not isinstance(verdict, Delivered):
        cycle_state.outcomes.judge(positions, verdict)
        return
    for child in children:
        _bury(cycle_state, child, removed[child])


def _bury(cycle_state: CycleState, child: RecordRef, archive: ArchiveOthers) -> None:
    """Remember the removal instead of the record."""
    objects = cycle_state.objects
    record = ObjectRecord(*child, None, 0, {REMOVED: ConfirmedValue("", archive.at_ms, archive.position)})
    objects.known[child] = objects.changed[child] = record
    objects.found.discard(child)
    for pair in ((child, archive.parent), (archive.parent, child)):
        objects.associations.pop(pair, None)
        objects.parted.add(pair)
