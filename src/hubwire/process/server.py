"""The service on a socket: uvicorn in front, start and graceful stop around it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import resource
import socket
import ssl
import sys
from collections.abc import Callable

import msgspec
import structlog
import uvicorn
import uvloop
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from hubwire.errors import SettingsError
from hubwire.explanations import cause_of, remedy_of
from hubwire.installation.local import announce_local_server, withdraw_local_server
from hubwire.lifecycle import collect_rarely, return_memory
from hubwire.monitoring.logs import configure_logs
from hubwire.process.pages import make_pages
from hubwire.process.service import Service
from hubwire.process.stopping import Server, Stopping
from hubwire.receive.connection import Connection
from hubwire.settings import Settings

log = structlog.get_logger("hubwire")

GRACE_SECONDS = 15
BACKLOG = 1024
WHY_NOT_LISTENING = {
    errno.EADDRINUSE: "Another server uses this port: stop it, or choose another HUBWIRE_PORT.",
    errno.EACCES: "Ports below 1024 need root: choose another HUBWIRE_PORT.",
}


DELIVERS_ONLY = JSONResponse(
    {
        "code": "no-such-path",
        "message": "this process delivers only: send uploads to one that receives",
        "success": False,
    },
    404,
)


class FrontDoor:
    """One ASGI app: the tracking paths go straight to the receiver, everything else to the pages."""

    def __init__(self, service: Service, public_url: str) -> None:
        self._receive, self._pages = service.receive, make_pages(service, public_url)
        self._receives = service.settings.role != "deliver"
        self.take_whole = self._receive.take_whole if self._receives else None
        """For the connection (`receive.connection.TakesWhole`)."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._receive.handles(scope):
            await self._pages(scope, receive, send)
        elif self._receives:
            await self._receive(scope, receive, send)
        else:
            await DELIVERS_ONLY(scope, receive, send)


def run(
    settings: Settings, host: str | None = None, port: int | None = None, announce: Callable[[str], None] = print
) -> None:
    """`serve`, on uvloop: asyncio's own event loop answers half as many uploads."""
    return_memory()
    _open_many_files()
    uvloop.run(serve(settings, host, port, announce))


async def serve(
    settings: Settings, host: str | None = None, port: int | None = None, announce: Callable[[str], None] = print
) -> None:
    """Run until SIGTERM or SIGINT; then accept no new uploads, finish running cycles, release leases. A second signal
    ends at once.

    Errors: SettingsError for an unusable address, certificate or folder; BackendError if the store cannot be opened.
    """
    quiet_log = configure_logs(settings.log_level, settings.log_format)
    collect_rarely()
    check_certificate(settings)
    listening = listening_socket(host or settings.host, settings.port if port is None else port)
    settings = msgspec.structs.replace(settings, host=host or settings.host, port=listening.getsockname()[1])
    service = Service(settings)
    stopping = Stopping(service, announce)
    summaries = asyncio.create_task(quiet_log.write_what_is_left()) if quiet_log is not None else None
    try:
        await service.start()
        own_url = f"{_scheme(settings)}://{_reachable(settings.host)}:{settings.port}"
        service.local = announce_local_server(settings, own_url, service.sandbox.base_url if service.sandbox else None)
        app = FrontDoor(service, settings.public_url or own_url)
        announce(banner(service, settings.public_url or own_url))
        service.announce = announce
        server = Server(_uvicorn_config(app, settings))
        service.is_stopping = lambda: server.should_exit
        stopping.watch(server)
        await server.serve(sockets=[listening])
    finally:
        if summaries is not None:
            summaries.cancel()
        withdraw_local_server(settings)
        await service.stop()
        stopping.end()


def _open_many_files() -> None:
    """Raise the limit of open files: each connection is one, and many systems allow only 1,024 by default."""
    _, max_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    # If the maximum is "no limit", some systems (macOS) refuse exactly that value.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max_files, max_files))


