"""Prepares the properties of rules that fire together, once for each combination and each state of the portal's schema.

The rules that write the message's own person are one list of properties: a message then costs one step for each
property, whatever rule it comes from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, NamedTuple

from hubwire.destination import Rule
from hubwire.plan.choices import NewOption, converter, with_new_options
from hubwire.plan.rulebook import Rulebook
from hubwire.plan.rules.paths import Resolver
from hubwire.plan.rules.rule_set import CompiledRule
from hubwire.plan.trait_rules import is_read_only
from hubwire.plan.values import Converted, Refusal
from hubwire.reasons import Reason
from hubwire.schema import PropertyDefinition

MAX_CANDIDATES = 1024
MAX_FIRINGS = 256


RuleConverter = Callable[[object], Converted | NewOption]


class FieldWriter(NamedTuple):
    """Writes one property of a rule to a record of this portal. The plan shows `label`."""

    property: str
    resolve: Resolver
    convert: RuleConverter
    label: str
    rule: Rule


@dataclass(frozen=True, slots=True)
class Firing:
    """The rules that fire for a message, in their order."""

    rules: tuple[CompiledRule, ...]
    has_default: bool
    own_contact: tuple[FieldWriter, ...]
    """Their properties of the message's own person."""
    own_company: tuple[FieldWriter, ...]
    """Their properties of the company of a group call."""
    others: tuple[tuple[CompiledRule, tuple[FieldWriter, ...]], ...]
    """The rules that write another record, a company or an event, each with its properties."""


@dataclass(slots=True)
class _Known:
    """Candidates, and the prepared results by the combination of rules that fired.

    `triggers` are their distinct triggers, so that rules with the same trigger cost one check.
    """

    candidates: tuple[CompiledRule, ...]
    triggers: tuple[str, ...]
    fires: list[Callable[[dict[str, Any]], bool]]
    firings: dict[tuple[bool, ...], Firing] = field(default_factory=dict)


def firing_of(candidates: tuple[CompiledRule, ...], fields: dict[str, Any], book: Rulebook) -> Firing:
    """The candidates that fire for a message, with their properties."""
    known = book.firings.get(id(candidates))
    if not isinstance(known, _Known) or known.candidates is not candidates:
        triggers = {
            f"{candidate.trigger.reading} {candidate.trigger.text}": candidate.trigger.fires_within
            for candidate in candidates
        }
        known = _Known(candidates, tuple(triggers), list(triggers.values()))
        if len(book.firings) >= MAX_CANDIDATES:
            book.firings.clear()
        book.firings[id(candidates)] = known
    answers = tuple([fires(fields) for fires in known.fires])
    firing = known.firings.get(answers)
    if firing is None:
        fire = {trigger for trigger, answer in zip(known.triggers, answers, strict=True) if answer}
        fired = [
            candidate for candidate in candidates if f"{candidate.trigger.reading} {candidate.trigger.text}" in fire
        ]
        if len(known.firings) >= MAX_FIRINGS:
            known.firings.clear()
        firing = known.firings[answers] = _prepared(fired, book)
    return firing


def _prepared(fired: list[CompiledRule], book: Rulebook) -> Firing:
    own: dict[str, list[FieldWriter]] = {"contact": [], "company": []}
    others = []
    for compiled in fired:
        if _is_plain(compiled) and compiled.rule.object is not None:
            own[compiled.rule.object] += _writers(compiled, book)
        else:
            others.append((compiled, _writers(compiled, book)))
    return Firing(
        rules=tuple(fired),
        has_default=all(compiled.rule.default for compiled in fired),
        own_contact=tuple(own["contact"]),
        own_company=tuple(own["company"]),
        others=tuple(others),
    )


def _is_plain(compiled: CompiledRule) -> bool:
    """True if a rule only adds properties to the message's own record."""
    rule = compiled.rule
    return compiled.key is None and rule.mode == "upsert" and not rule.only_if_empty and not rule.associate


def _writers(compiled: CompiledRule, book: Rulebook) -> tuple[FieldWriter, ...]:
    """The writers of a rule's properties in this portal; none for an event, whose properties need no definition."""
    if compiled.rule.event is not None:
        return ()
    definitions = book.schema.company if compiled.rule.object == "company" else book.schema.contact
    label = f"rule:{compiled.rule.name}"
    return tuple(
        [
            FieldWriter(
                name, resolve, _convert(compiled.rule, name, definitions.get(name), book.day_zone), label, compiled.rule
            )
            for name, resolve in compiled.fields
        ]
    )


def _convert(rule: Rule, name: str, definition: PropertyDefinition | None, day_zone: tzinfo) -> RuleConverter:
    if definition is None:
        unknown = Refusal(Reason.UNKNOWN_PROPERTY, f"the portal has no {rule.object} property {name}")
        return lambda value: unknown
    if is_read_only(definition):
        read_only = Refusal(Reason.READ_ONLY_PROPERTY, f"HubSpot sets {name} itself")
        return lambda value: read_only
    convert = converter(definition, day_zone)
    return with_new_options(definition, convert) if rule.add_options and definition.options is not None else convert
