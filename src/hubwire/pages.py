"""Everything but the tracking paths, as one Starlette app: health, metrics, console, admin API, device files."""

from __future__ import annotations

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from hubwire import __version__
from hubwire.errors import BackendError, SettingsError
from hubwire.imports import BYTES_PER_APPEND, entries_of_lines, lines_of, source_named
from hubwire.receive.limits import ReceiveLimits
from hubwire.secret import Secret
from hubwire.service import Service


def make_pages(service: Service) -> Starlette:
    """The pages of this service."""
    return Starlette(routes=[*_probes(service), *_local(service)], exception_handlers={404: _not_found})


async def _not_found(request: Request, exc: Exception) -> Response:
    return JSONResponse({"code": "not-found", "message": f"nothing at {request.url.path[:200]}"}, 404)


def _probes(service: Service) -> list[BaseRoute]:
    async def health(request: Request) -> Response:
        return JSONResponse({"status": "ok", "version": __version__})

    async def ready(request: Request) -> Response:
        try:
            await service.journal.append([])
        except BackendError as exc:
            return JSONResponse({"code": exc.code, "message": str(exc)}, 503)
        return JSONResponse({"status": "ready"})

    return [Route("/health", health), Route("/ready", ready)]


def _local(service: Service) -> list[BaseRoute]:
    """What the commands of this machine's user ask of the running server (`local.py`)."""

    async def import_lines(request: Request) -> Response:
        server = service.local
        authorization = request.headers.get("authorization", "")
        if server is None or Secret(authorization.removeprefix("Bearer ")) != server.token:
            return JSONResponse({"code": "unauthorised", "message": "this takes the local server's token"}, 401)
        body = await request.body()
        if len(body) > 2 * BYTES_PER_APPEND:
            return JSONResponse({"code": "upload-too-large", "message": f"body: {len(body)} bytes"}, 400)
        try:
            source = source_named(service.store.registry, request.query_params["source"])
            lines = lines_of(body, int(request.query_params["first_line"]))
        except (KeyError, ValueError):
            return JSONResponse({"code": "bad-request", "message": "source and first_line are needed"}, 400)
        except SettingsError as exc:
            return JSONResponse({"code": exc.code, "message": f"{exc} {exc.hint}"}, 404)
        entries, outcome = entries_of_lines(lines, source, service.clock.now_ms(), ReceiveLimits())
        positions = await service.journal.append(entries)
        outcome.duplicates = positions.count(None)
        outcome.journaled = len(positions) - outcome.duplicates
        return Response(msgspec.json.encode(outcome), media_type="application/json")

    return [Route("/api/v1/import", import_lines, methods=["POST"])]
