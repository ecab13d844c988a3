"""Decisions for a portal schema and a mapping, made once and looked up for each message."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from hubwire.destination import DEFAULTS, Destination, Mapping
from hubwire.plan.conversion.trait_rules import COMPANY, CONTACT, TraitRules
from hubwire.plan.conversion.values import BY_TYPE, Converter, date_in
from hubwire.plan.record_keys import OwnKey, own_key
from hubwire.plan.rules.rule_set import RuleSet, rule_set
from hubwire.schema import PortalSchema

MAX_RULEBOOKS = 8


@dataclass(slots=True)
class Rulebook:
    """The compiled rules of one mapping against one state of the portal's schema."""

    schema: PortalSchema
    destination: Destination
    mapping: Mapping
    contact_key: OwnKey | None
    company_key: OwnKey | None
    defaults: frozenset[str]
    """The parts of the default behaviour that are on, of `destination.DEFAULTS`."""
    stamp: tuple[int, ...]
    traits: TraitRules
    context_traits: TraitRules
    group_traits: TraitRules
    email_keys: tuple[str, ...]
    """Traits that the mapping sends to `email`, because they name the person."""
    day_zone: tzinfo
    by_type: dict[str, Converter]
    """The converters of event properties, by HubSpot's type."""
    mapped_events: dict[str, str | None]
    only_events: frozenset[str]
    rules: RuleSet | None
    """The destination's rules; None if it has none."""
    firings: dict[object, Any] = field(default_factory=dict)
    """The cache of `rule_writers` for the destination's rules and this schema; nothing else reads it."""
    public_firings: dict[object, Any] = field(default_factory=dict)
    """The same for messages of public write keys."""


def rulebook(schema: PortalSchema, destination: Destination) -> Rulebook:
    """The rulebook for a schema and a destination's mapping. It is compiled again if the schema has changed.

    Shape: kept on the schema itself, a few per schema; a change shows in `version` or in the number of properties.
    """
    mapping = destination.mapping
    key = (id(mapping), destination.day_zone)
    book = schema.rulebooks.get(key)
    stamp: tuple[int, ...] = (schema.version, len(schema.contact), len(schema.company))
    if schema.objects:
        stamp += tuple([len(known.properties) for known in schema.objects.values()])
    if isinstance(book, Rulebook) and book.destination is destination and book.stamp == stamp:
        return book
    zone = ZoneInfo(destination.day_zone)
    compiled = Rulebook(
        day_zone=zone,
        by_type={**BY_TYPE, "date": date_in(zone)},
        schema=schema,
        mapping=mapping,
        destination=destination,
        contact_key=own_key("contact_key", "contact", destination.contact_key),
        company_key=own_key("company_key", "company", destination.company_key),
        defaults=frozenset(DEFAULTS if destination.defaults is None else destination.defaults),
        stamp=stamp,
        traits=TraitRules(CONTACT, schema.contact, mapping.contact, "traits", zone),
        context_traits=TraitRules(CONTACT, schema.contact, mapping.contact, "context.traits", zone),
        group_traits=TraitRules(COMPANY, schema.company, mapping.company, "traits", zone),
        email_keys=tuple(key for key, name in mapping.contact.items() if name == CONTACT.key),
        mapped_events={name.strip().casefold(): target for name, target in mapping.events.items()},
        only_events=frozenset(name.strip().casefold() for name in mapping.only_events),
        rules=rule_set(destination) if destination.has_rules else None,
    )
    if len(schema.rulebooks) >= MAX_RULEBOOKS:
        schema.rulebooks.clear()
    schema.rulebooks[key] = compiled
    return compiled
