"""Finds the rules that can fire for a message, by the message types and event names that their triggers require."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from hubwire.plan.rules.triggers.conditions import Reach

Rule = TypeVar("Rule")
Group = TypeVar("Group")


class RuleIndex(Generic[Rule, Group]):
    """The rules of a destination by message type and event name.

    Shape: `candidates` gives what `of` made of the rules, in the order in which these were given; each group is made
    once. A rule whose trigger fixes neither is a candidate for every message.
    """

    __slots__ = ("_by_type", "_other_types")

    def __init__(self, rules: Sequence[tuple[Reach, Rule]], of: Callable[[list[Rule]], Group]) -> None:
        events = {name for reach, _ in rules for name in reach.events or ()}

        def groups(type_: str | None) -> tuple[Group, dict[str | None, Group]]:
            return of(_within(rules, type_, None)), {event: of(_within(rules, type_, event)) for event in events}

        self._other_types = groups(None)
        self._by_type = {name: groups(name) for name in {name for reach, _ in rules for name in reach.types or ()}}

    def candidates(self, type_: str, event: str | None) -> Group:
        """The rules that can fire for a message of this type and event name."""
        without_event, by_event = self._by_type.get(type_, self._other_types)
        return by_event.get(event, without_event)


def _within(rules: Sequence[tuple[Reach, Rule]], type_: str | None, event: str | None) -> list[Rule]:
    return [
        rule
        for reach, rule in rules
        if (reach.types is None or type_ in reach.types) and (reach.events is None or event in reach.events)
    ]
