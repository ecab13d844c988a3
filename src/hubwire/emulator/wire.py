"""Requests in, replies out: the emulator's HTTP values, and every error body in HubSpot's shape.

Handlers return a `Reply` or raise a `Refusal`; nothing below this module knows about sockets.
Source of the error shapes: HubSpot docs, "Handling errors", and bodies observed live by third parties.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl, urlencode

import msgspec

from hubwire.emulator.moments import parse_moment

T = TypeVar("T")

Id = str | Annotated[int, msgspec.Meta(ge=-(10**18), le=10**18)]
"""An id in a body: text, or a number of at most 18 digits."""

Headers = list[tuple[bytes, bytes]]

encode = msgspec.json.Encoder().encode


class Request:
    """One HTTP request, with what the router and the access check learned about it."""

    __slots__ = ("_query", "body", "grant", "headers", "method", "params", "path", "query_string", "scheme", "version")

    def __init__(
        self, method: str, path: str, query_string: bytes, headers: Mapping[bytes, bytes], body: bytes
    ) -> None:
        self.method = method
        self.path = path
        self.query_string = query_string
        self.headers = headers
        self.body = body
        self.scheme = "http"
        self.params: Mapping[str, str] = {}
        self.version = ""
        self.grant: Any = None
        self._query: dict[str, list[str]] | None = None

    def query(self, name: str) -> str | None:
        """The last value of a query parameter."""
        values = self._values(name)
        return values[-1] if values else None

    def query_list(self, name: str) -> list[str]:
        """Every value of a query parameter; commas separate values too, as HubSpot allows."""
        return [part for value in self._values(name) for part in value.split(",")]

    def query_flag(self, name: str) -> bool:
        """True for `true` in any case."""
        return (self.query(name) or "").lower() == "true"

    def query_number(self, name: str, default: int, lowest: int, highest: int) -> int:
        """A whole number of the query, `default` where there is none.

        Errors: a 400 that names the parameter, its value and its bounds.
        """
        text = self.query(name)
        if not text:
            return default
        number = whole_number(text)
        if number is None or not lowest <= number <= highest:
            raise invalid(f"{name} must be a number from {lowest} to {highest}, not {text[:100]}")
        return number

    def query_page(self, default: int, max_limit: int) -> tuple[int, int]:
        """How many (`limit`) and from which on (`after`, the place where the page before it ended)."""
        return self.query_number("limit", default, 1, max_limit), self.query_number("after", 0, 0, MAX_NUMBER)

    def query_moment(self, name: str) -> int | None:
        """A moment of the query as epoch milliseconds.

        Errors: a 400 that names the parameter and its value.
        """
        text = self.query(name)
        if not text:
            return None
        try:
            return parse_moment(text)
        except ValueError as exc:
            raise invalid(f"{name} must be a date and time, not {text[:100]}") from exc

    def _values(self, name: str) -> list[str]:
        if self._query is None:
            self._query = {}
            for key, value in parse_qsl(self.query_string.decode("latin-1"), keep_blank_values=True):
                self._query.setdefault(key, []).append(value)
        return self._query.get(name, [])

    def next_page(self, after: str, limit: int) -> dict[str, dict[str, str]]:
        """`paging` of an answer that has a next page; its link keeps the other parameters of the call."""
        parameters = parse_qsl(self.query_string.decode("latin-1"), keep_blank_values=True)
        others = [(name, value) for name, value in parameters if name not in ("limit", "after")]
        link = f"https://api.hubapi.com{self.path}?{urlencode([('limit', limit), ('after', after), *others], safe=',')}"
        return {"next": {"after": after, "link": link}}

    @property
    def is_date_version(self) -> bool:
        """True on `/…/2026-09/…` paths, false on v1 to v4."""
        return self.version[:2] == "20"


class Reply:
    """One HTTP answer. `body` is already encoded."""

    __slots__ = ("body", "content_type", "headers", "status")

    def __init__(self, status: int, body: bytes = b"", content_type: bytes = b"application/json;charset=utf-8") -> None:
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers: Headers = []


def json_reply(status: int, value: Any) -> Reply:
    """A JSON answer."""
    return Reply(status, encode(value))


NO_CONTENT = 204


class Refusal(Exception):
    """A refusal of HubSpot: a status and a body in its error shape.

    Shape: `extra` is merged into the body; `errors` and `context` are left out when empty.
    """

    def __init__(
        self,
        status: int,
        message: str,
        category: str | None = None,
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        context: Mapping[str, list[str]] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.category = category
        self.errors = list(errors)
        self.context = dict(context or {})
        self.extra = dict(extra or {})
        self.headers: Headers = []

    def body(self, correlation_id: str) -> dict[str, Any]:
        """The error body of a whole call."""
        body: dict[str, Any] = {"status": "error", "message": self.message, "correlationId": correlation_id}
        if self.category:
            body["category"] = self.category
        if self.errors:
            body["errors"] = self.errors
        if self.context:
            body["context"] = self.context
        body.update(self.extra)
        return body

    def as_input_error(self, trace_id: str | None = None) -> dict[str, Any]:
        """The same refusal as one entry of a 207's `errors`, with every key that official clients demand."""
        context = dict(self.context)
        if trace_id is not None:
            context["objectWriteTraceId"] = [trace_id]
        return {
            "status": "error",
            "category": self.category or "VALIDATION_ERROR",
            "message": self.message,
            "context": context,
            "errors": self.errors,
            "links": {},
            **{key: value for key, value in self.extra.items() if key == "subCategory"},
        }


