"""The API's routes: every operation of the table, and the document that describes them."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from hubwire.api.openapi import document
from hubwire.api.operation import PREFIX
from hubwire.api.table import OPERATIONS
from hubwire.web.request import Shared


def api_routes(shared: Shared) -> list[BaseRoute]:
    """The routes under `/api/v1`. The OpenAPI document contains no secrets and needs no token."""
    described = msgspec.json.encode(document(OPERATIONS))

    async def openapi(request: Request) -> Response:
        return Response(described, media_type="application/json")

    return [Route(f"{PREFIX}/openapi.json", openapi), *(operation.route(shared) for operation in OPERATIONS)]
