"""A person or company as a small drawing: ids lead to an e-mail or a domain, and those to records in HubSpot. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from hubwire.record.statistics import KnownLink, KnownRecord

COLUMNS = ("anonymousId", "userId, groupId", "e-mail, domain", "HubSpot record", "associated")
MAX_ROWS = 6
"""The most nodes of one column; the tables of the page have all."""
MAX_LABEL = 18
"""The characters that fit into a box of the narrowest drawing."""
ROW_HEIGHT, TOP = 34, 26
WIDTH = 18.0
STEP = 20.5
"""Percent of the drawing: the width of a node, and the distance of two columns."""


class Node(msgspec.Struct, frozen=True):
    """One box. `label` is short; `name` is the whole."""

    x: float
    y: float
    label: str
    name: str


class Edge(msgspec.Struct, frozen=True):
    x1: float
    y1: float
    x2: float
    y2: float


class IdGraph(msgspec.Struct, frozen=True):
    """The drawing: along it in percent, up and down in pixels. `more`: nodes that are left out."""

    height: int
    headings: list[tuple[float, str]]
    nodes: list[Node]
    edges: list[Edge]
    more: int
    words: str


def id_graph(links: Iterable[KnownLink], records: Sequence[KnownRecord]) -> IdGraph | None:
    """The drawing of an identity; None if there is nothing to connect."""
    columns: list[dict[str, str]] = [{} for _ in COLUMNS]
    pairs: list[tuple[tuple[int, str], tuple[int, str]]] = []
    for link in links:
        begin, end = _end(link.key), _end(link.target.removeprefix("@"))
        if begin[0] == end[0]:
            end = (end[0] + 1, end[1])
        for column, name in (begin, end):
            columns[column].setdefault(name, name)
        pairs.append((begin, end))
    for record in records:
        name = f"{record.destination_id} {record.kind} {record.record_id or record.key}"
        columns[2].setdefault(record.key, record.key)
        columns[3][name] = f"{record.kind} {record.record_id}" if record.record_id else record.kind
        pairs.append(((2, record.key), (3, name)))
        for associated in record.associated:
            columns[4].setdefault(associated, associated)
            pairs.append(((3, name), (4, associated)))
    if not pairs:
        return None
    used = [index for index, names in enumerate(columns) if names]
    places = {
        (index, name): (used.index(index) * STEP, TOP + row * ROW_HEIGHT)
        for index in used
        for row, name in enumerate(list(columns[index])[:MAX_ROWS])
    }
    nodes = [Node(x, y, _short(columns[index][name]), columns[index][name]) for (index, name), (x, y) in places.items()]
    edges = [
        Edge(places[begin][0] + WIDTH, places[begin][1] + 12, places[end][0], places[end][1] + 12)
        for begin, end in dict.fromkeys(pairs)
        if begin in places and end in places
    ]
    rows = max(min(MAX_ROWS, len(names)) for names in columns)
    return IdGraph(
        height=TOP + rows * ROW_HEIGHT,
        headings=[(used.index(index) * STEP, COLUMNS[index]) for index in used],
        nodes=nodes,
        edges=edges,
        more=sum(max(0, len(names) - MAX_ROWS) for names in columns),
        words="; ".join(f"{columns[b[0]][b[1]]} to {columns[e[0]][e[1]]}" for b, e in dict.fromkeys(pairs)),
    )


def _end(key: str) -> tuple[int, str]:
    """The column and the name of a link's key or target."""
    kind, colon, name = key.partition(":")
    if colon and kind == "a":
        return 0, name
    if colon and kind in ("u", "i", "g"):
        return 1, name
    return 2, key


def _short(name: str) -> str:
    return name if len(name) <= MAX_LABEL else f"{name[: MAX_LABEL - 1]}…"
