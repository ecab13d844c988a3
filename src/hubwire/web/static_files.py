"""The console's own files, read once at start: a name that is not among them does not exist, whatever it spells."""

from __future__ import annotations

import hashlib
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PREFIX = "/console/static"
TYPES = {
    "look.css": "text/css; charset=utf-8",
    "console.css": "text/css; charset=utf-8",
    "check.js": "text/javascript; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "vendor/htmx.min.js": "text/javascript; charset=utf-8",
    "vendor/htmx.LICENSE.txt": "text/plain; charset=utf-8",
}
SHARED = frozenset({"look.css", "icon.svg"})
"""Files of the look that the console shares with the demo page and the emulator's page."""
FOREVER = "public, max-age=31536000, immutable"
SHORT = "no-cache"


class StaticFiles:
    """Files by name, each with the address that changes with its content."""

    def __init__(self) -> None:
        package = resources.files("hubwire")
        own, look = package.joinpath("console", "static"), package.joinpath("look")
        folders = {name: look if name in SHARED else own for name in TYPES}
        self._files = {name: folders[name].joinpath(*name.split("/")).read_bytes() for name in TYPES}
        self._versions = {name: hashlib.sha256(body).hexdigest()[:12] for name, body in self._files.items()}

    def url(self, name: str) -> str:
        """The address of a file."""
        return f"{PREFIX}/{name}?v={self._versions[name]}"

    def route(self) -> Route:
        """Serves the files without sign-in, because they contain no data."""

        async def answer(request: Request) -> Response:
            name = request.path_params["name"]
            body = self._files.get(name)
            if body is None:
                return Response("there is no such file", 404, media_type="text/plain")
            is_current = request.query_params.get("v") == self._versions[name]
            return Response(body, headers={"cache-control": FOREVER if is_current else SHORT}, media_type=TYPES[name])

        return Route(f"{PREFIX}/{{name:path}}", answer)
