"""The rules that can fire for messages of one type and event name, with what is the same for all such messages."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from hubwire.message import Message
from hubwire.plan.rules.compiling import CompiledRule
from hubwire.plan.rules.resolving import traits_named

ROOTS = {
    "event": "event",
    "name": "name",
    "userId": "user_id",
    "anonymousId": "anonymous_id",
    "groupId": "group_id",
    "previousId": "previous_id",
    "traits": "traits",
    "properties": "properties",
    "context": "context",
    "integrations": "integrations",
}
"""The fields at the top of a message that rules often read, and their attributes."""
_PATH = re.compile(r"\$\.(\w+)[^{]*")


class Candidates:
    """Compiled rules in their order. Equal only to itself, so that it can be looked up quickly.

    Shape: `triggers` are the distinct triggers and `fires` their functions, so that rules with the same trigger cost
    one check; `only` is the function of the only one. `takes_traits`: a rule reads what is remembered of the person.
    """

    __slots__ = ("_attributes", "_sees_type", "fires", "only", "rules", "takes_traits", "triggers")

    def __init__(self, rules: Sequence[CompiledRule]) -> None:
        self.rules = tuple(rules)
        functions = {rule.trigger.name: rule.trigger.fires_within for rule in rules}
        self.triggers = tuple(functions)
        self.fires: list[Callable[[dict[str, Any]], bool]] = list(functions.values())
        self.only = self.fires[0] if len(self.fires) == 1 else None
        self.takes_traits = any(traits_named(msgspec.to_builtins(rule.rule)) for rule in rules)
        roots = [_roots_of(rule) for rule in rules]
        known = None if any(found is None for found in roots) else set().union(*[found or () for found in roots])
        self._sees_type = "type" in (known or ())
        self._attributes = None if known is None else tuple([(root, ROOTS[root]) for root in ROOTS if root in known])

    def firing(self, answers: Sequence[bool]) -> list[CompiledRule]:
        """The rules whose triggers gave true. `answers`: one for each of `triggers`."""
        true = {trigger for trigger, answer in zip(self.triggers, answers, strict=True) if answer}
        return [rule for rule in self.rules if rule.trigger.name in true]

    def fields(self, message: Message, with_times: bool) -> dict[str, Any]:
        """The message as its rules see it: only the fields that they can read, where that is known."""
        if self._attributes is None:
            return message.as_json(with_times)
        fields: dict[str, Any] = {"type": message.type._value_} if self._sees_type else {}
        for root, attribute in self._attributes:
            value = getattr(message, attribute)
            if value:
                fields[root] = value
        return fields


def _roots_of(compiled: CompiledRule) -> set[str] | None:
    """The fields at the top of a message that a rule can read; None if that is not plain to see.

    Shape: plain are rules that only write properties, each a literal or a path.
    """
    rule = compiled.rule
    others = (
        rule.transform,
        rule.key,
        rule.find,
        rule.person,
        rule.fallback,
        rule.associate,
        rule.each,
        rule.marketing_values,
    )
    if any(others) or not isinstance(rule.properties, dict):
        return None
    roots = set(compiled.trigger.roots)
    for value in rule.properties.values():
        if isinstance(value, str) and value.startswith("$."):
            path = _PATH.fullmatch(value)
            if path is None:
                return None
            roots.add(path[1])
        elif isinstance(value, dict | list):
            return None
    return roots if roots <= {"type", *ROOTS} else None
