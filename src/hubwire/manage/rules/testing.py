"""Tests rules with a message: which rules fire, the value of each of their fields, and the plan of the message.

Pure. The values are those before HubSpot's types are applied; the plan shows what would be written, and why not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from hubwire.decoding import read_message
from hubwire.deliver.preview import DryRun
from hubwire.destination import Destination
from hubwire.errors import BadValue
from hubwire.message import JournalRow
from hubwire.plan.presets import rules_of
from hubwire.plan.rules.compiling import CompiledEach, compile_rule
from hubwire.plan.rules.directives import MappingFailed
from hubwire.plan.rules.paths import Resolver
from hubwire.plan.rules.resolving import PERSON, resolver, root_of, traits_named
from hubwire.plan.rules.transforms import with_transform
from hubwire.plan.rules.values import MISSING
from hubwire.plan.writing.rule_writers import is_for_portal
from hubwire.rule import Rule
from hubwire.schema import PortalSchema

SHOWN_ELEMENTS = 3
"""The elements of a list that a test shows."""


class RuleField(msgspec.Struct, kw_only=True, frozen=True):
    """One field of a rule for a message. `origin` is its value in the rule; `problem` says why there is no value."""

    name: str
    origin: Any
    value: Any = None
    problem: str = ""


class RuleFiring(msgspec.Struct, kw_only=True, frozen=True):
    """Whether a rule fires for a message. A rule that is off never does."""

    name: str
    does: str
    is_enabled: bool
    fires: bool
    fields: list[RuleField] = []
    problem: str = ""


class RuleTest(msgspec.Struct, kw_only=True, frozen=True):
    """All rules of a destination for one message, in their order, and what would be sent."""

    message_id: str
    rules: list[RuleFiring]
    plan: DryRun


def firings(
    destination: Destination,
    row: JournalRow,
    schema: PortalSchema | None = None,
    person: Mapping[str, Any] | None = None,
) -> list[RuleFiring]:
    """Each rule of the destination for the message of a row, in the portal with this schema. `person`: what is
    remembered of the message's person."""
    if row.rejected is not None:
        return []
    message = read_message(row, destination.future_grace_ms)
    fields = message.as_json(True) | ({PERSON: person} if person else {})
    return [_firing(rule, fields, schema) for rule in rules_of(destination)]


def fires_for(rule: Rule, row: JournalRow) -> bool:
    """True if the trigger of a rule fires for the message of a row, whether the rule is on or off."""
    return row.rejected is None and compile_rule(rule).trigger.fires(read_message(row).as_json(True))


def _firing(rule: Rule, fields: dict[str, Any], schema: PortalSchema | None) -> RuleFiring:
    if schema is not None and not is_for_portal(rule, schema):
        problem = "it is not for this portal: see if_portal_has and if_portal_lacks"
        return RuleFiring(name=rule.name, does=rule.does, is_enabled=rule.enabled, fires=False, problem=problem)
    try:
        compiled = compile_rule(rule)
    except BadValue as exc:
        return RuleFiring(name=rule.name, does=rule.does, is_enabled=rule.enabled, fires=False, problem=str(exc))
    fires = rule.enabled and compiled.trigger.fires(fields)
    shown: list[RuleField] = []
    if fires:
        fields, _ = with_transform(compiled.transform, fields)
        shown += [
            _field(f"transform {name}", rule.transform[name], resolve, fields) for name, resolve in compiled.transform
        ]
        shown += [_field(f"key {name}", value, resolver(value), fields) for name, value in rule.key.items()]
        origins = {name: value for clue in rule.find for name, value in clue.items()}
        shown += [_field(f"find {name}", origins[name], resolve, fields) for name, resolve in compiled.find]
        for (name, resolve), value in zip(compiled.person, rule.person.values(), strict=True):
            shown.append(_field(f"person {name}", value, resolve, fields))
        origins = rule.marketing_values
        shown += [_field(place, origins[place], resolve, fields) for place, resolve in compiled.marketing.items()]
        if compiled.whole is not None:
            shown.append(_field("properties", rule.properties, compiled.whole, fields))
        elif isinstance(rule.properties, dict):
            shown += [_field(name, rule.properties[name], resolve, fields) for name, resolve in compiled.fields]
        for part in compiled.each:
            shown += _of_list(part, fields)
    return RuleFiring(name=rule.name, does=rule.does, is_enabled=rule.enabled, fires=fires, fields=shown)


def _of_list(part: CompiledEach, fields: dict[str, Any]) -> list[RuleField]:
    """The fields of the first elements of a list."""
    each = part.each
    elements = _field(f"each {each.object}", each.list, part.items, fields)
    if elements.problem or not isinstance(elements.value, list):
        return [elements]
    shown = [msgspec.structs.replace(elements, value=_counted(len(elements.value)))]
    for index, element in enumerate(elements.value[:SHOWN_ELEMENTS]):
        root, place = root_of(element, fields, index), f"{each.object} {index + 1}"
        if part.key is not None:
            [(name, origin)] = each.key.items()
            shown.append(_field(f"{place}: key {name}", origin, part.key, root))
        shown += [_field(f"{place}: {name}", each.properties[name], resolve, root) for name, resolve in part.fields]
    return shown


def _absence(origin: object) -> str:
    if traits_named(origin):
        return "nothing is remembered of the person, or of this trait"
    return "the message does not have it"


def _counted(count: int) -> str:
    return "1 element" if count == 1 else f"{count:,} elements"


def _field(name: str, origin: object, resolve: Resolver, fields: dict[str, Any]) -> RuleField:
    try:
        value = resolve(fields)
    except (MappingFailed, RecursionError) as exc:
        return RuleField(name=name, origin=origin, problem=str(exc))
    if value is MISSING:
        return RuleField(name=name, origin=origin, problem=_absence(origin))
    return RuleField(name=name, origin=origin, value=value)
