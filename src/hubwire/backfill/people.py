"""A CSV's row as an identify message: the header names traits; `email`, `userId` and the like say who it is. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

FIELDS = {
    "userid": "userId",
    "anonymousid": "anonymousId",
    "messageid": "messageId",
    "timestamp": "timestamp",
}
"""Columns that are fields of the message; `user_id`, `User ID` and so on too. All others are traits."""
EMAIL = "email"
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Columns:
    """A header, understood: for each column the field or the path of the trait, None for one without a name."""

    names: tuple[tuple[str, ...] | None, ...]

    @classmethod
    def of(cls, header: Sequence[str]) -> Columns | None:
        """The columns of a header; None when none of them names people."""
        names = tuple(_name(one.strip()) for one in header)
        firsts = {name[0] for name in names if name is not None and len(name) == 1}
        traits = {name[1].lower() for name in names if name is not None and len(name) == 2}
        if not firsts & {"userId", "anonymousId"} and EMAIL not in traits:
            return None
        return cls(names)


def _name(header: str) -> tuple[str, ...] | None:
    field = FIELDS.get(header.lower().replace("_", "").replace(" ", "").replace("-", ""))
    if field is not None:
        return (field,)
    parts = tuple(part.strip() for part in header.removeprefix("traits.").split(".") if part.strip())
    return ("traits", *parts) if parts else None


def row_message(columns: Columns, row: Sequence[str]) -> bytes:
    """The identify message of a row, as JSON; nothing for a row without values.

    Shape: empty cells are left out, dots in a header nest (`address.city`). Without a userId, the e-mail is it.
    """
    message: dict[str, Any] = {"type": "identify"}
    for name, cell in zip(columns.names, row, strict=False):
        value = cell.strip()
        if name is not None and value:
            _put(message, name, value)
    if len(message) == 1:
        return b""
    if "userId" not in message and "anonymousId" not in message:
        traits = message.get("traits", {})
        email = next((traits[name] for name in traits if name.lower() == EMAIL), None)
        if isinstance(email, str):
            message["userId"] = email
    return _encode(message)


def _put(message: dict[str, Any], path: Sequence[str], value: str) -> None:
    place = message
    for part in path[:-1]:
        inner = place.setdefault(part, {})
        if not isinstance(inner, dict):
            return
        place = inner
    place[path[-1]] = value
