"""Checks the fields of a rule, except its trigger and its mapping. Each fault names the rule."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from hubwire.destination import DEFAULTS, Destination
from hubwire.errors import BadValue
from hubwire.plan.rules.record_checks import (
    MAX_NAME,
    PROPERTY,
    check_identifying,
    check_key,
    check_object,
    check_record,
    check_values,
    has_length,
    is_blank,
    refuse,
)
from hubwire.plan.rules.resolving import is_path, traits_named, transforms_named
from hubwire.rule import Rule

MAX_SKIP = 200
MAX_PATHS = 100
MAX_TRAITS = 50
ACTIONS = ("skip", "drop or keep", "object", "event", "list", "subscription", "form")
PARTS = ("properties", "traits", "context")
"""The parts of a message from which `drop` can remove fields."""
PERSON = ("email", "utk", "id", "match")
EVENT_OBJECTS = ("contact", "company", "deal", "ticket")
"""The object types whose events rules send. Source: HubSpot's OpenAPI, event definitions."""

_OF_RECORDS = ("find", "mode", "only_if_empty", "empty", "add_options", "associate", "each", "missing")
_WRITING = ("key", "person", "transform", "properties", "fallback", "max", *_OF_RECORDS)


def check_shape(rule: Rule) -> None:
    """Refuse fields that do not go together. Errors: BadValue."""
    for field in ("if_portal_has", "if_portal_lacks"):
        for object_type in getattr(rule, field):
            check_object(rule, field, object_type)
    others = [getattr(rule, name) is not None for name in ACTIONS[2:]]
    has = (rule.skip is not None, bool(rule.drop or rule.keep), *others)
    actions = [name for name, is_given in zip(ACTIONS, has, strict=True) if is_given]
    if len(actions) != 1:
        refuse(rule, f"give one of {', '.join(ACTIONS[:-1])}, and {ACTIONS[-1]}, not {' and '.join(actions) or 'none'}")
    if rule.skip is not None:
        if not has_length(rule.skip, MAX_SKIP):
            refuse(rule, f"skip says why, in 1 to {MAX_SKIP} characters", rule.skip)
        _check_writes_nothing(rule, "a rule that skips")
    elif rule.object is not None:
        check_record(rule, rule.object)
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
        for name in rule.keep[part]:
            if is_blank(name):
                refuse(
                    rule, f"keep: {part}: {name!r} is the name of no field; keep = {{ {part} = [] }} keeps none", name
                )


def _check_event(rule: Rule, event: str) -> None:
    if not has_length(event):
        example = "give the label or the internal name of one, such as Order Completed"
        refuse(rule, f"event: its name has 1 to {MAX_NAME} characters; {example}", event)
    others = given(rule, _OF_RECORDS)
    if others:
        refuse(rule, f"an event has no {', '.join(others)}", others[0])
    if rule.key and rule.person:
        refuse(rule, "give key or person, not both")
    if rule.on not in EVENT_OBJECTS:
        refuse(rule, f"on: HubSpot has events of {', '.join(EVENT_OBJECTS)}", rule.on)
    if rule.on != "contact":
        if rule.person:
            refuse(rule, f"person: an event of a {rule.on} has a key instead", rule.on)
        check_key(rule, "key", rule.key)
        if not rule.key and rule.on != "company":
            refuse(rule, f"key: name the property that the {rule.on} is known by", rule.on)
    for name in rule.key if rule.on == "contact" else ():
        if name != "email":
            refuse(rule, f"key {name}: the person of an event is named by email, or by person = {{ … }}", name)
    for name in rule.person:
        if name not in PERSON:
            refuse(rule, f"person: {name!r} is none of {', '.join(PERSON)}", name)
        if name != "match":
            check_identifying(rule, f"person.{name}", rule.person[name])
    if "match" in rule.person:
        _check_match(rule, rule.person["match"])
    if isinstance(rule.properties, str):
        if not is_path(rule.properties):
            refuse(rule, "properties: a path begins with $.", rule.properties)
        if rule.fallback or rule.max:
            refuse(rule, "fallback and max need properties that are given one by one")
    else:
        for name in rule.properties:
            if is_blank(name):
                refuse(rule, f"property {name!r}: name the property of the event, such as total", name)
        check_values(rule, rule.properties, rule)


def _check_match(rule: Rule, match: object) -> None:
    example = "match = { user_id = '$.userId' }"
    if not isinstance(match, dict) or len(match) != 1 or any(name.startswith("@") for name in match):
        refuse(rule, f"person.match is one property with unique values, and its value, such as {example}", match)
    check_key(rule, "person.match", match)


def check_traits(rule: Rule) -> None:
    """Refuse `$person` where it says nothing. Errors: BadValue."""
    named = traits_named(msgspec.to_builtins(rule))
    if "" in named:
        refuse(rule, "$person: name the trait that Hubwire is to remember, such as $person.plan", "$person")
    if len(named) > MAX_TRAITS:
        refuse(rule, f"$person: at most {MAX_TRAITS} traits of a person, it names {len(named):,}")


def check_defaults(destination: Destination) -> None:
    """Refuse unknown names in `defaults`, and keys that cannot be one. Errors: BadValue."""
    for name in destination.defaults or ():
        if name not in DEFAULTS:
            raise BadValue("defaults", f"{name!r} is none of {', '.join(DEFAULTS)}", value=name)
    for field in ("contact_key", "company_key"):
        key = getattr(destination, field)
        if len(key) > 1 or not all(PROPERTY.fullmatch(name) for name in key):
            example = "{ user_id = '$.userId' }"
            raise BadValue(field, f"{field} is one property with its value, such as {example}", value=", ".join(key))
        if traits_named(key):
            raise BadValue(field, f"{field} is a value of the message; $person is known only by it", value=str(key))
        if transforms_named(key):
            raise BadValue(field, f"{field} is a value of the message; $transform is a rule's own", value=str(key))
