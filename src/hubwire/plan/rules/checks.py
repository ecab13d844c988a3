"""Checks the rules of a destination before they are stored. Each fault names its rule and its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from hubwire.destination import Destination
from hubwire.errors import BadValue
from hubwire.plan.presets import check_presets, rules_of
from hubwire.plan.rules.compiling import CompiledRule, compile_rule, templates_of
from hubwire.plan.rules.directives import MAX_TEMPLATE
from hubwire.plan.rules.faults import MappingRefused
from hubwire.plan.rules.mapping import check_mapping
from hubwire.plan.rules.marketing_checks import check_marketing
from hubwire.plan.rules.record_checks import MAX_NAME, has_length, refuse
from hubwire.plan.rules.resolving import as_mapping
from hubwire.plan.rules.shape_checks import check_defaults, check_shape, check_traits
from hubwire.plan.rules.transforms import check_transform
from hubwire.plan.rules.triggers import Reading, Trigger, TriggerRefused, refuse_two_meanings
from hubwire.plan.rules.triggers.contradictions import contradiction
from hubwire.plan.rules.triggers.documented import parse
from hubwire.plan.rules.triggers.overlap import both_fire
from hubwire.plan.rules.triggers.readings import shown
from hubwire.plan.rules.triggers.samples import TYPES
from hubwire.rule import Rule

MAX_RULES = 200
MAX_COMPARED = 1_000


def check_destination(destination: Destination) -> None:
    """Refuse rules and keys of a destination that cannot do what they say. Errors: BadValue, naming the rule."""
    check_defaults(destination)
    for field in ("contact_key", "company_key"):
        try:
            check_mapping({name: as_mapping(value) for name, value in getattr(destination, field).items()})
        except MappingRefused as exc:
            raise BadValue(field, f"{field}: {' '.join(exc.faults)}") from exc
    check_presets(destination)
    check_rules(rules_of(destination))


def check_rules(rules: Sequence[Rule]) -> None:
    """Refuse rules that cannot do what they say. Errors: BadValue, naming the rule."""
    if len(rules) > MAX_RULES:
        raise BadValue("rules", f"at most {MAX_RULES} rules, these are {len(rules):,}", limit=MAX_RULES)
    names = [rule.name for rule in rules]
    for rule in rules:
        if not has_length(rule.name):
            fault = f"name: a rule's name has 1 to {MAX_NAME} characters, this one is {rule.name[: MAX_NAME + 1]!r}"
            raise BadValue("rules", fault, value=rule.name, limit=MAX_NAME)
        if names.count(rule.name) > 1:
            refuse(rule, "another rule has this name; names tell rules apart")
    compiled = [_checked(rule) for rule in rules]
    _check_overlaps([candidate for candidate in compiled if candidate.rule.enabled])


def _checked(rule: Rule) -> CompiledRule:
    """The rule with its functions. Errors: BadValue."""
    check_shape(rule)
    check_traits(rule)
    check_transform(rule)
    check_marketing(rule)
    try:
        compiled = compile_rule(rule)
        if rule.writes and compiled.trigger.reading is Reading.DOCUMENTED:
            refuse_two_meanings(rule.trigger)
    except TriggerRefused as exc:
        raise BadValue("rules", f"rule {rule.name!r}: trigger: {exc}", value=rule.trigger) from exc
    except MappingRefused as exc:
        raise BadValue("rules", f"rule {rule.name!r}: {' '.join(exc.faults)}") from exc
    _check_reach(compiled)
    _check_templates(rule)
    return compiled


def _check_reach(compiled: CompiledRule) -> None:
    rule, reach = compiled.rule, compiled.trigger.reach
    types = frozenset(TYPES) if reach.types is None else reach.types & frozenset(TYPES)
    if reach.events is not None:
        types &= {"track"}
    if not types or reach.events == frozenset():
        known = f"types are {', '.join(TYPES)}, and only a track call has an event"
        refuse(rule, f"its trigger can never fire: no message has such a type and event; {known}", rule.trigger)
    if compiled.trigger.reading is Reading.DOCUMENTED:
        fault = contradiction(parse(rule.trigger))
        if fault is not None:
            refuse(rule, f"its trigger can never fire: {fault}", rule.trigger)
    if types != {"group"}:
        hint = 'only group calls name a company: give key = { domain = … }, or a trigger with type = "group"'
        if (rule.object == "company" or rule.on == "company") and not rule.key:
            refuse(rule, hint)
        if any(association.object == "company" and not association.key for association in rule.associate):
            refuse(rule, f"associate: {hint}")


def _check_templates(rule: Rule) -> None:
    templates = list(templates_of(msgspec.to_builtins(rule)))
    if not templates:
        return
    from hubwire.plan.rules.liquid.engine import template_fault  # python-liquid takes 0.3 s to load

    for place, template in templates:
        fault = template_fault(template)
        if len(template) > MAX_TEMPLATE:
            fault = f"a template has at most {MAX_TEMPLATE:,} characters, this one has {len(template):,}"
        if fault is not None:
            refuse(rule, f"{place}: @liquid: {fault}", template)


class _Writing(NamedTuple):
    """Properties that a rule writes into a record, or into the records of a list."""

    rule: Rule
    trigger: Trigger
    record: tuple[Any, ...]
    """Equal for two rules that write the same record."""
    object: str
    properties: frozenset[str]


def _writings(compiled: CompiledRule) -> list[_Writing]:
    rule = compiled.rule
    if rule.object is None or isinstance(rule.properties, str):
        return []
    own = _Writing(rule, compiled.trigger, (rule.object, rule.key, rule.find), rule.object, frozenset(rule.properties))
    lists = [
        _Writing(rule, compiled.trigger, (each.object, each.key, each.list), each.object, frozenset(each.properties))
        for each in rule.each
    ]
    return [own, *lists]


def _check_overlaps(compiled: Sequence[CompiledRule]) -> None:
    """Refuse two rules that write one property of the same message: which value counts would be an accident.

    Shape: at most MAX_COMPARED pairs are compared, so that many rules of one property do not take minutes to save.
    """
    compared = 0
    writing = [found for candidate in compiled for found in _writings(candidate)]
    for index, first in enumerate(writing):
        for second in writing[index + 1 :]:
            common = sorted(first.properties & second.properties)
            if not common or first.record != second.record:
                continue
            compared += 1
            if compared > MAX_COMPARED:
                return
            message = both_fire(first.trigger, second.trigger)
            if message is not None:
                also = f"rule {first.rule.name!r} writes the {first.object} property {common[0]}, too"
                refuse(second.rule, f"{also}, and both fire for {shown(message)}", common[0])
