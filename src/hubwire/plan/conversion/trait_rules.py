"""Maps trait keys to HubSpot properties, compiled once per key and remembered.

Our reading of the seed and of the classic destination, best source first: a mapping of the destination; the special
fields in any spelling (`firstName`, `first_name`, `First Name`); the portal's own property of the normalised name.
Special fields come from facade's `Identify` (jobTitle, position, companyName, `address.*`), the seed's lists, and the
Segment spec's reserved traits. A special field also fills a property of its own name when the portal has one, as the
classic destination did (`position` excepted, which it removes).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import NamedTuple

from hubwire.operation import LeftOut
from hubwire.plan.conversion.choices import converter
from hubwire.plan.conversion.names import MAX_PROPERTY_NAME, compressed, normalised, property_name
from hubwire.plan.conversion.values import NARROW_TYPES, Converter
from hubwire.reasons import Reason
from hubwire.schema import PropertyDefinition

MAX_REMEMBERED = 4096
MAX_REMEMBERED_KEY = 120
MAX_FIELD = 120
OWN_PREFIX = "hubwire_"

_ADDRESS = {
    "addressstreet": ("address", "address.street"),
    "addresscity": ("city", "address.city"),
    "addressstate": ("state", "address.state"),
    "addressregion": ("state", "address.region"),
    "addresszip": ("zip", "address.zip"),
    "addresspostalcode": ("zip", "address.postalCode"),
    "addresscountry": ("country", "address.country"),
}
_PLACE = {
    "address": ("address", "standard:address"),
    "city": ("city", "standard:city"),
    "state": ("state", "standard:state"),
    "zip": ("zip", "standard:zip"),
    "postalcode": ("zip", "standard:postalCode"),
    "country": ("country", "standard:country"),
    "phone": ("phone", "standard:phone"),
    "website": ("website", "standard:website"),
    **_ADDRESS,
    "createdat": ("createdate", "standard:createdAt"),
    "created": ("createdate", "standard:created"),
}

CONTACT_SPECIALS: dict[str, tuple[str, str]] = {
    "firstname": ("firstname", "standard:firstName"),
    "lastname": ("lastname", "standard:lastName"),
    "companyname": ("company", "standard:companyName"),
    "company": ("company", "standard:company"),
    "position": ("jobtitle", "standard:position"),
    "jobtitle": ("jobtitle", "standard:jobTitle"),
    "title": ("jobtitle", "standard:title"),
    "lifecyclestage": ("lifecyclestage", "lifecycle"),
    **_PLACE,
}
"""Compressed trait key -> (property, rule). If two traits write one property, the earlier one in this table wins."""

COMPANY_SPECIALS: dict[str, tuple[str, str]] = {
    "name": ("name", "standard:name"),
    "description": ("description", "standard:description"),
    "employees": ("numberofemployees", "standard:employees"),
    "industry": ("industry", "standard:industry"),
    "lifecyclestage": ("lifecyclestage", "lifecycle"),
    **_PLACE,
}

_RANKS = {key: rank for specials in (COMPANY_SPECIALS, CONTACT_SPECIALS) for rank, key in enumerate(specials, start=1)}


class Target(NamedTuple):
    """One property that a trait writes. If two traits write it, the lower rank wins."""

    property: str
    rank: int
    convert: Converter
    rule: str
    beside: str | None = None
    """The text property beside a number property that Hubwire created, for values that are no numbers."""


class TraitRule(NamedTuple):
    """The handling of one trait: written to one or two properties, used elsewhere (neither), or left out.

    `is_own`: the property is the trait's own or mapped, so an object may be written to it as JSON.
    """

    target: Target | None
    also: Target | None = None
    left_out: LeftOut | None = None
    new_name: str | None = None
    """The name of the property that could be created for it."""
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class ObjectType:
    """The differences between contacts and companies."""

    name: str
    specials: Mapping[str, tuple[str, str]]
    key: str
    """The property that identifies the record; only the planner itself fills it."""


CONTACT = ObjectType("contact", CONTACT_SPECIALS, "email")
COMPANY = ObjectType("company", COMPANY_SPECIALS, "domain")

_ELSEWHERE = TraitRule(None)
"""Used by another rule: nothing to write, nothing to report."""


def is_read_only(definition: PropertyDefinition) -> bool:
    """True if HubSpot refuses writes, or the property is one of Hubwire's keys."""
    return definition.is_read_only or definition.name.startswith(OWN_PREFIX)


