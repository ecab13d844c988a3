"""Prepares the properties of rules that fire together, once for each combination and each state of the portal's schema.

The rules that write the message's own person are one list of properties: a message then costs one step for each
property, whatever rule it comes from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from hubwire.plan.choices import converter, with_new_options
from hubwire.plan.rule_values import RuleConverter, SourceValue, shared
from hubwire.plan.rulebook import Rulebook
from hubwire.plan.rules.rule_set import CompiledRule
from hubwire.plan.trait_rules import is_read_only
from hubwire.plan.values import Refusal
from hubwire.reasons import Reason
from hubwire.rule import Rule
from hubwire.schema import PropertyDefinition

MAX_CANDIDATES = 1024
MAX_FIRINGS = 256


@dataclass(frozen=True, slots=True)
class Firing:
    """The rules that fire for a message, in their order."""

    rules: tuple[CompiledRule, ...]
    has_default: bool
    own_contact: tuple[SourceValue, ...]
    """Their properties of the message's own person."""
    own_company: tuple[SourceValue, ...]
    """Their properties of the company of a group call."""
    others: tuple[tuple[CompiledRule, tuple[SourceValue, ...]], ...]
    """The rules that write another record, a company or an event, each with its properties."""


@dataclass(slots=True)
class _Known:
    """Candidates, and the prepared results by the combination of rules that fired.

    `triggers` are their distinct triggers, so that rules with the same trigger cost one check.
    """

    candidates: tuple[CompiledRule, ...]
    triggers: tuple[str, ...]
    fires: list[Callable[[dict[str, Any]], bool]]
    only: Callable[[dict[str, Any]], bool] | None
    """The function of the only trigger, if there is one alone."""
    firings: dict[tuple[bool, ...], Firing] = field(default_factory=dict)


def firing_of(
    candidates: tuple[CompiledRule, ...], fields: dict[str, Any], book: Rulebook, *, is_public: bool
) -> Firing:
    """The candidates that fire for a message, with their properties. A message of a public write key adds no
    options."""
    known = book.firings.get((id(candidates), is_public))
    if not isinstance(known, _Known) or known.candidates is not candidates:
        triggers = {
            f"{candidate.trigger.reading} {candidate.trigger.text}": candidate.trigger.fires_within
            for candidate in candidates
        }
        fires: list[Callable[[dict[str, Any]], bool]] = list(triggers.values())
        known = _Known(candidates, tuple(triggers), fires, fires[0] if len(fires) == 1 else None)
        if len(book.firings) >= MAX_CANDIDATES:
            book.firings.clear()
        book.firings[id(candidates), is_public] = known
    only = known.only
    answers = (only(fields),) if only is not None else tuple([fires(fields) for fires in known.fires])
    firing = known.firings.get(answers)
    if firing is None:
        fire = {trigger for trigger, answer in zip(known.triggers, answers, strict=True) if answer}
        fired = [
            candidate for candidate in candidates if f"{candidate.trigger.reading} {candidate.trigger.text}" in fire
        ]
        if len(known.firings) >= MAX_FIRINGS:
            known.firings.clear()
        firing = known.firings[answers] = _prepared(fired, book, is_public)
    return firing


def _prepared(fired: list[CompiledRule], book: Rulebook, is_public: bool) -> Firing:
    own: dict[str, list[SourceValue]] = {"contact": [], "company": []}
    others = []
    for compiled in fired:
        if _is_plain(compiled) and compiled.rule.object is not None:
            own[compiled.rule.object] += _values(compiled, book, is_public)
        else:
            others.append((compiled, shared(_values(compiled, book, is_public))))
    return Firing(
        rules=tuple(fired),
        has_default=all(compiled.rule.default for compiled in fired),
        own_contact=shared(own["contact"]),
        own_company=shared(own["company"]),
        others=tuple(others),
    )


def _is_plain(compiled: CompiledRule) -> bool:
    """True if a rule only adds properties to the message's own record."""
    rule = compiled.rule
    return compiled.key is None and rule.mode == "upsert" and not rule.only_if_empty and not rule.associate


def _values(compiled: CompiledRule, book: Rulebook, is_public: bool) -> list[SourceValue]:
    """The values of a rule's properties in this portal; none for an event, whose properties need no definition."""
    rule = compiled.rule
    if rule.event is not None or rule.is_marketing:
        return []
    definitions = book.schema.company if rule.object == "company" else book.schema.contact
    values: list[SourceValue] = []
    for name, resolve in compiled.fields:
        convert = _convert(rule, name, definitions.get(name), book.day_zone, is_public)
        values.append((resolve, ((convert, ((name, f"rule:{rule.name}", rule),)),)))
    return values


def _convert(
    rule: Rule, name: str, definition: PropertyDefinition | None, day_zone: tzinfo, is_public: bool
) -> RuleConverter:
    if definition is None:
        unknown = Refusal(Reason.UNKNOWN_PROPERTY, f"the portal has no {rule.object} property {name}")
        return lambda value: unknown
    if is_read_only(definition):
        read_only = Refusal(Reason.READ_ONLY_PROPERTY, f"HubSpot sets {name} itself")
        return lambda value: read_only
    convert = converter(definition, day_zone)
    adds_options = rule.add_options and not is_public and definition.options is not None
    return with_new_options(definition, convert) if adds_options else convert
