"""A subscription of Segment as rules: one draft, with what Segment never did and what a person should know.

Names, mappings and keys of rules are made here; what each action writes stands in `actions.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hubwire.destination import PROPERTY_NAME
from hubwire.manage.takeover.findings import FoundSubscription, Reference
from hubwire.plan.rules.triggers import Reading, Trigger, TriggerRefused, compile_trigger, segment
from hubwire.plan.rules.triggers.readings import difference
from hubwire.rule import Rule

FIRST_STEPS = frozenset(
    [
        *("type", "event", "name", "userId", "anonymousId", "groupId", "previousId", "traits", "properties", "context"),
        *("timestamp", "receivedAt", "sentAt", "originalTimestamp", "messageId", "integrations", "channel", "version"),
        *("projectId", "writeKey", "_metadata"),
    ]
)
"""The fields that messages have at the top."""
INTERNAL = frozenset(
    [
        *("enable_batching", "batch_size", "batch_keys", "batch_bytes", "retlOnMappingSave", "onMappingSave"),
        *("traits_or_props", "computation_key", "computation_class", "timestamp"),
        *("__segment_internal_matching_key", "__segment_internal_sync_mode"),
    ]
)
"""Settings that say how Segment sends, not what: Hubwire always sends batches."""
_PROPERTY = re.compile(PROPERTY_NAME)
_OTHER_ROOT = re.compile(r"@arrayPath/1/|@transform/mapping/")
"""Where paths lead into a list's items or a made object, not into the message."""
_FIRST_STEP = re.compile(r"(?:\$\.)?([^.\[]+)")


class NotTaken(Exception):
    """A part that cannot be taken over, with the reason as a sentence."""


@dataclass(slots=True)
class Draft:
    """What a subscription becomes. `never`: why Segment never did what it says; `defaults`: the parts of the default
    behaviour that do it, or a part of it."""

    rules: list[Rule] = field(default_factory=list)
    never: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    defaults: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Part:
    """A subscription on its way to a draft."""

    subscription: FoundSubscription
    name: str
    trigger: Trigger
    reading: Literal["documented", "segment"]
    draft: Draft = field(default_factory=Draft)

    def rule(self, suffix: str = "", **fields: Any) -> None:
        """Add a rule of this subscription. Fields without a value are left out."""
        given = {name: value for name, value in fields.items() if value not in (None, {}, (), "")}
        name = f"{self.name}{suffix}"[-100:]
        rule = Rule(name=name, trigger=self.trigger.text, reading=self.reading, **given)
        self.draft.rules.append(rule)

    def warn(self, warning: str) -> None:
        self.draft.warnings.append(warning)

    def value(self, field_name: str) -> Any:
        """The value of a field of the mapping as a rule has it; None where Segment takes nothing."""
        given = (self.subscription.mapping or {}).get(field_name)
        return None if given is None or given == "" else rule_value(given)

    def raw(self, field_name: str) -> Any:
        """The value of a field of the mapping as it stands."""
        return (self.subscription.mapping or {}).get(field_name)


def part_of(subscription: FoundSubscription, name: str) -> Part:
    """A subscription with its trigger read as Segment reads it. Errors: NotTaken."""
    if subscription.fault:
        raise NotTaken(subscription.fault)
    text = subscription.trigger.strip(" \t\n")
    try:
        trigger = compile_trigger(text, Reading.SEGMENT)
    except TriggerRefused as exc:
        raise NotTaken(f"Segment could not read its trigger, so it never fired: {exc}") from exc
    part = Part(subscription, name, trigger, "documented")
    try:
        found = difference(text)
        if found is not None:
            part.reading = "segment"
            part.warn(f"the trigger keeps Segment's reading. {found}")
    except TriggerRefused as exc:
        part.reading = "segment"
        part.warn(f"the trigger keeps Segment's reading, because it is not written as documented: {exc}")
    if trigger.reach.events == frozenset([""]):
        part.draft.never.append("its trigger asks for an event without a name, which no message has")
    idle = _idle_or(text)
    if idle:
        part.warn(idle)
    for warning in _mapping_warnings(subscription.mapping or {}):
        part.warn(warning)
    if subscription.model:
        part.warn(
            "the model and the schedule of Reverse ETL are not carried over: "
            "send the rows as track calls named new, updated and deleted"
        )
    return part


