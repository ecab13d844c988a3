"""Checks the records that a rule writes: its own, those of its lists, and those that it associates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NoReturn

from hubwire.destination import PROPERTY_NAME
from hubwire.errors import BadValue
from hubwire.object_types import NOT_ASSOCIATED, is_type_name
from hubwire.plan.rules.paths import from_root, whole
from hubwire.plan.rules.resolving import is_filled_in, is_list_path, is_path
from hubwire.rule import Association, Each, Rule

MAX_NAME = 100
MAX_PROPERTIES = 100
MAX_ASSOCIATIONS = 10
MAX_LISTS = 5
MAX_CLUES = 5
MAX_TEXT = 65_536
KEYS = {"contact": "email", "company": "domain"}
"""The key property of the object types that a message has a record of, unless a rule or the destination names another
one."""

PROPERTY = re.compile(PROPERTY_NAME)


def refuse(rule: Rule, fault: str, value: object = None) -> NoReturn:
    """Errors: BadValue, always."""
    raise BadValue("rules", f"rule {rule.name!r}: {fault}", value=value)


def check_record(rule: Rule, object_type: str) -> None:
    """Refuse a record that cannot be written. Errors: BadValue."""
    if rule.person:
        refuse(rule, "only an event has a person; a record has a key")
    if isinstance(rule.properties, str):
        refuse(rule, "properties of a record are given one by one; only an event takes a path", rule.properties)
    if not rule.properties and not rule.associate and not rule.each:
        refuse(rule, "it writes no property")
    _check_fields(rule, rule, "", rule.properties)
    _check_find(rule, object_type)
    if rule.missing == "ignore" and (rule.mode != "update" or object_type in KEYS):
        refuse(rule, 'missing = "ignore" goes with mode = "update" of a type other than contact and company')
    if len(rule.associate) > MAX_ASSOCIATIONS:
        refuse(rule, f"at most {MAX_ASSOCIATIONS} associations")
    for association in rule.associate:
        _check_association(rule, association, object_type)
    if len(rule.each) > MAX_LISTS:
        refuse(rule, f"at most {MAX_LISTS} lists")
    for each in rule.each:
        _check_each(rule, each, object_type)


def _check_fields(rule: Rule, record: Rule | Each, place: str, properties: Mapping[str, Any]) -> None:
    """Check the object type, the key and the properties of a record; `place` begins their names."""
    object_type = record.object or ""
    check_object(rule, f"{place}object", object_type)
    check_key(rule, f"{place}key", record.key)
    is_found = isinstance(record, Rule) and bool(record.find)
    is_own = object_type in KEYS and not isinstance(record, Each)
    if not record.key and record.mode != "create" and not (is_own or is_found):
        example = "{ external_id = '$.properties.id' }"
        refuse(rule, f"{place}key: name the property that the {object_type} is known by: {example}", object_type)
    key = next(iter(record.key), KEYS.get(object_type))
    for name in properties:
        if not PROPERTY.fullmatch(name):
            expected = "its internal name: a letter, then lower-case letters, digits and underscores"
            refuse(rule, f"{place}property {name!r}: a property is named by {expected}", name)
        if name == key:
            refuse(rule, f"{place}property {name}: the key says which record it is, and is not written", name)
    check_values(rule, properties, record, place)
    if record.mode == "create" and record.only_if_empty:
        refuse(rule, f'{place}only_if_empty has no use with mode = "create": a new record is empty')


def _check_find(rule: Rule, object_type: str) -> None:
    """Refuse values that a record cannot be looked for by. Errors: BadValue."""
    if len(rule.find) > MAX_CLUES:
        refuse(rule, f"find: at most {MAX_CLUES} properties to look for")
    for clue in rule.find:
        if len(clue) != 1 or not all(PROPERTY.fullmatch(name) for name in clue):
            example = "find = [{ domain = '$.traits.website' }, { name = '$.groupId' }]"
            refuse(rule, f"find is a list of properties, each with its value: {example}", str(dict(clue)))
        for name, value in clue.items():
            check_identifying(rule, f"find {name}", value)
    names = [name for clue in rule.find for name in clue]
    for name in names:
        if names.count(name) > 1:
            refuse(rule, f"find: {name} stands there twice", name)
        if name in rule.key:
            refuse(rule, f"find: {name} is the key, by which the record is looked for in any case", name)
    own = KEYS.get(object_type)
    if rule.find and own is not None and next(iter(rule.key), own) == own:
        example = "key = { external_id = '$.userId' }"
        refuse(rule, f"find: a {object_type} known by its {own} needs no search; name another key: {example}", own)


def check_object(rule: Rule, place: str, object_type: str) -> None:
    """Refuse what cannot name an object type. Errors: BadValue."""
    if not is_type_name(object_type):
        names = "contact, company, order, 2-1234567 or the name of a custom object"
        refuse(rule, f"{place}: {object_type!r} names no object type; give one such as {names}", object_type)


def check_key(rule: Rule, place: str, key: Mapping[str, Any]) -> None:
    """Refuse a key of several properties, and one with an impossible name. Errors: BadValue."""
    if len(key) > 1:
        refuse(rule, f"{place}: a record is known by one property, not by {' and '.join(key)}")
    for name, value in key.items():
        if not PROPERTY.fullmatch(name):
            refuse(rule, f"{place} {name!r}: not the internal name of a property", name)
        check_identifying(rule, f"{place} {name}", value)


def check_identifying(rule: Rule, place: str, value: object) -> None:
    """Refuse a value that names no record and no person. Errors: BadValue."""
    is_whole = isinstance(value, str) and is_path(value) and from_root(value) is whole
    is_no_value = (
        value is None or isinstance(value, bool | list) or (isinstance(value, dict) and not is_filled_in(value))
    )
    if is_no_value or is_whole or is_blank(value):
        expected = "a path such as $.properties.id, a directive, or a fixed text or number"
        refuse(rule, f"{place}: no record has this value; give {expected}", value)


def is_blank(value: object) -> bool:
    """Whether a text has no character that can be seen."""
    return isinstance(value, str) and not any(sign.isprintable() and not sign.isspace() for sign in value)


def has_length(name: str, max_length: int = MAX_NAME) -> bool:
    """Whether a name has a character that can be seen, and not too many characters."""
    return not is_blank(name) and len(name.strip()) <= max_length


def check_values(rule: Rule, properties: Mapping[str, Any], record: Rule | Each, place: str = "") -> None:
    """Refuse too many properties, and options for properties that a record does not have. Errors: BadValue."""
    if len(properties) > MAX_PROPERTIES:
        refuse(rule, f"{place}at most {MAX_PROPERTIES} properties, it has {len(properties):,}")
    options = (("fallback", record.fallback), ("only_if_empty", record.only_if_empty), ("max", record.max))
    for option, names in options:
        for name in names:
            if name not in properties:
                refuse(rule, f"{place}{option}: {name!r} is none of its properties", name)
    for name, length in record.max.items():
        if not 1 <= length <= MAX_TEXT:
            refuse(rule, f"{place}max: {name} must be from 1 to {MAX_TEXT:,}", length)


def _check_association(rule: Rule, association: Association, object_type: str) -> None:
    other = association.object
    check_object(rule, "associate: object", other)
    check_key(rule, "associate: key", association.key)
    pair = {object_type, other}
    if (other == object_type or other not in KEYS) and not association.key:
        refuse(rule, f"associate: key: name the property that the {other} is known by, and its value", other)
    _check_associated(rule, "associate", pair)
    _check_label(rule, "associate", association.label)
    if association.primary and "company" not in pair:
        refuse(rule, "associate: primary is for a company: it becomes the record's primary company", other)
    if association.part and (association.primary or association.replace or not association.create):
        refuse(rule, "associate: part takes the association away, and goes with a label only", other)
    if pair == set(KEYS) and association.part:
        refuse(rule, "associate: part is not for a contact with a company", other)
    if pair == set(KEYS) and not association.create and (association.primary or association.replace):
        refuse(rule, "associate: create = false goes with a label only", other)


def _check_each(rule: Rule, each: Each, object_type: str) -> None:
    place = f"each {each.object}"
    if not is_filled_in(each.list) or is_list_path(str(each.list)):
        refuse(rule, f"{place}: list is the path of a list in the message, such as $.properties.products", each.list)
    _check_fields(rule, each, f"{place}: ", each.properties)
    if not each.properties and not each.associate:
        refuse(rule, f"{place}: it writes no property")
    if each.removed == "archive" and (not each.associate or each.object in KEYS):
        refuse(rule, f'{place}: removed = "archive" is for associated records other than contacts and companies')
    if each.associate:
        _check_associated(rule, place, {object_type, each.object})
    elif each.label is not None:
        refuse(rule, f"{place}: a label has no use with associate = false")
    _check_label(rule, place, each.label)


def _check_associated(rule: Rule, place: str, pair: set[str]) -> None:
    for object_type in sorted(pair & NOT_ASSOCIATED):
        refuse(rule, f"{place}: HubSpot does not associate a {object_type} with anything", object_type)


def _check_label(rule: Rule, place: str, label: str | None) -> None:
    if label is not None and not has_length(label):
        refuse(rule, f"{place}: a label has 1 to {MAX_NAME} characters", label)
