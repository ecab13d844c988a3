"""The fields of a message that a person can choose for a column with `--map`. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hubwire.backfill.records import Call, ReadOptions
from hubwire.backfill.systems.cells import compressed
from hubwire.errors import SettingsError

FIELDS: Final = {
    "userid": "userId",
    "anonymousid": "anonymousId",
    "messageid": "messageId",
    "groupid": "groupId",
    "previousid": "previousId",
    "timestamp": "timestamp",
    "event": "event",
    "name": "name",
}
"""Fields of a message by their compressed names, for `--map`."""
OBJECTS: Final = ("traits", "properties", "context")
_OF_CALL: Final = {Call.IDENTIFIES: "traits", Call.GROUPS: "traits", Call.ALIASES: None}


def target_of(given: str, call: Call) -> str:
    """The full target of a `--map`: `email` is `traits.email` of an identify, otherwise `context.traits.email`."""
    head, _, rest = given.partition(".")
    if head in OBJECTS:
        return given
    if not rest and (name := FIELDS.get(compressed(given))) is not None and (name != "name" or call in _NAMED):
        return name
    if _OF_CALL.get(call, "") == "traits":
        return f"traits.{given}"
    return "context.traits.email" if given.lower() == "email" else f"properties.{given}"


_NAMED: Final = frozenset([Call.PAGES, Call.SCREENS])
_OWN_FIELDS: Final = {"event": Call.TRACKS, "groupId": Call.GROUPS, "previousId": Call.ALIASES}


def _useless(given: str, call: Call) -> str | None:
    """Why a field of `--map` has no effect on messages of this type; None if it has."""
    if "" in given.split("."):
        return "a part of the field's name is empty"
    target = target_of(given, call)
    own = _OWN_FIELDS.get(target, call)
    if own is not call:
        return f"only rows of type {own} have the field {target}"
    rest, head = _OF_CALL.get(call, "properties"), target.partition(".")[0]
    if target == "context":
        return "name a field of the context, such as context.traits.email"
    if head in ("traits", "properties") and head != rest:
        return f"rows of type {call} have no {head}"
    return None


def check_mapped(columns: Sequence[str], options: ReadOptions, call: Call) -> None:
    """Raise SettingsError for a column of `--map` that the table lacks, and for a field that its rows lack."""
    for column, given in options.columns.items():
        if given and (why := _useless(given, call)) is not None:
            raise SettingsError(f"--map: {column}={given}: {why}")
    missing = options.columns.keys() - {column.lower() for column in columns}
    if missing:
        raise SettingsError(
            f"--map: there is no column {', '.join(sorted(map(repr, missing)))}",
            hint=f"Columns: {shown_columns(columns)}.",
        )


def shown_columns(columns: Sequence[str], limit: int = 40) -> str:
    """The names of columns, for an error text."""
    more = f" and {len(columns) - limit} more" if len(columns) > limit else ""
    return ", ".join(columns[:limit]) + more
