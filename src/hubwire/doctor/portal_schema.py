"""The checks of a portal's properties: count, company key, the mapping's names, limits."""

from __future__ import annotations

from collections.abc import Mapping

from hubwire.destination import Mapping as Rules
from hubwire.doctor import Check, fail, ok, warn
from hubwire.errors import Unreadable
from hubwire.hubspot.call import Answer
from hubwire.hubspot.definitions import property_definitions_of, property_uses_of
from hubwire.hubspot.wire import KEY_PROPERTY
from hubwire.schema import PropertyDefinition

NEARLY_FULL = 0.9
OBJECTS = {"0-1": "contacts", "0-2": "companies"}


def schema_checks(plural: str, answer: Answer, mapping: Rules) -> list[Check]:
    """The checks of an object type's properties; none if they could not be read."""
    try:
        known = property_definitions_of(answer.body) if answer.status == 200 else None
    except Unreadable as exc:
        return [fail(f"Properties of {plural}", str(exc), "Check proxies between here and HubSpot.")]
    if known is None:
        return []
    writable = sum(not definition.is_read_only for definition in known.values())
    checks = [ok(f"Properties of {plural}", f"{len(known)}, of which {writable} are writable")]
    if plural == "companies":
        checks.append(_company_key(known))
    return [*checks, *_mapped(mapping.contact if plural == "contacts" else mapping.company, known)]


def _company_key(known: Mapping[str, PropertyDefinition]) -> Check:
    key = known.get(KEY_PROPERTY)
    if key is None:
        return ok("Company key", f"Hubwire creates {KEY_PROPERTY} with the first company")
    if key.is_unique:
        return ok("Company key", f"{KEY_PROPERTY} exists and is unique")
    remedy = f"Delete or rename {KEY_PROPERTY} in HubSpot; Hubwire creates it again."
    return fail("Company key", f"{KEY_PROPERTY} exists without unique values", remedy)


def _mapped(rules: Mapping[str, str | None], known: Mapping[str, PropertyDefinition]) -> list[Check]:
    """Properties in the mapping that the portal lacks or that only HubSpot sets."""
    checks = []
    for name in sorted({property_name for property_name in rules.values() if property_name is not None}):
        if name not in known:
            detail = f"the mapping names {name}, which the portal lacks"
            checks.append(warn("Mapping", detail, "Create the property in HubSpot, or change the mapping."))
        elif known[name].is_read_only:
            detail = f"the mapping names {name}, which only HubSpot sets"
            checks.append(warn("Mapping", detail, "Map to another property."))
    return checks


def property_use_checks(answer: Answer) -> list[Check]:
    """The number of custom properties and its limit; none if HubSpot does not report it."""
    try:
        uses = property_uses_of(answer.body) if answer.status == 200 else []
    except Unreadable:
        return []
    checks = []
    for use in uses:
        plural = OBJECTS.get(use.object_type_id)
        if plural is None or not use.limit:
            continue
        name, detail = f"Custom properties of {plural}", f"{use.usage} of {use.limit}"
        if use.usage >= use.limit * NEARLY_FULL:
            remedy = "Archive unused properties, or turn `create_properties` off."
            checks.append(warn(name, detail, remedy))
        else:
            checks.append(ok(name, detail))
    return checks
