"""The pipeline and the stage of a record: a rule names them by label or id, HubSpot takes ids. Pure.

Source: HubSpot pipelines guide; a stage belongs to one pipeline, and a new record without one goes into the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hubwire.operation import PropertyValue
from hubwire.plan.conversion.names import compressed
from hubwire.plan.conversion.values import Refusal
from hubwire.reasons import Reason
from hubwire.schema import ObjectSchema, Pipeline

MAX_NAMED = 12


def place_in_pipeline(known: ObjectSchema, properties: dict[str, PropertyValue]) -> dict[str, Refusal]:
    """Replace pipeline and stage in the properties of one record by their ids.

    Shape: a stage without a pipeline is looked for in the pipelines in HubSpot's order; if there are several, its
    pipeline is written, too. What no pipeline has is taken out of the properties; the result says why, by property.
    """
    pipeline_name, stage_name = known.object_type.pipeline, known.object_type.stage
    refusals: dict[str, Refusal] = {}
    for name in (pipeline_name, stage_name):
        if name in properties and not properties[name].value:
            refusals[name] = Refusal(Reason.EMPTY_VALUE, "a record always has a pipeline and a stage")
            del properties[name]
    given, stage = properties.get(pipeline_name), properties.get(stage_name)
    if given is None and stage is None:
        return refusals
    candidates: Iterable[Pipeline] = known.pipelines.values()
    if given is not None:
        labels = {pipeline.pipeline_id: pipeline.label for pipeline in known.pipelines.values()}
        found = id_of(given.value, labels)
        if found is None:
            refusals[pipeline_name] = Refusal(Reason.NOT_AN_OPTION, f"pipelines: {_listed(labels)}")
            del properties[pipeline_name]
        else:
            properties[pipeline_name] = PropertyValue(found, given.rule)
        candidates = [] if found is None else [known.pipelines[found]]
    if stage is None:
        return refusals
    for pipeline in candidates:
        found = id_of(stage.value, pipeline.stages)
        if found is not None:
            properties[stage_name] = PropertyValue(found, stage.rule)
            if given is None and len(known.pipelines) > 1:
                properties[pipeline_name] = PropertyValue(pipeline.pipeline_id, stage.rule)
            return refusals
    del properties[stage_name]
    refusals[stage_name] = stage_refusal(candidates)
    return refusals


def stage_refusal(pipelines: Iterable[Pipeline]) -> Refusal:
    """The refusal of a stage that none of these pipelines has."""
    shown = "; ".join(
        [f"{pipeline.label or pipeline.pipeline_id}: {_listed(pipeline.stages)}" for pipeline in pipelines]
    )
    return Refusal(Reason.STAGE_NOT_IN_PIPELINE, shown or "its pipeline is not known")


def id_of(given: str, labels: Mapping[str, str]) -> str | None:
    """The id of a pipeline or stage that is given by its id, or by its label in any spelling."""
    if given in labels:
        return given
    spelling = compressed(given)
    return next((found for found, label in labels.items() if compressed(label) == spelling), None)


def _listed(labels: Mapping[str, str]) -> str:
    names = [label or found for found, label in labels.items()]
    more = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
