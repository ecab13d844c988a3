"""Compiles rules: their triggers and values as functions of a message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hubwire.plan.rules.mapping import check_mapping
from hubwire.plan.rules.paths import Resolver
from hubwire.plan.rules.resolving import as_mapping, field_of, is_path, key_of, paths_within, resolver
from hubwire.plan.rules.transforms import in_order
from hubwire.plan.rules.triggers import Reading, Trigger, compile_trigger
from hubwire.rule import Association, Each, Rule


@dataclass(frozen=True, slots=True, eq=False)
class CompiledEach:
    """The records of one list, with functions from an element to values, and from the message to the list."""

    each: Each
    items: Resolver
    key: Resolver | None
    fields: tuple[tuple[str, Resolver], ...]


@dataclass(frozen=True, slots=True, eq=False)
class CompiledRule:
    """One rule with its functions from a message (as JSON) to values; MISSING where there is none."""

    rule: Rule
    trigger: Trigger
    key: Resolver | None
    """The value of the rule's key; None when the rule has none."""
    fields: tuple[tuple[str, Resolver], ...]
    """Each property with its value."""
    transform: tuple[tuple[str, Resolver], ...] = ()
    """The values that are computed first, each after those that it takes."""
    find: tuple[tuple[str, Resolver], ...] = ()
    """Each property by which the record is looked for, with its value."""
    whole: Resolver | None = None
    """All properties at once, where the rule gives one path for them."""
    event: Resolver | None = None
    """The name of the event, where the rule gives a path for it."""
    person: tuple[tuple[str, Resolver], ...] = ()
    """The parts of `person`, in their order."""
    associations: tuple[tuple[Association, Resolver | None], ...] = ()
    """Each association with the key of the other record."""
    marketing: Mapping[str, Resolver] = field(default_factory=dict)
    """The values of a rule about a list, a subscription or a form, by their places (`Rule.marketing_values`)."""
    each: tuple[CompiledEach, ...] = ()


def compile_rule(rule: Rule) -> CompiledRule:
    """A rule with its functions. Errors: TriggerRefused, MappingRefused."""
    trigger = compile_trigger(rule.trigger, Reading(rule.reading))
    mapped = {f"transform.{name}": value for name, value in rule.transform.items()}
    mapped |= {f"key.{name}": value for name, value in rule.key.items()}
    mapped |= {f"find.{name}": value for clue in rule.find for name, value in clue.items()}
    if rule.event is not None:
        mapped["event name"] = rule.event
    mapped |= {f"person.{name}": value for name, value in rule.person.items() if name != "match"}
    mapped |= {f"person.match.{name}": value for name, value in (rule.person.get("match") or {}).items()}
    mapped |= {f"fallback.{name}": value for name, value in rule.fallback.items()}
    for association in rule.associate:
        mapped |= {f"associate.{association.object}.{name}": value for name, value in association.key.items()}
    marketing = {
        place: value if isinstance(value, str) else paths_within(value)
        for place, value in rule.marketing_values.items()
    }
    properties = rule.properties if isinstance(rule.properties, dict) else {}
    check_mapping({name: as_mapping(value) for name, value in {**mapped, **properties, **marketing}.items()})
    return CompiledRule(
        rule,
        trigger,
        key_of(rule.key),
        tuple([(name, field_of(rule, name, value)) for name, value in properties.items()]),
        tuple([(name, resolver(rule.transform[name])) for name in in_order(rule.transform)]),
        tuple([(name, resolver(value)) for clue in rule.find for name, value in clue.items()]),
        resolver(rule.properties) if isinstance(rule.properties, str) else None,
        resolver(rule.event) if rule.event is not None and is_path(rule.event) else None,
        tuple([(name, _part_of_person(name, value)) for name, value in rule.person.items()]),
        tuple([(association, key_of(association.key)) for association in rule.associate]),
        {place: resolver(value) for place, value in marketing.items()},
        tuple([_compile_each(each) for each in rule.each]),
    )


def _part_of_person(name: str, value: Any) -> Resolver:
    """The value of a part of `person`; of `match`, the value of its property."""
    return key_of(value) or resolver(None) if name == "match" else resolver(value)


def _compile_each(each: Each) -> CompiledEach:
    place = f"each.{each.object}"
    mapped = {f"{place}.{name}": as_mapping(value, is_of_list=True) for name, value in each.properties.items()}
    for part, values in (("key", each.key), ("fallback", each.fallback)):
        mapped |= {f"{place}.{part}.{name}": as_mapping(value, is_of_list=True) for name, value in values.items()}
    check_mapping({f"{place}.list": as_mapping(each.list), **mapped})
    return CompiledEach(
        each,
        resolver(each.list),
        key_of(each.key, is_of_list=True),
        tuple([(name, field_of(each, name, value)) for name, value in each.properties.items()]),
    )


def templates_of(mapping: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """The liquid templates in a mapping, wherever they stand, each with its place (`properties/note`)."""
    if isinstance(mapping, dict):
        for name, part in mapping.items():
            if name == "@liquid" and isinstance(part, str):
                yield place, part
            else:
                yield from templates_of(part, f"{place}/{name}" if place else name)
    elif isinstance(mapping, list | tuple):
        for number, part in enumerate(mapping, 1):
            yield from templates_of(part, f"{place}/{number}")
