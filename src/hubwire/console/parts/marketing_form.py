"""The fields of the editor for rules about lists, subscriptions and forms, from a rule and back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from hubwire.errors import BadValue
from hubwire.plan.rules.marketing_checks import LEGAL_BASES, STATUSES
from hubwire.plan.rules.resolving import is_path
from hubwire.rule import Rule
from hubwire.web.parameters import choice, text

ACTIONS = {
    "list": "Put the person on a list, or take them off",
    "subscription": "Subscribe or unsubscribe the person",
    "form": "Submit a form",
}
IN_FORM = {
    "list": frozenset({"list", "member", "create_list"}),
    "subscription": frozenset({"subscription", "status", "legal_basis", "legal_basis_explanation", "resubscribe"}),
    "form": frozenset({"form", "fields", "send_ip"}),
}
"""The fields of a rule that have a place in the form, by action."""
FROM_FIELD = "field"
MEMBERS = {
    "on": "Put on the list",
    "off": "Take off the list",
    FROM_FIELD: "From a field: true puts on, false takes off",
}
STATUS_WORDS = {
    "subscribed": "Subscribe",
    "unsubscribed": "Unsubscribe",
    "not_specified": "Clear the state",
    FROM_FIELD: "From a field: true subscribes, false unsubscribes",
}
BASIS_WORDS = {
    "": "none",
    "LEGITIMATE_INTEREST_PQL": "Legitimate interest: prospect or lead",
    "LEGITIMATE_INTEREST_CLIENT": "Legitimate interest: existing customer",
    "LEGITIMATE_INTEREST_OTHER": "Legitimate interest: other",
    "PERFORMANCE_OF_CONTRACT": "Performance of a contract",
    "CONSENT_WITH_NOTICE": "Freely given consent",
    "PROCESS_AND_STORE": "Consent to process and store",
    "NON_GDPR": "Not applicable",
}


class MarketingFields(msgspec.Struct, kw_only=True):
    """What the form has of a list, a subscription or a form. A name that begins with `$.` is a path."""

    list_name: str = ""
    member: str = "on"
    member_from: str = ""
    creates_list: bool = False
    subscription: str = ""
    status: str = "subscribed"
    status_from: str = ""
    legal_basis: str = ""
    explanation: str = ""
    resubscribes: bool = False
    form_id: str = ""
    sends_ip: bool = False


def action_of(rule: Rule) -> str | None:
    """The action of a rule whose values the form can show; None for another rule."""
    if rule.list is not None:
        can_show = _name(rule.list) is not None and (isinstance(rule.member, bool) or _path(rule.member) is not None)
        return "list" if can_show else None
    if rule.subscription is not None:
        basis, words = rule.legal_basis, rule.legal_basis_explanation
        has_status = rule.status in (*STATUSES, True, False) or _path(rule.status) is not None
        has_basis = basis in (None, *LEGAL_BASES) and (words is None or isinstance(words, str))
        return "subscription" if _name(rule.subscription) is not None and has_status and has_basis else None
    return "form" if rule.form is not None else None


def fields_of(rule: Rule) -> MarketingFields:
    """The form's fields of a rule that it can show."""
    status = {True: "subscribed", False: "unsubscribed"}.get(rule.status, rule.status) if _is_word(rule.status) else ""
    member = {True: "on", False: "off"}.get(rule.member, FROM_FIELD) if isinstance(rule.member, bool) else FROM_FIELD
    return MarketingFields(
        list_name=_name(rule.list) or "",
        member=member,
        member_from=_path(rule.member) or "",
        creates_list=rule.create_list,
        subscription=_name(rule.subscription) or "",
        status=status or FROM_FIELD,
        status_from=_path(rule.status) or "",
        legal_basis=rule.legal_basis if isinstance(rule.legal_basis, str) else "",
        explanation=rule.legal_basis_explanation if isinstance(rule.legal_basis_explanation, str) else "",
        resubscribes=rule.resubscribe,
        form_id=rule.form or "",
        sends_ip=rule.send_ip,
    )


def entered(values: Mapping[str, str]) -> MarketingFields:
    """The fields as they were sent."""
    return MarketingFields(
        list_name=text(values, "list_name") or "",
        member=choice(values, "member", MEMBERS) or "on",
        member_from=text(values, "member_from") or "",
        creates_list=values.get("creates_list") == "1",
        subscription=text(values, "subscription") or "",
        status=choice(values, "status", STATUS_WORDS) or "subscribed",
        status_from=text(values, "status_from") or "",
        legal_basis=choice(values, "legal_basis", BASIS_WORDS) or "",
        explanation=text(values, "explanation", 4096) or "",
        resubscribes=values.get("resubscribes") == "1",
        form_id=text(values, "form_id") or "",
        sends_ip=values.get("sends_ip") == "1",
    )


def rule_fields(action: str, given: MarketingFields, rows: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the rule. `rows`: the values of a form's fields. Errors: BadValue, with the field of the form."""
    match action:
        case "list":
            return _of_list(given)
        case "subscription":
            return _of_subscription(given)
    if not given.form_id:
        raise BadValue("form_id", "choose the form to submit")
    if not rows:
        raise BadValue("properties", "choose a field of the form and where its value comes from")
    return {"form": given.form_id, "fields": dict(rows), **({"send_ip": True} if given.sends_ip else {})}


def _of_list(given: MarketingFields) -> dict[str, Any]:
    if not given.list_name:
        raise BadValue("list_name", "choose the list, or name a new one")
    fields: dict[str, Any] = {"list": given.list_name}
    if given.member == FROM_FIELD:
        if not given.member_from:
            raise BadValue("member_from", "choose the field that says whether the person is on the list")
        fields["member"] = _as_path(given.member_from)
    elif given.member == "off":
        fields["member"] = False
    return fields | ({"create_list": True} if given.creates_list else {})


def _of_subscription(given: MarketingFields) -> dict[str, Any]:
    if not given.subscription:
        raise BadValue("subscription", "choose the subscription type, or all")
    fields: dict[str, Any] = {"subscription": given.subscription}
    if given.status == FROM_FIELD:
        if not given.status_from:
            raise BadValue("status_from", "choose the field that says whether the person is subscribed")
        fields["status"] = _as_path(given.status_from)
    elif given.status != "subscribed":
        fields["status"] = given.status
    if given.legal_basis:
        fields["legal_basis"] = given.legal_basis
    if given.explanation:
        fields["legal_basis_explanation"] = given.explanation
    return fields | ({"resubscribe": True} if given.resubscribes else {})


def _is_word(value: object) -> bool:
    return isinstance(value, bool) or value in STATUSES


def _name(value: object) -> str | None:
    """A name or a path as one text; None for another directive."""
    if isinstance(value, dict) and value.keys() == {"@path"} and is_path(str(value["@path"])):
        value = value["@path"]
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def _path(value: object) -> str | None:
    """A path as the form shows it; None for what is none."""
    name = _name(value)
    return name.removeprefix("$.") if name is not None and is_path(name) else None


def _as_path(value: str) -> str:
    return value if is_path(value) else f"$.{value}"
