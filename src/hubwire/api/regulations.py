"""The operations of the admin API on regulations; `deps.regulations` carries them out."""

from __future__ import annotations

import asyncio

from hubwire.api.operation import ApiOperation, ApiRequest
from hubwire.errors import Missing
from hubwire.privacy.regulations import (
    NewRegulation,
    RegulateAnswer,
    RegulationAnswer,
    Regulations,
    RegulationsAnswer,
)
from hubwire.registry.access import Role


def _regulations(request: ApiRequest) -> Regulations:
    regulations = request.view.deps.regulations
    if regulations is None:
        raise Missing("regulations", "nobody carries regulations out here")
    return regulations


async def create(request: ApiRequest) -> RegulateAnswer:
    """POST `/regulations`."""
    return await asyncio.to_thread(_regulations(request).create, request.body, request.view.viewer.name)


async def find(request: ApiRequest) -> RegulationAnswer:
    """GET `/regulations/{regulation_id}`."""
    regulation_id = request.path["regulation_id"]
    found = await asyncio.to_thread(_regulations(request).find, regulation_id)
    if found is None:
        raise Missing("regulation_id", "there is no such regulation", value=regulation_id)
    return found


async def recent(request: ApiRequest) -> RegulationsAnswer:
    """GET `/regulations`."""
    return await asyncio.to_thread(_regulations(request).recent)


REGULATION_OPERATIONS: tuple[ApiOperation, ...] = (
    ApiOperation(
        name="add-regulation",
        method="POST",
        path="/regulations",
        summary="Delete or suppress people. The body is that of Segment's Public API; the work begins at once.",
        role=Role.ADMIN,
        handler=create,
        body=NewRegulation,
        answer=RegulateAnswer,
        tag="regulations",
        statuses=(404,),
    ),
    ApiOperation(
        name="list-regulations",
        method="GET",
        path="/regulations",
        summary="The latest deletion requests (regulations) and their progress.",
        role=Role.ADMIN,
        handler=recent,
        answer=RegulationsAnswer,
        tag="regulations",
    ),
    ApiOperation(
        name="get-regulation",
        method="GET",
        path="/regulations/{regulation_id}",
        summary="One deletion request (regulation), its state at each destination, and its receipt.",
        role=Role.ADMIN,
        handler=find,
        answer=RegulationAnswer,
        tag="regulations",
        statuses=(404,),
    ),
)
