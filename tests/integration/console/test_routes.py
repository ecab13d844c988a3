"""Every route of the console and the admin API by role, method, header and origin, in one table that these tests walk.

The table states a second time who may call what: a new route, or another role of a route, fails here until the table
says the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest
from anyio import CapacityLimiter
from starlette.routing import Route
from tests.integration.console.harness import ADMIN_TOKEN, ORIGIN, Console, filled_in

from hubwire.api.app import api_routes
from hubwire.api.operation import PREFIX
from hubwire.console.app import console_routes
from hubwire.console.rendering import make_templates
from hubwire.registry.access import Role
from hubwire.web.access import BEARER_TRIES, COOKIE, TRIES_SECONDS
from hubwire.web.request import Shared
from hubwire.web.static_files import StaticFiles

OPEN = """
    GET /api/v1/openapi.json
    GET /console/static/{name:path}
    GET /login
    GET /login/sso
    GET /login/sso/callback
    GET /login/sso/end
    POST /login
    POST /logout
"""
"""Routes that answer without signing in: they show nothing of the installation, or end a session."""
NEEDED = {
    Role.VIEW: """
        GET /
        GET /alerts
        GET /api/v1/alerts
        GET /api/v1/destinations
        GET /api/v1/destinations/{destination_id}
        GET /api/v1/destinations/{destination_id}/rules
        GET /api/v1/destinations/{destination_id}/schema
        GET /api/v1/failures
        GET /api/v1/funnel
        GET /api/v1/intake
        GET /api/v1/messages
        GET /api/v1/messages/{message_id:path}
        GET /api/v1/replays
        GET /api/v1/replays/{replay_id:int}
        GET /api/v1/sources
        GET /api/v1/sources/{source_id}
        GET /api/v1/status
        GET /breakdown
        GET /browser
        GET /calls
        GET /connection
        GET /connection/{destination_id:int}
        GET /failures
        GET /lists
        GET /live
        GET /live/changes
        GET /mapping
        GET /mapping/{destination_id:int}
        GET /messages
        GET /messages/{message_id:path}
        GET /plans/{message_id:path}
        GET /replays
        GET /replays/{replay_id:int}
        GET /schema
        GET /search
        GET /sources
        GET /sources/{source_id:int}
        GET /system
        GET /rules
        GET /rules/{destination_id:int}
    """,
    Role.OPERATE: """
        GET /api/v1/audit
        POST /api/v1/destinations/{destination_id}/pause
        POST /api/v1/destinations/{destination_id}/resume
        POST /api/v1/destinations/{destination_id}/rules/test
        POST /api/v1/destinations/{destination_id}/test
        POST /api/v1/discard
        POST /api/v1/failures/snooze
        POST /api/v1/failures/wake
        GET /api/v1/plan
        POST /api/v1/plan
        POST /api/v1/replay
        POST /api/v1/replays/{replay_id:int}/cancel
        POST /api/v1/replays/{replay_id:int}/pause
        POST /api/v1/replays/{replay_id:int}/resume
        POST /api/v1/replays/{replay_id:int}/share
        GET /audit
        GET /browser/check/{source_id:int}
        POST /connection/{destination_id:int}/pause
        POST /connection/{destination_id:int}/resume
        POST /connection/{destination_id:int}/test
        POST /discards
        POST /discards/message/{message_id:path}
        GET /discards/new
        POST /failures/snooze
        POST /failures/wake
        GET /lists/{destination_id:int}/{key:path}
        POST /mapping/{destination_id:int}
        POST /mapping/{destination_id:int}/rules
        POST /mapping/{destination_id:int}/rules/remove
        POST /replays
        POST /replays/message/{message_id:path}
        GET /replays/new
        POST /replays/{replay_id:int}/cancel
        POST /replays/{replay_id:int}/pause
        POST /replays/{replay_id:int}/resume
        POST /replays/{replay_id:int}/share
        GET /test
        POST /test
        GET /list-size/{destination_id:int}/{key:path}
        GET /who-messages/{identity:path}
        GET /who/{identity:path}
    """,
    Role.ADMIN: """
        DELETE /api/v1/alerts/settings
        GET /api/v1/alerts/settings
        PATCH /api/v1/alerts/settings
        POST /api/v1/alerts/test
        POST /api/v1/destinations
        DELETE /api/v1/destinations/{destination_id}
        PATCH /api/v1/destinations/{destination_id}
        POST /api/v1/destinations/{destination_id}/rules
        PUT /api/v1/destinations/{destination_id}/rules
        PUT /api/v1/destinations/{destination_id}/rules/{rule_name:path}
        PATCH /api/v1/destinations/{destination_id}/rules/{rule_name:path}
        DELETE /api/v1/destinations/{destination_id}/rules/{rule_name:path}
        POST /api/v1/destinations/{destination_id}/schema
        PUT /api/v1/destinations/{destination_id}/token
        GET /api/v1/regulations
        POST /api/v1/regulations
        GET /api/v1/regulations/{regulation_id}
        POST /api/v1/sources
        DELETE /api/v1/sources/{source_id}
        PATCH /api/v1/sources/{source_id}
        POST /api/v1/sources/{source_id}/write-keys
        DELETE /api/v1/sources/{source_id}/write-keys/{key}
        POST /alerts
        POST /alerts/reset
        POST /alerts/test
        POST /connection/{destination_id:int}
        POST /connection/{destination_id:int}/remove
        POST /connection/{destination_id:int}/token
        GET /import
        POST /import/files
        GET /import/{file_id}
        POST /import/{file_id}/begin
        POST /import/{file_id}/bytes
        POST /import/{file_id}/preview
        POST /import/{file_id}/remove
        GET /members
        POST /members
        POST /members/remove
        GET /regulations
        POST /regulations
        GET /regulations/{regulation_id}
        POST /schema/{destination_id:int}/apply
        POST /schema/{destination_id:int}/properties
        GET /setup
        GET /setup/new
        POST /setup/new
        POST /setup/{destination_id:int}/check
        POST /setup/{destination_id:int}/first
        POST /setup/{destination_id:int}/modes
        POST /setup/{destination_id:int}/send
        POST /setup/{destination_id:int}/token
        GET /setup/{destination_id:int}/{step}
        GET /sources/new
        POST /sources/new
        POST /sources/{source_id:int}
        POST /sources/{source_id:int}/keys
        POST /sources/{source_id:int}/keys/revoke
        POST /sources/{source_id:int}/remove
        GET /rules/{destination_id:int}/edit
        POST /rules/{destination_id:int}/edit
        POST /rules/{destination_id:int}/move
        POST /rules/{destination_id:int}/switch
        POST /rules/{destination_id:int}/preset
        POST /rules/{destination_id:int}/remove
    """,
}
"""The lowest role that each route needs."""


def routes_of(block: str) -> list[tuple[str, str]]:
    return [(method, path) for method, path in (line.split() for line in block.strip().splitlines())]


STREAM = ("GET", "/live/changes")
TABLE = {route: role for role, block in NEEDED.items() for route in routes_of(block)}


def test_every_route_is_in_the_table(console: Console) -> None:
    shared = Shared(console.deps, console.access, StaticFiles(), make_templates(StaticFiles()), CapacityLimiter(1))
    routes = [route for route in (*console_routes(shared), *api_routes(shared)) if isinstance(route, Route)]
    served = {(method, route.path) for route in routes for method in route.methods or () if method != "HEAD"}
    assert served == {*TABLE, *routes_of(OPEN)}, "list each new route in NEEDED, under the lowest role that may call it"
    assert len(routes) == len(served), "no path is served twice"


def test_what_changes_something_needs_more_than_to_view() -> None:
    assert [route for route, role in TABLE.items() if role is Role.VIEW and route[0] != "GET"] == []


# -- who asks, and from where

OUR_PAGE = {"sec-fetch-site": "same-origin"}
NO_PAGE: dict[str, str] = {}
FOREIGN = [
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "cross-site", "origin": ORIGIN},
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": f"{ORIGIN}.evil.example"},
    {"referer": f"{ORIGIN}/"},
    NO_PAGE,
]
OURS = [OUR_PAGE, {"sec-fetch-site": "none"}, {"origin": ORIGIN}]


@dataclass(frozen=True)
class Caller:
    """Someone with a session (`cookie`) or a token (`bearer`) of a role, and an `Authorization` header of any kind."""

    cookie: Role | None = None
    bearer: Role | None = None
    authorization: str = ""
    origin: dict[str, str] = field(default_factory=dict)

    @property
    def is_bearer(self) -> bool:
        return self.bearer is not None or self.authorization.lower().split()[:1] == ["bearer"]

    def headers(self, console: Console) -> dict[str, str]:
        headers = dict(self.origin)
        if self.cookie is not None:
            token = console.member("browser", self.cookie)
            viewer = console.access.bearer(token, "")
            assert viewer is not None
            headers["cookie"] = f"{COOKIE}={console.access.open_session(viewer)}"
        if self.bearer is not None:
            headers["authorization"] = f"Bearer {console.member('program', self.bearer)}"
        elif self.authorization:
            headers["authorization"] = self.authorization
        return headers

    def role_at(self, path: str) -> Role | None:
        """The role that counts: a session counts on pages only, and beside no bearer token."""
        if self.is_bearer:
            return self.bearer
        return None if path.startswith(PREFIX) else self.cookie


CALLERS = [
    *(Caller(origin=origin) for origin in (OUR_PAGE, NO_PAGE)),
    *(Caller(cookie=Role.ADMIN, origin=origin) for origin in (*OURS, *FOREIGN)),
    *(Caller(cookie=role, origin=OUR_PAGE) for role in (Role.VIEW, Role.OPERATE)),
    *(Caller(bearer=role) for role in Role),
    Caller(bearer=Role.ADMIN, origin=FOREIGN[0]),
    Caller(bearer=Role.VIEW, cookie=Role.ADMIN, origin=OUR_PAGE),
    *(
        Caller(cookie=Role.ADMIN, authorization=authorization, origin=origin)
        for authorization in ("Basic YWRtaW46eA==", f"Token {ADMIN_TOKEN}", "Bearerless", "Bearer", "Bearer guess")
        for origin in (OUR_PAGE, FOREIGN[0])
    ),
]


def expected(method: str, path: str, needed: Role, caller: Caller) -> str:
    """What a caller gets: `foreign-origin`, `not-signed-in`, `forbidden` or `let in`."""
    if method != "GET" and not caller.is_bearer and caller.origin not in OURS:
        return "foreign-origin"
    role = caller.role_at(path)
    if role is None:
        return "not-signed-in"
    return "let in" if role.may(needed) else "forbidden"


def received(answer: httpx.Response) -> str:
    """What a caller got, in the same words."""
    if answer.status_code == 401 or answer.headers.get("location", "").startswith("/login"):
        return "not-signed-in"
    if answer.status_code == 403:
        is_foreign = answer.headers["content-type"] == "application/json" and answer.json()["code"] == "foreign-origin"
        return "foreign-origin" if is_foreign else "forbidden"
    return "let in"


def walked(caller: Caller) -> Iterator[tuple[str, str, str]]:
    """The calls of this caller with their fates.

    Of the roles that a route lets in, only the lowest one calls it. Pages are read from three origins, because origins
    matter to changes. Nobody waits for a stream, which does not end.
    """
    for (method, path), needed in TABLE.items():
        if method == "GET" and caller.origin not in (OUR_PAGE, NO_PAGE, FOREIGN[0]):
            continue
        fate = expected(method, path, needed, caller)
        if fate != "let in" or (caller.role_at(path) is needed and (method, path) != STREAM):
            yield method, path, fate


@pytest.mark.parametrize("caller", CALLERS, ids=str)
def test_each_route_lets_in_its_role_by_its_means_and_from_our_pages_alone(console: Console, caller: Caller) -> None:
    console.fill()
    headers = caller.headers(console)

    async def walk() -> list[tuple[str, str, str, str]]:
        transport = httpx.ASGITransport(console.app, raise_app_exceptions=False)
        wrong = []
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            for number, (method, path, fate) in enumerate(walked(caller)):
                if number % BEARER_TRIES == BEARER_TRIES - 1:
                    console.clock.advance(TRIES_SECONDS + 1)
                before = len(console.audited()) if fate != "let in" else 0
                answer = await client.request(method, filled_in(path), headers=headers)
                if received(answer) != fate or answer.status_code >= 500:
                    wrong.append((method, path, f"{answer.status_code} {received(answer)}", fate))
                if fate != "let in" and len(console.audited()) != before:
                    wrong.append((method, path, "changed something", fate))
        return wrong

    assert asyncio.run(walk()) == []
