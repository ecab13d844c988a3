"""Sources and destinations by the names that people give them."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import TypeVar

from hubwire.destination import Destination, Source
from hubwire.errors import SettingsError

T = TypeVar("T", Source, Destination)
MOST_DIGITS = 10


def named(found: Iterable[T], name: str, kind: str) -> T:
    """The one of this name. Raises SettingsError naming those that exist."""
    names = []
    for one in found:
        if one.name == name:
            return one
        names.append(one.name)
    raise SettingsError(f"no {kind} {name!r}", hint=f"{kind.capitalize()}s: {', '.join(names) or 'none yet'}.")


def named_or_first(found: Iterable[T], name: str | None, kind: str) -> T:
    """The one of this name; the first without a name. Errors: as `named`, and SettingsError where there is none."""
    found = list(found)
    if name is not None:
        return named(found, name, kind)
    if not found:
        raise SettingsError(f"there is no {kind} yet", hint=f"Make one: hubwire {kind} add NAME")
    return found[0]


def numbered(known: Container[int], text: str) -> int | None:
    """The number that a text is, if one of these has it; None for any other text, however long."""
    if not (text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS):
        return None
    number = int(text)
    return number if number in known else None
