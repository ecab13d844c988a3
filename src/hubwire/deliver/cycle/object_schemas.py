"""Reads the schema of the object types that a destination's rules name, other than contact and company.

An object type that the portal or the token does not have stops nothing: its schema says why, and the messages that need
it are held. Source: HubSpot answers 400 ("Unable to infer object type"), 403 or 404 for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hubwire.deliver.calls.caller import Caller, LineStopped
from hubwire.deliver.verdicts.dependants import as_stop
from hubwire.delivery import Dead, Delivered, Verdict
from hubwire.hubspot.call import Call
from hubwire.hubspot.definitions import property_definitions_of
from hubwire.hubspot.object_definitions import CustomObject, custom_objects_of, pipelines_of
from hubwire.hubspot.paths import Paths
from hubwire.object_types import ObjectType, standard_type
from hubwire.reasons import Reason
from hubwire.schema import ObjectSchema, PropertyDefinition

PIPELINE_OF_CUSTOM = ("hs_pipeline", "hs_pipeline_stage")
MAX_NAMED = 12
NO_SUCH_OBJECT = "the portal has no custom object of this name"


async def read_object_schemas(calls: Caller, paths: Paths, names: Iterable[str]) -> dict[str, ObjectSchema]:
    """The schema of each object type, by the rules' names. Raises LineStopped, Unreadable."""
    schemas: dict[str, ObjectSchema] = {}
    custom: list[CustomObject] | str | None = None
    for name in sorted(names):
        object_type = standard_type(name)
        if object_type is None:
            if custom is None:
                custom = await _read_custom_objects(calls, paths)
            found = (
                custom if isinstance(custom, str) else next((known for known in custom if known.is_named(name)), None)
            )
            if not isinstance(found, CustomObject):
                why = custom if isinstance(custom, str) else _none_of(custom)
                schemas[name] = ObjectSchema(
                    ObjectType(name, "", name), unavailable=why, is_absent=not isinstance(custom, str)
                )
                continue
            object_type = found.object_type
        schemas[name] = await read_object_schema(calls, paths, object_type)
    return schemas


async def read_object_schema(calls: Caller, paths: Paths, object_type: ObjectType) -> ObjectSchema:
    """The properties and pipelines of one object type, or why there are none. Raises LineStopped, Unreadable."""
    path = paths.properties(object_type.path)
    verdict, answer = await calls.ask(Call("read properties", "GET", path), is_optional=True)
    if not isinstance(verdict, Delivered):
        return ObjectSchema(object_type, unavailable=_why_unavailable(verdict), is_absent=_is_absent(verdict))
    properties = property_definitions_of(answer.body)
    schema = ObjectSchema(_with_stages(object_type, properties), properties)
    if schema.object_type.pipeline:
        path = paths.pipelines(object_type.path)
        verdict, answer = await calls.ask(Call("read pipelines", "GET", path), is_optional=True)
        if isinstance(verdict, Delivered):
            schema.pipelines = pipelines_of(answer.body)
        else:
            schema.unavailable = _why_unavailable(verdict)
    return schema


async def _read_custom_objects(calls: Caller, paths: Paths) -> list[CustomObject] | str:
    """The portal's custom objects, or why they cannot be read."""
    verdict, answer = await calls.ask(Call("read custom objects", "GET", paths.schemas), is_optional=True)
    return custom_objects_of(answer.body) if isinstance(verdict, Delivered) else _why_unavailable(verdict)


def _none_of(custom: Sequence[CustomObject]) -> str:
    names = [f"{known.object_type.name} ({known.object_type.type_id})" for known in custom[:MAX_NAMED]]
    return f"{NO_SUCH_OBJECT}; it has {', '.join(names)}" if names else NO_SUCH_OBJECT


def _with_stages(object_type: ObjectType, properties: dict[str, PropertyDefinition]) -> ObjectType:
    """The type with the pipeline properties that a custom object may have."""
    if not object_type.is_custom or PIPELINE_OF_CUSTOM[0] not in properties:
        return object_type
    pipeline, stage = PIPELINE_OF_CUSTOM
    return object_type._replace(pipeline=pipeline, stage=stage)


def _is_absent(verdict: Verdict) -> bool:
    """Whether HubSpot has no such object; False if only the token may not see it."""
    return isinstance(verdict, Dead) and verdict.reason is not Reason.MISSING_SCOPE


def _why_unavailable(verdict: Verdict) -> str:
    """HubSpot's reason. A failure that is not about the object type stops the lane, as for contacts."""
    if isinstance(verdict, Dead):
        return verdict.detail or verdict.reason
    raise LineStopped(as_stop(verdict))
