"""The custom objects of a portal, and the pipelines of an object type: reading answers. Pure.

Source: HubSpot's schemas and pipelines guides, and their public API specifications.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import msgspec

from hubwire.errors import Unreadable
from hubwire.object_types import ObjectType
from hubwire.schema import Pipeline

T = TypeVar("T")


class CustomObject(NamedTuple):
    """One custom object. `full_name` is `p<hub>_<name>`."""

    full_name: str
    object_type: ObjectType

    def is_named(self, name: str) -> bool:
        """Whether a rule's name means this object: by its id, or by its full or short name in any case."""
        names = (self.object_type.type_id, self.full_name, self.object_type.name)
        return name.casefold() in [known.casefold() for known in names]


class _Schema(msgspec.Struct, rename="camel"):
    name: str
    object_type_id: str
    fully_qualified_name: str = ""
    primary_display_property: str | None = None
    required_properties: list[str] = []
    archived: bool = False


class _Schemas(msgspec.Struct):
    results: list[_Schema]


class _Stage(msgspec.Struct):
    id: str
    label: str = ""
    archived: bool = False
    metadata: dict[str, str | None] = {}


class _Pipeline(msgspec.Struct):
    id: str
    label: str = ""
    archived: bool = False
    stages: list[_Stage] = []


class _Pipelines(msgspec.Struct):
    results: list[_Pipeline]


def custom_objects_of(body: bytes) -> list[CustomObject]:
    """The custom objects of a portal. Raises Unreadable."""
    return [
        CustomObject(
            schema.fully_qualified_name,
            ObjectType(
                schema.name,
                schema.object_type_id,
                schema.object_type_id,
                schema.primary_display_property or "",
                tuple(schema.required_properties),
            ),
        )
        for schema in _read(body, _Schemas, "custom objects").results
        if not schema.archived
    ]


def pipelines_of(body: bytes) -> dict[str, Pipeline]:
    """The pipelines of an object type by id, in HubSpot's order. Raises Unreadable."""
    return {
        pipeline.id: Pipeline(
            pipeline.id,
            pipeline.label,
            {stage.id: stage.label for stage in pipeline.stages if not stage.archived},
            frozenset(stage.id for stage in pipeline.stages if stage.metadata.get("isClosed") == "true"),
        )
        for pipeline in _read(body, _Pipelines, "pipelines").results
        if not pipeline.archived
    }


def _read(body: bytes, shape: type[T], what: str) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
        raise Unreadable(f"HubSpot's answer is not {what}: {exc}") from exc
