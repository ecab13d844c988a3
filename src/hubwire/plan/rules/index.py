"""Finds the rules that can fire for a message, by the message types and event names that their triggers require."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from hubwire.plan.rules.triggers.conditions import Reach

Rule = TypeVar("Rule")


class RuleIndex(Generic[Rule]):
    """The rules of a destination by message type and event name.

    Shape: `candidates` keeps the order in which the rules were given. A rule whose trigger fixes neither is a
    candidate for every message.
    """

    __slots__ = ("_by_event", "_by_type", "_everywhere")

    def __init__(self, rules: Sequence[tuple[Reach, Rule]]) -> None:
        types = {name for reach, _ in rules for name in reach.types or ()}
        self._everywhere = _of(rules, None, None)
        self._by_type = {name: _of(rules, name, None) for name in types}
        self._by_event: dict[tuple[str, str], tuple[Rule, ...]] = {}
        events = {name for reach, _ in rules for name in reach.events or ()}
        for type_ in (*types, ""):
            for event in events:
                self._by_event[type_, event] = _of(rules, type_, event)

    def candidates(self, type_: str, event: str | None) -> tuple[Rule, ...]:
        """The rules that can fire for a message of this type and event name."""
        known = type_ if type_ in self._by_type else ""
        if event is not None:
            found = self._by_event.get((known, event))
            if found is not None:
                return found
        return self._by_type[known] if known else self._everywhere


def _of(rules: Sequence[tuple[Reach, Rule]], type_: str | None, event: str | None) -> tuple[Rule, ...]:
    return tuple(
        [
            rule
            for reach, rule in rules
            if (reach.types is None or type_ in reach.types) and (reach.events is None or event in reach.events)
        ]
    )