def listening_socket(host: str, port: int) -> socket.socket:
    """A bound, listening socket. New connections wait in its queue until the app is ready."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError as exc:
        listening.close()
        raise SettingsError(
            f"cannot listen on {host}:{port}: {exc.strerror}",
            hint=WHY_NOT_LISTENING.get(
                exc.errno or 0, "HUBWIRE_HOST must be an address of this machine; 0.0.0.0 means all."
            ),
        ) from exc
    return listening


def check_certificate(settings: Settings) -> None:
    """Check the certificate and its key, if there are any. Raises SettingsError unless both can be read and belong
    together."""
    if settings.tls_certificate is None or settings.tls_key is None:
        return
    for name, path in (("tls_certificate", settings.tls_certificate), ("tls_key", settings.tls_key)):
        try:
            open(path, "rb").close()
        except OSError as exc:
            raise SettingsError(f"{name} (HUBWIRE_{name.upper()}) {path}: {exc.strerror}") from exc
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # Without the password function, OpenSSL would ask at the terminal.
        context.load_cert_chain(settings.tls_certificate, settings.tls_key, password=lambda: "")
    except ssl.SSLError as exc:
        raise SettingsError(
            f"tls_certificate {settings.tls_certificate} with tls_key {settings.tls_key}: {exc.reason or exc}",
            hint="Both must be PEM files that belong together, with a key without a password.",
        ) from exc


def _uvicorn_config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Connection,
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


def banner(service: Service, url: str) -> str:
    """The lines after the start: the address, how to sign in, and a command to try."""
    lines = [f"Hubwire is up: {url}"]
    if service.sandbox is not None:
        lines.append(
            f"Sandbox: the bundled emulator plays HubSpot at {service.sandbox.base_url}/ ; nothing leaves this machine."
        )
        if service.assets is not None:
            lines.append(f"Demo page of device mode: {url}/demo")
    if service.has_other_token():
        lines.append(
            "HUBSPOT_ACCESS_TOKEN differs from the stored token, which stays in use."
            " To change it: hubwire destination token NAME --token-env HUBSPOT_ACCESS_TOKEN"
        )
    is_read_by_a_person = service.sandbox is not None or sys.stdout.isatty()
    token = service.access.first_token()
    if token is not None:
        lines.append(f"Admin token, shown only this once: {token.reveal()}")
    if is_read_by_a_person:
        # A log file must not contain a sign-in link.
        lines.append(f"Console, with a link that signs you in once: {service.access.sign_in_link(url)}")
    else:
        lines.append(f"Console: {url}/")
    lines += first_key_lines(service.first_start.write_key, service.settings.write_key, url, is_read_by_a_person)
    for name, reason in service.stopped():
        lines += ["", f"Delivery to `{name}` is stopped. {cause_of(reason)}", f"  {remedy_of(reason)}"]
    return "\n".join(lines)


def first_key_lines(key: str | None, given: str | None, url: str, is_read_by_a_person: bool) -> list[str]:
    """The write key of the first source, and a command to try; never a key for a log file, nor one that is `given`."""
    if key is None:
        return ["Write keys were shown when they were made. To make another: hubwire source key NAME --new"]
    if key == given:
        shown = "$HUBWIRE_WRITE_KEY"
    elif is_read_by_a_person:
        shown = key
    else:
        return ["No log file holds the write key of the source `server`. To make one: hubwire source key server --new"]
    body = '{"userId":"user1234","traits":{"email":"peter@example.com","firstname":"Peter","lastname":"Gibbon"}}'
    return [
        f"Write key of the source `server`: {shown}",
        "Try it:",
        f"  curl -u {shown}: {url}/v1/identify -H 'Content-Type: application/json' -d '{body}'",
    ]


def _scheme(settings: Settings) -> str:
    return "https" if settings.tls_certificate else "http"


def _reachable(host: str) -> str:
    """An address of this machine that answers when the server listens on `host`."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
