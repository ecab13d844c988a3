"""Checks the fields of rules about lists, subscriptions and forms. Each fault names the rule."""

from __future__ import annotations

import re

from hubwire.destination import PROPERTY_NAME
from hubwire.object_types import standard_type
from hubwire.operation import ALL_SUBSCRIPTIONS
from hubwire.plan.rules.record_checks import KEYS, MAX_TEXT, check_key, check_object, has_length, is_blank, refuse
from hubwire.plan.rules.resolving import is_filled_in
from hubwire.plan.rules.shape_checks import given
from hubwire.rule import Rule

MAX_LIST_NAME = 255
MAX_FIELDS = 1_000
"""Fields of one submission. Source: HubSpot, "Submit data to a form"."""
STATUSES = ("subscribed", "unsubscribed", "not_specified")
LEGAL_BASES = (
    "LEGITIMATE_INTEREST_PQL",
    "LEGITIMATE_INTEREST_CLIENT",
    "LEGITIMATE_INTEREST_OTHER",
    "PERFORMANCE_OF_CONTRACT",
    "CONSENT_WITH_NOTICE",
    "PROCESS_AND_STORE",
    "NON_GDPR",
)
"""Source: HubSpot's OpenAPI, communication preferences."""
CONSENTS = ("consent", "legitimateInterest")
FIELDS = {
    "list": ("member", "on", "create_list", "flag"),
    "subscription": ("status", "legal_basis", "legal_basis_explanation", "resubscribe"),
    "form": ("fields", "legal_consent", "send_ip"),
}
"""The fields of each kind of rule, besides `key` and those that every rule has."""
_OTHERS = (
    "find",
    "person",
    "mode",
    "properties",
    "fallback",
    "only_if_empty",
    "empty",
    "max",
    "add_options",
    "associate",
    "each",
    "missing",
)
_FORM = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_FIELD = re.compile(r"(?:(?P<object>[a-z0-9_-]{1,40})\.)?(?P<name>[A-Za-z0-9_/-]{1,100})")
_PROPERTY = re.compile(PROPERTY_NAME)


def check_marketing(rule: Rule) -> None:
    """Refuse fields of a list, a subscription or a form that do not go together. Errors: BadValue."""
    kind = next((name for name in FIELDS if getattr(rule, name) is not None), None)
    own = FIELDS.get(kind or "", ())
    foreign = [name for fields in FIELDS.values() for name in fields if name not in own]
    strange = [name for name in given(rule, foreign) if name != "on" or rule.event is None]
    if strange:
        refuse(rule, f"{strange[0]} belongs to a rule with {_kind_of(strange[0])}", strange[0])
    if kind is None:
        return
    others = given(rule, _OTHERS)
    if others:
        refuse(rule, f"a rule with {kind} has no {', '.join(others)}", others[0])
    check_key(rule, "key", rule.key)
    match kind:
        case "list":
            _check_list(rule)
        case "subscription":
            _check_subscription(rule)
        case _:
            _check_form(rule)


def _kind_of(field: str) -> str:
    return next(kind for kind, fields in FIELDS.items() if field in fields)


def _check_list(rule: Rule) -> None:
    if not is_filled_in(rule.list) and (not isinstance(rule.list, str | int) or isinstance(rule.list, bool)):
        refuse(rule, "list: a list is named by a text, or by the number that HubSpot shows in its address", rule.list)
    if not is_filled_in(rule.list) and not has_length(str(rule.list), MAX_LIST_NAME):
        refuse(rule, f"list: the name of a list has 1 to {MAX_LIST_NAME} characters", rule.list)
    if not is_filled_in(rule.member) and not isinstance(rule.member, bool):
        refuse(rule, "member: true puts the record on the list, false takes it off", rule.member)
    check_object(rule, "on", rule.on)
    if rule.on not in KEYS and not rule.key:
        refuse(rule, f"key: name the property that the {rule.on} is known by", rule.on)
    if rule.flag is not None and not is_filled_in(rule.flag) and not _PROPERTY.fullmatch(str(rule.flag)):
        refuse(rule, f"flag {rule.flag!r}: not the internal name of a property", rule.flag)


def _check_subscription(rule: Rule) -> None:
    is_named = isinstance(rule.subscription, str | int) and not isinstance(rule.subscription, bool)
    if not is_filled_in(rule.subscription) and (not is_named or is_blank(rule.subscription)):
        refuse(rule, "subscription: give the name or the id of a subscription type, or all", rule.subscription)
    status = rule.status
    if not is_filled_in(status) and not isinstance(status, bool) and status not in STATUSES:
        refuse(rule, f"status: {status!r} is none of {', '.join(STATUSES)}, true and false", status)
    if rule.subscription == ALL_SUBSCRIPTIONS and status not in ("unsubscribed", False) and not is_filled_in(status):
        refuse(rule, 'subscription = "all" only unsubscribes: give status = "unsubscribed"', status)
    basis = rule.legal_basis
    if basis is not None and not is_filled_in(basis) and basis not in LEGAL_BASES:
        refuse(rule, f"legal_basis: {basis!r} is none of {', '.join(LEGAL_BASES)}", basis)
    explanation = rule.legal_basis_explanation
    if explanation is not None and not is_filled_in(explanation) and not has_length(str(explanation), MAX_TEXT):
        refuse(rule, f"legal_basis_explanation: say why in 1 to {MAX_TEXT:,} characters", explanation)
    if (basis is None) != (explanation is None):
        refuse(rule, "legal_basis and legal_basis_explanation go together: HubSpot asks for both")


def _check_form(rule: Rule) -> None:
    if not _FORM.fullmatch(rule.form or ""):
        expected = "a form is named by the GUID in its address, such as 1b2c3d4e-0000-4000-8000-1234567890ab"
        refuse(rule, f"form: {expected}", rule.form)
    if not 1 <= len(rule.fields) <= MAX_FIELDS:
        refuse(rule, f"fields: a form has 1 to {MAX_FIELDS:,} fields", len(rule.fields))
    for name in rule.fields:
        found = _FIELD.fullmatch(name)
        if found is None:
            refuse(rule, f"fields: {name!r} is not the internal name of a field", name)
        if found["object"] is not None and standard_type(found["object"]) is None:
            refuse(rule, f"fields: {name!r} begins with no object type that Hubwire knows", name)
    if rule.legal_consent and (len(rule.legal_consent) != 1 or next(iter(rule.legal_consent)) not in CONSENTS):
        refuse(rule, f"legal_consent: give one of {' and '.join(CONSENTS)}, as in HubSpot's legalConsentOptions")
    for name, value in rule.legal_consent.items():
        if not value:
            refuse(rule, f"legal_consent.{name}: it is empty; give its fields, such as consentToProcess", name)
