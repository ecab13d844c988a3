"""What public recordings and HubSpot's pages show of its answers: a row has a request, a portal's state and the answer.

The rows are in `recorded/*.toml`, in our words and with invented values. `recorded/sources.toml` names who saw each of
them, and when. A test plays every row; COVERAGE.md counts the rows of each operation.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("recorded")


@dataclass(frozen=True, slots=True)
class Source:
    """Who saw or wrote it, and when; `is_recorded` is False for HubSpot's own pages."""

    name: str
    date: str
    is_recorded: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One request and what comes back.

    Shape: `has` maps a dotted path of the answer to a kind (text, number, bool, list, object, time, null), to
    "=exactly this", to "~a pattern", or to a plain value; `before` holds calls made first, as "METHOD path body".
    `category` "" means that there is none; None and an empty `message` mean that it is not looked at.
    Units: `advance` is seconds on the emulator's clock between `before` and the call.
    """

    name: str
    source: Source
    call: str
    status: int
    body: bytes = b""
    seed: Mapping[str, Any] = field(default_factory=dict)
    portal: Mapping[str, Any] = field(default_factory=dict)
    rules: Mapping[str, Any] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    advance: float = 0
    token: str | None = "any-token"  # noqa: S105 - accepted by an emulator that takes any
    oauth_seconds: float | None = None
    category: str | None = None
    message: str = ""
    has: Mapping[str, Any] = field(default_factory=dict)
    lacks: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    no_headers: tuple[str, ...] = ()

    @property
    def method(self) -> str:
        """The request's method."""
        return self.call.split(" ")[0]

    @property
    def path(self) -> str:
        """The request's path, with its query."""
        return self.call.split(" ")[1]


def rows() -> Iterator[Row]:
    """Every row.

    Errors: ValueError for a row with an unknown key, an unknown source or no JSON where JSON belongs.
    """
    sources = {
        name: Source(entry["name"], entry["date"], entry["kind"] == "recorded")
        for name, entry in _table("sources").items()
    }
    for path in sorted(FOLDER.glob("*.toml")):
        if path.stem != "sources":
            for entry in _table(path.stem)["row"]:
                yield _row(entry, sources)


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text())


def _row(entry: dict[str, Any], sources: Mapping[str, Source]) -> Row:
    if entry["source"] not in sources:
        raise ValueError(f"{entry['name']}: unknown source {entry['source']}")
    values = {**entry, "source": sources[entry["source"]]}
    if repeated := values.pop("repeat", None):
        inputs = [json.loads(repeated["input"])] * repeated["times"]
        values["body"] = json.dumps({**json.loads(repeated.get("beside", "{}")), "inputs": inputs})
    for name in ("seed", "rules"):
        if name in values:
            values[name] = json.loads(values[name])
    for name in ("before", "lacks", "no_headers"):
        values[name] = tuple(values.get(name, ()))
    if values.get("token") == "":
        values["token"] = None
    values["body"] = values.get("body", "").encode()
    unknown = set(values) - set(Row.__dataclass_fields__)
    if unknown:
        raise ValueError(f"{entry['name']}: unknown keys {', '.join(sorted(unknown))}")
    return Row(**values)
