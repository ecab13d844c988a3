"""Writes the values of rules into the properties of an operation. The hottest path of messages that rules fire for.

Rules that take one value of the message into several properties of one kind cost one look at it, and one conversion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hubwire.operation import LeftOut, Plan, PropertyValue, UpsertCompany, UpsertContact, UpsertRecord
from hubwire.plan.conversion.choices import NewOption, NewValue
from hubwire.plan.conversion.properties import MAX_NEW_PROPERTIES, shortened
from hubwire.plan.conversion.trait_rules import MAX_FIELD
from hubwire.plan.conversion.values import Converted, Partial, Refusal
from hubwire.plan.rules.directives import MappingFailed
from hubwire.plan.rules.paths import Resolver
from hubwire.plan.rules.values import MISSING
from hubwire.reasons import Reason
from hubwire.rule import Rule

RuleConverter = Callable[[object], Converted | NewOption | NewValue]


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """What a rule writes properties into: its record, or the records of one of its lists.

    Shape: `place` begins the properties' names in reports; "" for the rule's record.
    """

    rule: Rule
    object: str
    only_if_empty: frozenset[str] = frozenset()
    place: str = ""


# Plain tuples, because Python takes a named one apart three times as slowly.
Target = tuple[str, str, Written]
"""A property of a rule, the label that the plan shows for it, and the record that it belongs to."""
SourceValue = tuple[Resolver, RuleConverter, tuple[Target, ...]]
"""A value of a message in the form that some properties take, and these properties."""


def shared(values: Sequence[SourceValue]) -> tuple[SourceValue, ...]:
    """The same values, with those of one path in one form joined.

    Shape: nothing is joined if two rules write one property, because of these the later one counts.
    """
    names = [target[0] for target in targets_of(values)]
    if len(set(names)) < len(names):
        return tuple(values)
    joined: dict[tuple[Resolver, RuleConverter], list[Target]] = {}
    for resolve, convert, targets in values:
        joined.setdefault((resolve, convert), []).extend(targets)
    return tuple([(*form, tuple(targets)) for form, targets in joined.items()])


def write_values(
    values: tuple[SourceValue, ...], fields: dict[str, Any], properties: dict[str, PropertyValue], plan: Plan
) -> None:
    """Write the values that the portal accepts, in HubSpot's format; report the others, within a message's limit."""
    for resolve, convert, targets in values:
        try:
            value = resolve(fields)
        except (MappingFailed, RecursionError) as exc:
            for name, _, written in targets:
                report_value(plan, written, Reason.RULE_FAILED, str(exc), name)
            shortened(plan.left_out)
            continue
        if value is MISSING:
            continue
        converted = convert(value)
        if type(converted) is str:
            for name, label, _ in targets:
                properties[name] = PropertyValue(converted, label)
        else:
            for target in targets:
                _write_other(target, converted, properties, plan)
            shortened(plan.left_out)


def write_conditional(
    values: tuple[SourceValue, ...],
    fields: dict[str, Any],
    operation: UpsertContact | UpsertCompany | UpsertRecord,
    plan: Plan,
) -> None:
    """Write the values of one rule, of which some may be `only_if_empty`.

    Shape: a property that the default behaviour writes in any case is left to it.
    """
    written: dict[str, PropertyValue] = {}
    write_values(values, fields, written, plan)
    conditional = {name for name, _, record in targets_of(values) if name in record.only_if_empty}
    for name, value in written.items():
        if name not in conditional:
            operation.properties[name] = value
        elif name not in operation.properties or name in operation.only_if_empty:
            operation.properties[name] = value
            operation.only_if_empty |= {name}


def targets_of(values: Sequence[SourceValue]) -> list[Target]:
    """All properties that values are written into."""
    return [target for _, _, targets in values for target in targets]


def _write_other(
    target: Target, converted: Converted | NewOption | NewValue, properties: dict[str, PropertyValue], plan: Plan
) -> None:
    name, label, written = target
    if isinstance(converted, NewOption):
        properties[name] = PropertyValue(converted.text, label)
        plan.missing_options += [(written.object, name, option) for option in converted.options]
        return
    if isinstance(converted, NewValue):
        if len(plan.missing_properties) < MAX_NEW_PROPERTIES:
            properties[name] = PropertyValue(converted.text, label)
            plan.missing_properties.append((written.object, name, converted.kind))
            return
        converted = Refusal(Reason.TOO_MANY_PROPERTIES, f"one message creates at most {MAX_NEW_PROPERTIES}")
    if isinstance(converted, Partial):
        properties[name] = PropertyValue(converted.text, label)
        converted = converted.refusal
    if isinstance(converted, Refusal):
        report_value(plan, written, converted.reason, converted.detail, name)


def report_value(plan: Plan, written: Written, reason: Reason, detail: str, property_name: str) -> None:
    """Say on the message that a rule does not write a property."""
    report(plan, written.rule, reason, detail, f"{written.place}{property_name}")


def report(plan: Plan, rule: Rule, reason: Reason, detail: str, property_name: str = "") -> None:
    """Say on the message what a rule does not write."""
    field = f"rule:{rule.name}.{property_name}" if property_name else f"rule:{rule.name}"
    plan.left_out.append(LeftOut(field[:MAX_FIELD], reason, detail))
