"""What is wrong with the rules of a destination, before they are stored: each fault names its rule and its place."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hubwire.destination import PROPERTY_NAME, Rule
from hubwire.errors import BadValue
from hubwire.plan.rules.faults import MappingRefused
from hubwire.plan.rules.rule_set import CompiledRule, compile_rule, templates_of
from hubwire.plan.rules.triggers import Reading, TriggerRefused, refuse_two_meanings
from hubwire.plan.rules.triggers.overlap import both_fire
from hubwire.plan.rules.triggers.readings import shown
from hubwire.plan.rules.triggers.samples import TYPES

MAX_RULES = 200
MAX_NAME = 100
MAX_SKIP = 200
MAX_PROPERTIES = 100
MAX_COMPARED = 1_000
KEYS = {"contact": "email", "company": "domain"}
"""What a record is found by."""

_PROPERTY = re.compile(PROPERTY_NAME)


def check_rules(rules: Sequence[Rule]) -> None:
    """Refuse rules that cannot do what they say. Errors: BadValue, naming the rule."""
    if len(rules) > MAX_RULES:
        raise BadValue("rules", f"at most {MAX_RULES} rules, these are {len(rules):,}", limit=MAX_RULES)
    names = [rule.name for rule in rules]
    for rule in rules:
        if not 1 <= len(rule.name.strip()) <= MAX_NAME:
            raise BadValue("rules", f"a rule's name has 1 to {MAX_NAME} characters", value=rule.name, limit=MAX_NAME)
        if names.count(rule.name) > 1:
            _refuse(rule, "another rule has this name; names tell rules apart")
    compiled = [_checked(rule) for rule in rules]
    _check_overlaps([one for one in compiled if one.rule.enabled])


def _refuse(rule: Rule, fault: str, value: object = None) -> None:
    raise BadValue("rules", f"rule {rule.name!r}: {fault}", value=value)


def _checked(rule: Rule) -> CompiledRule:
    """The rule with its functions. Errors: BadValue."""
    _check_shape(rule)
    try:
        compiled = compile_rule(rule)
        if rule.skip is None and compiled.trigger.reading is Reading.DOCUMENTED:
            refuse_two_meanings(rule.trigger)
    except TriggerRefused as exc:
        raise BadValue("rules", f"rule {rule.name!r}: trigger: {exc}", value=rule.trigger) from exc
    except MappingRefused as exc:
        raise BadValue("rules", f"rule {rule.name!r}: {' '.join(exc.faults)}") from exc
    _check_reach(compiled)
    _check_templates(rule)
    return compiled


def _check_shape(rule: Rule) -> None:
    given = [name for name in ("skip", "object", "event") if getattr(rule, name) is not None]
    if len(given) != 1:
        _refuse(rule, f"give one of skip, object and event, not {' and '.join(given) or 'none'}")
    if rule.skip is not None:
        if not 1 <= len(rule.skip.strip()) <= MAX_SKIP:
            _refuse(rule, f"skip says why, in 1 to {MAX_SKIP} characters", rule.skip)
        if rule.key or rule.properties or not rule.default:
            _refuse(rule, "a rule that skips has no key, no properties and no default")
        return
    if rule.event is not None and not 1 <= len(rule.event.strip()) <= MAX_NAME:
        _refuse(rule, f"the name of an event has 1 to {MAX_NAME} characters", rule.event)
    key = KEYS[rule.object or "contact"]
    for name in rule.key:
        if name != key:
            _refuse(rule, f"key {name}: {'companies' if key == 'domain' else 'contacts'} are found by {key}", name)
    if isinstance(rule.properties, str):
        if rule.event is None:
            _refuse(rule, "properties of a record are given one by one; only an event takes a path", rule.properties)
        if not rule.properties.startswith("$."):
            _refuse(rule, "properties: a path begins with $.", rule.properties)
        return
    _check_properties(rule, rule.properties, key)


def _check_properties(rule: Rule, properties: dict[str, object], key: str) -> None:
    if rule.object is not None and not properties:
        _refuse(rule, "it writes no property")
    if len(properties) > MAX_PROPERTIES:
        _refuse(rule, f"at most {MAX_PROPERTIES} properties, it has {len(properties):,}")
    for name in properties if rule.object is not None else ():
        if not _PROPERTY.fullmatch(name):
            expected = "its internal name: a letter, then lower-case letters, digits and underscores"
            _refuse(rule, f"property {name!r}: a property is named by {expected}", name)
        if name == key:
            _refuse(rule, f"property {name}: the key says which record it is, and is not written", name)


def _check_reach(compiled: CompiledRule) -> None:
    rule, reach = compiled.rule, compiled.trigger.reach
    types = frozenset(TYPES) if reach.types is None else reach.types & frozenset(TYPES)
    if reach.events is not None:
        types &= {"track"}
    if not types or reach.events == frozenset():
        _refuse(rule, "its trigger can never fire: no message has such a type and event", rule.trigger)
    if rule.object == "company" and not rule.key and types != {"group"}:
        _refuse(rule, 'only group calls name a company: give key = { domain = … }, or a trigger with type = "group"')


def _check_templates(rule: Rule) -> None:
    templates = list(templates_of([rule.key, rule.properties]))
    if not templates:
        return
    from hubwire.plan.rules.liquid.engine import template_fault  # python-liquid takes 0.3 s to load

    for template in templates:
        fault = template_fault(template)
        if fault is not None:
            _refuse(rule, f"@liquid: {fault}", template)


def _check_overlaps(compiled: Sequence[CompiledRule]) -> None:
    """Refuse two rules that write one property of the same message: which of them counts would be an accident.

    Shape: at most MAX_COMPARED pairs are compared, so that many rules of one property do not take minutes to save.
    """
    compared = 0
    writing = [one for one in compiled if one.rule.object is not None and isinstance(one.rule.properties, dict)]
    for index, one in enumerate(writing):
        for other in writing[index + 1 :]:
            common = sorted(set(one.rule.properties) & set(other.rule.properties))
            if not common or one.rule.object != other.rule.object or one.rule.key != other.rule.key:
                continue
            compared += 1
            if compared > MAX_COMPARED:
                return
            message = both_fire(one.trigger, other.trigger)
            if message is not None:
                also = f"rule {one.rule.name!r} writes the {one.rule.object} property {common[0]}, too"
                _refuse(other.rule, f"{also}, and both fire for {shown(message)}", common[0])
