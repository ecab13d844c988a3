"""Sources and destinations by the names that people give them."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import TypeVar

from hubwire.destination import Destination, Source
from hubwire.errors import SettingsError

T = TypeVar("T", Source, Destination)
MOST_DIGITS = 10


def named(found: Iterable[T], name: str, kind: str) -> T:
    """The source or destination with this name. Raises SettingsError that names the existing ones."""
    names = []
    for one in found:
        if one.name == name:
            return one
        names.append(one.name)
    raise SettingsError(f"no {kind} {name!r}", hint=f"{kind.capitalize()}s: {', '.join(names) or 'none yet'}.")


def named_or_first(found: Iterable[T], name: str | None, kind: str) -> T:
    """The source or destination with this name, or the first one. Errors: SettingsError if there is none."""
    found = list(found)
    if name is not None:
        return named(found, name, kind)
    if not found:
        raise SettingsError(f"there is no {kind} yet", hint=f"Add one: hubwire {kind} add NAME")
    return found[0]


def numbered(known: Container[int], text: str) -> int | None:
    """The text as a number, if it is one of the known numbers; None for any other text of any length."""
    if not (text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS):
        return None
    number = int(text)
    return number if number in known else None
