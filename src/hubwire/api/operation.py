"""One operation of the API as a value: method and path, role, request and answer."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hubwire.errors import BadValue
from hubwire.registry.access import Role
from hubwire.rule import Rule
from hubwire.rule_shape import explained
from hubwire.web.request import Problem, Shared, View, json_response
from hubwire.web.session import ask_to_sign_in, bearer_of

PREFIX = "/api/v1"
AT_FAULT = re.compile(r"(?: - at `\$\.|(?:required|unknown) field `)([^`]+)`$")
Handler = Callable[["ApiRequest"], Awaitable[Any]]


class Nothing(msgspec.Struct):
    """No query and no body."""


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One call: the caller, the values of the path, and the checked query and body."""

    view: View
    path: dict[str, Any]
    query: Any
    body: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiOperation:
    """One operation. `query`, `body` and `answer` are structs; `statuses` are further possible statuses."""

    name: str
    method: str
    path: str
    summary: str
    role: Role
    handler: Handler
    query: type[msgspec.Struct] = Nothing
    body: Any = None
    answer: Any = None
    status: int = 200
    tag: str = "messages"
    statuses: tuple[int, ...] = field(default=())

    def route(self, shared: Shared) -> Route:
        """The endpoint: it authenticates by bearer token, and checks role, query and body."""

        async def endpoint(request: Request) -> Response:
            viewer = await bearer_of(request, shared)
            if viewer is None:
                return ask_to_sign_in(request)
            if not viewer.role.may(self.role):
                message = f"this needs the role {self.role}; the token has {viewer.role}"
                return json_response(Problem(code="forbidden", message=message), 403)
            query = _checked(dict(request.query_params), self.query, strict=False)
            body = None if self.body is None else _decoded(await request.body(), self.body)
            answer = await self.handler(ApiRequest(View(request, shared, viewer), request.path_params, query, body))
            return Response(status_code=self.status) if answer is None else json_response(answer, self.status)

        return Route(PREFIX + self.path, endpoint, methods=[self.method])


def _checked(value: Any, shape: Any, strict: bool) -> Any:
    """A query as its struct. Unknown names are errors, so that a misspelt filter never selects everything."""
    unknown = sorted(value.keys() - set(_names(shape)))
    if unknown:
        raise BadValue(unknown[0], f"{unknown[0]} is not a parameter of this call", limit=_names(shape))
    try:
        converted = msgspec.convert(value, shape, strict=strict)
    except msgspec.ValidationError as exc:
        raise _bad_value(exc) from exc
    for name in value:
        if getattr(converted, name) is None:
            # msgspec reads the text `null` as no value, and such a filter would select everything.
            raise BadValue(name, f"{name} cannot be null", value=value[name])
    return converted


def _decoded(body: bytes, shape: Any) -> Any:
    try:
        return msgspec.json.decode(body or b"null", type=shape)
    except msgspec.ValidationError as exc:
        refused = _bad_value(exc)
        if isinstance(shape, type) and issubclass(shape, Rule):
            refused = BadValue(refused.field, explained(str(exc)))
        raise refused from exc
    except msgspec.DecodeError as exc:
        raise BadValue("body", f"the body is not JSON: {exc}") from exc


def _bad_value(exc: msgspec.ValidationError) -> BadValue:
    """The field that msgspec's text names: `Expected `int`, got `str` - at `$.limit``."""
    message = str(exc)
    found = AT_FAULT.search(message)
    return BadValue(found[1] if found else "body", message)


def _names(shape: type[msgspec.Struct]) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(shape)]


def reason_phrase(status: int) -> str:
    """An HTTP status in words."""
    return HTTPStatus(status).phrase