class TraitRules:
    """The rules of one object type for traits found at `prefix` (`traits`, `context.traits`)."""

    __slots__ = ("_day_zone", "_definitions", "_mapping", "_object", "known", "object_name", "prefix")

    def __init__(
        self,
        object_type: ObjectType,
        definitions: Mapping[str, PropertyDefinition],
        mapping: Mapping[str, str | None],
        prefix: str,
        day_zone: tzinfo = UTC,
    ) -> None:
        self._object = object_type
        self._day_zone = day_zone
        self._definitions = dict(definitions)
        self._mapping = {**{normalised(k): v for k, v in mapping.items()}, **mapping}
        self.object_name = object_type.name
        self.prefix = prefix
        self.known: dict[str, TraitRule] = {}

    def rule(self, path: str) -> TraitRule:
        """The rule for a trait, or for a part of one (`address.city`); remembered within bounds."""
        rule = self.known.get(path)
        if rule is None:
            rule = self._compile(path)
            if len(path) <= MAX_REMEMBERED_KEY:
                if len(self.known) >= MAX_REMEMBERED:
                    self.known.clear()
                self.known[path] = rule
        return rule

    def has(self, name: str) -> bool:
        """True if the portal has a property of this name."""
        return name in self._definitions

    def left_out(self, path: str, reason: Reason, detail: str = "") -> LeftOut:
        """A report on one trait; over-long keys are cut."""
        return LeftOut(f"{self.prefix}.{path}"[:MAX_FIELD], reason, detail)

    def _compile(self, path: str) -> TraitRule:
        name = normalised(path)
        for key in (path, name):
            if key in self._mapping:
                return self._mapped(path, self._mapping[key])
        if name == self._object.key:
            return _ELSEWHERE if path.lower() == name else self._read_only(path, name)
        squeezed = compressed(path)
        own = self._own(path, name)
        special = self._object.specials.get(squeezed)
        if special is not None:
            rule = self._special(path, name, squeezed, special, own)
            if rule is not None:
                return rule
        if own is None and path == "name" and self._object is CONTACT:
            return _ELSEWHERE
        return own or self._unknown(path)

    def _special(
        self, path: str, name: str, squeezed: str, special: tuple[str, str], own: TraitRule | None
    ) -> TraitRule | None:
        """The special field's rule; None if the key means the portal's own property of that name."""
        target_name, label = special
        definition = self._definitions.get(target_name)
        if definition is None or (squeezed in ("title", "created", "createdat") and own is not None):
            return None
        if is_read_only(definition):
            return own or self._read_only(path, target_name)
        is_canonical = label.endswith(f":{path}") or label == path
        rank = 4 * _RANKS[squeezed] + (0 if is_canonical else 2 if name == target_name else 1)
        target = self._target(definition, rank, label)
        also = None
        if own is not None and own.target is not None and squeezed != "position":
            also = own.target if own.target.property != target_name else None
        return TraitRule(target, also)

    def _own(self, path: str, name: str) -> TraitRule | None:
        """The rule that writes the portal's property with exactly this name; None without one."""
        definition = self._definitions.get(name)
        if definition is None:
            cleaned = property_name(name)
            definition = self._definitions.get(cleaned) if cleaned else None
        if definition is None or definition.name == self._object.key:
            return None
        if is_read_only(definition):
            return self._read_only(path, definition.name)
        rank = 1000 if definition.name == path else 1001
        return TraitRule(self._target(definition, rank, "custom"), is_own=True)

    def _mapped(self, path: str, property_name_: str | None) -> TraitRule:
        if property_name_ is None:
            return TraitRule(None, left_out=self.left_out(path, Reason.IGNORED_BY_MAPPING))
        if property_name_ == self._object.key:
            return _ELSEWHERE
        definition = self._definitions.get(property_name_)
        if definition is None:
            return self._unknown(path, property_name_)
        if is_read_only(definition):
            return self._read_only(path, property_name_)
        return TraitRule(self._target(definition, 0, "mapping"), is_own=True)

    def _target(self, definition: PropertyDefinition, rank: int, rule: str) -> Target:
        return Target(definition.name, rank, converter(definition, self._day_zone), rule, self._beside(definition))

    def _beside(self, definition: PropertyDefinition) -> str | None:
        """The text property for values that a property of ours cannot hold. One that somebody else made is not ours to
        write."""
        name = f"{definition.name}_text"
        if not definition.is_own or definition.type not in NARROW_TYPES or len(name) > MAX_PROPERTY_NAME:
            return None
        existing = self._definitions.get(name)
        return name if existing is None or (existing.is_own and existing.type == "string") else None

    def _read_only(self, path: str, name: str) -> TraitRule:
        is_ours = name == self._object.key or name.startswith(OWN_PREFIX)
        detail = f"{name} is not written from a trait" if is_ours else f"HubSpot sets {name} itself"
        return TraitRule(None, left_out=self.left_out(path, Reason.READ_ONLY_PROPERTY, detail))

    def _unknown(self, path: str, name: str | None = None) -> TraitRule:
        shown_name = name or normalised(path)
        new_name = property_name(shown_name)
        if new_name is not None and new_name.startswith(OWN_PREFIX):
            return self._read_only(path, new_name)
        detail = f"the portal has no {self._object.name} property {shown_name[:MAX_FIELD]}"
        left_out = self.left_out(path, Reason.UNKNOWN_PROPERTY, detail)
        return TraitRule(None, left_out=left_out, new_name=new_name)
