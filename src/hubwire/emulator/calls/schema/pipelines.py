"""Pipelines and their stages. Source: HubSpot's OpenAPI and pipelines guide; a recorded page of pipelines (2025-26).

A stage or pipeline that records use is not protected (chosen: 2026-09 can be told to).
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from hubwire.emulator.store.pipelines import Pipeline, Stage, complete_metadata
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import NO_CONTENT, Reply, Request, conflict, decode, invalid, json_reply, not_found


class StageBody(msgspec.Struct, rename="camel"):
    """A new stage."""

    label: str
    display_order: int = 0
    metadata: dict[str, str] = {}
    stage_id: str | None = None


class PipelineBody(msgspec.Struct, rename="camel"):
    """A new pipeline."""

    label: str
    display_order: int = 0
    stages: list[StageBody] = []
    pipeline_id: str | None = None


class Patch(msgspec.Struct, rename="camel"):
    """Changes to a pipeline or a stage."""

    label: str | UnsetType = UNSET
    display_order: int | UnsetType = UNSET
    metadata: dict[str, str] | UnsetType = UNSET


_PROBABILITY = re.compile(r"(0(\.[0-9]{1,9})?|1(\.0{1,9})?)\Z")
_pipeline_body = msgspec.json.Decoder(PipelineBody)
_stage_body = msgspec.json.Decoder(StageBody)
_patch = msgspec.json.Decoder(Patch)


def list_pipelines(portal: Portal, request: Request) -> Reply:
    """`GET …/pipelines/{objectType}`: every pipeline, not paged."""
    return json_reply(200, {"results": list(_pipelines(portal, request).values())})


def list_pipelines_v1(portal: Portal, request: Request) -> Reply:
    """`GET /crm-pipelines/v1/pipelines/{objectType}`: every pipeline in v1's shape; HubSpot ends it on 2026-12-04."""
    store = portal.store(request.params["objectType"])
    results = [
        {
            "pipelineId": pipeline.id,
            "objectType": store.singular,
            "objectTypeId": store.type_id,
            "label": pipeline.label,
            "displayOrder": pipeline.display_order,
            "active": not pipeline.archived,
            "default": pipeline.id == "default",
            "stages": [
                {
                    "stageId": stage.id,
                    "label": stage.label,
                    "displayOrder": stage.display_order,
                    "metadata": stage.metadata,
                    "active": not stage.archived,
                }
                for stage in pipeline.stages
            ],
        }
        for pipeline in _pipelines(portal, request).values()
    ]
    return json_reply(200, {"results": results})


def list_deal_pipelines_v1(portal: Portal, _request: Request) -> Reply:
    """`GET /deals/v1/pipelines`: deal pipelines, a plain list."""
    shown = [
        {
            "pipelineId": pipeline.id,
            "label": pipeline.label,
            "displayOrder": pipeline.display_order,
            "active": not pipeline.archived,
            "staticDefault": pipeline.id == "default",
            "stages": [
                {
                    "stageId": stage.id,
                    "label": stage.label,
                    "displayOrder": stage.display_order,
                    "probability": float(stage.metadata.get("probability", "0")),
                    "closedWon": stage.metadata.get("probability") == "1.0",
                    "active": not stage.archived,
                }
                for stage in pipeline.stages
            ],
        }
        for pipeline in portal.pipelines.get("deals", {}).values()
    ]
    return json_reply(200, shown)


def read_pipeline(portal: Portal, request: Request) -> Reply:
    """`GET …/{pipelineId}`: one pipeline."""
    return json_reply(200, _pipeline(portal, request))


def create_pipeline(portal: Portal, request: Request) -> Reply:
    """`POST …/pipelines/{objectType}`: a pipeline with its stages."""
    body = decode(_pipeline_body, request.body)
    known = _pipelines(portal, request)
    if any(pipeline.label == body.label for pipeline in known.values()) or body.pipeline_id in known:
        raise conflict(f"A pipeline with label {body.label} already exists")
    pipeline = _new_pipeline(portal, request, body, body.pipeline_id or str(portal.new_number()))
    known[pipeline.id] = pipeline
    return json_reply(201, pipeline)


def replace_pipeline(portal: Portal, request: Request) -> Reply:
    """`PUT …/{pipelineId}`: replace the whole pipeline."""
    before = _pipeline(portal, request)
    pipeline = _new_pipeline(portal, request, decode(_pipeline_body, request.body), before.id)
    _pipelines(portal, request)[before.id] = pipeline
    return json_reply(200, pipeline)


def update_pipeline(portal: Portal, request: Request) -> Reply:
    """`PATCH …/{pipelineId}`: label and order."""
    pipeline = _pipeline(portal, request)
    _apply(portal, pipeline, decode(_patch, request.body))
    return json_reply(200, pipeline)


