"""A text that must not be shown: its `repr` and `str` are `***`, and only `reveal()` returns it."""

from __future__ import annotations

import hmac


class Secret:
    """A token, key or password. Compares in constant time; never equal to a plain text."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself: only for the header or cipher that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))
