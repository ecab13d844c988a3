"""The calls that write records of any object type: upserts by a unique property, updates by record id, creations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hubwire.deliver.calls.batch_sender import Input
from hubwire.hubspot.call import Call
from hubwire.hubspot.paths import Paths
from hubwire.hubspot.wire import AssociationLabel, create_objects, update_objects, upsert_objects
from hubwire.object_types import STANDARD, ObjectType

CONTACT, COMPANY = STANDARD[:2]


def upsert_call(paths: Paths, object_type: ObjectType, id_property: str, group: Sequence[Input]) -> Call:
    """Create or update records by a unique property; the inputs' keys are its values."""
    path, body = paths.objects(object_type.path, "batch/upsert"), upsert_objects(group, id_property=id_property)
    return _call("upsert", object_type, path, body, id_property)


def update_call(paths: Paths, object_type: ObjectType, group: Sequence[Input]) -> Call:
    """Set properties of records by record id."""
    return _call("update", object_type, paths.objects(object_type.path, "batch/update"), update_objects(group), None)


def create_call(
    paths: Paths,
    object_type: ObjectType,
    id_property: str | None,
    associated: Mapping[str, Sequence[tuple[str, AssociationLabel]]],
    group: Sequence[Input],
) -> Call:
    """Create records. `associated`: by the key of an input, the record ids that it is made with."""
    path = paths.objects(object_type.path, "batch/create")
    body = create_objects([(input_, associated.get(input_.key, ())) for input_ in group])
    return _call("create", object_type, path, body, id_property)


def _call(verb: str, object_type: ObjectType, path: str, body: bytes, id_property: str | None) -> Call:
    # Contacts and companies are in every portal: a refusal of theirs is never about the object type.
    lacking = None if object_type in (CONTACT, COMPANY) else object_type.stored_as
    name = f"{verb} {object_type.plural}"
    return Call(name, "POST", path, body, id_property=id_property, object_type=lacking)
