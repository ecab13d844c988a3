"""All paths except the Tracking API: probes, calls of local commands, device files, console and admin API."""

from __future__ import annotations

import msgspec
from anyio import CapacityLimiter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from hubwire import __version__
from hubwire.api.app import api_routes
from hubwire.backfill.appending import BYTES_PER_APPEND, entries_of_lines, lines_of
from hubwire.clock import SystemClock
from hubwire.console.app import console_routes
from hubwire.console.rendering import make_templates
from hubwire.device.demo import demo_routes
from hubwire.device.routes import device_routes
from hubwire.errors import BackendError, SettingsError
from hubwire.monitoring.metrics_route import metrics_route
from hubwire.process.service import Service
from hubwire.receive.upload_limits import ReceiveLimits
from hubwire.registry.named import named
from hubwire.secret import Secret
from hubwire.web.access import Access, new_access
from hubwire.web.errors import error_handlers
from hubwire.web.guard import Guard
from hubwire.web.identity_provider import identity_provider
from hubwire.web.ports import Services
from hubwire.web.request import Shared
from hubwire.web.static_files import StaticFiles

READERS = 4
"""The number of threads that read for pages and API."""


def make_pages(service: Service, public_url: str) -> Starlette:
    """The pages of this service. The console answers all remaining paths."""
    routes: list[BaseRoute] = [*_probes(service), *_local(service)]
    routes.append(metrics_route(service.metrics(), service.settings.metrics_token))
    routes += device_routes(service.browser_sources, service.assets, service.settings.public_url)
    if service.sandbox is not None:
        from hubwire.emulator.http.browser import browser_routes

        routes += demo_routes(service.browser_sources.first, service.assets)
        routes += browser_routes(portal=service.sandbox.portal)
    app = Starlette(routes=routes)
    console = console_app(service.services(public_url), service.access)

    async def everything_else(scope: Scope, receive: Receive, send: Send) -> None:
        # The console builds addresses from its own routes, so it must not find this application in the scope.
        await console({name: scope[name] for name in scope if name not in ("app", "router")}, receive, send)

    app.router.default = everything_else
    return app


def console_app(services: Services, access: Access | None = None) -> ASGIApp:
    """Console and admin API, for the root of a server. Other paths answer 404.

    Shape: pass `access` if the service has already used it (first token, sign-in link).
    """
    static = StaticFiles()
    shared = Shared(
        deps=services,
        access=access or new_access(services.access, services.clock, services.settings),
        static=static,
        templates=make_templates(static),
        readers=CapacityLimiter(READERS),
        identity_provider=identity_provider(services.settings, services.public_url, SystemClock()),
    )
    app = Starlette(
        routes=[*console_routes(shared), *api_routes(shared)],
        exception_handlers=error_handlers(shared),
    )
    return Guard(app)


def _probes(service: Service) -> list[BaseRoute]:
    async def health(request: Request) -> Response:
        return JSONResponse({"status": "ok", "version": __version__})

    async def ready(request: Request) -> Response:
        try:
            await service.journal.check()
        except BackendError as exc:
            return JSONResponse({"code": exc.code, "message": str(exc)}, 503)
        return JSONResponse({"status": "ready"})

    return [Route("/health", health), Route("/ready", ready)]


def _local(service: Service) -> list[BaseRoute]:
    """The calls of local commands to the running server (`local.py`)."""

    async def import_lines(request: Request) -> Response:
        server = service.local
        authorization = request.headers.get("authorization", "")
        if server is None or Secret(authorization.removeprefix("Bearer ")) != server.token:
            return JSONResponse({"code": "unauthorised", "message": "this takes the local server's token"}, 401)
        body = await _bounded_body(request, 2 * BYTES_PER_APPEND)
        if body is None:
            message = f"body: more than {2 * BYTES_PER_APPEND} bytes"
            return JSONResponse({"code": "upload-too-large", "message": message}, 400)
        try:
            source = named(service.store.registry.sources().values(), request.query_params["source"], "source")
        except KeyError:
            return JSONResponse({"code": "bad-request", "message": "source is needed"}, 400)
        except SettingsError as exc:
            return JSONResponse({"code": exc.code, "message": f"{exc} {exc.hint}"}, 404)
        entries, appended = entries_of_lines(lines_of(body), source, service.clock.now_ms(), ReceiveLimits())
        appended.count(await service.front.append(entries))
        return Response(msgspec.json.encode(appended), media_type="application/json")

    return [Route("/api/v1/import", import_lines, methods=["POST"])]


async def _bounded_body(request: Request, limit: int) -> bytes | None:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            return None
        parts.append(part)
    return b"".join(parts)
