"""`GET /metrics`, with its access check."""

from __future__ import annotations

import asyncio
import ipaddress

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hubwire.errors import BackendError
from hubwire.secret import Secret


def metrics_route(registry: CollectorRegistry, token: Secret | None) -> Route:
    """The route. It reads the database, so it runs off the event loop."""

    async def metrics(request: Request) -> Response:
        if not _may_read(request, token):
            message = "metrics need the bearer token in the setting metrics_token"
            if token is None:
                message = "without the setting metrics_token, only this machine can read metrics"
            headers = {"www-authenticate": 'Bearer realm="hubwire metrics"'}
            return JSONResponse({"code": "unauthorised", "message": message}, 401, headers)
        try:
            body = await asyncio.to_thread(generate_latest, registry)
        except BackendError as exc:
            return JSONResponse({"code": exc.code, "message": str(exc)}, 503)
        return Response(body, headers={"content-type": CONTENT_TYPE_LATEST, "cache-control": "no-store"})

    return Route("/metrics", metrics)


def _may_read(request: Request, token: Secret | None) -> bool:
    if token is not None:
        authorization = request.headers.get("authorization", "")
        return authorization[:7].lower() == "bearer " and Secret(authorization[7:].strip()) == token
    # A proxy on this machine also connects from here, on behalf of anybody; these headers reveal it.
    if any(name in request.headers for name in ("x-forwarded-for", "forwarded", "x-real-ip")):
        return False
    if request.client is None:
        return True
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
