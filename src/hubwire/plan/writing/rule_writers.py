"""Prepares the properties of rules that fire together, once for each combination and each state of the portal's schema.

The rules that write the message's own person are one list of properties: a message then costs one step for each
property, whatever rule it comes from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, NamedTuple

from hubwire.plan.conversion.choices import NewValue, converter, with_new_options
from hubwire.plan.conversion.trait_rules import is_read_only
from hubwire.plan.conversion.values import Converted, Refusal, inferred, text
from hubwire.plan.rulebook import Rulebook
from hubwire.plan.rules.candidates import Candidates
from hubwire.plan.rules.compiling import CompiledRule
from hubwire.plan.rules.paths import Resolver
from hubwire.plan.writing.rule_targets import stored_name
from hubwire.plan.writing.rule_values import RuleConverter, SourceValue, Written, shared
from hubwire.reasons import Reason
from hubwire.rule import Each, Rule
from hubwire.schema import PortalSchema, PropertyDefinition

MAX_FIRINGS = 256
OWN = ("contact", "company")
"""The object types of which a message has a record of its own."""


@dataclass(frozen=True, slots=True)
class Firing:
    """The rules that fire for a message, in their order."""

    rules: tuple[CompiledRule, ...]
    has_default: bool
    own_contact: tuple[SourceValue, ...]
    """Their properties of the message's own person."""
    own_company: tuple[SourceValue, ...]
    """Their properties of the company of a group call."""
    others: tuple[OtherRule, ...]
    """The rules that write another record, a company or an event."""


class OtherRule(NamedTuple):
    """A rule that writes another record than the message's own, with its properties and those of its lists."""

    compiled: CompiledRule
    values: tuple[SourceValue, ...]
    each: tuple[tuple[SourceValue, ...], ...] = ()


def firing_of(candidates: Candidates, fields: dict[str, Any], book: Rulebook, is_public: bool) -> Firing:
    """The candidates that fire for a message, with their properties. A message of a public write key adds no
    options."""
    cache = book.public_firings if is_public else book.firings
    by_answers = cache.get(candidates)
    if by_answers is None:
        by_answers = cache[candidates] = {}
    only = candidates.only
    answers = only(fields) if only is not None else tuple([fires(fields) for fires in candidates.fires])
    firing: Firing | None = by_answers.get(answers)
    if firing is None:
        if len(by_answers) >= MAX_FIRINGS:
            by_answers.clear()
        given = answers if isinstance(answers, tuple) else (answers,)
        firing = by_answers[answers] = _prepared(candidates.firing(given), book, is_public)
    return firing


def _prepared(firing: Sequence[CompiledRule], book: Rulebook, is_public: bool) -> Firing:
    fired = [compiled for compiled in firing if is_for_portal(compiled.rule, book.schema)]
    own: dict[str, list[SourceValue]] = {"contact": [], "company": []}
    others = []
    for compiled in fired:
        rule = compiled.rule
        if _is_plain(compiled) and rule.object is not None:
            own[rule.object] += _values(rule, rule, "", compiled.fields, book, is_public)
        else:
            # An event's properties need no definition.
            fields = () if rule.object is None else compiled.fields
            values = shared(_values(rule, rule, "", fields, book, is_public))
            lists = [
                shared(_values(rule, part.each, f"{part.each.object}.", part.fields, book, is_public))
                for part in compiled.each
            ]
            others.append(OtherRule(compiled, values, tuple(lists)))
    return Firing(
        rules=tuple(fired),
        has_default=all(compiled.rule.default for compiled in fired),
        own_contact=shared(own["contact"]),
        own_company=shared(own["company"]),
        others=tuple(others),
    )


def is_for_portal(rule: Rule, schema: PortalSchema) -> bool:
    """Whether the portal has the object types that a rule needs, and lacks those that turn it off."""
    absent = {name for name, known in schema.objects.items() if known.is_absent}
    lacks = rule.if_portal_lacks
    return absent.isdisjoint(rule.if_portal_has) and all(name in absent for name in lacks)


def _is_plain(compiled: CompiledRule) -> bool:
    """True if a rule only adds properties to the message's own record."""
    rule = compiled.rule
    is_alone = not rule.only_if_empty and not rule.associate and not rule.each
    is_of_own = rule.object in OWN and compiled.key is None and not rule.transform
    return is_of_own and rule.mode == "upsert" and is_alone


def _values(
    rule: Rule,
    record: Rule | Each,
    place: str,
    fields: Sequence[tuple[str, Resolver]],
    book: Rulebook,
    is_public: bool,
) -> list[SourceValue]:
    """The values of a record's properties in this portal."""
    known = book.schema.objects.get(record.object or "")
    if not fields or record.object is None or (known is not None and known.unavailable is not None):
        return []
    definitions = book.schema.definitions(record.object)
    stages = (known.object_type.pipeline, known.object_type.stage) if known is not None else ()
    written = Written(
        rule,
        record.object if known is None else stored_name(record.object, known),
        frozenset(record.only_if_empty),
        place,
    )
    values: list[SourceValue] = []
    for name, resolve in fields:
        convert: RuleConverter = text
        if not name or name not in stages:
            definition = definitions.get(name)
            is_new = definition is None and known is not None and book.mapping.create_properties and not is_public
            convert = _new_value if is_new else _convert(record, name, definition, book.day_zone, is_public)
        values.append((resolve, convert, ((name, f"rule:{rule.name}", written),)))
    return values


def _new_value(value: object) -> Converted | NewValue:
    """A value of a property that the destination creates."""
    kind, converted = inferred(value)
    return NewValue(converted, kind) if isinstance(converted, str) else converted


def _convert(
    record: Rule | Each, name: str, definition: PropertyDefinition | None, day_zone: tzinfo, is_public: bool
) -> RuleConverter:
    if definition is None:
        unknown = Refusal(Reason.UNKNOWN_PROPERTY, f"the portal has no {record.object} property {name}")
        return lambda value: unknown
    if is_read_only(definition):
        read_only = Refusal(Reason.READ_ONLY_PROPERTY, f"HubSpot sets {name} itself")
        return lambda value: read_only
    convert = converter(definition, day_zone)
    adds_options = record.add_options and not is_public and definition.options is not None
    return with_new_options(definition, convert) if adds_options else convert