def delete_pipeline(portal: Portal, request: Request) -> Reply:
    """`DELETE …/{pipelineId}`."""
    del _pipelines(portal, request)[_pipeline(portal, request).id]
    return Reply(NO_CONTENT)


def list_stages(portal: Portal, request: Request) -> Reply:
    """`GET …/stages`: the stages of a pipeline."""
    return json_reply(200, {"results": _pipeline(portal, request).stages})


def read_stage(portal: Portal, request: Request) -> Reply:
    """`GET …/stages/{stageId}`: one stage."""
    return json_reply(200, _stage(portal, request))


def create_stage(portal: Portal, request: Request) -> Reply:
    """`POST …/stages`: a stage."""
    pipeline = _pipeline(portal, request)
    stage = _new_stage(portal, request, decode(_stage_body, request.body))
    if pipeline.stage(stage.id) is not None or any(known.label == stage.label for known in pipeline.stages):
        raise conflict(f"A stage with label {stage.label} already exists")
    pipeline.stages.append(stage)
    pipeline.stages.sort(key=lambda known: known.display_order)
    return json_reply(201, stage)


def replace_stage(portal: Portal, request: Request) -> Reply:
    """`PUT …/stages/{stageId}`: replace the whole stage."""
    pipeline, before = _pipeline(portal, request), _stage(portal, request)
    body = decode(_stage_body, request.body)
    body.stage_id = before.id
    stage = _new_stage(portal, request, body)
    pipeline.stages[pipeline.stages.index(before)] = stage
    return json_reply(200, stage)


def update_stage(portal: Portal, request: Request) -> Reply:
    """`PATCH …/stages/{stageId}`: label, order and metadata."""
    stage, patch = _stage(portal, request), decode(_patch, request.body)
    _apply(portal, stage, patch)
    if patch.metadata is not UNSET:
        _check_probability(portal, request, patch.metadata)
        stage.metadata = complete_metadata(portal.store(request.params["objectType"]).name, patch.metadata)
    return json_reply(200, stage)


def delete_stage(portal: Portal, request: Request) -> Reply:
    """`DELETE …/stages/{stageId}`."""
    _pipeline(portal, request).stages.remove(_stage(portal, request))
    return Reply(NO_CONTENT)


def _pipelines(portal: Portal, request: Request) -> dict[str, Pipeline]:
    return portal.pipelines.setdefault(portal.store(request.params["objectType"]).name, {})


def _pipeline(portal: Portal, request: Request) -> Pipeline:
    pipeline = _pipelines(portal, request).get(request.params["pipelineId"])
    if pipeline is None:
        raise not_found(f"Pipeline {request.params['pipelineId'][:100]} was not found")
    return pipeline


def _stage(portal: Portal, request: Request) -> Stage:
    stage = _pipeline(portal, request).stage(request.params["stageId"])
    if stage is None:
        raise not_found(f"Stage {request.params['stageId'][:100]} was not found")
    return stage


def _new_pipeline(portal: Portal, request: Request, body: PipelineBody, pipeline_id: str) -> Pipeline:
    if not body.stages:
        raise invalid("A pipeline needs at least one stage")
    now = portal.now_iso()
    stages = [_new_stage(portal, request, stage) for stage in body.stages]
    return Pipeline(
        label=body.label,
        display_order=body.display_order,
        id=pipeline_id,
        stages=sorted(stages, key=lambda stage: stage.display_order),
        created_at=now,
        updated_at=now,
    )


def _new_stage(portal: Portal, request: Request, body: StageBody) -> Stage:
    name = portal.store(request.params["objectType"]).name
    _check_probability(portal, request, body.metadata)
    now = portal.now_iso()
    return Stage(
        label=body.label,
        display_order=body.display_order,
        metadata=complete_metadata(name, body.metadata),
        id=body.stage_id or str(portal.new_number()),
        created_at=now,
        updated_at=now,
    )


def _check_probability(portal: Portal, request: Request, metadata: dict[str, str]) -> None:
    is_deal = portal.store(request.params["objectType"]).name == "deals"
    if is_deal and not _PROBABILITY.match(metadata.get("probability", "")):
        raise invalid("A deal stage needs a metadata.probability from 0.0 to 1.0", errors=[_missing("probability")])


def _missing(name: str) -> dict[str, Any]:
    return {"message": f"{name} is missing", "context": {"propertyName": [name]}}


def _apply(portal: Portal, target: Pipeline | Stage, patch: Patch) -> None:
    if patch.label is not UNSET:
        target.label = patch.label
    if patch.display_order is not UNSET:
        target.display_order = patch.display_order
    target.updated_at = portal.now_iso()
