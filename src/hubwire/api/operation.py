"""One operation of the API as a value: how it is called, who may, what it takes and gives."""

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
from hubwire.web.request import Shared, View, json_response
from hubwire.web.session import ask_to_sign_in, bearer_of

PREFIX = "/api/v1"
AT_FAULT = re.compile(r"(?: - at `\$\.|(?:required|unknown) field `)([^`]+)`$")
Handler = Callable[["ApiRequest"], Awaitable[Any]]


class ApiProblem(msgspec.Struct, kw_only=True):
    """What went wrong. `field`, `value` and `limit` are there when a field is at fault; a secret is never a value."""

    code: str
    message: str
    hint: str = ""
    field: str | None = None
    value: Any = None
    limit: Any = None


class Nothing(msgspec.Struct):
    """No query and no body."""


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One call: who asks, the path's values, the query and the body, both checked."""

    view: View
    path: dict[str, Any]
    query: Any
    body: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiOperation:
    """One operation. `query` and `body` are structs, `answer` is what it gives; `statuses`: what it may answer too."""

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
        """Serves it: signs in by bearer token, checks role, query and body."""

        async def endpoint(request: Request) -> Response:
            viewer = await bearer_of(request, shared)
            if viewer is None:
                return ask_to_sign_in(request)
            if not viewer.role.may(self.role):
                message = f"this needs the role {self.role}; the token has {viewer.role}"
                return json_response(ApiProblem(code="forbidden", message=message), 403)
            query = _checked(dict(request.query_params), self.query, strict=False)
            body = None if self.body is None else _decoded(await request.body(), self.body)
            answer = await self.handler(ApiRequest(View(request, shared, viewer), request.path_params, query, body))
            return Response(status_code=self.status) if answer is None else json_response(answer, self.status)

        return Route(PREFIX + self.path, endpoint, methods=[self.method])


def _checked(value: Any, shape: Any, strict: bool) -> Any:
    """A query as its struct. Names that it does not know are errors, so that a misspelt filter filters."""
    unknown = sorted(value.keys() - set(_names(shape)))
    if unknown:
        raise BadValue(unknown[0], f"{unknown[0]} is not a parameter of this call", limit=_names(shape))
    try:
        converted = msgspec.convert(value, shape, strict=strict)
    except msgspec.ValidationError as exc:
        raise _bad_value(exc) from exc
    for name in value:
        if getattr(converted, name) is None:
            # msgspec reads the text `null` as no value at all: that would be a filter that does not filter.
            raise BadValue(name, f"{name} cannot be null", value=value[name])
    return converted


def _decoded(body: bytes, shape: Any) -> Any:
    try:
        return msgspec.json.decode(body or b"null", type=shape)
    except msgspec.ValidationError as exc:
        raise _bad_value(exc) from exc
    except msgspec.DecodeError as exc:
        raise BadValue("body", f"the body is not JSON: {exc}") from exc


def _bad_value(exc: msgspec.ValidationError) -> BadValue:
    """msgspec says where: `Expected `int`, got `str` - at `$.limit``, `Object missing required field `state``."""
    message = str(exc)
    found = AT_FAULT.search(message)
    return BadValue(found[1] if found else "body", message)


def _names(shape: type[msgspec.Struct]) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(shape)]


def reason_phrase(status: int) -> str:
    """An HTTP status in words."""
    return HTTPStatus(status).phrase
