"""Everything but the tracking paths, as one Starlette app: health, metrics, console, admin API, device files."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from hubwire import __version__
from hubwire.errors import BackendError
from hubwire.service import Service


def make_pages(service: Service) -> Starlette:
    """The pages of this service."""
    return Starlette(routes=[*_probes(service)], exception_handlers={404: _not_found})


async def _not_found(request: Request, exc: Exception) -> Response:
    return JSONResponse({"code": "not-found", "message": f"nothing at {request.url.path[:200]}"}, 404)


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
