"""The operations of rules about lists, subscriptions and forms, from the values that a message fills in. Pure.

A message of a public write key makes no list and takes no opt-out back, because anybody can send it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubwire.decoding import text_id
from hubwire.destination import Source
from hubwire.message import Message
from hubwire.operation import (
    ALL_SUBSCRIPTIONS,
    FormField,
    Plan,
    PropertyValue,
    RecordRef,
    SetMembership,
    SetSubscription,
    SubmitForm,
    SubscriptionStatus,
    list_key_of_name,
)
from hubwire.plan.conversion.trait_rules import is_read_only
from hubwire.plan.conversion.values import boolean
from hubwire.plan.emails import utk_of
from hubwire.plan.rules.compiling import CompiledRule
from hubwire.plan.rules.marketing_checks import LEGAL_BASES, MAX_LIST_NAME
from hubwire.plan.rules.resolving import is_filled_in
from hubwire.plan.rules.values import MISSING
from hubwire.plan.writing.rule_values import report
from hubwire.reasons import Reason
from hubwire.rule import Rule
from hubwire.schema import PropertyDefinition

MAX_VALUE = 65_536
NO_NAMES = ("", ".", "..")
"""Names that no list can have, because HubSpot's calls have the name as a step of their path."""
MAX_CONTEXT = 2_000
_STATUSES: dict[str, SubscriptionStatus] = {
    "subscribed": "SUBSCRIBED",
    "true": "SUBSCRIBED",
    "unsubscribed": "UNSUBSCRIBED",
    "false": "UNSUBSCRIBED",
    "not_specified": "NOT_SPECIFIED",
}


def filled_in(compiled: CompiledRule, fields: dict[str, Any]) -> dict[str, Any]:
    """The values of a rule for a message, by their places; those that the message does not have are absent.

    Errors: MappingFailed.
    """
    values = {place: resolve(fields) for place, resolve in compiled.marketing.items()}
    return {place: value for place, value in values.items() if value is not MISSING and value is not None}


def line_of(value: object, max_length: int) -> str:
    """A name in one line, without characters that are not printed; "" if the value is no text or number."""
    text = text_id(value) or ""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:max_length].strip()


# -- lists


def membership_of(
    rule: Rule, values: Mapping[str, Any], record: RecordRef, message: Message, source: Source, plan: Plan
) -> SetMembership | None:
    """The operation of a rule with a list; None without a value of `member`, and, after a report, without a usable one.

    Shape: only digits are the id of a list, except where the rule makes lists: an audience may be called 2027.
    """
    if "member" not in values:
        return None
    name = line_of(values.get("list"), MAX_LIST_NAME + 1)
    if name in NO_NAMES or len(name) > MAX_LIST_NAME:
        too_long = f"the name of a list has at most {MAX_LIST_NAME} characters"
        fault = "the message names no list" if name in NO_NAMES else too_long
        report(plan, rule, Reason.RULE_FAILED, fault, "list")
        return None
    is_name = name.isdecimal() and rule.create_list and is_filled_in(rule.list)
    list_key = list_key_of_name(name) if is_name else name
    member = boolean(values["member"])
    if member not in ("true", "false"):
        report(plan, rule, Reason.RULE_FAILED, "expected true or false", "member")
        return None
    return SetMembership(
        list_key,
        record.object,
        record.key,
        member == "true",
        message.timestamp_ms,
        message.position,
        may_make=rule.create_list and member == "true" and not source.is_public,
    )


def flag_of(
    rule: Rule, values: Mapping[str, Any], definitions: Mapping[str, PropertyDefinition], is_member: bool
) -> dict[str, PropertyValue]:
    """The property that gets the value of `member`; none if the portal has no such yes-or-no property."""
    name = line_of(values.get("flag"), 100).lower()
    definition = definitions.get(name)
    if definition is None or is_read_only(definition):
        return {}
    is_yes_or_no = definition.type == "bool" or definition.options == frozenset({"true", "false"})
    return {name: PropertyValue(str(is_member).lower(), f"rule:{rule.name}")} if is_yes_or_no else {}