def invalid(message: str, **rest: Any) -> Refusal:
    """A 400 with category VALIDATION_ERROR."""
    return Refusal(400, message, "VALIDATION_ERROR", **rest)


def not_found(message: str = "resource not found") -> Refusal:
    """A 404 with category OBJECT_NOT_FOUND."""
    return Refusal(404, message, "OBJECT_NOT_FOUND")


def conflict(message: str, **rest: Any) -> Refusal:
    """A 409 with category CONFLICT."""
    return Refusal(409, message, "CONFLICT", **rest)


def already_exists(message: str, sub_category: str, name: str) -> Refusal:
    """A 409 as properties, groups and definitions answer it."""
    return Refusal(409, message, "OBJECT_ALREADY_EXISTS", context={"name": [name]}, extra={"subCategory": sub_category})


MAX_NUMBER = 10**18 - 1
_WHOLE_NUMBER = re.compile(r"[0-9]{1,18}\Z")


def whole_number(text: str) -> int | None:
    """The number, or None for anything but 1 to 18 digits."""
    return int(text) if _WHOLE_NUMBER.match(text) else None


def decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """The body as the decoder's type. HubSpot takes null for a field as if the field were left out; so does this.

    Errors: a 400 worded like HubSpot's own ("Invalid input JSON on line 1, column 20: …", no category, recorded).
    """
    try:
        return decode_exactly(decoder, body)
    except Refusal:
        if b"null" not in body:
            raise
        try:
            return msgspec.convert(_without_nulls(msgspec.json.decode(body)), decoder.type)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            pass
        raise


def decode_exactly(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """The body as the decoder's type, null only where the type has it.

    Errors: as `decode`.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as exc:
        raise Refusal(400, f"Invalid input JSON on line 1, column 1: Cannot deserialize value: {exc}") from exc
    except RecursionError as exc:
        raise Refusal(400, "Invalid input JSON on line 1, column 1: nested too deeply") from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        column = _column(exc)
        raise Refusal(400, f"Invalid input JSON on line 1, column {column}: {exc}") from exc


def _without_nulls(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: item if name == "properties" and isinstance(item, dict) else _without_nulls(item)
        for name, item in value.items()
        if item is not None
    }


def _column(exc: Exception) -> int:
    digits = "".join(char for char in str(exc).rpartition("byte ")[2] if char.isdigit())
    return int(digits) + 1 if digits else 1
