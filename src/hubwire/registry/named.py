"""Sources and destinations by the names that people give them."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import TypeVar

from hubwire.destination import Destination, Source
from hubwire.errors import SettingsError

T = TypeVar("T", Source, Destination)
MAX_DIGITS = 10


def named(items: Iterable[T], name: str, kind: str) -> T:
    """The source or destination with this name. Raises SettingsError that names the existing ones."""
    names = []
    for item in items:
        if item.name == name:
            return item
        names.append(item.name)
    raise SettingsError(f"no {kind} {name!r}", hint=f"{kind.capitalize()}s: {', '.join(names) or 'none yet'}.")


def named_or_first(items: Iterable[T], name: str | None, kind: str) -> T:
    """The source or destination with this name, or the first one. Errors: SettingsError if there is none."""
    items = list(items)
    if name is not None:
        return named(items, name, kind)
    if not items:
        raise SettingsError(f"there is no {kind} yet", hint=f"Add one: hubwire {kind} add NAME")
    return items[0]


def numbered(known: Container[int], text: str) -> int | None:
    """The text as a number, if it is one of the known numbers; None for any other text of any length."""
    if not (text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS):
        return None
    number = int(text)
    return number if number in known else None
