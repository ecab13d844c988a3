"""Finds the route of a method and path: static segments first, then parameters; also gives the counted path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from hubwire.emulator.store.limiter import Lane
from hubwire.emulator.store.portal import Portal
from hubwire.emulator.wire import Reply, Request

Handler = Callable[[Portal, Request], Reply]
ScopesNeeded = Callable[[Portal, Mapping[str, str]], tuple[tuple[str, ...], ...]]

SHOWN_PARAMETERS = frozenset({"objectType", "fromObjectType", "toObjectType"})


@dataclass(frozen=True, slots=True)
class Route:
    """One operation.

    Shape: `scopes` gives sets of alternatives that must each be met; `needs_token=False` opens it to anyone;
    `changes_account` marks what changes more than records, links and events.
    """

    method: str
    pattern: str
    handler: Handler
    version: str
    lane: Lane
    scopes: ScopesNeeded | None = None
    needs_token: bool = True
    is_event: bool = False
    changes_account: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """A route found: its parameters, and the path with record ids and names templated."""

    route: Route
    params: Mapping[str, str]
    label: str


class _Node:
    __slots__ = ("fixed", "parameter", "routes")

    def __init__(self) -> None:
        self.fixed: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.routes: dict[str, Route] = {}


class Router:
    """Routes in a tree of path segments. Paths come percent-encoded, so that a value may hold a slash."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        self._known: dict[tuple[str, str], Match] = {}
        self.routes = list(routes)
        for route in self.routes:
            self._insert(route)

    def find(self, method: str, path: str) -> Match | None:
        """The route of a call, or None."""
        known = self._known.get((method, path))
        if known is not None:
            return known
        segments = path.strip("/").split("/")
        node = self._descend(self._root, segments, 0, method)
        if node is None:
            return None
        route = node.routes[method]
        params, label = _read(route.pattern, segments)
        match = Match(route, params, label)
        if params.keys() <= SHOWN_PARAMETERS and len(self._known) < 10_000:
            self._known[method, path] = match
        return match

    def methods_at(self, path: str) -> list[str]:
        """The methods some route has at this path."""
        segments = path.strip("/").split("/")
        methods = ("GET", "POST", "PUT", "PATCH", "DELETE")
        return [method for method in methods if self._descend(self._root, segments, 0, method)]

    def _insert(self, route: Route) -> None:
        node = self._root
        for segment in route.pattern.strip("/").split("/"):
            if segment.startswith("{"):
                if node.parameter is None:
                    node.parameter = _Node()
                node = node.parameter
            else:
                node = node.fixed.setdefault(segment, _Node())
        node.routes[route.method] = route

    def _descend(self, node: _Node, segments: list[str], depth: int, method: str) -> _Node | None:
        if depth == len(segments):
            return node if method in node.routes else None
        fixed = node.fixed.get(segments[depth])
        if fixed is not None and (found := self._descend(fixed, segments, depth + 1, method)):
            return found
        if node.parameter is not None and segments[depth]:
            return self._descend(node.parameter, segments, depth + 1, method)
        return None


def _read(pattern: str, segments: list[str]) -> tuple[dict[str, str], str]:
    params: dict[str, str] = {}
    shown: list[str] = []
    for part, segment in zip(pattern.strip("/").split("/"), segments, strict=True):
        if part.startswith("{"):
            params[part[1:-1]] = unquote(segment)
            shown.append(segment if part[1:-1] in SHOWN_PARAMETERS else part)
        else:
            shown.append(part)
    return params, "/" + "/".join(shown)