def _idle_or(trigger: str) -> str:
    """A warning about an `or` beside a condition on the type, which lets every such call through."""
    group = segment.parse(trigger)
    conditions = [child for child in group.children if isinstance(child, segment.Condition)]
    types = [str(child.value) for child in conditions if child.root == "type" and child.operator == "="]
    if group.operator != "or" or not types or len(types) == len(group.children):
        return ""
    return f"its `or` lets every {' and '.join(types)} call through, so the other conditions change nothing for these"


def _mapping_warnings(mapping: Mapping[str, Any]) -> Iterator[str]:
    for place, value in _leaves("", mapping):
        if isinstance(value, Reference):
            raise NotTaken(f"{place} has a value that the file does not hold: {value}")
        if not isinstance(value, str):
            continue
        if place.endswith(("@path", "@arrayPath/0")):
            step = _FIRST_STEP.match(value)
            if step and step[1] not in FIRST_STEPS and not _OTHER_ROOT.search(place):
                yield f"{place}: no message has {step[1]!r} at the top, so {value} gives nothing"
        elif value.startswith("$.") and "@" not in place.rpartition("/")[2]:
            yield f"{place}: {value} is a literal text in Segment, not a path, and stays one"


def _leaves(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name != "_metadata":
                yield from _leaves(f"{place}/{name}" if place else name, inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(f"{place}/{number}", inner)
    else:
        yield place, value


# -- values


def is_directive(value: object) -> bool:
    """True for an object that Segment runs."""
    return isinstance(value, dict) and any(name.startswith("@") for name in value)


def rule_value(value: Any) -> Any:
    """A value of a mapping as a rule has it: a plain path as its text; a text that only looks like one stays a text."""
    match value:
        case str() if value.startswith(("$.", "$person.")):
            return {"@literal": str(value)}
        case {"@path": str() as path} if path.startswith("$.") and len(path) > 2 and "{{" not in path:
            return path
        case dict():
            return {name: _inside(inner) for name, inner in value.items() if name != "_metadata"}
        case list():
            return [_inside(inner) for inner in value]
    return value


def _inside(value: Any) -> Any:
    """Inside of a directive nothing changes but the labels of Segment's pages."""
    if isinstance(value, dict):
        return {
            name: _inside(inner) for name, inner in value.items() if not (name == "_metadata" and is_directive(value))
        }
    return [_inside(inner) for inner in value] if isinstance(value, list) else value


def properties_of(part: Part, value: Any, *, is_cleaned: bool = False) -> dict[str, Any] | None:
    """The properties of an open object; None where a directive gives the object, which only a message knows."""
    if value is None or value == "":
        return {}
    if is_directive(value) or not isinstance(value, dict):
        return None
    properties = {}
    for given, inner in value.items():
        name = cleaned(given) if is_cleaned else given
        if _PROPERTY.fullmatch(name):
            properties[name] = rule_value(inner)
        else:
            part.warn(f"the property {given!r} is left out: HubSpot's names have a letter first, then a-z, 0-9 and _")
    return properties


def cleaned(name: str) -> str:
    """A name as Segment's newer actions send it: in lower case, other signs as underscores."""
    return re.sub(r"[^a-z0-9_]", "_", name.lower())


def unknown_fields(part: Part, known: frozenset[str]) -> None:
    """Warn about settings that the action does not have."""
    for name in (part.subscription.mapping or {}).keys() - known - INTERNAL:
        part.warn(f"{name} is no field of this action, so Segment ignored it")


def worded(value: Any) -> str:
    """A value for a sentence."""
    return str(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
