"""Pipelines and stages by object type, as a fresh portal has them, and what they demand of a record.

Source: HubSpot's pipelines guide and a recorded list of deal and contact pipelines (2025-26); the ids of the order
pipeline are the same in five unrelated portals; pipelines of object-library types are chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from hubwire.emulator.standard.kinds import Kind
from hubwire.emulator.store.objects.values import PropertyFault

BEGINNING = "1970-01-01T00:00:00Z"


class Stage(msgspec.Struct, rename="camel", kw_only=True):
    """One stage."""

    label: str
    display_order: int
    metadata: dict[str, str]
    id: str
    created_at: str = BEGINNING
    updated_at: str = BEGINNING
    write_permissions: str = "CRM_PERMISSIONS_ENFORCEMENT"
    archived: bool = False


class Pipeline(msgspec.Struct, rename="camel", kw_only=True):
    """One pipeline with its stages, in order."""

    label: str
    display_order: int
    id: str
    stages: list[Stage]
    created_at: str = BEGINNING
    updated_at: str = BEGINNING
    archived: bool = False

    def stage(self, stage_id: str) -> Stage | None:
        """The stage of an id."""
        return next((stage for stage in self.stages if stage.id == stage_id), None)


# object type | pipeline id | label | stage id=label=probability or state; …
_DEFAULTS = """
deals|default|Sales Pipeline|appointmentscheduled=Appointment Scheduled=0.2; qualifiedtobuy=Qualified To Buy=0.4; \
presentationscheduled=Presentation Scheduled=0.6; decisionmakerboughtin=Decision Maker Bought-In=0.8; \
contractsent=Contract Sent=0.9; closedwon=Closed Won=1.0; closedlost=Closed Lost=0.0
tickets|0|Support Pipeline|1=New=OPEN; 2=Waiting on contact=OPEN; 3=Waiting on us=OPEN; 4=Closed=CLOSED
contacts|contacts-lifecycle-pipeline|Lifecycle Stage Pipeline|subscriber=Subscriber=OPEN; lead=Lead=OPEN; \
marketingqualifiedlead=Marketing Qualified Lead=OPEN; salesqualifiedlead=Sales Qualified Lead=OPEN; \
opportunity=Opportunity=OPEN; customer=Customer=OPEN; evangelist=Evangelist=OPEN; other=Other=OPEN
orders|14a2e10e-5471-408a-906e-c51f3b04369e|Order Pipeline|4b27b500-f031-4927-9811-68a0b525cbae=Open=OPEN; \
937ea84d-0a4f-4dcf-9028-3f9c2aafbf03=Processed=OPEN; aa99e8d0-c1d5-4071-b915-d240bbb1aed9=Shipped=OPEN; \
3725360f-519b-4b18-a593-494d60a29c9f=Delivered=CLOSED; 3c85a297-e9ce-400b-b42e-9f16853d69d6=Cancelled=CLOSED
leads|lead-pipeline-id|Lead Pipeline|new-stage-id=New=OPEN; attempting-stage-id=Attempting=OPEN; \
connected-stage-id=Connected=OPEN; qualified-stage-id=Qualified=CLOSED; unqualified-stage-id=Unqualified=CLOSED
services|services-pipeline|Service Pipeline|services-new=New=OPEN; services-active=In progress=OPEN; \
services-done=Completed=CLOSED
courses|courses-pipeline|Course Pipeline|courses-planned=Planned=OPEN; courses-done=Completed=CLOSED
listings|listings-pipeline|Listing Pipeline|listings-new=New=OPEN; listings-sold=Sold=CLOSED
appointments|appointments-pipeline|Appointment Pipeline|appointments-set=Scheduled=OPEN; appointments-done=Done=CLOSED
projects|projects-pipeline|Project Pipeline|projects-new=New=OPEN; projects-done=Completed=CLOSED
"""

Pipelines = dict[str, dict[str, Pipeline]]


def default_pipelines() -> Pipelines:
    """The pipelines of a fresh portal, by object type and id."""
    found: Pipelines = {}
    for line in _DEFAULTS.strip().splitlines():
        name, pipeline_id, label, stages = line.split("|")
        parts = [part.strip().split("=") for part in stages.split(";")]
        pipeline_stages = [
            Stage(label=title, display_order=place, metadata=complete_metadata(name, _metadata(name, state)), id=stage)
            for place, (stage, title, state) in enumerate(parts)
        ]
        found.setdefault(name, {})[pipeline_id] = Pipeline(
            label=label, display_order=0, id=pipeline_id, stages=pipeline_stages
        )
    return found


def _metadata(object_name: str, state: str) -> dict[str, str]:
    if object_name == "deals":
        return {"probability": state}
    return {"ticketState": state} if object_name == "tickets" else {"state": state}


def complete_metadata(object_name: str, metadata: Mapping[str, str]) -> dict[str, str]:
    """A stage's metadata with the `isClosed` that reads add."""
    if object_name == "deals":
        is_closed = metadata.get("probability") in ("0", "0.0", "1", "1.0")
    else:
        is_closed = "CLOSED" in (metadata.get("ticketState"), metadata.get("state"))
    return {"isClosed": "true" if is_closed else "false", **metadata}


def settle_stage(
    kind: Kind, pipelines: Mapping[str, Pipeline], values: dict[str, str], before: Mapping[str, str]
) -> PropertyFault | None:
    """Fill in the default pipeline; the fault when the stage is none of the record's pipeline.

    How HubSpot words that fault is chosen (INVALID_OPTION).
    """
    if kind.pipeline is None or not pipelines:
        return None
    pipeline_name, stage_name = kind.pipeline
    if not (values.get(stage_name) or values.get(pipeline_name)):
        return None
    if not before.get(pipeline_name) and not values.get(pipeline_name):
        values[pipeline_name] = next(iter(pipelines))
    pipeline_id = values.get(pipeline_name) or before.get(pipeline_name, "")
    pipeline = pipelines.get(pipeline_id)
    if pipeline is None:
        return _fault(pipeline_name, pipeline_id, pipelines)
    stage_id = values.get(stage_name) or before.get(stage_name, "")
    if stage_id and pipeline.stage(stage_id) is None:
        return _fault(stage_name, stage_id, [stage.id for stage in pipeline.stages])
    return None


def _fault(name: str, value: str, allowed: Any) -> PropertyFault:
    message = f"{value} was not one of the allowed options: [{', '.join(allowed)}]"
    return PropertyFault(name, "INVALID_OPTION", message)
