"""Checks the fields of a rule, except its trigger and its mapping. Each fault names the rule."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, NoReturn

from hubwire.destination import DEFAULTS, PROPERTY_NAME, Destination
from hubwire.errors import BadValue
from hubwire.rule import Association, Rule

MAX_NAME = 100
MAX_SKIP = 200
MAX_PROPERTIES = 100
MAX_PATHS = 100
MAX_ASSOCIATIONS = 10
MAX_TEXT = 65_536
KEYS = {"contact": "email", "company": "domain"}
"""The key property of each object type, unless a rule or the destination names another one."""
ACTIONS = ("skip", "drop or keep", "object", "event", "list", "subscription", "form")
PARTS = ("properties", "traits", "context")
"""The parts of a message from which `drop` can remove fields."""
PERSON = ("email", "utk", "id")

_PROPERTY = re.compile(PROPERTY_NAME)
_OF_RECORDS = ("mode", "only_if_empty", "empty", "add_options", "associate")
_WRITING = ("key", "person", "properties", "fallback", "max", *_OF_RECORDS)


def refuse(rule: Rule, fault: str, value: object = None) -> NoReturn:
    """Errors: BadValue, always."""
    raise BadValue("rules", f"rule {rule.name!r}: {fault}", value=value)


def check_shape(rule: Rule) -> None:
    """Refuse fields that do not go together. Errors: BadValue."""
    others = [getattr(rule, name) is not None for name in ACTIONS[2:]]
    has = (rule.skip is not None, bool(rule.drop or rule.keep), *others)
    actions = [name for name, is_given in zip(ACTIONS, has, strict=True) if is_given]
    if len(actions) != 1:
        refuse(rule, f"give one of {', '.join(ACTIONS[:-1])}, and {ACTIONS[-1]}, not {' and '.join(actions) or 'none'}")
    if rule.skip is not None:
        if not 1 <= len(rule.skip.strip()) <= MAX_SKIP:
            refuse(rule, f"skip says why, in 1 to {MAX_SKIP} characters", rule.skip)
        _check_writes_nothing(rule, "a rule that skips")
    elif rule.object is not None:
        _check_record(rule, rule.object)
    elif rule.event is not None:
        _check_event(rule, rule.event)
    elif not rule.is_marketing:
        _check_writes_nothing(rule, "a rule that takes fields away")
        _check_taken(rule)


def _check_writes_nothing(rule: Rule, what: str) -> None:
    others = given(rule, (*_WRITING, "default"))
    if others:
        refuse(rule, f"{what} has no {', '.join(others)}", others[0])


def given(rule: Rule, names: Collection[str]) -> list[str]:
    """The fields that have another value than their default."""
    untouched = Rule(name="", trigger="")
    return [name for name in names if getattr(rule, name) != getattr(untouched, name)]


def _check_taken(rule: Rule) -> None:
    if len(rule.drop) > MAX_PATHS or sum(map(len, rule.keep.values())) > MAX_PATHS:
        refuse(rule, f"at most {MAX_PATHS} fields to drop or to keep")
    for path in rule.drop:
        part, dot, rest = path.removeprefix("$.").partition(".")
        if part not in PARTS or not dot or not all(rest.split(".")):
            refuse(rule, f"drop: {path!r} is not a field of {', '.join(PARTS)}, such as traits.secret", path)
    for part in rule.keep:
        if part not in ("properties", "traits"):
            refuse(rule, f"keep: {part!r} is neither properties nor traits", part)


def _check_event(rule: Rule, event: str) -> None:
    if not 1 <= len(event.strip()) <= MAX_NAME:
        refuse(rule, f"the name of an event has 1 to {MAX_NAME} characters", event)
    others = given(rule, _OF_RECORDS)
    if others:
        refuse(rule, f"an event has no {', '.join(others)}", others[0])
    if rule.key and rule.person:
        refuse(rule, "give key or person, not both")
    for name in rule.key:
        if name != "email":
            refuse(rule, f"key {name}: the person of an event is named by email, or by person = {{ … }}", name)
    for name in rule.person:
        if name not in PERSON:
            refuse(rule, f"person: {name!r} is none of {', '.join(PERSON)}", name)
    if isinstance(rule.properties, str):
        if not rule.properties.startswith("$."):
            refuse(rule, "properties: a path begins with $.", rule.properties)
        if rule.fallback or rule.max:
            refuse(rule, "fallback and max need properties that are given one by one")
    else:
        _check_values(rule, rule.properties)


def _check_record(rule: Rule, object_type: str) -> None:
    if object_type not in KEYS:
        refuse(rule, f"object: {object_type!r} is none of {', '.join(KEYS)}", object_type)
    if rule.person:
        refuse(rule, "only an event has a person; a record has a key")
    if isinstance(rule.properties, str):
        refuse(rule, "properties of a record are given one by one; only an event takes a path", rule.properties)
    if not rule.properties and not rule.associate:
        refuse(rule, "it writes no property")
    check_key(rule, "key", rule.key)
    key = next(iter(rule.key), KEYS[object_type])
    for name in rule.properties:
        if not _PROPERTY.fullmatch(name):
            expected = "its internal name: a letter, then lower-case letters, digits and underscores"
            refuse(rule, f"property {name!r}: a property is named by {expected}", name)
        if name == key:
            refuse(rule, f"property {name}: the key says which record it is, and is not written", name)
    _check_values(rule, rule.properties)
    if rule.mode == "create" and rule.only_if_empty:
        refuse(rule, 'only_if_empty has no use with mode = "create": a new record is empty')
    if len(rule.associate) > MAX_ASSOCIATIONS:
        refuse(rule, f"at most {MAX_ASSOCIATIONS} associations")
    for association in rule.associate:
        _check_association(rule, association)


def check_key(rule: Rule, place: str, key: Mapping[str, Any]) -> None:
    """Refuse a key of several properties, and one with an impossible name. Errors: BadValue."""
    if len(key) > 1:
        refuse(rule, f"{place}: a record is known by one property, not by {' and '.join(key)}")
    for name in key:
        if not _PROPERTY.fullmatch(name):
            refuse(rule, f"{place} {name!r}: not the internal name of a property", name)


def _check_values(rule: Rule, properties: Mapping[str, Any]) -> None:
    if len(properties) > MAX_PROPERTIES:
        refuse(rule, f"at most {MAX_PROPERTIES} properties, it has {len(properties):,}")
    for place, names in (("fallback", rule.fallback), ("only_if_empty", rule.only_if_empty), ("max", rule.max)):
        for name in names:
            if name not in properties:
                refuse(rule, f"{place}: {name} is none of its properties", name)
    for name, length in rule.max.items():
        if not 1 <= length <= MAX_TEXT:
            refuse(rule, f"max: {name} must be from 1 to {MAX_TEXT:,}", length)


def _check_association(rule: Rule, association: Association) -> None:
    if association.object not in KEYS:
        refuse(rule, f"associate: {association.object!r} is none of {', '.join(KEYS)}", association.object)
    if association.object == rule.object:
        other = "company" if rule.object == "contact" else "contact"
        refuse(rule, f"associate: a {rule.object} is associated with a {other}", association.object)
    check_key(rule, "associate: key", association.key)
    if association.label is not None and not 1 <= len(association.label.strip()) <= MAX_NAME:
        refuse(rule, f"associate: a label has 1 to {MAX_NAME} characters", association.label)


def check_defaults(destination: Destination) -> None:
    """Refuse unknown names in `defaults`, and keys that cannot be one. Errors: BadValue."""
    for name in destination.defaults or ():
        if name not in DEFAULTS:
            raise BadValue("defaults", f"{name!r} is none of {', '.join(DEFAULTS)}", value=name)
    for field in ("contact_key", "company_key"):
        key = getattr(destination, field)
        if len(key) > 1 or not all(_PROPERTY.fullmatch(name) for name in key):
            example = "{ user_id = '$.userId' }"
            raise BadValue(field, f"{field} is one property with its value, such as {example}", value=", ".join(key))
