"""The service on a socket: uvicorn in front, start and graceful stop around it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec
import structlog
import uvicorn

from hubwire.local import announce_local_server, withdraw_local_server
from hubwire.logs import configure_logs
from hubwire.pages import make_pages
from hubwire.service import Service
from hubwire.settings import Settings

log = structlog.get_logger("hubwire")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

GRACE_SECONDS = 15
BACKLOG = 1024
HEADER_BYTES = 32 * 1024


def make_app(service: Service) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """One ASGI app: the tracking paths go straight to the receiver, everything else to the pages."""
    receive_app, pages = service.receive, make_pages(service)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and receive_app.handles(scope["path"]):
            await receive_app(scope, receive, send)
        else:
            await pages(scope, receive, send)

    return app


async def serve(
    settings: Settings, host: str | None = None, port: int | None = None, announce: Callable[[str], None] = print
) -> None:
    """Run until SIGTERM or SIGINT: then no new upload is taken, cycles under way finish, leases are given back."""
    configure_logs(settings.log_level, settings.log_format)
    settings = msgspec.structs.replace(
        settings, host=host or settings.host, port=settings.port if port is None else port
    )
    service = Service(settings)
    server = uvicorn.Server(
        uvicorn.Config(
            make_app(service),
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            http="httptools",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_graceful_shutdown=GRACE_SECONDS,
            ssl_certfile=settings.tls_certificate,
            ssl_keyfile=settings.tls_key,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=list(settings.trusted_proxies),
        )
    )
    startup = server.startup

    async def startup_and_announce(*args: Any, **kwargs: Any) -> None:
        await startup(*args, **kwargs)
        if server.started:
            number = server.servers[0].sockets[0].getsockname()[1]
            url = f"{_scheme(settings)}://{_reachable(settings.host)}:{number}"
            sandbox_url = service.sandbox.base_url if service.sandbox else None
            service.local = announce_local_server(settings, url, sandbox_url)
            announce(banner(service, number))

    server.startup = startup_and_announce  # type: ignore[method-assign]
    service.start()
    try:
        await server.serve()
    finally:
        withdraw_local_server(settings)
        await service.journal.close()
        service.stop()


def banner(service: Service, port: int) -> str:
    """What a person needs after starting: where it is, and a line to paste."""
    settings = service.settings
    url = f"{_scheme(settings)}://{settings.host}:{port}"
    lines = [f"Hubwire is up: {url}"]
    if service.sandbox is not None:
        lines.append(
            f"Sandbox: the bundled emulator plays HubSpot at {service.sandbox.base_url}/ ; nothing leaves here."
        )
    key = service.first_start.write_key
    if key is not None:
        body = '{"userId":"user1234","traits":{"email":"peter@example.com","firstname":"Peter","lastname":"Gibbon"}}'
        lines += [f"Write key of the source `server`: {key}", "Try it:"]
        lines.append(f"  curl -u {key}: {url}/v1/identify -H 'Content-Type: application/json' -d '{body}'")
    return "\n".join(lines)


def _scheme(settings: Settings) -> str:
    return "https" if settings.tls_certificate else "http"


def _reachable(host: str) -> str:
    """An address of this machine that answers when the server listens on `host`."""
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - compared, not bound
