"""The routes of the Tracking API: the paths of Segment, RudderStack, Jitsu and June, also with a trailing slash.

Sources: Segment HTTP API and Pixel API; analytics.js posts to the first letter of the type; Ruby, Java and Android
post to /v1/import; analytics.js metrics go to /v1/m; RudderStack adds /v1/merge, /beacon and /pixel. Go and Kotlin put
the path behind whatever host they were given: with a slash at its end there are two.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

TYPES = ("identify", "track", "page", "screen", "group", "alias")
SINGLE = {**{name: name for name in TYPES}, **{name[0]: name for name in TYPES}, "merge": "merge"}
UPLOAD = frozenset({"batch", "import", "b"})
KEY_PREFIX = "/v1/k/"
BELOW = ("/v1/", "/beacon/", "/pixel/", "/api/s/", "/sdk/")


class Takes(Enum):
    SINGLE = "one message"
    UPLOAD = "many messages"
    METRICS = "metrics"
    PIXEL = "an image request"
    DOCUMENT = "nothing: it gives the OpenAPI document"


class Route(NamedTuple):
    """A route. `type` is the message type in the path, `write_key` the write key in the path."""

    takes: Takes
    type: str | None = None
    write_key: str | None = None


def _fixed() -> dict[str, Route]:
    routes = {f"/v1/{name}": Route(Takes.SINGLE, type_) for name, type_ in SINGLE.items()}
    routes |= {f"/v1/{name}": Route(Takes.UPLOAD) for name in UPLOAD}
    routes |= {"/v1/m": Route(Takes.METRICS), "/beacon/v1/batch": Route(Takes.UPLOAD)}
    for prefix in ("/v1/pixel", "/pixel/v1"):
        routes |= {f"{prefix}/{name}": Route(Takes.PIXEL, type_) for name, type_ in SINGLE.items()}
    # Jitsu's libraries for browsers and servers, and June's.
    for prefix in ("/api/s", "/api/s/s2s"):
        routes |= {f"{prefix}/{name}": Route(Takes.SINGLE, name) for name in TYPES}
    routes |= {f"/sdk/{name}": Route(Takes.SINGLE, name) for name in TYPES}
    routes["/sdk/batch"] = Route(Takes.UPLOAD)
    routes |= {f"{path}/": route for path, route in routes.items()}
    return routes | {"/v1/openapi.json": Route(Takes.DOCUMENT)}


_ROUTES = _fixed()


def is_below(path: str) -> bool:
    """Whether an SDK may mean the Tracking API with this path, rightly or wrongly. Paths of SDK settings do not
    count."""
    path = _single(path)
    return path.startswith(BELOW) and not path.startswith("/v1/projects/")


OTHER_DOORS = ("/api/v1/", "/_hubspot/", "/_emulator/")
"""The admin API, and what stands in for HubSpot in a page of the sandbox: these answer for themselves."""


def is_wrong_door(method: str, path: str, headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether a request to an unknown path is a misdirected upload, whose 404 names the Tracking API.

    Shape: a POST outside the admin API of anything but a form, or with HTTP Basic or a write key. The console's own
    changes are forms, and their browser says where they come from, also where a proxy adds HTTP Basic. SDKs send JSON
    also as `text/plain`, which needs no preflight; curl calls it a form.
    """
    if method != "POST" or path.startswith(OTHER_DOORS):
        return False
    given = dict(headers)
    kind = given.get(b"content-type", b"").lower()
    if kind and b"form" not in kind:
        return True
    has_key = given.get(b"authorization", b"").lower().startswith(b"basic ") or b"x-write-key" in given
    is_of_page = b"origin" in given or b"sec-fetch-site" in given
    return has_key and not (kind and is_of_page)


def route_of(path: str) -> Route | None:
    """The route of the path, or None for a path outside the Tracking API."""
    route = _ROUTES.get(path)
    if route is not None:
        return route
    path = _single(path)
    if not path.startswith(KEY_PREFIX):
        return _ROUTES.get(path)
    write_key, _, rest = path[len(KEY_PREFIX) :].partition("/")
    route = _ROUTES.get(f"/v1/{rest}")
    if route is None or not write_key:
        return None
    return route._replace(write_key=write_key)


def _single(path: str) -> str:
    return re.sub("/{2,}", "/", path)


def known_paths() -> list[str]:
    """Every fixed path, without trailing slashes: for the API document and its test."""
    return sorted(path for path in _ROUTES if not path.endswith("/"))
