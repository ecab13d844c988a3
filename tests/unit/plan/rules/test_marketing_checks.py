"""Rules about lists, subscriptions and forms that cannot do what they say are refused on save."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hubwire.errors import BadValue
from hubwire.plan.rules.checks import check_rules
from hubwire.rule import Rule

FORM = "1b2c3d4e-0000-4000-8000-1234567890ab"
LIST = {"list": "VIP", "member": "$.traits.vip"}
SUBSCRIPTION = {"subscription": 101, "status": "$.traits.newsletter"}
SUBMISSION = {"form": FORM, "fields": {"email": "$.properties.email", "company.name": "$.properties.company"}}


def rule(**fields: Any) -> Rule:
    return msgspec.convert({"name": "R", "trigger": 'type = "identify"', **fields}, Rule)


@pytest.mark.parametrize(
    "fields",
    [
        LIST,
        {**LIST, "list": 7, "member": False, "key": {"email": "$.properties.email"}},
        {"list": "$.context.personas.computation_key", "create_list": True, "flag": "vip", "default": False},
        {**LIST, "on": "company", "key": {"domain": "$.properties.site"}},
        SUBSCRIPTION,
        {"subscription": "all", "status": "unsubscribed"},
        {**SUBSCRIPTION, "legal_basis": "CONSENT_WITH_NOTICE", "legal_basis_explanation": "box", "resubscribe": True},
        SUBMISSION,
        {**SUBMISSION, "send_ip": True, "legal_consent": {"consent": {"consentToProcess": "$.properties.agreed"}}},
    ],
)
def test_rules_that_do_what_they_say_are_taken(fields: dict[str, Any]) -> None:
    check_rules([rule(**fields)])


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({**LIST, "event": "x"}, "not event and list"),
        ({**LIST, "properties": {"a": 1}}, "a rule with list has no properties"),
        ({**LIST, "status": "unsubscribed"}, "status belongs to a rule with subscription"),
        ({"skip": "x", "create_list": True}, "create_list belongs to a rule with list"),
        ({**LIST, "list": " "}, "the name of a list has 1 to 255 characters"),
        ({**LIST, "list": True}, "a list is named by a text"),
        ({**LIST, "member": "yes"}, "member: true puts the record on the list"),
        ({**LIST, "member": {"@pth": "$.a"}}, "invalid directive: @pth"),
        ({**LIST, "flag": "Is VIP"}, "not the internal name of a property"),
        ({**LIST, "on": "company"}, "only group calls name a company"),
        ({**SUBSCRIPTION, "status": "in"}, "'in' is none of subscribed"),
        ({"subscription": "all"}, "only unsubscribes"),
        ({**SUBSCRIPTION, "legal_basis": "BECAUSE"}, "is none of LEGITIMATE_INTEREST_PQL"),
        ({**SUBSCRIPTION, "legal_basis": "NON_GDPR"}, "go together"),
        ({**SUBMISSION, "form": "Sign up"}, "the GUID in its address"),
        ({**SUBMISSION, "fields": {}}, "a form has 1 to 1,000 fields"),
        ({**SUBMISSION, "fields": {"E mail": 1}}, "not the internal name of a field"),
        ({**SUBMISSION, "fields": {"planet.name": 1}}, "begins with no object type"),
        ({**SUBMISSION, "legal_consent": {"agreed": True}}, "give one of consent and legitimateInterest"),
    ],
)
def test_a_rule_that_cannot_work_says_why(fields: dict[str, Any], expected: str) -> None:
    with pytest.raises(BadValue) as refused:
        check_rules([rule(**fields)])
    assert expected in str(refused.value)
