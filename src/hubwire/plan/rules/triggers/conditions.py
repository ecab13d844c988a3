"""The conditions of a trigger: tests of fields, joined by `and` and `or`.

Both readings produce these, so that they can be compared, and an index can find the messages for which a trigger can
fire.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Message = Mapping[str, Any]
Fires = Callable[[Message], bool]


@dataclass(frozen=True, slots=True)
class Reach:
    """The message types and event names that a trigger can fire for; None where it does not fix them."""

    types: frozenset[str] | None = None
    events: frozenset[str] | None = None

    def both(self, other: Reach) -> Reach:
        """The reach if both conditions must be true."""
        return Reach(_both(self.types, other.types), _both(self.events, other.events))

    def either(self, other: Reach) -> Reach:
        """The reach if one of the two conditions must be true."""
        return Reach(_either(self.types, other.types), _either(self.events, other.events))


ANYTHING = Reach()
NOTHING = Reach(frozenset(), frozenset())


def _both(mine: frozenset[str] | None, theirs: frozenset[str] | None) -> frozenset[str] | None:
    if mine is None or theirs is None:
        return theirs if mine is None else mine
    return mine & theirs


def _either(mine: frozenset[str] | None, theirs: frozenset[str] | None) -> frozenset[str] | None:
    return None if mine is None or theirs is None else mine | theirs
