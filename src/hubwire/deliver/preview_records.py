"""The requests of a dry run for records of other object types, and for their associations."""

from __future__ import annotations

from collections.abc import Iterator

from hubwire.deliver.calls.batch_sender import Input
from hubwire.deliver.cycle.coalesce import Work
from hubwire.deliver.steps.record_calls import create_call, upsert_call
from hubwire.hubspot.call import ASSOCIATIONS_PER_CALL, OBJECTS_PER_CALL, Call, split
from hubwire.hubspot.paths import Paths
from hubwire.hubspot.wire import archive_associations, archive_objects, associate_default
from hubwire.object_types import ObjectType, standard_type
from hubwire.operation import RecordRef, unique_property
from hubwire.schema import PortalSchema


def record_calls(work: Work, paths: Paths, schema: PortalSchema) -> list[Call]:
    """The calls in sending order, as if HubSpot had none of the records."""
    calls: list[Call] = []
    groups: dict[tuple[str, str], list[Input]] = {}
    for ref, desired in work.records.items():
        name, value = unique_property(ref.key) or ("", ref.key)
        properties = {property_name: written.value for property_name, written in desired.values.items()}
        if name:
            properties[name] = value
        group = groups.setdefault((ref.object, name), [])
        group.append(Input(str(len(group)), value, properties, ()))
    for (object_type, name), inputs in groups.items():
        known = _type_of(object_type, schema)
        for batch in split(inputs, OBJECTS_PER_CALL):
            calls.append(upsert_call(paths, known, name, batch) if name else create_call(paths, known, None, {}, batch))
    return [*calls, *_association_calls(work, paths, schema), *_archive_calls(work, paths, schema)]


def _association_calls(work: Work, paths: Paths, schema: PortalSchema) -> Iterator[Call]:
    by_types: dict[tuple[str, str, bool], list[tuple[str, str]]] = {}
    for (source, target), pair in work.pairs.items():
        types = (source.object, target.object, pair.is_away)
        by_types.setdefault(types, []).append((_shown(source), _shown(target)))
    for (source_type, target_type, is_away), pairs in by_types.items():
        ends = (_type_of(source_type, schema).path, _type_of(target_type, schema).path)
        for batch in split(pairs, ASSOCIATIONS_PER_CALL):
            if is_away:
                path = paths.associations(*ends, "batch/archive")
                yield Call("remove associations", "POST", path, archive_associations(batch), kind="associations")
            else:
                path = paths.associations(*ends)
                yield Call("associate", "POST", path, associate_default(batch), kind="associations")


def _archive_calls(work: Work, paths: Paths, schema: PortalSchema) -> Iterator[Call]:
    for archive in work.archives:
        known = _type_of(archive.object, schema)
        others = f"<other {known.plural} of {archive.parent.object} {archive.parent.key}>"
        path = paths.objects(known.path, "batch/archive")
        yield Call(f"archive {known.plural}", "POST", path, archive_objects([others]))


def _type_of(object_type: str, schema: PortalSchema) -> ObjectType:
    known = schema.objects.get(object_type)
    return (
        known.object_type
        if known is not None
        else standard_type(object_type) or ObjectType(object_type, "", object_type)
    )


def _shown(ref: RecordRef) -> str:
    return f"<{ref.object} {ref.key}>"
