"""One request to routes, without a server: what a browser would get, byte for byte."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.routing import BaseRoute


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


async def ask(
    routes: Sequence[BaseRoute],
    path: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    *,
    body: bytes = b"",
    scheme: str = "https",
    host: str = "cdp.example.com",
) -> Answer:
    path, _, query = path.partition("?")
    sent: list[dict[str, Any]] = []
    named = {"host": host, **(headers or {})}
    scope: dict[str, Any] = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": scheme,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "server": (host, 443),
        "client": ("127.0.0.1", 1),
        "headers": [(name.lower().encode(), value.encode()) for name, value in named.items()],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    await Starlette(routes=list(routes))(scope, receive, send)
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], found, b"".join(part.get("body", b"") for part in sent[1:]))
