"""What a portal lacks for a rule: object types, properties, options, stages, events. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from hubwire.destination import Destination
from hubwire.errors import BadValue
from hubwire.manage.rules.marketing_checks import marketing_faults, rule_fault
from hubwire.manage.schema.report import PortalContents
from hubwire.operation import PropertyValue
from hubwire.plan.conversion.trait_rules import is_read_only
from hubwire.plan.rules.resolving import is_path
from hubwire.plan.writing.pipelines import place_in_pipeline
from hubwire.rule import Each, Rule
from hubwire.schema import ObjectSchema, PropertyDefinition

MAKE_IT = "Choose another property, or create this one on the page Properties & events."
KEYS = ("email", "domain")
_FULL_NAME = re.compile(r"pe(\d+)_.+", re.ASCII)
"""The full name of an event, with the number of its account."""


def portal_fault(rule: Rule, destination: Destination, contents: PortalContents) -> BadValue | None:
    """What the portal lacks for a rule, as the error that names its place; None if nothing."""
    return next(_faults(rule, destination, contents), None)


def _faults(rule: Rule, destination: Destination, contents: PortalContents) -> Iterator[BadValue]:
    if rule.event is not None:
        yield from _event_faults(rule, destination, contents)
    for object_type in sorted(rule.object_types - {*rule.if_portal_has, *rule.if_portal_lacks}):
        known = contents.schema.objects.get(object_type)
        if known is not None and known.is_absent:
            fault = rule_fault(rule, "object", "", f"HubSpot has no object {object_type}: {known.unavailable}")
            fault.hint = "Correct the name, or define the object in HubSpot."
            yield fault
    if rule.object is not None and isinstance(rule.properties, dict):
        yield from _record_faults(rule, rule, rule.properties, contents)
    if rule.is_marketing and contents.marketing is not None:
        yield from marketing_faults(rule, contents.marketing)
    yield from _key_faults(rule, "person.match: ", "contact", rule.person.get("match") or {}, contents)
    for association in rule.associate:
        yield from _key_faults(rule, "associate: ", association.object, association.key, contents)
    for each in rule.each:
        yield from _record_faults(rule, each, each.properties, contents)


def _definitions(contents: PortalContents, object_type: str) -> Mapping[str, PropertyDefinition] | None:
    """The properties of an object type; None if the portal's cannot be read."""
    if object_type in ("contact", "company"):
        return contents.schema.contact if object_type == "contact" else contents.schema.company
    known = contents.schema.objects.get(object_type)
    return known.properties if known is not None and known.unavailable is None else None


def _record_faults(
    rule: Rule, record: Rule | Each, properties: Mapping[str, Any], contents: PortalContents
) -> Iterator[BadValue]:
    object_type = record.object or ""
    place = f"each {object_type}: " if isinstance(record, Each) else ""
    known = _definitions(contents, object_type)
    if known is None:
        return
    yield from _key_faults(rule, place, object_type, record.key, contents)
    for name in [name for clue in rule.find for name in clue] if record is rule else ():
        if name not in known:
            yield _unknown(rule, "find: ", object_type, name, contents)
    schema = contents.schema.objects.get(object_type)
    stages = () if schema is None else (schema.object_type.pipeline, schema.object_type.stage)
    for name, value in [*properties.items(), *record.fallback.items()]:
        definition = known.get(name)
        if definition is None:
            yield _unknown(rule, place, object_type, name, contents)
        elif is_read_only(definition):
            message = f"{place}HubSpot sets {name} itself, so nothing can write it"
            yield rule_fault(rule, "properties", name, message, "Choose another one.")
        elif name not in stages and not record.add_options:
            yield from _option_faults(rule, name, value, definition)
    if schema is not None:
        yield from _stage_faults(rule, place, properties, schema)


def _key_faults(
    rule: Rule, place: str, object_type: str, key: Mapping[str, Any], contents: PortalContents
) -> Iterator[BadValue]:
    known = _definitions(contents, object_type) or {}
    for name in key:
        if name in known and name not in KEYS and not known[name].is_unique:
            message = f"{place}the values of {name} are not unique in HubSpot"
            yield rule_fault(rule, "key", name, message, "Choose a unique one, or a new name: Hubwire creates it.")


def _unknown(rule: Rule, place: str, object_type: str, name: str, contents: PortalContents) -> BadValue:
    if name in contents.archived.get(object_type, {}):
        message = f"{place}the {object_type} property {name} is archived in HubSpot"
        return rule_fault(rule, "properties", name, message, "Restore it there.")
    known = _definitions(contents, object_type) or {}
    by_label = {definition.label.casefold(): definition.name for definition in known.values() if definition.label}
    close = by_label.get(name.casefold()) or next(iter(get_close_matches(name, known, 1, 0.75)), None)
    hint = MAKE_IT if close is None else f"Did you mean {close}? {MAKE_IT}"
    return rule_fault(rule, "properties", name, f"{place}HubSpot has no {object_type} property {name}", hint)


def _option_faults(rule: Rule, name: str, value: object, definition: PropertyDefinition) -> Iterator[BadValue]:
    """A literal that is not an option of an enumeration."""
    options = definition.options
    if options is None or not isinstance(value, str) or is_path(value) or definition.is_multiple:
        return
    if value not in options and value.casefold() not in definition.option_labels:
        shown = ", ".join(sorted(options)[:12])
        yield rule_fault(rule, "properties", name, f"{value!r} is not an option of {name}", f"Options: {shown}.")


def _stage_faults(rule: Rule, place: str, properties: Mapping[str, Any], schema: ObjectSchema) -> Iterator[BadValue]:
    """A pipeline or stage that is given as a literal, and that HubSpot does not have."""
    names = (schema.object_type.pipeline, schema.object_type.stage)
    literals = {
        name: PropertyValue(value, "")
        for name, value in properties.items()
        if name in names and isinstance(value, str) and not value.startswith("$")
    }
    if names[0] in properties and names[0] not in literals:
        return
    for name, refusal in place_in_pipeline(schema, literals).items():
        what = "pipeline" if name == names[0] else "stage"
        given = properties[name]
        yield rule_fault(
            rule, "properties", name, f"{place}no {what} of HubSpot is {given!r}", f"It has {refusal.detail}."
        )


def _event_faults(rule: Rule, destination: Destination, contents: PortalContents) -> Iterator[BadValue]:
    schema, name = contents.schema, rule.event or ""
    if not schema.events_available:
        fault = BadValue("event", f"rule {rule.name!r}: this portal has no custom events", value=name)
        fault.hint = "They need an Enterprise tier and the event scopes. `hubwire doctor` shows what is missing."
        yield fault
        return
    full = _FULL_NAME.fullmatch(name.strip())
    if full is not None and schema.hub_id and full[1] != schema.hub_id:
        fault = BadValue("event", f"rule {rule.name!r}: {name} is an event of the account {full[1]}", value=name)
        fault.hint = (
            f"This destination sends to {schema.hub_id}: name the event by its label, or as pe{schema.hub_id}_…"
        )
        yield fault
        return
    if is_path(name) or destination.mapping.create_event_definitions:
        return
    if name not in schema.events and name.casefold() not in schema.events:
        fault = BadValue("event", f"rule {rule.name!r}: HubSpot has no event {name!r}", value=name)
        fault.hint = "Choose an existing event, or let Hubwire create missing events (page Mapping)."
        yield fault