# -- subscriptions


def subscription_of(
    rule: Rule, values: Mapping[str, Any], email: str, key: str, message: Message, source: Source, plan: Plan
) -> SetSubscription | None:
    """The operation of a rule with a subscription; None without a status, and, after a report, without a usable value.

    Shape: an opt-out needs no contact, so none is made for it.
    """
    if "status" not in values:
        return None
    subscription = line_of(values.get("subscription"), 200)
    if not subscription:
        report(plan, rule, Reason.RULE_FAILED, "the message has no subscription type", "subscription")
        return None
    given = values["status"]
    status = _STATUSES.get(str(given).strip().lower() if isinstance(given, str | bool) else "")
    if status is None:
        report(plan, rule, Reason.RULE_FAILED, "expected subscribed, unsubscribed or a boolean", "status")
        return None
    if subscription.casefold() == ALL_SUBSCRIPTIONS:
        subscription = ALL_SUBSCRIPTIONS
        if status != "UNSUBSCRIBED":
            report(plan, rule, Reason.RULE_FAILED, "all subscriptions can only be unsubscribed", "status")
            return None
    basis = values.get("legal_basis")
    if basis is not None and basis not in LEGAL_BASES:
        report(plan, rule, Reason.RULE_FAILED, "the legal basis is none of HubSpot's", "legal_basis")
        return None
    explanation = line_of(values.get("legal_basis_explanation"), MAX_VALUE) or None
    return SetSubscription(
        email,
        key if status == "SUBSCRIBED" else None,
        subscription,
        status,
        message.timestamp_ms,
        message.position,
        basis,
        explanation,
        may_resubscribe=rule.resubscribe and not source.is_public,
    )


# -- forms


def submission_of(
    rule: Rule, values: Mapping[str, Any], email: str, key: str, message: Message, plan: Plan
) -> SubmitForm:
    """The operation of a rule with a form. The person's e-mail is a field of it, unless the rule gives another one."""
    hubspot = message.context.get("hubspot")
    if isinstance(hubspot, dict) and hubspot.get("utk") and utk_of(message) is None:
        report(plan, rule, Reason.RULE_FAILED, "context.hubspot.utk is no value of HubSpot's cookie", "hutk")
    fields: dict[tuple[str, str], str] = {}
    for place, value in values.items():
        name = place.removeprefix("fields.")
        if name != place and (text := _form_value(value)) is not None:
            object_type, dot, field = name.rpartition(".")
            fields[object_type if dot else "contact", field] = text
    fields.setdefault(("contact", "email"), email)
    consent = values.get("legal_consent")
    return SubmitForm(
        rule.form or "",
        email,
        key,
        tuple([FormField(object_type, name, value) for (object_type, name), value in fields.items()]),
        _context(rule, message),
        message.timestamp_ms,
        f"{message.source_id}:{message.message_id}:{rule.name}",
        message.position,
        consent if isinstance(consent, dict) else None,
    )


def _form_value(value: object) -> str | None:
    """A value as a form takes it: lists by semicolons, nothing for objects."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        parts = [part for element in value if not isinstance(element, dict | list) and (part := _form_value(element))]
        return ";".join(parts) or None
    if isinstance(value, dict):
        return None
    return value or None if isinstance(value, str) else text_id(value)


def _context(rule: Rule, message: Message) -> dict[str, str]:
    """What HubSpot learns of the visit: the cookie, the page, and the IP address if the rule allows it."""
    page = message.context.get("page")
    page = page if isinstance(page, dict) else {}
    found: dict[str, object] = {
        "hutk": utk_of(message),
        "pageUri": page.get("url"),
        "pageName": page.get("title"),
        "ipAddress": message.context.get("ip") if rule.send_ip else None,
    }
    return {name: value[:MAX_CONTEXT] for name, value in found.items() if isinstance(value, str) and value}
