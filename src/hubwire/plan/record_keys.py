"""Keys of records: an e-mail, a domain, or the value of another unique property, which is created if it is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from hubwire.decoding import text_id
from hubwire.destination import CompanyDomain
from hubwire.message import Message
from hubwire.operation import UNIQUE, LeftOut, Plan, record_key
from hubwire.plan.company import company_domain
from hubwire.plan.emails import as_email
from hubwire.plan.identity import names_someone
from hubwire.plan.rules.directives import MappingFailed
from hubwire.plan.rules.paths import Resolver
from hubwire.plan.rules.resolving import resolver
from hubwire.reasons import Reason
from hubwire.schema import PropertyDefinition

MAX_VALUE = 200


class OwnKey(NamedTuple):
    """The property that identifies a destination's contacts or companies, and its value in a message."""

    field: str
    object_type: str
    property: str
    resolve: Resolver

    def of(self, message: Message, known: Mapping[str, PropertyDefinition], plan: Plan) -> str | None:
        """The key of the message's own record; None when the message or the portal has none that can be used."""
        try:
            value = self.resolve(message.as_json())
        except (MappingFailed, RecursionError) as exc:
            plan.left_out.append(LeftOut(self.field, Reason.RULE_FAILED, str(exc)))
            return None
        key, fault = unique_key(self.object_type, self.property, value, known, plan)
        if fault is not None:
            plan.left_out.append(LeftOut(self.field, fault, self.property))
        return key


def own_key(field: str, object_type: str, key: Mapping[str, Any]) -> OwnKey | None:
    """The compiled `contact_key` or `company_key` of a destination; None without one."""
    for name, value in key.items():
        return OwnKey(field, object_type, name, resolver(value))
    return None


def value_of_key(value: object) -> str | None:
    """The value of a unique property as text; None for a value that is no id, and for ids that name nobody (`null`,
    `undefined`…)."""
    text = text_id(value)
    text = text.strip() if text is not None else None
    return text if text and len(text) <= MAX_VALUE and names_someone(text) else None


def unique_key(
    object_type: str, name: str, value: object, known: Mapping[str, PropertyDefinition], plan: Plan
) -> tuple[str | None, Reason | None]:
    """The key of a unique property, or why the portal has none that can be used. Neither for a value that is no id.

    Shape: see `value_of_key`.
    """
    text = value_of_key(value)
    if text is None:
        return None, None
    definition = known.get(name)
    if definition is None:
        plan.missing_properties.append((object_type, name, UNIQUE))
    elif not definition.is_unique:
        return None, Reason.KEY_PROPERTY_NOT_UNIQUE
    return record_key(name, text), None


def key_of_rule(
    object_type: str,
    key: tuple[str, object],
    known: Mapping[str, PropertyDefinition],
    how: CompanyDomain,
    plan: Plan,
) -> tuple[str | None, Reason]:
    """The key that a rule gives with a property and a value; without one, the reason to report."""
    name, value = key
    if object_type == "contact" and name == "email":
        return as_email(value), Reason.RULE_WITHOUT_KEY
    if object_type == "company" and name == "domain":
        return company_domain(value, how) if isinstance(value, str) else None, Reason.RULE_WITHOUT_KEY
    found, fault = unique_key(object_type, name, value, known, plan)
    return found, fault or Reason.RULE_WITHOUT_KEY
