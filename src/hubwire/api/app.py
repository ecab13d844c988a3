"""The API's routes: every operation of the table, and the document that describes them."""

from __future__ import annotations

from functools import cache

import msgspec
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hubwire.api.openapi import document
from hubwire.api.operation import PREFIX
from hubwire.api.table import OPERATIONS
from hubwire.web.request import Shared


def api_routes(shared: Shared) -> list[BaseRoute]:
    """The routes under `/api/v1`. The OpenAPI document contains no secrets and needs no token."""

    async def openapi(request: Request) -> Response:
        described = await to_thread.run_sync(_described, limiter=shared.readers)
        return Response(described, media_type="application/json")

    return [Route(f"{PREFIX}/openapi.json", openapi), *(operation.route(shared) for operation in OPERATIONS)]


@cache
def _described() -> bytes:
    """The OpenAPI document. It is made when somebody reads it, because that takes time and memory."""
    return msgspec.json.encode(document(OPERATIONS))
